//! `PATCH /members/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::{MemberChange, MemberRole};
use utoipa::ToSchema;

use super::MemberObject;
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::invitations::RoleWord;
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members;
use crate::api::session::Management;
use crate::app::App;

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRequest {
    #[schema(max_length = 255)]
    name: Option<String>,
    role: Option<RoleWord>,
}

/// Changes a member's name or role. The last owner stays one.
#[utoipa::path(
    patch,
    path = "/api/internal/members/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The member's id")),
    request_body = MemberRequest,
    responses((status = 200, body = MemberObject), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
    Given(given): Given<MemberRequest>,
) -> Result<Json<MemberObject>, Refused> {
    let Path(id) = id?;
    if let Some(name) = &given.name {
        check_length("name", name, 0, 255)?;
    }
    let changes = MemberChange { name: given.name, role: given.role.map(MemberRole::from) };
    let member = members::change(&app, &management, &id, changes).await?;
    Ok(Json(member.into()))
}
