//! `trunkline backup` and `trunkline restore`: copies of the database in the data folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use store::Store;

use crate::configuration::{Context, FolderSettings};
use crate::data_folder::{self, Place};
use crate::moment;
use crate::output::print;

/// Which file.
#[derive(Debug, clap::Args)]
pub struct CopyArguments {
    /// The file of the copy
    file: PathBuf,
}

/// Writes a copy, also beside a running gateway.
pub async fn back_up(arguments: CopyArguments, context: &Context) -> Result<()> {
    let database = database(&context.folder, "pg_dump")?;
    if !database.exists() {
        bail!("there is no database at {}", database.display());
    }
    let file = arguments.file;
    if file.exists() {
        bail!("{} exists already: name a file that does not", file.display());
    }
    let shown = file.display().to_string();
    aside(move || Store::back_up(&database, &file)).await.context("no copy was made")?;
    let key = match data_folder::key_file(&context.folder) {
        Some(path) => format!("the master key, {}", path.display()),
        None => "the master key".to_owned(),
    };
    print(&format!("{shown} is a copy of the database. Keep {key}, with it, but not beside it."))
}

/// Puts a copy in the place of the database.
pub async fn restore(arguments: CopyArguments, context: &Context) -> Result<()> {
    let database = database(&context.folder, "pg_restore")?;
    let file = arguments.file;
    if !file.is_file() {
        bail!("there is no file {}", file.display());
    }
    if is_same(&file, &database) {
        bail!("{} is the database itself", file.display());
    }
    let (shown, place) = (file.display().to_string(), database.clone());
    let stamp = moment::text(moment::now()).replace([':', '-'], "");
    let restored = aside(move || Store::restore(&file, &database, &stamp))
        .await
        .with_context(|| format!("{shown} was not restored, and nothing was changed"))?;
    let before = restored.aside.map_or_else(String::new, |folder| {
        format!(
            " What was there is in {}: records in its journal are not counted.",
            folder.display()
        )
    });
    print(&format!("{} is {shown} now.{before}", place.display()))
}

fn database(settings: &FolderSettings, tool: &str) -> Result<PathBuf> {
    match Place::of(settings)? {
        Place::File(path) => Ok(path),
        Place::Server(_) => {
            bail!("the database is on a server: use its own {tool}, and keep the master key")
        }
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, store::StoreError> + Send + 'static,
) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
