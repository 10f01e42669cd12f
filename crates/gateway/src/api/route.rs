//! `POST /route`: the plan for a chat request, its reasons and its price, without a call. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use protocol::exchange::{ErrorType, Fault};
use protocol::json::Envelope;
use protocol::openai_chat::read_facts;
use serde_json::{Value, json};

use super::Refused;
use super::session::Session;
use crate::app::App;
use crate::inference::admit::may_infer;
use crate::inference::plan::explain;
use crate::inference::{Call, Surface};

/// Explains the route of a chat request.
pub async fn show(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Value>, Refused> {
    may_infer(&session.caller)?;
    let limit = app.settings.max_body_bytes;
    let body = tokio::time::timeout(app.settings.body_timeout, axum::body::to_bytes(body, limit))
        .await
        .map_err(|_| {
            Fault::new(ErrorType::Timeout, "Operation timed out. Please try again later.")
                .with_status(408)
        })?
        .map_err(|_| Fault::new(ErrorType::PayloadTooLarge, "Request payload too large"))?;
    let envelope = Envelope::parse(&body).map_err(|error| Fault::invalid(error.to_string()))?;
    let facts = read_facts(&envelope)?;
    let call = Call::new(
        app,
        session.snapshot,
        session.caller,
        Surface::Chat,
        Call::new_id(),
        &headers,
        facts,
    )?;
    Ok(Json(json!({ "data": explain(&call)? })))
}
