//! `PUT /organization/members/{id}/limits/{interval}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::MemberLimit;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::money::limit_nano_usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members::{self, ManagedMemberAnswer};
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// What the limit is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitRequest {
    /// USD.
    #[schema(minimum = 0)]
    limit_usd: f64,
    /// Whether what is paid with provider keys of a workspace's own counts.
    #[serde(default)]
    include_byok: bool,
}

/// Sets a member's limit for a window, or replaces it. It holds for all keys that are the
/// member's.
#[utoipa::path(
    put,
    path = "/api/v1/organization/members/{id}/limits/{interval}",
    tag = "organization",
    params(
        ("id" = String, Path, description = "The member's id"),
        ("interval" = String, Path, description = "daily, weekly, monthly or lifetime"),
    ),
    request_body = LimitRequest,
    responses((status = 200, body = ManagedMemberAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    management: Management,
    path: Result<Path<(String, String)>, PathRejection>,
    Given(given): Given<LimitRequest>,
) -> Result<Json<ManagedMemberAnswer>, Refused> {
    let Path((id, word)) = path?;
    let limit = MemberLimit {
        member_id: id.clone(),
        interval: super::interval(&word)?,
        limit_nano_usd: limit_nano_usd("limit_usd", given.limit_usd)?,
        include_byok: given.include_byok,
    };
    let member = members::find(&app, &management, &id).await?;
    management.check_may_make(member.role)?;
    app.store.put_member_limit(limit, &management.actor(), now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok(Json(members::answer(&app, member).await?))
}
