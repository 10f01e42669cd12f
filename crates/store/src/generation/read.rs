//! Reading generations: one by identity, many by page.

use std::sync::Arc;
use std::time::Duration;

use super::{Generation, GenerationFilter, from_row, selection};
use crate::analytics::Conditions;
use crate::calendar::MICROS_PER_DAY;
use crate::engine::{Sql, Value, values};
use crate::{Direction, Micros, Store, StoreError};

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

/// How long the database may look for the rows of a page: a filter that takes few rows goes
/// through many.
const PATIENCE: Duration = Duration::from_secs(20);

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
        // First which rows, from what filters look at, then all of those alone.
        let mut found = self.places(filter, direction, cursor, limit).await?;
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        let rows = self.at_places(&found, direction).await?;
        // By the places, also where a row has gone meanwhile.
        let next = found
            .pop()
            .filter(|_| more)
            .map(|(created_at, id)| GenerationCursor { created_at, id: id.into() });
        Ok(GenerationPage { rows, next })
    }

    /// Moments and identities of the rows a filter takes, one more than `limit` if there are.
    async fn places(
        &self,
        filter: &GenerationFilter,
        direction: Direction,
        cursor: Option<&GenerationCursor>,
        limit: u32,
    ) -> Result<Vec<(Micros, String)>, StoreError> {
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
        if let Some((earliest, latest)) = filter.text.as_deref().and_then(probable_time) {
            (from, until) = (from.max(earliest), until.min(latest));
        }
        let (word, after) = match direction {
            Direction::Ascending => ("ASC", ">"),
            Direction::Descending => ("DESC", "<"),
        };
        let mut conditions = Conditions::default();
        conditions.number("created_at", ">=", from);
        conditions.number("created_at", "<", until);
        filter.conditions(&mut conditions, self.database().kept());
        if let Some(cursor) = cursor {
            let (moment, id) = (conditions.bind(cursor.created_at), conditions.bind(&*cursor.id));
            conditions.put(format!("(created_at, id) {after} ({moment}, {id})"));
        }
        let text = format!(
            "SELECT created_at, id FROM generation WHERE {} \
             ORDER BY created_at {word}, id {word} LIMIT {}",
            conditions.text_of(),
            i64::from(limit) + 1
        );
        let text = Sql::composed(text);
        let rows = self.database().fetch_all_within(PATIENCE, text, conditions.values()).await?;
        rows.iter().map(|row| Ok((row.try_get("created_at")?, row.try_get("id")?))).collect()
    }

    /// The rows at some places, in their order.
    async fn at_places(
        &self,
        places: &[(Micros, String)],
        direction: Direction,
    ) -> Result<Vec<Generation>, StoreError> {
        let moments = || places.iter().map(|(moment, _)| *moment);
        let (Some(from), Some(until)) = (moments().min(), moments().max()) else {
            return Ok(Vec::new());
        };
        let mut values: Vec<Value<'_>> = vec![from.into(), until.into()];
        values.extend(places.iter().map(|(_, id)| Value::from(id)));
        let ids: Vec<String> = (3..places.len() + 3).map(|n| format!("${n}")).collect();
        let word = if direction == Direction::Ascending { "ASC" } else { "DESC" };
        let text = format!(
            "SELECT {} FROM generation_entry WHERE id IN ({}) AND created_at >= $1 \
             AND created_at <= $2 ORDER BY created_at {word}, id {word}",
            selection(),
            ids.join(", ")
        );
        let rows = self.database().fetch_all(Sql::composed(text), &values).await?;
        rows.iter().map(from_row).collect()
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
