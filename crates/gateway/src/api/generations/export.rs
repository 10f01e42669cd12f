//! `GET /generations/export`: rows of the books as CSV. Our own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{Direction, Generation, GenerationExport, GenerationFilter, StoreError};
use utoipa::IntoParams;

use crate::api::Refused;
use crate::api::csv::{self, Cell, Column, Pages};
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::api::time::{iso, utc_micros};
use crate::api::workspaces;
use crate::app::App;
use crate::clock::now_micros;

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Not older than this moment, in UTC.
    from: Option<String>,
    /// Older than this moment, in UTC; now unless said.
    until: Option<String>,
    /// Id or slug of a workspace.
    workspace_id: Option<String>,
    /// Hash of an API key.
    api_key_hash: Option<String>,
    /// Slug of the model served.
    model: Option<String>,
    /// The caller's session.
    session_id: Option<String>,
}

const COLUMNS: &[Column<Generation>] = &[
    ("id", |row| Cell::text(&row.id)),
    ("request_id", |row| Cell::text(&row.request_id)),
    ("created_at", |row| Cell::made(iso(row.created_at))),
    ("workspace_id", |row| Cell::text(&row.workspace_id)),
    ("api_key_hash", |row| Cell::text(&row.key_hash)),
    ("api_type", |row| Cell::text(&row.api_type)),
    ("model_requested", |row| Cell::text(&row.model_requested)),
    ("model", |row| Cell::text(&row.model)),
    ("provider", |row| Cell::text(&row.provider_name)),
    ("endpoint", |row| Cell::text(&row.endpoint_tag)),
    ("status", |row| Cell::Number(row.status.into())),
    ("error_type", |row| Cell::maybe(row.error_type.as_deref())),
    ("finish_reason", |row| Cell::maybe(row.finish_reason.as_deref())),
    ("streamed", |row| Cell::truth(row.streamed)),
    ("cancelled", |row| Cell::truth(row.cancelled)),
    ("latency_ms", |row| Cell::Number(row.latency_ms)),
    ("generation_time_ms", |row| Cell::Number(row.generation_time_ms)),
    ("prompt_tokens", |row| Cell::Number(row.native_tokens_prompt)),
    ("completion_tokens", |row| Cell::Number(row.native_tokens_completion)),
    ("reasoning_tokens", |row| Cell::Number(row.native_tokens_reasoning)),
    ("cached_tokens", |row| Cell::Number(row.native_tokens_cached)),
    ("total_cost_usd", |row| Cell::Usd(row.total_cost)),
    ("upstream_cost_usd", |row| Cell::Usd(row.upstream_inference_cost)),
    ("price_state", |row| Cell::text(row.price_state.as_str())),
    ("is_byok", |row| Cell::truth(row.is_byok)),
    ("external_user", |row| Cell::maybe(row.external_user.as_deref())),
    ("session_id", |row| Cell::maybe(row.session_id.as_deref())),
];

/// Exports generations, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/generations/export",
    tag = "generations",
    params(Which),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = "4XX", body = ErrorAnswer),
    )
)]
pub async fn export(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(which): Asked<Which>,
) -> Result<Response, Refused> {
    let moment = |field, text: Option<&str>| text.map(|text| utc_micros(field, text)).transpose();
    let from = moment("from", which.from.as_deref())?;
    // Rows that come while the table is written are not in it.
    let until = moment("until", which.until.as_deref())?.unwrap_or_else(now_micros);
    if from.is_some_and(|from| from > until) {
        return Err(Fault::invalid("from: is later than until").into());
    }
    let workspace = match which.workspace_id.as_deref() {
        Some(name) => Some(workspaces::named(&app, &management, Some(name)).await?.id),
        None => None,
    };
    let filter = GenerationFilter {
        workspace_id: workspace,
        account_id: Some(management.account_id().to_owned()),
        key_hash: which.api_key_hash,
        member_id: management.own_only().map(str::to_owned),
        model: which.model,
        session_id: which.session_id,
        from,
        until: Some(until),
        ..GenerationFilter::default()
    };
    let pages = app.store.export_generations(filter, Direction::Descending);
    Ok(csv::table("generations.csv", COLUMNS, pages))
}

impl Pages for GenerationExport {
    type Row = Generation;

    async fn next(&mut self) -> Result<Option<Vec<Generation>>, StoreError> {
        GenerationExport::next(self).await
    }
}
