//! What exists: models, endpoints, providers. MODELS

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use catalog::list::{
    EndpointStats, ModelFigures, ModelObject, ModelPage, ModelQuery, ModelSort, Percentiles,
    alias_object, endpoint_object, list_models, model_endpoints_object, model_object, next_link,
    provider_objects,
};
use catalog::{Availability, EndpointId, ModelId, Resolution, Slug, resolve};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use protocol::Surface;
use protocol::exchange::{ErrorType, Fault};
use routing::health::Span;
use serde_json::{Value, json};

use super::Refused;
use super::native::{
    add_anthropic_members, add_to_model, asks_as_anthropic, asks_as_google, google_model_named,
    google_models, refused_as,
};
use super::rss;
use super::session::Session;
use crate::app::App;
use crate::clock::{now_micros, now_millis, now_seconds};
use crate::control::Snapshot;
use crate::inference::admit::authenticate;

type Answer = Result<Json<Value>, Refused>;

/// `GET /models`. No key is needed. MODELS-1, MODELS-16
pub async fn models(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    if asks_as_google(&headers) {
        return Ok(google_models(State(app), RawQuery(query)).await);
    }
    let snapshot = app.snapshot();
    let mut pairs = pairs(query.as_deref());
    let as_anthropic = asks_as_anthropic(&headers);
    if as_anthropic {
        // Anthropic's pages are counted by ids. Its clients would ask for the next one for ever, so
        // they get all at once.
        pairs.retain(|(name, _)| !matches!(name.as_str(), "limit" | "offset"));
    }
    let page = page(&snapshot, &pairs, &snapshot.available)?;
    let objects = objects(&snapshot, &page, &snapshot.available);
    if flag(&pairs, "use_rss") {
        let chat = flag(&pairs, "use_rss_chat_links");
        let text = rss::render(&app.settings.public_url, &objects, chat);
        return Ok(([(CONTENT_TYPE, "application/rss+xml; charset=utf-8")], text).into_response());
    }
    let borrowed = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let next = next_link("/api/v1/models", borrowed, &page);
    let mut list = json!({ "data": objects, "total_count": page.total, "links": { "next": next } });
    if as_anthropic {
        add_anthropic_members(&mut list);
    }
    Ok(Json(list).into_response())
}

/// `GET /embeddings/models`: the models that make vectors. MODELS-15
pub async fn embedding_models(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let snapshot = app.snapshot();
    let mut pairs = pairs(query.as_deref());
    pairs.retain(|(name, _)| name != "output_modalities");
    pairs.push(("output_modalities".to_owned(), "embeddings".to_owned()));
    let page = page(&snapshot, &pairs, &snapshot.available)?;
    let borrowed = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let next = next_link("/api/v1/embeddings/models", borrowed, &page);
    Ok(Json(json!({
        "data": objects(&snapshot, &page, &snapshot.available),
        "total_count": page.total,
        "links": { "next": next },
    })))
}

/// `GET /models/count`. MODELS-9
pub async fn count(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let snapshot = app.snapshot();
    let page = page(&snapshot, &pairs(query.as_deref()), &snapshot.available)?;
    Ok(Json(json!({ "data": { "count": page.total } })))
}

/// `GET /models/user`: those that the caller's key reaches. MODELS-9
pub async fn models_of_caller(session: Session, RawQuery(query): RawQuery) -> Answer {
    let snapshot = &session.snapshot;
    let pairs = pairs(query.as_deref());
    let (catalog, policy) = (&snapshot.catalog, &session.caller.policy);
    let reached = Availability::of(catalog, &|endpoint| {
        snapshot.available.has_endpoint(endpoint)
            && snapshot.access_to(endpoint, &session.caller).next().is_some()
            && policy.admits_data(catalog, endpoint, catalog.model_id_of(endpoint))
    });
    let page = page(snapshot, &pairs, &reached)?;
    let borrowed = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let next = next_link("/api/v1/models/user", borrowed, &page);
    Ok(Json(json!({
        "data": objects(snapshot, &page, &reached),
        "total_count": page.total,
        "links": { "next": next },
    })))
}

/// `GET /model/{author}/{slug}`: aliases and variants are resolved. MODELS-9, VAR-5
pub async fn model(
    State(app): State<Arc<App>>,
    name: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let snapshot = app.snapshot();
    let name = name_of(name)?;
    let object = match find(&snapshot, &name)? {
        Found::Model(id) => model_object(&snapshot.catalog, id, &snapshot.available),
        Found::Alias(id) => alias_object(&snapshot.catalog, &name, id, &snapshot.available),
    };
    Ok(Json(json!({ "data": object })))
}

/// A model as clients of OpenAI's fetch it, with what OpenRouter tells of it beside.
#[derive(serde::Serialize)]
struct Retrieved {
    object: &'static str,
    owned_by: String,
    #[serde(flatten)]
    model: ModelObject,
}

/// `GET /models/{author}/{slug}`: what `models.retrieve` of OpenAI's clients asks for. CLIENT-1
pub async fn retrieve(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    name: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Refused> {
    retrieved(&app, &headers, &name_of(name)?)
}

/// `GET /models/{name}`: the same, where the slash is written `%2F` or the name is the author's.
pub async fn retrieve_named(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Refused> {
    let Path(name) = name?;
    retrieved(&app, &headers, &name)
}

fn retrieved(app: &App, headers: &HeaderMap, name: &str) -> Result<Response, Refused> {
    let snapshot = app.snapshot();
    if asks_as_google(headers) {
        return Ok(google_model_named(&snapshot, name));
    }
    let as_anthropic = asks_as_anthropic(headers);
    let catalog = &snapshot.catalog;
    let model = match find(&snapshot, name) {
        Ok(Found::Model(id)) => model_object(catalog, id, &snapshot.available),
        Ok(Found::Alias(id)) => alias_object(catalog, name, id, &snapshot.available),
        Err(fault) => match catalog.find_native(name) {
            Some(id) => model_object(catalog, id, &snapshot.available),
            None if as_anthropic => return Ok(refused_as(Surface::Messages, &fault)),
            None => return Err(fault.into()),
        },
    };
    let owned_by = model.id.split('/').next().unwrap_or_default().to_owned();
    let retrieved = Retrieved { object: "model", owned_by, model };
    if !as_anthropic {
        return Ok(Json(retrieved).into_response());
    }
    let mut told = serde_json::to_value(retrieved).map_err(crate::error::internal)?;
    add_to_model(&mut told);
    Ok(Json(told).into_response())
}

/// The model of a name that a caller gives it, whether it can be asked now or not.
pub(super) fn known(snapshot: &Snapshot, name: &str) -> Option<ModelId> {
    match find(snapshot, name) {
        Ok(Found::Model(id) | Found::Alias(id)) => Some(id),
        Err(_) => snapshot.catalog.find_native(name),
    }
}

/// `GET /models/{author}/{slug}/endpoints`. MODELS-10
pub async fn endpoints(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    name: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let snapshot = app.snapshot();
    let known = authenticate(&headers, &snapshot, now_micros()).is_ok();
    let (Found::Model(id) | Found::Alias(id)) = find(&snapshot, &name_of(name)?)?;
    let object = model_endpoints_object(
        &snapshot.catalog,
        id,
        &|endpoint| snapshot.available.has_endpoint(endpoint),
        &|endpoint| statistics(&snapshot, endpoint, known),
    );
    Ok(Json(json!({ "data": object })))
}

/// `GET /providers`. MODELS-14
pub async fn providers(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "data": provider_objects(&app.snapshot().catalog) }))
}

/// `GET /endpoints/zdr`: those that can be used and retain nothing. MODELS-15
pub async fn zero_retention(State(app): State<Arc<App>>) -> Json<Value> {
    let snapshot = app.snapshot();
    let catalog = &snapshot.catalog;
    let found: Vec<_> = catalog
        .endpoints()
        .filter(|(id, _)| snapshot.available.has_endpoint(*id))
        .filter_map(|(id, endpoint)| {
            let model = catalog
                .find(&endpoint.model)
                .filter(|model| catalog.retains_nothing(id, *model))?;
            Some(endpoint_object(catalog, model, id, statistics(&snapshot, id, false)))
        })
        .collect();
    Json(json!({ "data": found }))
}

/// The model's name in a path.
fn name_of(path: Result<Path<(String, String)>, PathRejection>) -> Result<String, Refused> {
    let Path((author, slug)) = path?;
    Ok(format!("{author}/{slug}"))
}

enum Found {
    Model(ModelId),
    Alias(ModelId),
}

fn find(snapshot: &Snapshot, name: &str) -> Result<Found, Fault> {
    let missing = || {
        let shown: String = name.chars().take(200).collect();
        Fault::new(ErrorType::NotFound, format!("Model {shown} not found"))
    };
    let slug = Slug::parse(name).map_err(|_| missing())?;
    match resolve(&snapshot.catalog, &slug, &snapshot.available) {
        Resolution::Model(id) | Resolution::Unavailable(id) => Ok(Found::Model(id)),
        Resolution::Latest(id) => Ok(Found::Alias(id)),
        Resolution::Withdrawn(_) | Resolution::EmptyFamily | Resolution::Unknown { .. } => {
            Err(missing())
        }
    }
}

fn page(
    snapshot: &Snapshot,
    pairs: &[(String, String)],
    available: &Availability,
) -> Result<ModelPage, Fault> {
    let borrowed = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let query = ModelQuery::parse(borrowed).map_err(|error| Fault::invalid(error.to_string()))?;
    // Adding up half an hour of every endpoint is worth it only where the order asks for it.
    let is_by_speed =
        matches!(query.sort, ModelSort::ThroughputHighToLow | ModelSort::LatencyLowToHigh);
    let figures = |model: ModelId| match is_by_speed {
        true => figures(snapshot, model),
        false => ModelFigures::default(),
    };
    let now = i64::try_from(now_seconds()).unwrap_or(i64::MAX);
    Ok(list_models(&snapshot.catalog, &query, available, &figures, now))
}

fn objects(snapshot: &Snapshot, page: &ModelPage, available: &Availability) -> Vec<ModelObject> {
    page.rows
        .iter()
        .map(|row| match &row.alias {
            Some(alias) => alias_object(&snapshot.catalog, alias, row.model, available),
            None => model_object(&snapshot.catalog, row.model, available),
        })
        .collect()
}

/// The best median of a model's endpoints, for the orders by speed. MODELS-3
fn figures(snapshot: &Snapshot, model: ModelId) -> ModelFigures {
    let now = now_millis();
    let mut figures = ModelFigures::default();
    for endpoint in snapshot.catalog.endpoints_of(model) {
        let Some(health) = snapshot.health.get(endpoint) else { continue };
        if let Some(speed) = health.throughput(Span::HalfHour, now) {
            figures.throughput = Some(figures.throughput.unwrap_or(0.0).max(speed.p50));
        }
        if let Some(latency) = health.latency_ms(Span::HalfHour, now) {
            figures.latency = Some(figures.latency.unwrap_or(f64::MAX).min(latency.p50));
        }
    }
    figures
}

/// What was measured of an endpoint; speed is for callers with a key. MODELS-12, MODELS-13
fn statistics(snapshot: &Snapshot, endpoint: EndpointId, known: bool) -> Option<EndpointStats> {
    let health = snapshot.health.get(endpoint)?;
    let now = now_millis();
    let percentiles = |found: routing::health::Percentiles| Percentiles {
        p50: found.p50,
        p75: found.p75,
        p90: found.p90,
        p99: found.p99,
    };
    Some(EndpointStats {
        uptime_last_5m: health.uptime(Span::FiveMinutes, now),
        uptime_last_30m: health.uptime(Span::HalfHour, now),
        uptime_last_1d: health.uptime(Span::Day, now),
        latency_last_30m: health.latency_ms(Span::HalfHour, now).filter(|_| known).map(percentiles),
        throughput_last_30m: health
            .throughput(Span::HalfHour, now)
            .filter(|_| known)
            .map(percentiles),
    })
}

fn flag(pairs: &[(String, String)], wanted: &str) -> bool {
    pairs.iter().any(|(name, value)| name == wanted && value == "true")
}

/// The decoded pairs of a query.
fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}
