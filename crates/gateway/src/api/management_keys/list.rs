//! `GET /api/internal/management-keys`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::ManagementKeyObject;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ManagementKeys {
    data: Vec<ManagementKeyObject>,
}

/// Lists the management keys of the account, oldest first, disabled ones included.
#[utoipa::path(
    get,
    path = "/api/internal/management-keys",
    tag = "internal",
    responses((status = 200, body = ManagementKeys), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
) -> Result<Json<ManagementKeys>, Refused> {
    let mut keys = app.store.api_keys(true, None).await.map_err(refused)?;
    keys.retain(|key| key.is_management && key.account_id == management.account_id());
    let uses = app.store.key_uses().await.map_err(refused)?;
    let data = keys
        .into_iter()
        .map(|key| {
            let last_used_at = uses.get(&key.hash).copied();
            ManagementKeyObject::new(key, last_used_at)
        })
        .collect();
    Ok(Json(ManagementKeys { data }))
}
