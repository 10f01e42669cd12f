//! `GET /keys/{hash}`. KEYS-6

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::object::{ManagedKey, ManagedKeyAnswer, People};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// Shows a key.
#[utoipa::path(
    get,
    path = "/api/v1/keys/{hash}",
    tag = "keys",
    params(("hash" = String, Path, description = "The key's hash")),
    responses((status = 200, body = ManagedKeyAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    hash: Result<Path<String>, PathRejection>,
) -> Result<Json<ManagedKeyAnswer>, Refused> {
    let Path(hash) = hash?;
    let key = super::find(&app, &management, &hash).await?;
    let spent = app.store.key_usage(&key.hash, now_micros()).await.map_err(refused)?;
    let people = People::all(&app).await?;
    let data = ManagedKey::new(&app, &people, key, &spent).await;
    Ok(Json(ManagedKeyAnswer { data }))
}
