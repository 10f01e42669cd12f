//! `POST /invites/show`: whom a link is for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderName;
use http::header::CACHE_CONTROL;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::body::Given;
use crate::api::openapi::ErrorAnswer;
use crate::api::time::iso;
use crate::app::App;

/// Which link. It is asked for in a body, since addresses stand in the logs of proxies.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowLink {
    /// What follows the `#` of the link.
    #[schema(max_length = 128)]
    secret: String,
}

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
    post,
    path = "/api/internal/invites/show",
    tag = "internal",
    request_body = ShowLink,
    responses((status = 200, body = LinkAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Given(given): Given<ShowLink>,
) -> Result<([(HeaderName, &'static str); 1], Json<LinkAnswer>), Refused> {
    let link = super::find(&app, &given.secret).await?;
    let answer = LinkAnswer {
        email: link.email,
        role: link.role.as_str(),
        kind: link.kind.as_str(),
        expires_at: iso(link.expires_at),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}
