//! `DELETE /responses/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::{Session, may_see_of};
use crate::app::App;
use crate::clock::now_micros;
use crate::inference::admit::may_infer;

/// An answer is not stored any more.
#[derive(Serialize, ToSchema)]
pub struct DeletedResponse {
    id: String,
    /// Always `response`.
    object: &'static str,
    deleted: bool,
}

/// Deletes a stored answer, with what was asked for it. A conversation that went on from it cannot
/// go on any more.
#[utoipa::path(
    delete,
    path = "/api/v1/responses/{id}",
    tag = "responses",
    params(("id" = String, Path, description = "The answer's id, `gen-…`")),
    responses((status = 200, body = DeletedResponse), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    session: Session,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<DeletedResponse>, Refused> {
    let Path(id) = id?;
    may_infer(&session.caller)?;
    let (workspace, now) = (&session.caller.workspace_id, now_micros());
    let asked = app.store.key_of_stored_response(&id, workspace, now).await.map_err(refused)?;
    let asked = asked.ok_or_else(|| super::unknown(&id))?;
    if !may_see_of(&app, &session.snapshot, &session.caller, &asked).await? {
        return Err(super::unknown(&id).into());
    }
    match app.store.remove_stored_response(&id, workspace, now).await.map_err(refused)? {
        true => Ok(Json(DeletedResponse { id, object: "response", deleted: true })),
        false => Err(super::unknown(&id).into()),
    }
}
