//! Learning that the control plane has changed, whoever changed it.

use std::time::Duration;

use sqlx::postgres::PgListener;

use super::session::CONTROL_CHANNEL;
use super::{Database, PostgresEngine, Session};
use crate::{Store, StoreError};

/// How often the revision is read where nobody tells of changes.
const POLL: Duration = Duration::from_millis(500);

/// How often it is read all the same where the server tells: a connection can be dead without
/// either side knowing.
const SAFETY_POLL: Duration = Duration::from_secs(10);

/// Tells of changes to the control plane, by this process and by others. See [`Store::changes`].
#[derive(Debug)]
pub struct Changes {
    database: Database,
    /// What PostgreSQL sends; `None` for SQLite and while there is no connection.
    listener: Option<PgListener>,
    seen: Revision,
}

/// A state of the control plane. One with the same number is another one if the database was put back
/// meanwhile, or another server has taken its place: each change has a mark of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    number: i64,
    mark: String,
}

impl Revision {
    /// How many changes led to it.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl Store {
    /// Tells of every change after a revision, such as the one a snapshot belongs to.
    pub fn changes(&self, since: Revision) -> Changes {
        Changes { database: self.database().clone(), listener: None, seen: since }
    }
}

impl Changes {
    /// Waits until the control plane's revision is another than the last one told, and tells it.
    /// Changes close together are told as one. On PostgreSQL that takes milliseconds while the
    /// server can tell, otherwise up to half a second. After an error it can be called again; it
    /// pauses by itself. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Revision, StoreError> {
        loop {
            self.pause().await;
            let revision = revision(&mut self.database.session().await?).await?;
            if revision != self.seen {
                self.seen = revision.clone();
                return Ok(revision);
            }
        }
    }

    /// Waits until it is worth reading the revision.
    async fn pause(&mut self) {
        let Database::Postgres(engine) = &self.database else {
            return tokio::time::sleep(POLL).await;
        };
        match &mut self.listener {
            Some(listener) => {
                let told = tokio::time::timeout(SAFETY_POLL, listener.try_recv()).await;
                // A lost connection is not repaired in place: what was said meanwhile is unknown,
                // so that the revision has to be read before listening again.
                if let Ok(Ok(None) | Err(_)) = told {
                    self.listener = None;
                }
            }
            None => match listen(engine).await {
                // Changes between the last reading and now were told to nobody: read at once.
                Ok(listener) => self.listener = Some(listener),
                Err(error) => {
                    tracing::warn!(%error, "the database cannot tell of changes; polling");
                    tokio::time::sleep(POLL).await;
                }
            },
        }
    }
}

async fn listen(engine: &PostgresEngine) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(&engine.listening_pool()).await?;
    listener.eager_reconnect(false);
    listener.listen(CONTROL_CHANNEL).await?;
    Ok(listener)
}

/// The control plane's revision.
pub(crate) async fn revision(session: &mut Session) -> Result<Revision, StoreError> {
    let text = "SELECT revision, mark FROM control_revision WHERE id = 1";
    let row = session.fetch_one(text, &[]).await?;
    Ok(Revision { number: row.try_get("revision")?, mark: row.try_get("mark")? })
}
