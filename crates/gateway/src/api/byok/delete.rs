//! `DELETE /byok/{id}`. BYOK-10

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Removes a credential and its secret. Requests that run with it end as they would have.
#[utoipa::path(
    delete,
    path = "/api/v1/byok/{id}",
    tag = "byok",
    params(("id" = String, Path, description = "The credential's id")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(id) = id?;
    super::check_stored(&id)?;
    super::find(&app, &management, &id).await?;
    let actor = management.actor();
    app.store.remove_credential(&id, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
