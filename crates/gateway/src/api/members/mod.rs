//! Members, for the gateway's own pages; `/organization/members` is the same for programs.

pub mod delete;
pub mod limits;
pub mod reset;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post};
use serde::Serialize;
use store::Member;
use utoipa::ToSchema;

use super::time::iso;
use crate::app::App;

/// The routes, below `/api/internal`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/members/limits", get(limits::list))
        .route("/members/{id}", patch(update::update).delete(delete::delete))
        .route("/members/{id}/reset", post(reset::reset))
}

/// A member.
#[derive(Serialize, ToSchema)]
pub struct MemberObject {
    id: String,
    email: String,
    name: String,
    /// `owner`, `admin` or `member`.
    role: &'static str,
    created_at: String,
    updated_at: String,
}

impl From<Member> for MemberObject {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            email: member.email,
            name: member.name,
            role: member.role.as_str(),
            created_at: iso(member.created_at),
            updated_at: iso(member.updated_at),
        }
    }
}
