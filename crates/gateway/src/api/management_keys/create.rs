//! `POST /api/internal/management-keys`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use store::NewApiKey;
use utoipa::ToSchema;

use super::ManagementKeyObject;
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::keys::create::expiry;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// What the key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateManagementKey {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// A moment to come, in UTC.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// The answer: the only one with the key's text. AUTH-5
#[derive(Serialize, ToSchema)]
pub struct CreatedManagementKey {
    data: ManagementKeyObject,
    key: String,
}

/// Makes a management key: it may do what the member who makes it may, and ask no model. AUTH-7
#[utoipa::path(
    post,
    path = "/api/internal/management-keys",
    tag = "internal",
    request_body = CreateManagementKey,
    responses((status = 201, body = CreatedManagementKey), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<CreateManagementKey>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<CreatedManagementKey>), Refused> {
    let (now, actor) = (now_micros(), management.actor());
    let expires_at = expiry(given.expires_at.as_deref(), now)?;
    let workspace = workspaces::named(&app, &management, None).await?;
    let new = NewApiKey {
        name: given.name,
        workspace_id: Some(workspace.id),
        // The member at the root of it: a key made by a key ends with the same maker, and has its
        // powers alone. Nobody, if it was the machine.
        creator: management.creator().map(str::to_owned),
        expires_at,
        is_management: true,
        ..NewApiKey::default()
    };
    let made = app.store.create_api_key(new, &actor, now).await.map_err(refused)?;
    // The key is told even if it cannot be put in force at once: nobody could learn it later.
    let _ = put_in_force(&app).await;
    let answer = CreatedManagementKey {
        data: ManagementKeyObject::new(made.key, None),
        key: made.plaintext.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}
