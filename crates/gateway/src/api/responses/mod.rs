//! `/responses/{id}`: answers that a workspace keeps. As in OpenAI's API; own.

pub mod delete;
pub mod input_items;
pub mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use protocol::exchange::{ErrorType, Fault};
use store::StoredResponse;

use super::change::refused;
use super::session::{Session, may_see_of};
use crate::app::App;
use crate::clock::now_micros;
use crate::inference::admit::may_infer;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/responses/{id}", get(show::show).delete(delete::delete))
        .route("/responses/{id}/input_items", get(input_items::list))
}

/// An answer of the caller's workspace that it may see; others do not exist for it.
async fn find(app: &App, session: &Session, id: &str) -> Result<StoredResponse, Fault> {
    may_infer(&session.caller)?;
    let workspace = &session.caller.workspace_id;
    let found = app.store.stored_response(id, workspace, now_micros()).await.map_err(refused)?;
    let found = found.ok_or_else(|| unknown(id))?;
    match may_see_of(app, &session.snapshot, &session.caller, &found.key_hash).await? {
        true => Ok(found),
        false => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> Fault {
    let shown: String = id.chars().take(80).collect();
    Fault::new(ErrorType::NotFound, format!("There is no stored answer {shown}"))
}
