//! `DELETE /organization/members/{id}/limits/{interval}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members;
use crate::api::session::Management;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;

/// Removes a member's limit for a window; one that is not there is as good as removed.
#[utoipa::path(
    delete,
    path = "/api/v1/organization/members/{id}/limits/{interval}",
    tag = "organization",
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
    let interval = super::interval(&word)?;
    let member = members::find(&app, &management, &id).await?;
    management.check_may_make(member.role)?;
    let (actor, now) = (management.actor(), now_micros());
    app.store.remove_member_limit(&id, interval, &actor, now).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(Deleted::DONE))
}
