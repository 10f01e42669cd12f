//! `POST /organization/members`. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{MemberRole, NewMember};
use utoipa::ToSchema;

use super::{LONGEST_NAME, ManagedMemberAnswer, Role};
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// Who the member is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMember {
    /// Unique within the account.
    #[schema(max_length = 254)]
    email: String,
    /// Shown to people; split at its first space where two names are wanted.
    #[serde(default)]
    #[schema(max_length = 255)]
    name: String,
    /// The first member is the owner; later ones are members unless said.
    role: Option<Role>,
}

/// The longest address that mail can be sent to.
const LONGEST_ADDRESS: usize = 254;

/// Makes a member. Nobody is written to: members here are who keys and limits are for.
#[utoipa::path(
    post,
    path = "/api/v1/organization/members",
    tag = "organization",
    request_body = CreateMember,
    responses((status = 201, body = ManagedMemberAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<CreateMember>,
) -> Result<(StatusCode, Json<ManagedMemberAnswer>), Refused> {
    check_length("email", &given.email, 1, LONGEST_ADDRESS)?;
    check_length("name", &given.name, 0, LONGEST_NAME)?;
    let members = super::all(&app, &management).await?;
    let has_owner = members.iter().any(|member| member.role == MemberRole::Owner);
    let role = match given.role.map(MemberRole::from) {
        None if has_owner => MemberRole::Member,
        None | Some(MemberRole::Owner) => MemberRole::Owner,
        Some(role) if has_owner => role,
        Some(_) => {
            return Err(Fault::invalid("role: the account has no owner yet: make one first").into());
        }
    };
    management.check_may_make(role)?;
    let new = NewMember { email: given.email, name: given.name, role };
    let actor = management.actor();
    let member = app.store.create_member(new, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok((StatusCode::CREATED, Json(super::answer(&app, member).await?)))
}
