//! `GET /organization/members`. ORG-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::OrganizationMember;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Part};
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct OrganizationMembers {
    data: Vec<OrganizationMember>,
    total_count: usize,
}

/// Lists the members of the account, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/organization/members",
    tag = "organization",
    params(Part),
    responses((status = 200, body = OrganizationMembers), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(part): Asked<Part>,
) -> Result<Json<OrganizationMembers>, Refused> {
    let (members, total_count) = part.of(super::all(&app, &management).await?)?;
    let data = members.iter().map(OrganizationMember::from).collect();
    Ok(Json(OrganizationMembers { data, total_count }))
}
