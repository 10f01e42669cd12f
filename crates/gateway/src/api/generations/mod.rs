//! `/generation` and `/generations`: rows of the books. GEN

pub mod content;
pub mod export;
pub mod feedback;
pub mod histogram;
pub mod list;
mod query;
mod row;
pub mod show;
pub mod stream;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use protocol::exchange::{ErrorType, Fault};
use serde::Deserialize;
use store::Generation;

use super::change::refused;
use super::session::Viewer;
use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/generation", get(show::show))
        .route("/generation/content", get(content::show))
        .route("/generation/feedback", post(feedback::add))
        .route("/generations/export", get(export::export))
}

/// Our own.
pub fn internal() -> Router<Arc<App>> {
    Router::new()
        .route("/generations", get(list::list))
        .route("/generations/export", get(export::export_filtered))
        .route("/generations/stream", get(stream::stream))
        .route("/generations/histogram", get(histogram::show))
}

/// Which generation.
#[derive(Deserialize)]
pub struct Which {
    id: Option<String>,
}

impl Which {
    fn id(self) -> Result<String, Fault> {
        self.id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Fault::invalid("id: is missing; send the generation's id, `gen-…`"))
    }
}

/// A row that the caller may see; others do not exist for it. GEN-1
async fn find(app: &App, viewer: &Viewer, id: &str) -> Result<Generation, Fault> {
    let shown: String = id.chars().take(80).collect();
    let unknown = || Fault::new(ErrorType::NotFound, format!("Generation {shown} not found"));
    let row = app.store.generation(id).await.map_err(refused)?.ok_or_else(unknown)?;
    match viewer.may_see(app, &row).await? {
        true => Ok(row),
        false => Err(unknown()),
    }
}
