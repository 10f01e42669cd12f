//! `GET /byok/{id}`. BYOK-1

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::object::CredentialAnswer;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// Shows a credential.
#[utoipa::path(
    get,
    path = "/api/v1/byok/{id}",
    tag = "byok",
    params(("id" = String, Path, description = "The credential's id")),
    responses((status = 200, body = CredentialAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<CredentialAnswer>, Refused> {
    let Path(id) = id?;
    let found = super::find(&app, &management, &id).await?;
    Ok(Json(CredentialAnswer { data: found.into() }))
}
