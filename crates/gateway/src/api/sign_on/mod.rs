//! Signing in at another service, by OpenID Connect: its discovery, the authorization code flow with
//! PKCE, state and nonce, and an ID token whose signature is checked.
//!
//! `begin.rs` sends the browser there, `callback.rs` takes it back. What has to be the same on both
//! ways is in the browser's own cookie (`attempt.rs`), so that any node can take it back.

mod attempt;
pub mod begin;
pub mod callback;
mod cryptography;
mod fetch;
mod service;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use protocol::exchange::{ErrorType, Fault};

pub use self::service::SignOnService;
use crate::app::App;
use crate::error::internal;

/// The routes, below `/api/internal`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/oidc/begin", get(begin::begin))
        .route("/oidc/callback", get(callback::call_back))
}

/// Why somebody could not sign on. What is told is one word: the page that shows it has the rest.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The service does not answer as it should.
    #[error("the sign-on service cannot be used: {0}")]
    Service(String),
    /// The person, or the service, said no.
    #[error("the sign-on service refused: {0}")]
    Denied(String),
    /// The browser came back without having been sent, too late, or twice.
    #[error("the sign-on was not begun in this browser, or too long ago")]
    NotBegun,
    /// What the service says of the person cannot be believed.
    #[error("the ID token cannot be accepted: {0}")]
    Token(String),
    /// The person has no mail address of a domain that may sign in, or it is not verified.
    #[error("the mail address is not verified, or not of a domain that may sign in")]
    Address,
    /// The person is no member.
    #[error("the person is no member")]
    Stranger,
}

impl Problem {
    fn word(&self) -> &'static str {
        match self {
            Self::Service(_) => "sign_on_unavailable",
            Self::Denied(_) => "sign_on_denied",
            Self::NotBegun => "sign_on_expired",
            Self::Token(_) => "sign_on_failed",
            Self::Address => "email_not_allowed",
            Self::Stranger => "not_a_member",
        }
    }
}

/// The service, where one is set.
fn service(app: &App) -> Result<&SignOnService, Fault> {
    let none = || Fault::new(ErrorType::NotFound, "No sign-on service is set: see docs/sign-in.md");
    app.sign_on.as_ref().ok_or_else(none)
}

/// The address below which browsers find the gateway, without a slash at its end.
fn base(app: &App) -> &str {
    app.settings.public_url.trim_end_matches('/')
}

/// Where the service sends the browser back to.
fn callback_url(app: &App) -> String {
    format!("{}/api/internal/oidc/callback", base(app))
}

/// Sends the browser on, with cookies to keep.
fn go_on(to: &str, cookies: Vec<HeaderValue>) -> Result<Response, Fault> {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(to).map_err(internal)?);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Sends the browser to the page where one signs in, with a word on what went wrong.
fn give_up(app: &App, problem: &Problem, cookies: Vec<HeaderValue>) -> Result<Response, Fault> {
    tracing::warn!(%problem, "somebody could not sign on");
    go_on(&format!("{}/login?error={}", base(app), problem.word()), cookies)
}
