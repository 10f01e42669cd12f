//! `GET /responses/{id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use protocol::exchange::Fault;
use serde::Deserialize;

use crate::api::Refused;
use crate::api::openapi::{ErrorAnswer, ResponsesAnswer};
use crate::api::page::{Asked, truth};
use crate::api::session::Session;
use crate::app::App;

/// How it is to be shown.
#[derive(Deserialize)]
pub struct How {
    stream: Option<String>,
}

/// Shows a stored answer as it was given. A key sees those of its workspace, a member's its own.
#[utoipa::path(
    get,
    path = "/api/v1/responses/{id}",
    tag = "responses",
    params(("id" = String, Path, description = "The answer's id, `gen-…`")),
    responses((status = 200, body = ResponsesAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    session: Session,
    id: Result<Path<String>, PathRejection>,
    Asked(how): Asked<How>,
) -> Result<Response, Refused> {
    let Path(id) = id?;
    if truth("stream", how.stream.as_deref())? {
        return Err(Fault::invalid("stream: a stored answer is shown whole; leave it out").into());
    }
    let found = super::find(&app, &session, &id).await?;
    Ok(([(CONTENT_TYPE, "application/json")], found.response).into_response())
}
