//! The store itself: opening, closing and what it is made of.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine, EngineOptions};
use crate::settlement::{self, SettlementOptions};
use crate::{MasterKey, Micros, Settlements, StoreError, files};

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    master_key: MasterKey,
    settlements: Settlements,
    /// Removed with the last clone.
    _temporary: Option<tempfile::TempDir>,
}

impl Store {
    /// Opens a SQLite file, or creates it with owner-only rights, brings its schema up to date
    /// and makes sure of the default account and workspace. A database written by a newer
    /// version, or set up with another master key, is refused.
    ///
    /// The store is for serving: settlements are made safe in a journal beside the file, which is
    /// this process's alone. While another process serves from it, it cannot be opened so.
    pub async fn open(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
    ) -> Result<Store, StoreError> {
        let journal = Some(path.with_extension("journal"));
        let settlements = SettlementOptions { journal, ..SettlementOptions::default() };
        let engine = EngineOptions::default();
        Store::open_with(path, master_key, now, &engine, settlements, None).await
    }

    /// The same for reading and changing the control plane, also while another process serves.
    /// What a journal holds is left to whoever serves next.
    pub async fn open_beside(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
    ) -> Result<Store, StoreError> {
        let (engine, settlements) = (EngineOptions::default(), SettlementOptions::default());
        Store::open_with(path, master_key, now, &engine, settlements, None).await
    }

    /// A store in a temporary folder that vanishes with it, with a key of its own and commits
    /// that do not wait for the disk: for tests and trials.
    pub async fn open_temporary() -> Result<Store, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("trunkline-")
            .tempdir()
            .map_err(|error| files::failure(&std::env::temp_dir(), error))?;
        let path = folder.path().join("trunkline.db");
        let options = EngineOptions { durable: false, ..EngineOptions::default() };
        let journal = Some(path.with_extension("journal"));
        let settlements =
            SettlementOptions { journal, durable: false, ..SettlementOptions::default() };
        let key = MasterKey::generate()?;
        Store::open_with(&path, key, 0, &options, settlements, Some(folder)).await
    }

    pub(crate) async fn open_with(
        path: &Path,
        master_key: MasterKey,
        now: Micros,
        options: &EngineOptions,
        settlement_options: SettlementOptions,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Store, StoreError> {
        let engine = Engine::open(path, options).await?;
        let clerk_engine = engine.clone();
        let starting = tokio::task::spawn_blocking(move || {
            settlement::start(clerk_engine, settlement_options)
        });
        let settlements =
            starting.await.map_err(|error| StoreError::Database(Box::new(error)))??;
        let inner =
            Inner { engine, master_key: master_key.clone(), settlements, _temporary: temporary };
        let store = Store(Arc::new(inner));
        store.bootstrap(&master_key, now).await?;
        Ok(store)
    }

    /// The way to the settlement writer.
    pub fn settlements(&self) -> Settlements {
        self.0.settlements.clone()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(self.0.engine.reader()).await?;
        Ok(())
    }

    /// Writes all settlements handed in, stops the writer and closes every connection. Fails if
    /// settlements had to be given up.
    pub async fn close(&self) -> Result<(), StoreError> {
        let drained = self.0.settlements.shutdown().await;
        self.0.engine.close().await;
        Ok(drained?)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn master_key(&self) -> &MasterKey {
        &self.0.master_key
    }
}
