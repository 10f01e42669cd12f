//! The books that figures are rebuilt from: the database of the store.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Micros, NanoUsd, PerWindow, SpenderKind, Spent};

use super::books::{Answer, Books, BooksError, Reading, Usage};
use crate::engine::{Session, Sql, Value};
use crate::{KeyUsage, Store, StoreError, UsageScope, Windows};

/// How long such a question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many rows are asked for in one statement.
const A_PAGE: usize = 200;

/// The database as [`Books`].
#[derive(Debug, Clone)]
pub struct StoreBooks(Store);

impl StoreBooks {
    /// The books of a store.
    pub fn new(store: Store) -> Self {
        Self(store)
    }
}

impl Books for StoreBooks {
    fn read(&self, now: Micros) -> Answer<'_, (Vec<Usage>, Box<dyn Reading>)> {
        Box::pin(async move { read(&self.0, now).await.map_err(unreadable) })
    }

    fn recorded<'a>(&'a self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        Box::pin(async move {
            let asking = async {
                let mut session = self.0.database().session().await?;
                among(&mut session, generations).await
            };
            // A database that hangs must not keep a node from its other duties.
            match tokio::time::timeout(PATIENCE, asking).await {
                Ok(answer) => answer.map_err(unreadable),
                Err(late) => Err(unreadable(StoreError::Unreachable(Box::new(late)))),
            }
        })
    }
}

fn unreadable(error: StoreError) -> BooksError {
    BooksError(Box::new(error))
}

async fn read(store: &Store, now: Micros) -> Result<(Vec<Usage>, Box<dyn Reading>), StoreError> {
    let mut view = store.database().begin_read().await?;
    let mut usages = Vec::new();
    for of in UsageScope::ALL {
        let kind = of.kind();
        for (name, usage) in crate::usage::of_all(&mut view, of, now).await? {
            usages.push(Usage { kind, name, spent: usage.spent() });
        }
    }
    let reading: Box<dyn Reading> = Box::new(Moment(view));
    Ok((usages, reading))
}

impl UsageScope {
    /// What kind of spender is summed.
    pub fn kind(self) -> SpenderKind {
        match self {
            Self::Account => SpenderKind::Account,
            Self::Workspace => SpenderKind::Workspace,
            Self::Member => SpenderKind::Member,
            Self::Key => SpenderKind::Key,
        }
    }
}

impl KeyUsage {
    /// The same in the terms of limits, in nano-dollars.
    pub fn spent(&self) -> Spent {
        let windows = |windows: &Windows| PerWindow {
            daily: NanoUsd(windows.daily),
            weekly: NanoUsd(windows.weekly),
            monthly: NanoUsd(windows.monthly),
            lifetime: NanoUsd(windows.total),
        };
        Spent { credits: windows(&self.usage), byok: windows(&self.byok_usage) }
    }
}

/// A transaction of *repeatable read*, for as long as it is held.
struct Moment(Session);

impl Reading for Moment {
    fn includes<'a>(&'a mut self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        Box::pin(async move { among(&mut self.0, generations).await.map_err(unreadable) })
    }
}

/// Which of these generations have a row.
async fn among(
    session: &mut Session,
    generations: &[Arc<str>],
) -> Result<Vec<Arc<str>>, StoreError> {
    let mut found = Vec::new();
    for page in generations.chunks(A_PAGE) {
        let places: Vec<String> = (1..=page.len()).map(|place| format!("${place}")).collect();
        let text = format!("SELECT id FROM generation WHERE id IN ({})", places.join(", "));
        let values: Vec<Value<'_>> = page.iter().map(|id| Value::from(&**id)).collect();
        for row in session.fetch_all(Sql::composed(text), &values).await? {
            found.push(row.try_get::<String>("id")?.into());
        }
    }
    Ok(found)
}
