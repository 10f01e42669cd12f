//! The list of models as clients of Anthropic's and Google's expect it. CLIENT-1

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use catalog::{Model, ModelKind};
use http::HeaderMap;
use protocol::Surface;
use protocol::exchange::{ErrorType, Fault};
use serde_json::{Value, json};

use super::time::iso;
use crate::app::App;
use crate::control::Snapshot;
use crate::error::respond_on;

/// The most models on one page of Google's list.
const MOST: usize = 1_000;

/// Whether a client of Anthropic's asks.
pub fn asks_as_anthropic(headers: &HeaderMap) -> bool {
    headers.contains_key("anthropic-version")
}

/// Whether a client of Google's asks: its SDK has addresses of its own, but for `api_version="v1"`.
pub fn asks_as_google(headers: &HeaderMap) -> bool {
    headers.contains_key("x-goog-api-key")
}

/// Adds to models what Anthropic's clients read, beside what OpenRouter's do.
pub fn add_anthropic_members(list: &mut Value) {
    let Some(models) = list["data"].as_array_mut() else { return };
    for model in models.iter_mut() {
        add_to_model(model);
    }
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    let (first, last) = (id(models.first()), id(models.last()));
    list["has_more"] = json!(!list["links"]["next"].is_null());
    list["first_id"] = first;
    list["last_id"] = last;
}

/// The same of one model.
pub fn add_to_model(model: &mut Value) {
    model["type"] = json!("model");
    model["display_name"] = model["name"].clone();
    let created = model["created"].as_i64().unwrap_or_default();
    model["created_at"] = json!(iso(created.saturating_mul(1_000_000)));
}

/// `GET /v1beta/models`: pages of at most 1,000, `pageToken` counts models.
pub async fn google_models(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let snapshot = app.snapshot();
    let asked = |wanted: &str| {
        form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes())
            .find(|(name, _)| name == wanted)
            .and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let size = asked("pageSize").filter(|size| *size > 0).unwrap_or(50).min(MOST);
    let from = asked("pageToken").unwrap_or(0);
    let mut models = usable(&snapshot).skip(from);
    let page: Vec<_> = models.by_ref().take(size).map(google_model).collect();
    let mut list = json!({ "models": page });
    if models.next().is_some() {
        list["nextPageToken"] = json!((from + size).to_string());
    }
    Json(list).into_response()
}

/// `GET /v1beta/models/{model}`.
pub async fn google_model_by_name(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => {
            // ERR-1: in the envelope like every other error.
            let message = format!("the path cannot be read: {}", rejection.body_text());
            return told(&Fault::invalid(message));
        }
    };
    google_model_named(&app.snapshot(), &name)
}

/// A model in Google's form.
pub fn google_model_named(snapshot: &Snapshot, name: &str) -> Response {
    let catalog = &snapshot.catalog;
    match catalog.find(name).or_else(|| catalog.find_native(name)) {
        Some(id) if snapshot.available.has_model(id) => {
            Json(google_model(catalog.model(id))).into_response()
        }
        _ => {
            let shown: String = name.chars().take(200).collect();
            told(&Fault::new(ErrorType::NotFound, format!("models/{shown} is not found")))
        }
    }
}

fn told(fault: &Fault) -> Response {
    refused_as(Surface::Gemini, fault)
}

/// An error in a surface's own words.
pub fn refused_as(surface: Surface, fault: &Fault) -> Response {
    respond_on(surface, fault, None, &[]).map(axum::body::Body::new)
}

fn usable(snapshot: &Snapshot) -> impl Iterator<Item = &Model> {
    let models = snapshot.catalog.models();
    models
        .filter(|(id, model)| model.kind == ModelKind::Chat && snapshot.available.has_model(*id))
        .map(|(_, model)| model)
}

fn google_model(model: &Model) -> Value {
    json!({
        "name": format!("models/{}", model.id),
        "version": model.id,
        "displayName": model.name,
        "description": model.description,
        "inputTokenLimit": model.context_length,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    })
}
