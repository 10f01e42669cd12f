//! `DELETE /workspaces/{id}`. WS-3

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};
use store::{DEFAULT_WORKSPACE_SLUG, StoreError};

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Removes a workspace with its budgets. Refused for the default one, and while keys work in it.
#[utoipa::path(
    delete,
    path = "/api/v1/workspaces/{id}",
    tag = "workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(name) = name?;
    let workspace = super::find(&app, &management, &name).await?;
    if workspace.settings.slug == DEFAULT_WORKSPACE_SLUG {
        let message = "The default workspace cannot be deleted";
        return Err(Fault::new(ErrorType::PermissionDenied, message).into());
    }
    let actor = management.actor();
    app.store.remove_workspace(&workspace.id, &actor, now_micros()).await.map_err(|error| {
        match error {
            StoreError::Invalid { what: "removal", .. } => {
                Fault::invalid("The workspace has active API keys; delete or disable them first")
            }
            other => refused(other),
        }
    })?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
