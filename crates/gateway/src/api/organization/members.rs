//! `GET /organization/members`. ORG-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::{Member, MemberRole};
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
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

/// A person.
#[derive(Serialize, ToSchema)]
pub struct OrganizationMember {
    id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: String,
    /// `org:admin` or `org:member`; owners are shown as `org:admin`.
    role: &'static str,
}

impl From<Member> for OrganizationMember {
    fn from(member: Member) -> Self {
        // People have one name here; the API wants two.
        let mut names = member.name.trim().splitn(2, ' ');
        let mut name = || names.next().map(str::trim).filter(|name| !name.is_empty());
        let (first_name, last_name) = (name().map(str::to_owned), name().map(str::to_owned));
        let role = match member.role {
            MemberRole::Owner | MemberRole::Admin => "org:admin",
            MemberRole::Member => "org:member",
        };
        Self { id: member.id, first_name, last_name, email: member.email, role }
    }
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
    let mut members = app.store.members().await.map_err(refused)?;
    members.retain(|member| member.account_id == management.account_id());
    let (members, total_count) = part.of(members)?;
    let data = members.into_iter().map(OrganizationMember::from).collect();
    Ok(Json(OrganizationMembers { data, total_count }))
}
