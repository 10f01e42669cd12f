//! `GET /members/limits`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::organization::members;
use crate::api::organization::members::limits::LimitObject;
use crate::api::session::Management;
use crate::app::App;

/// A limit, and whose it is.
#[derive(Serialize, ToSchema)]
pub struct LimitOfMember {
    /// The member's id.
    member_id: String,
    #[serde(flatten)]
    limit: LimitObject,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct LimitsOfMembers {
    data: Vec<LimitOfMember>,
}

/// Lists the limits of all members with what is used of them, the shortest window of each first;
/// those of the caller alone, where it sees no others' things.
#[utoipa::path(
    get,
    path = "/api/internal/members/limits",
    tag = "internal",
    responses((status = 200, body = LimitsOfMembers), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
) -> Result<Json<LimitsOfMembers>, Refused> {
    let members = members::all(&app, &management).await?;
    let own = management.own_only();
    let mut limits = app.store.member_limits().await.map_err(refused)?;
    limits.retain(|limit| {
        own.is_none_or(|own| own == limit.member_id)
            && members.iter().any(|member| member.id == limit.member_id)
    });
    limits.sort_by(|a, b| (&a.member_id, a.interval).cmp(&(&b.member_id, b.interval)));
    let mut data = Vec::with_capacity(limits.len());
    for limit in limits {
        let member_id = limit.member_id.clone();
        data.push(LimitOfMember { member_id, limit: LimitObject::new(&app, limit).await });
    }
    Ok(Json(LimitsOfMembers { data }))
}
