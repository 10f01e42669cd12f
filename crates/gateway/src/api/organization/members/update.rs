//! `PATCH /organization/members/{id}`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::{MemberChange, MemberRole};
use utoipa::ToSchema;

use super::{LONGEST_NAME, ManagedMemberAnswer, Role};
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    #[schema(max_length = 255)]
    name: Option<String>,
    role: Option<Role>,
}

/// Changes a member's name or role. The last owner stays one.
#[utoipa::path(
    patch,
    path = "/api/v1/organization/members/{id}",
    tag = "organization",
    params(("id" = String, Path, description = "The member's id")),
    request_body = UpdateMember,
    responses((status = 200, body = ManagedMemberAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    id: Result<Path<String>, PathRejection>,
    Given(given): Given<UpdateMember>,
) -> Result<Json<ManagedMemberAnswer>, Refused> {
    let Path(id) = id?;
    if let Some(name) = &given.name {
        check_length("name", name, 0, LONGEST_NAME)?;
    }
    let changes = MemberChange { name: given.name, role: given.role.map(MemberRole::from) };
    let member = super::change(&app, &management, &id, changes).await?;
    Ok(Json(super::answer(&app, member).await?))
}
