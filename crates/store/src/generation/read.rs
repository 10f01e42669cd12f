//! Reading generations: one by identity, many by page.

use std::sync::Arc;

use super::{Generation, from_row, selection};
use crate::calendar::MICROS_PER_DAY;
use crate::engine::{Sql, Value, values};
use crate::{Direction, Micros, Store, StoreError};

/// Which generations a page is taken from. Every field narrows; the default takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerationFilter {
    /// Only of this workspace. With it, pages are read through an index.
    pub workspace_id: Option<String>,
    /// Only of this account.
    pub account_id: Option<String>,
    /// Only of this API key.
    pub key_hash: Option<String>,
    /// Only of keys of this member, deleted ones among them.
    pub member_id: Option<String>,
    /// Only of this model served.
    pub model: Option<String>,
    /// Only of this session.
    pub session_id: Option<String>,
    /// Not older than this moment.
    pub from: Option<Micros>,
    /// Older than this moment.
    pub until: Option<Micros>,
}

/// Where a page ended: pages go from newest to oldest, and rows arriving meanwhile neither shift
/// nor repeat what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationCursor {
    /// Moment of the last row given.
    pub created_at: Micros,
    /// Identity of the last row given.
    pub id: Arc<str>,
}

/// Some generations, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GenerationPage {
    /// The rows.
    pub rows: Vec<Generation>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<GenerationCursor>,
}

/// Stands for the member whose key a row names: rows do not name members.
const MEMBER: &str = "member";

/// The most rows one page gives.
const MAX_PAGE: u32 = 1_000;

impl Store {
    /// One generation by its identity.
    pub async fn generation(&self, id: &str) -> Result<Option<Generation>, StoreError> {
        self.settlements().catch_up().await;
        let text = format!("SELECT {} FROM generation_entry WHERE id = $1", selection());
        let near = format!("{text} AND created_at >= $2 AND created_at < $3");
        // Most identities tell their day, which spares PostgreSQL a look into all the others.
        let row = match probable_time(id) {
            Some((from, until)) => {
                let values = values![id, from, until];
                self.database().fetch_optional(Sql::composed(near), values).await?
            }
            None => None,
        };
        let row = match row {
            Some(row) => Some(row),
            None => self.database().fetch_optional(Sql::composed(text), values![id]).await?,
        };
        row.as_ref().map(from_row).transpose()
    }

    /// A page of generations, newest first, starting after `cursor`; at most 1000 rows.
    pub async fn generations_page(
        &self,
        filter: &GenerationFilter,
        cursor: Option<&GenerationCursor>,
        limit: u32,
    ) -> Result<GenerationPage, StoreError> {
        self.generations_in_order(filter, Direction::Descending, cursor, limit).await
    }

    /// A page of generations by moment and identity, in either direction, starting after `cursor`;
    /// at most 1000 rows. A page of the other direction can begin at the same cursor.
    pub async fn generations_in_order(
        &self,
        filter: &GenerationFilter,
        direction: Direction,
        cursor: Option<&GenerationCursor>,
        limit: u32,
    ) -> Result<GenerationPage, StoreError> {
        self.settlements().catch_up().await;
        let limit = limit.clamp(1, MAX_PAGE);
        let equalities = [
            ("workspace_id", &filter.workspace_id),
            ("account_id", &filter.account_id),
            ("key_hash", &filter.key_hash),
            ("model", &filter.model),
            ("session_id", &filter.session_id),
            (MEMBER, &filter.member_id),
        ];
        let (mut from, mut until) =
            (filter.from.unwrap_or(i64::MIN), filter.until.unwrap_or(i64::MAX));
        // Said of the moment alone, it spares PostgreSQL the days it has nothing to do with.
        match (cursor, direction) {
            (Some(cursor), Direction::Ascending) => from = from.max(cursor.created_at),
            (Some(cursor), Direction::Descending) => {
                until = until.min(cursor.created_at.saturating_add(1));
            }
            (None, _) => {}
        }
        let (word, after) = match direction {
            Direction::Ascending => ("ASC", ">"),
            Direction::Descending => ("DESC", "<"),
        };
        // The text depends only on which filters are set; values are always bound.
        let mut text =
            format!("SELECT {} FROM generation_entry WHERE created_at >= $1", selection());
        let mut count = 1;
        let mut next = |condition: &dyn Fn(usize) -> String| {
            count += 1;
            text.push_str(" AND ");
            text.push_str(&condition(count));
        };
        next(&|n| format!("created_at < ${n}"));
        for (column, _) in equalities.iter().filter(|(_, value)| value.is_some()) {
            next(&|n| match *column {
                MEMBER => format!("key_hash IN (SELECT hash FROM api_key WHERE member_id = ${n})"),
                column => format!("{column} = ${n}"),
            });
        }
        if cursor.is_some() {
            next(&|n| format!("(created_at, id) {after} (${n}, ${})", n + 1));
            count += 1;
        }
        text.push_str(&format!(" ORDER BY created_at {word}, id {word} LIMIT ${}", count + 1));

        let mut values: Vec<Value<'_>> = vec![from.into(), until.into()];
        values.extend(
            equalities.into_iter().filter_map(|(_, value)| value.as_deref()).map(Value::from),
        );
        if let Some(cursor) = cursor {
            values.extend([cursor.created_at.into(), Value::from(&cursor.id)]);
        }
        // One more than asked for tells whether there is another page.
        values.push((i64::from(limit) + 1).into());
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        let mut rows = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| GenerationCursor { created_at: last.created_at, id: Arc::clone(&last.id) });
        Ok(GenerationPage { rows, next })
    }

    /// All generations a filter takes, a page at a time: for exports of any size.
    pub fn export_generations(
        &self,
        filter: GenerationFilter,
        direction: Direction,
    ) -> GenerationExport {
        let store = self.clone();
        GenerationExport { store, filter, direction, cursor: None, is_over: false }
    }
}

/// Reads generations a page at a time. No transaction stays open between pages: rows settled
/// meanwhile are read if they come later in the order.
#[derive(Debug)]
pub struct GenerationExport {
    store: Store,
    filter: GenerationFilter,
    direction: Direction,
    cursor: Option<GenerationCursor>,
    is_over: bool,
}

impl GenerationExport {
    /// The next rows, at most 1000; `None` when there are no more. After an error it can be called
    /// again and goes on where it was.
    pub async fn next(&mut self) -> Result<Option<Vec<Generation>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let cursor = self.cursor.as_ref();
        let page =
            self.store.generations_in_order(&self.filter, self.direction, cursor, MAX_PAGE).await?;
        self.is_over = page.next.is_none();
        self.cursor = page.next;
        Ok((!page.rows.is_empty()).then_some(page.rows))
    }
}

/// The time in which a generation was most probably settled: the second in its identity is when
/// its request came.
fn probable_time(id: &str) -> Option<(Micros, Micros)> {
    let (seconds, _) = id.strip_prefix("gen-")?.split_once('-')?;
    let made = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    Some((made.saturating_sub(MICROS_PER_DAY), made.saturating_add(MICROS_PER_DAY)))
}
