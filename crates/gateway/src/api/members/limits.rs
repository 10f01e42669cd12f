//! `/members/{id}/limits/{interval}`: what a member's keys may spend together in a window.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::{ErrorType, Fault};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members;
use crate::api::organization::members::limits::put::LimitRequest;
use crate::api::organization::members::limits::{self, LimitObject};
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct LimitAnswer {
    data: LimitObject,
}

/// Shows a member's limit for a window; a member sees its own.
#[utoipa::path(
    get,
    path = "/api/internal/members/{id}/limits/{interval}",
    tag = "internal",
    params(
        ("id" = String, Path, description = "The member's id"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    responses((status = 200, body = LimitAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<LimitAnswer>, Refused> {
    let Path((id, word)) = path?;
    let interval = limits::interval(&word)?;
    management.check_own(&id)?;
    members::find(&app, &management, &id).await?;
    let found = app.store.member_limits().await.map_err(refused)?;
    let found = found.into_iter().find(|one| one.member_id == id && one.interval == interval);
    let limit = found.ok_or_else(|| {
        Fault::new(ErrorType::NotFound, format!("The member has no {} limit", interval.as_str()))
    })?;
    Ok(Json(LimitAnswer { data: limit.into() }))
}

/// Sets a member's limit for a window, or replaces it.
#[utoipa::path(
    put,
    path = "/api/internal/members/{id}/limits/{interval}",
    tag = "internal",
    params(
        ("id" = String, Path, description = "The member's id"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    request_body = LimitRequest,
    responses((status = 200, body = LimitAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
    Given(given): Given<LimitRequest>,
) -> Result<Json<LimitAnswer>, Refused> {
    let Path((id, word)) = path?;
    let (_, limit) = limits::put::set(&app, &management, (&id, &word), &given).await?;
    Ok(Json(LimitAnswer { data: limit.into() }))
}

/// Removes a member's limit for a window; one that is not there is as good as removed.
#[utoipa::path(
    delete,
    path = "/api/internal/members/{id}/limits/{interval}",
    tag = "internal",
    params(
        ("id" = String, Path, description = "The member's id"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Deleted>, Refused> {
    let Path((id, word)) = path?;
    limits::delete::remove(&app, &management, (&id, &word)).await?;
    Ok(Json(Deleted::DONE))
}
