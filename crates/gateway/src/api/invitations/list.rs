//! `GET /invites`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::InvitationObject;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct Invitations {
    data: Vec<InvitationObject>,
}

/// Lists invitations that wait to be followed, the oldest first.
#[utoipa::path(
    get,
    path = "/api/internal/invites",
    tag = "internal",
    responses((status = 200, body = Invitations), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    _: Management,
) -> Result<Json<Invitations>, Refused> {
    let waiting = app.store.invitations(now_micros()).await.map_err(refused)?;
    let data = waiting.into_iter().map(|one| InvitationObject::new(one, None)).collect();
    Ok(Json(Invitations { data }))
}
