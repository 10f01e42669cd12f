//! The audit log: who changed what, when and from where. An entry is written in the transaction of
//! the change it tells of, and never changed.

use serde::Serialize;
use serde_json::Value as Json;

use crate::engine::{Change, Row, Sql, Value, values};
use crate::secret::{hex, random_bytes};
use crate::{Micros, Store, StoreError};

/// What kind of party makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person, signed in.
    Member,
    /// A program with an API key.
    ApiKey,
    /// Somebody at the command line of the machine.
    CommandLine,
    /// The gateway itself.
    System,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [ActorKind; 4] =
        [ActorKind::Member, ActorKind::ApiKey, ActorKind::CommandLine, ActorKind::System];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            ActorKind::Member => "member",
            ActorKind::ApiKey => "api_key",
            ActorKind::CommandLine => "command_line",
            ActorKind::System => "system",
        }
    }

    /// Reads the word of [`ActorKind::as_str`].
    pub fn parse(text: &str) -> Option<ActorKind> {
        ActorKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who makes a change, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of party it is.
    pub kind: ActorKind,
    /// Its identity: a member's, a key's hash, a user of the machine.
    pub id: String,
    /// Where it comes from, such as a network address; may be empty.
    pub origin: String,
}

impl Actor {
    /// Whoever runs a command on this machine.
    pub fn command_line() -> Actor {
        Actor { kind: ActorKind::CommandLine, id: "cli".to_owned(), origin: String::new() }
    }

    /// The gateway itself.
    pub fn system() -> Actor {
        Actor { kind: ActorKind::System, id: String::new(), origin: String::new() }
    }
}

/// One change, as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Stable identity.
    pub id: String,
    /// Microseconds since the Unix epoch.
    pub recorded_at: Micros,
    /// Who made it.
    pub actor: Actor,
    /// What was done, such as `member.create`.
    pub action: String,
    /// The kind of thing it was done to.
    pub subject_kind: String,
    /// The identity of the thing it was done to.
    pub subject_id: String,
    /// The thing before, with secrets masked; `None` when it was made.
    pub before: Option<Json>,
    /// The thing after, with secrets masked; `None` when it was removed.
    pub after: Option<Json>,
}

/// Where a page of the log ended. Pages go from newest to oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCursor {
    /// Moment of the last entry given.
    pub recorded_at: Micros,
    /// Identity of the last entry given.
    pub id: String,
}

/// Some entries, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<AuditCursor>,
}

/// The most entries one page gives.
const MAX_PAGE: u32 = 1_000;

const COLUMNS: &str = "id, recorded_at, actor_kind, actor_id, origin, action, subject_kind, \
    subject_id, value_before, value_after";

impl Store {
    /// A page of the audit log, newest first, starting after `cursor`; at most 1000 entries.
    pub async fn audit_page(
        &self,
        cursor: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<AuditPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut text = format!("SELECT {COLUMNS} FROM audit_entry");
        // One more than asked for tells whether there is another page.
        let mut values: Vec<Value<'_>> = vec![(i64::from(limit) + 1).into()];
        if let Some(cursor) = cursor {
            text.push_str(" WHERE (recorded_at, id) < ($2, $3)");
            values.extend([cursor.recorded_at.into(), Value::from(&cursor.id)]);
        }
        text.push_str(" ORDER BY recorded_at DESC, id DESC LIMIT $1");
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        let mut entries = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries
            .last()
            .filter(|_| more)
            .map(|last| AuditCursor { recorded_at: last.recorded_at, id: last.id.clone() });
        Ok(AuditPage { entries, next })
    }
}

fn from_row(row: &Row) -> Result<AuditEntry, StoreError> {
    let kind: String = row.try_get("actor_kind")?;
    let kind =
        ActorKind::parse(&kind).ok_or(StoreError::Corrupt { what: "actor kind", reason: kind })?;
    let document = |column| {
        let text: Option<&str> = row.try_get(column)?;
        text.map(serde_json::from_str).transpose().map_err(|error| StoreError::Corrupt {
            what: "audit document",
            reason: error.to_string(),
        })
    };
    Ok(AuditEntry {
        id: row.try_get("id")?,
        recorded_at: row.try_get("recorded_at")?,
        actor: Actor { kind, id: row.try_get("actor_id")?, origin: row.try_get("origin")? },
        action: row.try_get("action")?,
        subject_kind: row.try_get("subject_kind")?,
        subject_id: row.try_get("subject_id")?,
        before: document("value_before")?,
        after: document("value_after")?,
    })
}

/// What is written about a change.
pub(crate) struct Deed<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) now: Micros,
    /// What was done, such as `member.create`; the part before the dot is the kind of thing.
    pub(crate) action: &'static str,
    /// The identity of the thing it was done to.
    pub(crate) subject: &'a str,
}

impl Deed<'_> {
    /// Writes the entry of a change, in the change.
    pub(crate) async fn record<T: Serialize>(
        &self,
        change: &mut Change,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), StoreError> {
        let (subject_kind, _) = self.action.split_once('.').unwrap_or((self.action, ""));
        let text = format!(
            "INSERT INTO audit_entry ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        );
        let values = values![
            format!("audit_{}", hex(&random_bytes::<12>()?)),
            self.now,
            self.actor.kind.as_str(),
            &self.actor.id,
            &self.actor.origin,
            self.action,
            subject_kind,
            self.subject,
            document(before)?,
            document(after)?,
        ];
        change.execute(Sql::composed(text), values).await?;
        Ok(())
    }
}

fn document<T: Serialize>(value: Option<&T>) -> Result<Option<String>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    let mut json = serde_json::to_value(value).map_err(|error| StoreError::Invalid {
        what: "audit document",
        reason: error.to_string(),
    })?;
    mask(&mut json);
    Ok(Some(json.to_string()))
}

/// Members whose text is never written. What is made here has none of them in the clear; this is
/// for documents that come from outside.
const SECRET: [&str; 7] =
    ["secret", "password", "token", "authorization", "plaintext", "private_key", "api_key"];

fn mask(json: &mut Json) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                let name = name.to_ascii_lowercase();
                if SECRET
                    .iter()
                    .any(|secret| name == *secret || name.ends_with(&format!("_{secret}")))
                    && !value.is_null()
                {
                    *value = Json::from("***");
                } else {
                    mask(value);
                }
            }
        }
        Json::Array(elements) => elements.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{TestDatabase, on_each_engine};
    use serde_json::json;

    #[test]
    fn secrets_are_masked_wherever_they_are() {
        let mut json = json!({
            "name": "a", "Password": "p", "client_secret": {"deep": 1}, "token": null,
            "list": [{"api_key": "k", "api_key_hash": "h"}], "tokens": 5,
        });
        mask(&mut json);
        let expected = json!({
            "name": "a", "Password": "***", "client_secret": "***", "token": null,
            "list": [{"api_key": "***", "api_key_hash": "h"}], "tokens": 5,
        });
        assert_eq!(json, expected);
    }

    on_each_engine!(the_log_is_read_from_newest_to_oldest_without_gap_or_repetition);
    async fn the_log_is_read_from_newest_to_oldest_without_gap_or_repetition(
        database: TestDatabase,
    ) {
        let store = database.open().await;
        let actor = Actor { kind: ActorKind::Member, id: "m".into(), origin: "10.0.0.1".into() };
        let mut change = store.database().begin_change().await.unwrap();
        for n in 0..10_i64 {
            let subject = n.to_string();
            let deed = Deed { actor: &actor, now: n / 3, action: "thing.make", subject: &subject };
            deed.record(&mut change, None, Some(&json!({"n": n}))).await.unwrap();
        }
        change.commit().await.unwrap();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.audit_page(cursor.as_ref(), 4).await.unwrap();
            seen.extend(page.entries);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(seen.is_sorted_by(|newer, older| newer.recorded_at >= older.recorded_at));
        let mut subjects: Vec<_> = seen.iter().map(|entry| entry.subject_id.as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!((&seen[0].actor, seen[0].subject_kind.as_str()), (&actor, "thing"));
        assert_eq!((&seen[0].before, &seen[0].after), (&None, &Some(json!({"n": 9}))));
    }
}
