//! `/byok`: credentials for providers, and whether they work. BYOK
//!
//! Beside OpenRouter's own there are those of everybody (`workspace_id: null`), and those found in
//! the environment of the process, which are shown and tested but not changed here.

mod address;
pub mod create;
pub mod delete;
pub mod list;
mod object;
pub mod probe;
pub mod providers;
mod request;
pub mod show;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use protocol::exchange::{ErrorType, Fault};
use store::ProviderCredential;

use super::change::refused;
use super::session::Management;
use super::workspaces;
use crate::app::App;

/// The routes that OpenRouter has.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/byok", get(list::list).post(create::create))
        .route("/byok/{id}", get(show::show).patch(update::update).delete(delete::delete))
}

/// Our own.
pub fn internal() -> Router<Arc<App>> {
    Router::new()
        .route("/providers", get(providers::list))
        .route("/byok/test", post(probe::unstored))
        .route("/byok/{id}/test", post(probe::stored))
}

/// The credentials that somebody who manages an account sees: those of its workspaces, and
/// everybody's.
async fn all(app: &App, management: &Management) -> Result<Vec<ProviderCredential>, Fault> {
    let own = workspaces::all(app, management).await?;
    let mut credentials = app.store.credentials().await.map_err(refused)?;
    credentials.retain(|credential| {
        let workspace = credential.workspace_id.as_deref();
        workspace.is_none_or(|id| own.iter().any(|workspace| workspace.id == id))
    });
    Ok(credentials)
}

async fn find(app: &App, management: &Management, id: &str) -> Result<ProviderCredential, Fault> {
    let found = all(app, management).await?.into_iter().find(|credential| credential.id == id);
    found.ok_or_else(|| Fault::new(ErrorType::NotFound, "Credential not found"))
}

/// What a path begins with that means a credential of the environment; its provider follows.
const ENVIRONMENT: &str = "environment:";

/// Refuses to change what is not stored.
fn check_stored(id: &str) -> Result<(), Fault> {
    match id.strip_prefix(ENVIRONMENT) {
        None => Ok(()),
        Some(provider) => {
            let provider: String = provider.chars().take(80).collect();
            Err(Fault::new(
                ErrorType::PermissionDenied,
                format!(
                    "The credential for {provider} comes from the environment of the gateway: \
                     change it there, or add a stored one"
                ),
            ))
        }
    }
}
