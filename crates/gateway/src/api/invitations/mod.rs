//! Links by which people become members, or set their password anew. Our own.

pub mod accept;
pub mod create;
pub mod list;
pub mod remove;
pub mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use protocol::exchange::{ErrorType, Fault};
use serde::{Deserialize, Serialize};
use store::{Invitation, InvitationKind, MemberRole};
use utoipa::ToSchema;

use super::change::refused;
use super::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// The routes, below `/api/internal`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/invites", get(list::list).post(create::create))
        .route("/invites/show", post(show::show))
        .route("/invites/accept", post(accept::accept))
        .route("/invites/{id}", delete(remove::remove))
}

/// A role, in the words of sessions.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleWord {
    /// Everything.
    Owner,
    /// Everything but making and unmaking owners.
    Admin,
    /// Sees and makes keys of its own.
    Member,
}

impl From<RoleWord> for MemberRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Owner => Self::Owner,
            RoleWord::Admin => Self::Admin,
            RoleWord::Member => Self::Member,
        }
    }
}

/// An invitation that waits to be followed.
#[derive(Serialize, ToSchema)]
pub struct InvitationObject {
    id: String,
    email: String,
    /// `owner`, `admin` or `member`.
    role: &'static str,
    /// The link; only in the answer that it was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    created_at: String,
    expires_at: String,
    /// Id of the member, or hash of the key, that made it.
    created_by: String,
}

impl InvitationObject {
    fn new(invitation: Invitation, url: Option<String>) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role.as_str(),
            url,
            created_at: iso(invitation.created_at),
            expires_at: iso(invitation.expires_at),
            created_by: invitation.created_by,
        }
    }
}

/// The link that a text makes; setting the gateway up has a page of its own.
async fn find(app: &App, secret: &str) -> Result<Invitation, Fault> {
    let found = app.store.invitation(secret, now_micros()).await.map_err(refused)?;
    found.filter(|link| link.kind != InvitationKind::Setup).ok_or_else(gone)
}

fn gone() -> Fault {
    let message = "This link is not valid, or not any more: ask for another";
    Fault::new(ErrorType::NotFound, message)
}
