//! `GET /invites/{token}`: whom a link is for.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::time::iso;
use crate::app::App;

/// Whom a link is for.
#[derive(Serialize, ToSchema)]
pub struct LinkAnswer {
    email: String,
    /// `owner`, `admin` or `member`.
    role: &'static str,
    /// `invite`, or `reset` for a password to be set anew.
    kind: &'static str,
    expires_at: String,
}

/// Shows whom a link is for.
#[utoipa::path(
    get,
    path = "/api/internal/invites/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The text of the link")),
    responses((status = 200, body = LinkAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    token: Result<Path<String>, PathRejection>,
) -> Result<Json<LinkAnswer>, Refused> {
    let Path(token) = token?;
    let link = super::find(&app, &token).await?;
    Ok(Json(LinkAnswer {
        email: link.email,
        role: link.role.as_str(),
        kind: link.kind.as_str(),
        expires_at: iso(link.expires_at),
    }))
}
