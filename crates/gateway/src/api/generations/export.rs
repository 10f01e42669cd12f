//! `GET /generations/export`: rows of the books as CSV. Our own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{Direction, Generation, GenerationFilter, Store};
use utoipa::IntoParams;

use crate::api::Refused;
use crate::api::csv::{self, Cell, Writer, push_line};
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

const HEAD: [&str; 27] = [
    "id",
    "request_id",
    "created_at",
    "workspace_id",
    "api_key_hash",
    "api_type",
    "model_requested",
    "model",
    "provider",
    "endpoint",
    "status",
    "error_type",
    "finish_reason",
    "streamed",
    "cancelled",
    "latency_ms",
    "generation_time_ms",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "total_cost_usd",
    "upstream_cost_usd",
    "price_state",
    "is_byok",
    "external_user",
    "session_id",
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
        model: which.model,
        session_id: which.session_id,
        from,
        until: Some(until),
    };
    let store = app.store.clone();
    Ok(csv::answer("generations.csv", move |writer| write(store, filter, writer)))
}

async fn write(store: Store, filter: GenerationFilter, writer: Writer) {
    let mut table = String::new();
    push_line(&mut table, HEAD.map(Cell::Text));
    let mut pages = store.export_generations(filter, Direction::Descending);
    loop {
        let rows = match pages.next().await {
            Ok(rows) => rows,
            Err(error) => return writer.fail(error).await,
        };
        rows.iter().flatten().for_each(|row| push_row(&mut table, row));
        // The head alone, if there is nothing else.
        let is_over = rows.is_none();
        if !table.is_empty() && !writer.write(std::mem::take(&mut table)).await || is_over {
            return;
        }
    }
}

fn push_row(table: &mut String, row: &Generation) {
    let truth = |truth: bool| Cell::Text(if truth { "true" } else { "false" });
    let created = iso(row.created_at);
    let cells: [Cell<'_>; HEAD.len()] = [
        Cell::Text(&row.id),
        Cell::Text(&row.request_id),
        Cell::Text(&created),
        Cell::Text(&row.workspace_id),
        Cell::Text(&row.key_hash),
        Cell::Text(&row.api_type),
        Cell::Text(&row.model_requested),
        Cell::Text(&row.model),
        Cell::Text(&row.provider_name),
        Cell::Text(&row.endpoint_tag),
        Cell::Number(row.status.into()),
        Cell::text(row.error_type.as_deref()),
        Cell::text(row.finish_reason.as_deref()),
        truth(row.streamed),
        truth(row.cancelled),
        Cell::Number(row.latency_ms),
        Cell::Number(row.generation_time_ms),
        Cell::Number(row.native_tokens_prompt),
        Cell::Number(row.native_tokens_completion),
        Cell::Number(row.native_tokens_reasoning),
        Cell::Number(row.native_tokens_cached),
        Cell::Usd(row.total_cost),
        Cell::Usd(row.upstream_inference_cost),
        Cell::Text(row.price_state.as_str()),
        truth(row.is_byok),
        Cell::text(row.external_user.as_deref()),
        Cell::text(row.session_id.as_deref()),
    ];
    push_line(table, cells);
}
