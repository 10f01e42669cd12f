//! `DELETE /keys/{hash}`. KEYS-6

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

/// Revokes a key for good. Requests that run with it end as they would have.
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{hash}",
    tag = "keys",
    params(("hash" = String, Path, description = "The key's hash")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    hash: Result<Path<String>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path(hash) = hash?;
    let hash = super::find(&app, &management, &hash).await?.hash;
    let actor = management.actor();
    app.store.delete_api_key(&hash, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
