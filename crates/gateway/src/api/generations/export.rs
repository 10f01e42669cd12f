//! `GET /generations/export`, for programs and for the log's page: rows of the books as CSV. Our own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{
    Direction, Generation, GenerationExport, GenerationFilter, GenerationStatus, PriceState,
    StoreError,
};
use utoipa::IntoParams;

use super::query::Filters;
use crate::api::Refused;
use crate::api::csv::{self, Cell, Column, Pages};
use crate::api::keys::names::names;
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

/// A row, with what others know of it.
pub struct Line {
    row: Generation,
    /// `None` for a key that is not known any more.
    key_name: Option<String>,
}

const COLUMNS: &[Column<Line>] = &[
    ("id", |line| Cell::text(&line.row.id)),
    ("request_id", |line| Cell::text(&line.row.request_id)),
    ("created_at", |line| Cell::made(iso(line.row.created_at))),
    ("workspace_id", |line| Cell::text(&line.row.workspace_id)),
    ("api_key_hash", |line| Cell::text(&line.row.key_hash)),
    ("api_key_name", |line| Cell::maybe(line.key_name.as_deref())),
    ("app", |line| Cell::maybe(line.row.app())),
    ("api_type", |line| Cell::text(&line.row.api_type)),
    ("model_requested", |line| Cell::text(&line.row.model_requested)),
    ("model", |line| Cell::text(&line.row.model)),
    ("provider", |line| Cell::text(&line.row.provider_name)),
    ("endpoint", |line| Cell::text(&line.row.endpoint_tag)),
    ("route", |line| Cell::made(route(&line.row))),
    ("outcome", |line| Cell::text(GenerationStatus::of(&line.row).as_str())),
    ("status", |line| Cell::Number(line.row.status.into())),
    ("error_type", |line| Cell::maybe(line.row.error_type.as_deref())),
    ("finish_reason", |line| Cell::maybe(line.row.finish_reason.as_deref())),
    ("streamed", |line| Cell::truth(line.row.streamed)),
    ("cancelled", |line| Cell::truth(line.row.cancelled)),
    ("first_token_ms", |line| line.row.first_token_ms.map_or(Cell::Empty, Cell::Number)),
    ("latency_ms", |line| Cell::Number(line.row.latency_ms)),
    ("generation_time_ms", |line| Cell::Number(line.row.generation_time_ms)),
    ("prompt_tokens", |line| Cell::Number(line.row.native_tokens_prompt)),
    ("completion_tokens", |line| Cell::Number(line.row.native_tokens_completion)),
    ("reasoning_tokens", |line| Cell::Number(line.row.native_tokens_reasoning)),
    ("cached_tokens", |line| Cell::Number(line.row.native_tokens_cached)),
    ("total_cost_usd", |line| priced(&line.row, line.row.total_cost)),
    ("upstream_cost_usd", |line| priced(&line.row, line.row.upstream_inference_cost)),
    ("price_state", |line| Cell::text(line.row.price_state.as_str())),
    ("is_byok", |line| Cell::truth(line.row.is_byok)),
    ("external_user", |line| Cell::maybe(line.row.external_user.as_deref())),
    ("session_id", |line| Cell::maybe(line.row.session_id.as_deref())),
];

/// An amount; nothing where the price was not known, which is not the same as nothing charged.
fn priced(row: &Generation, amount: i64) -> Cell<'static> {
    match row.price_state {
        PriceState::Unknown => Cell::Empty,
        _ => Cell::Usd(amount),
    }
}

/// Every attempt in order, as `Acme 503 > Other 200`; the kind of error where none was answered.
fn route(row: &Generation) -> String {
    let attempts = row.attempts.iter().map(|attempt| {
        let name = &attempt.provider_name;
        match (attempt.status, attempt.error_type.as_deref()) {
            (Some(status), _) => format!("{name} {status}"),
            (None, Some(error)) => format!("{name} {error}"),
            (None, None) => name.to_string(),
        }
    });
    attempts.collect::<Vec<_>>().join(" > ")
}

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
    Ok(answer(app, &management, filter))
}

/// Exports what a filter of the list takes, newest first.
#[utoipa::path(
    get,
    path = "/api/internal/generations/export",
    tag = "internal",
    params(Filters),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = "4XX", body = ErrorAnswer),
    )
)]
pub async fn export_filtered(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(filters): Asked<Filters>,
) -> Result<Response, Refused> {
    let mut filter = filters.read(management.account_id(), management.own_only())?;
    // Rows that come while the table is written are not in it.
    filter.until = Some(filter.until.unwrap_or_else(now_micros));
    Ok(answer(app, &management, filter))
}

/// The table, written a page at a time.
fn answer(app: Arc<App>, management: &Management, filter: GenerationFilter) -> Response {
    let account = management.account_id().to_owned();
    let pages = app.store.export_generations(filter, Direction::Descending);
    csv::table("generations.csv", COLUMNS, Named { pages, app, account })
}

/// Pages of rows, with the names of their keys.
struct Named {
    pages: GenerationExport,
    app: Arc<App>,
    account: String,
}

impl Pages for Named {
    type Row = Line;

    async fn next(&mut self) -> Result<Option<Vec<Line>>, StoreError> {
        let Some(rows) = self.pages.next().await? else { return Ok(None) };
        let hashes = rows.iter().map(|row| &*row.key_hash);
        let names = names(&self.app, &self.account, hashes).await?;
        let line = |row: Generation| {
            let key_name = names.get(&*row.key_hash).cloned();
            Line { row, key_name }
        };
        Ok(Some(rows.into_iter().map(line).collect()))
    }
}
