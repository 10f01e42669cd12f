//! The resources that are not inference: a folder each, a file for each operation, thin: read,
//! ask, render.

mod activity;
mod analytics;
mod audit;
mod authorization;
mod body;
mod byok;
mod catalogue;
pub(crate) mod change;
mod count_tokens;
mod credits;
mod csv;
mod generations;
mod health;
mod identity;
mod invitations;
mod key;
mod keys;
mod limit_use;
mod management_keys;
mod members;
mod model_stats;
pub mod money;
mod native;
pub mod openapi;
mod organization;
mod page;
mod privacy;
mod responses;
mod route;
mod rss;
pub(crate) mod session;
mod settings;
mod sign_in;
pub(crate) mod sign_on;
mod status;
pub(crate) mod time;
mod workspaces;

pub use session::access;
pub(crate) use sign_in::lockout;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use protocol::exchange::{ErrorType, Fault};

use crate::app::App;
use crate::error::respond;
use crate::pages;

/// All routes that are not inference. `/v1` is an alias of `/api/v1`. API-1
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .nest("/api/v1", version_one())
        .nest("/v1", version_one())
        .nest("/api/internal", internal())
        .nest("/anthropic/v1", anthropic())
        .nest("/api/anthropic/v1", anthropic())
        .nest("/api/v1beta", google())
        .nest("/v1beta", google())
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::serve))
        .route("/docs/errors", get(errors_explained))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

fn version_one() -> Router<Arc<App>> {
    Router::new()
        .route("/models", get(catalogue::models))
        .route("/models/count", get(catalogue::count))
        .route("/models/user", get(catalogue::models_of_caller))
        .route("/embeddings/models", get(catalogue::embedding_models))
        .route("/models/{author}", get(catalogue::retrieve_named).post(count_tokens::gemini))
        .route("/models/{author}/{slug}", get(catalogue::retrieve).post(count_tokens::gemini))
        .route("/models/{author}/{slug}/endpoints", get(catalogue::endpoints))
        .route("/model/{author}/{slug}", get(catalogue::model))
        .route("/providers", get(catalogue::providers))
        .route("/endpoints/zdr", get(catalogue::zero_retention))
        // POST never comes here: the listener takes it before the router.
        .route("/chat/completions", any(only_post))
        .route("/completions", any(only_post))
        .route("/responses", any(only_post))
        .route("/embeddings", any(only_post))
        .route("/rerank", any(only_post))
        .route("/messages", any(only_post))
        .route("/messages/count_tokens", post(count_tokens::messages))
        .route("/key", get(key::show))
        .route("/route", post(route::show))
        .route("/openapi.json", get(openapi::serve))
        .merge(responses::routes())
        .merge(generations::routes())
        .merge(keys::routes())
        .merge(credits::routes())
        .merge(organization::routes())
        .merge(workspaces::routes())
        .merge(authorization::routes())
        .merge(activity::routes())
        .merge(analytics::routes())
        .merge(audit::routes())
        .merge(byok::routes())
}

/// What OpenRouter has no counterpart of: for the pages of the dashboard.
fn internal() -> Router<Arc<App>> {
    Router::new()
        .merge(sign_in::routes())
        .merge(sign_on::routes())
        .merge(invitations::routes())
        .merge(members::routes())
        .route("/models/stats", get(model_stats::show))
        .route("/settings", get(settings::show))
        .route("/status/providers", get(status::providers::list))
        .merge(byok::internal())
        .merge(generations::internal())
        .merge(keys::internal())
        .merge(management_keys::routes())
        .merge(privacy::routes())
}

/// Where clients of Anthropic's look that are given the address of a host alone.
fn anthropic() -> Router<Arc<App>> {
    Router::new()
        .route("/models", get(catalogue::models))
        .route("/models/{author}", get(catalogue::retrieve_named))
        .route("/models/{author}/{slug}", get(catalogue::retrieve))
        .route("/messages", any(only_post))
        .route("/messages/count_tokens", post(count_tokens::messages))
}

/// Where clients of Google's look.
fn google() -> Router<Arc<App>> {
    Router::new()
        .route("/models", get(native::google_models))
        .route("/models/{*name}", get(native::google_model_by_name).post(count_tokens::gemini))
}

/// Something was deleted.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Deleted {
    deleted: bool,
}

impl Deleted {
    const DONE: Self = Self { deleted: true };
}

/// An error in the API's envelope, as axum takes it.
pub struct Refused(pub Fault);

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<QueryRejection> for Refused {
    /// ERR-1: in the envelope like every other error.
    fn from(rejection: QueryRejection) -> Self {
        Self(Fault::invalid(format!("the query cannot be read: {}", rejection.body_text())))
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        Self(Fault::invalid(format!("the path cannot be read: {}", rejection.body_text())))
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        respond(&self.0, None, &[]).map(axum::body::Body::new)
    }
}

/// What errors mean: where `error.availability.docs_url` leads. ERR-10
async fn errors_explained() -> &'static str {
    include_str!("../../../../docs/errors.md")
}

/// A page, or what is wrong with the address.
async fn unknown_route(
    State(app): State<Arc<App>>,
    method: http::Method,
    // The whole address: a nested router sees but the end of it.
    OriginalUri(uri): OriginalUri,
    headers: http::HeaderMap,
) -> Response {
    if app.settings.dashboard
        && let Some(page) = pages::answer(&method, &uri, &headers, &app.settings.base_path)
    {
        return page.map(axum::body::Body::new);
    }
    let path: String = uri.path().chars().take(200).collect();
    let mut message = format!("There is no route {path}");
    if !["/api/", "/v1/"].iter().any(|prefix| path.starts_with(prefix)) {
        message.push_str("; the API is below /api/v1, and below /v1");
    }
    Refused(Fault::new(ErrorType::NotFound, message)).into_response()
}

async fn only_post(method: http::Method, uri: OriginalUri) -> Response {
    let mut response = wrong_method(method, uri).await.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

async fn wrong_method(method: http::Method, OriginalUri(uri): OriginalUri) -> Refused {
    let path: String = uri.path().chars().take(200).collect();
    let fault = Fault::new(
        ErrorType::InvalidRequest,
        format!("{path} does not answer the method {method}"),
    );
    Refused(fault.with_status(StatusCode::METHOD_NOT_ALLOWED.as_u16()))
}
