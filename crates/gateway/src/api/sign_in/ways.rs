//! `GET /sign-in`: the ways to sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// The ways to sign in.
#[derive(Serialize, ToSchema)]
pub struct WaysAnswer {
    /// With a mail address and a password.
    password: bool,
    /// At a sign-on service; `null` where none is set.
    oidc: Option<SignOnService>,
}

/// A sign-on service.
#[derive(Serialize, ToSchema)]
pub struct SignOnService {
    name: String,
    /// Where to send the browser, relative to the address of the gateway; `?return_to=` may say to
    /// which page it comes back.
    url: &'static str,
}

/// Shows the ways to sign in.
#[utoipa::path(
    get,
    path = "/api/internal/sign-in",
    tag = "internal",
    responses((status = 200, body = WaysAnswer))
)]
pub async fn show(State(app): State<Arc<App>>) -> Json<WaysAnswer> {
    let oidc = app.settings.sign_on.as_ref().map(|service| SignOnService {
        name: service.name.clone(),
        url: "api/internal/oidc/begin",
    });
    Json(WaysAnswer { password: true, oidc })
}
