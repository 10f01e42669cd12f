//! `POST /workspaces`. WS-2

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use protocol::exchange::Fault;
use store::WorkspaceSettings;

use super::object::{WorkspaceAnswer, WorkspaceRequest};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// Makes a workspace.
#[utoipa::path(
    post,
    path = "/api/v1/workspaces",
    tag = "workspaces",
    request_body = WorkspaceRequest,
    responses((status = 201, body = WorkspaceAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<WorkspaceRequest>,
) -> Result<(StatusCode, Json<WorkspaceAnswer>), Refused> {
    let missing = |field: &str| Fault::invalid(format!("{field}: is missing"));
    let name = given.name.clone().ok_or_else(|| missing("name"))?;
    let slug = given.slug.clone().ok_or_else(|| missing("slug"))?;
    given.check(&app.snapshot())?;
    let mut settings = WorkspaceSettings::named(slug, name);
    given.apply(&mut settings);
    let actor = management.actor();
    let workspace =
        app.store.create_workspace(settings, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok((StatusCode::CREATED, Json(WorkspaceAnswer { data: workspace.into() })))
}
