//! `GET /organization/members/{id}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::ManagedMemberAnswer;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// Shows a member and its limits.
#[utoipa::path(
    get,
    path = "/api/v1/organization/members/{id}",
    tag = "organization",
    params(("id" = String, Path, description = "The member's id")),
    responses((status = 200, body = ManagedMemberAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ManagedMemberAnswer>, Refused> {
    let Path(id) = id?;
    management.check_own(&id)?;
    let member = super::find(&app, &management, &id).await?;
    Ok(Json(super::answer(&app, member).await?))
}
