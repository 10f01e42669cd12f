//! What accounts have been credited: a ledger that only grows (CREDIT-1 to CREDIT-3). What was
//! spent is not in it; that is the sum of the generations.

use serde::Serialize;

use crate::account::accounts;
use crate::audit::Deed;
use crate::engine::{Row, Session, Sql, Value, values};
use crate::secret::{hex, random_bytes};
use crate::{Actor, Micros, Store, StoreError};

/// Why an account's credit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerKind {
    /// Given by the operator.
    Grant,
    /// Bought.
    Purchase,
    /// Kept back from a purchase.
    Fee,
    /// A correction, in either direction.
    Adjustment,
    /// Credit paid back to who bought it.
    Refund,
}

impl LedgerKind {
    /// Every kind.
    pub const ALL: [LedgerKind; 5] = [
        LedgerKind::Grant,
        LedgerKind::Purchase,
        LedgerKind::Fee,
        LedgerKind::Adjustment,
        LedgerKind::Refund,
    ];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            LedgerKind::Grant => "grant",
            LedgerKind::Purchase => "purchase",
            LedgerKind::Fee => "fee",
            LedgerKind::Adjustment => "adjustment",
            LedgerKind::Refund => "refund",
        }
    }

    /// Reads the word of [`LedgerKind::as_str`].
    pub fn parse(text: &str) -> Option<LedgerKind> {
        LedgerKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether an amount of that sign makes sense.
    fn allows(self, amount: i64) -> bool {
        match self {
            LedgerKind::Grant | LedgerKind::Purchase => amount > 0,
            LedgerKind::Fee | LedgerKind::Refund => amount < 0,
            LedgerKind::Adjustment => amount != 0,
        }
    }
}

/// One change of an account's credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// Stable identity.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Microseconds since the Unix epoch.
    pub recorded_at: Micros,
    /// Why.
    pub kind: LedgerKind,
    /// Nano-dollars, negative where credit is taken.
    pub amount_nano_usd: i64,
    /// What people wrote about it.
    pub reason: String,
    /// Who made it: kind and identity, such as `member:user_1`.
    pub actor: String,
}

/// What a new entry is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLedgerEntry {
    /// The account; `None` is the first one.
    pub account_id: Option<String>,
    /// Why.
    pub kind: LedgerKind,
    /// Nano-dollars, negative where credit is taken; at most ten million dollars either way.
    pub amount_nano_usd: i64,
    /// What to tell people about it.
    pub reason: String,
}

/// Where a page of the ledger ended. Pages go from newest to oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCursor {
    /// Moment of the last entry given.
    pub recorded_at: Micros,
    /// Identity of the last entry given.
    pub id: String,
}

/// Some entries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerPage {
    /// The entries.
    pub entries: Vec<LedgerEntry>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<LedgerCursor>,
}

/// The most entries one page gives.
const MAX_PAGE: u32 = 1_000;

/// The most one entry may change.
const MAX_AMOUNT: u64 = 10_000_000 * 1_000_000_000;

/// The most an account may be credited or owe, so that no sum overflows: five billion dollars.
const MAX_TOTAL: u64 = 5_000_000_000 * 1_000_000_000;

impl Store {
    /// Adds an entry to the ledger.
    pub async fn add_ledger_entry(
        &self,
        new: NewLedgerEntry,
        actor: &Actor,
        now: Micros,
    ) -> Result<LedgerEntry, StoreError> {
        let amount = new.amount_nano_usd;
        if !new.kind.allows(amount) || amount.unsigned_abs() > MAX_AMOUNT {
            let reason = format!("{amount} nano-dollars are no {}", new.kind.as_str());
            return Err(StoreError::Invalid { what: "ledger amount", reason });
        }
        let mut change = self.database().begin_change().await?;
        let account = accounts(&mut change)
            .await?
            .into_iter()
            .find(|account| new.account_id.as_ref().is_none_or(|id| account.id == *id));
        let account = account.ok_or_else(|| StoreError::NotFound {
            what: "account",
            id: new.account_id.unwrap_or_default(),
        })?;
        let credits = credits(&mut change).await?;
        let credited = credits.iter().find(|(id, _)| *id == account.id).map_or(0, |(_, sum)| *sum);
        if credited.saturating_add(amount).unsigned_abs() > MAX_TOTAL {
            let reason = "the account's credit would be more than can be counted".to_owned();
            return Err(StoreError::Invalid { what: "ledger amount", reason });
        }
        let entry = LedgerEntry {
            id: format!("ledger_{}", hex(&random_bytes::<12>()?)),
            account_id: account.id,
            recorded_at: now,
            kind: new.kind,
            amount_nano_usd: amount,
            reason: new.reason,
            actor: format!("{}:{}", actor.kind.as_str(), actor.id),
        };
        let text = "INSERT INTO ledger_entry \
                    (id, account_id, recorded_at, kind, amount_nano_usd, reason, actor) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = values![
            &entry.id,
            &entry.account_id,
            entry.recorded_at,
            entry.kind.as_str(),
            entry.amount_nano_usd,
            &entry.reason,
            &entry.actor,
        ];
        change.execute(text, values).await?;
        let deed = Deed { actor, now, action: "ledger_entry.add", subject: &entry.id };
        deed.record(&mut change, None, Some(&entry)).await?;
        change.commit().await?;
        Ok(entry)
    }

    /// An account's entries, oldest first.
    pub async fn ledger_entries(&self, account_id: &str) -> Result<Vec<LedgerEntry>, StoreError> {
        let text = "SELECT id, account_id, recorded_at, kind, amount_nano_usd, reason, actor \
                    FROM ledger_entry WHERE account_id = $1 ORDER BY recorded_at, id";
        let rows = self.database().fetch_all(text, values![account_id]).await?;
        rows.iter().map(entry).collect()
    }

    /// A page of an account's entries, newest first, starting after `cursor`; at most 1000.
    pub async fn ledger_page(
        &self,
        account_id: &str,
        cursor: Option<&LedgerCursor>,
        limit: u32,
    ) -> Result<LedgerPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut text = "SELECT id, account_id, recorded_at, kind, amount_nano_usd, reason, actor \
                        FROM ledger_entry WHERE account_id = $2"
            .to_owned();
        // One more than asked for tells whether there is another page.
        let mut values: Vec<Value<'_>> = vec![(i64::from(limit) + 1).into(), account_id.into()];
        if let Some(cursor) = cursor {
            text.push_str(" AND (recorded_at, id) < ($3, $4)");
            values.extend([cursor.recorded_at.into(), Value::from(&cursor.id)]);
        }
        text.push_str(" ORDER BY recorded_at DESC, id DESC LIMIT $1");
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries
            .last()
            .filter(|_| more)
            .map(|last| LedgerCursor { recorded_at: last.recorded_at, id: last.id.clone() });
        Ok(LedgerPage { entries, next })
    }

    /// What an account has been credited: the sum of its entries, in nano-dollars.
    pub async fn account_credit(&self, account_id: &str) -> Result<i64, StoreError> {
        let credits = credits(&mut self.database().session().await?).await?;
        let found = credits.into_iter().find(|(id, _)| id == account_id);
        Ok(found.map_or(0, |(_, amount)| amount))
    }
}

/// What each account with entries has been credited, in nano-dollars.
pub(crate) async fn credits(session: &mut Session) -> Result<Vec<(String, i64)>, StoreError> {
    let text = "SELECT account_id, CAST(SUM(amount_nano_usd) AS BIGINT) AS amount \
                FROM ledger_entry GROUP BY account_id";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get("account_id")?, row.try_get("amount")?))).collect()
}

fn entry(row: &Row) -> Result<LedgerEntry, StoreError> {
    let kind: String = row.try_get("kind")?;
    Ok(LedgerEntry {
        id: row.try_get("id")?,
        account_id: row.try_get("account_id")?,
        recorded_at: row.try_get("recorded_at")?,
        kind: LedgerKind::parse(&kind)
            .ok_or(StoreError::Corrupt { what: "ledger kind", reason: kind })?,
        amount_nano_usd: row.try_get("amount_nano_usd")?,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor")?,
    })
}
