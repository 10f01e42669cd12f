//! `GET /activity/export`: the same as CSV. Our own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use store::{ActivityQuery, ActivityRow, Store};

use super::query::{Which, day_text};
use crate::api::Refused;
use crate::api::csv::{self, Cell, Writer, push_line};
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

const HEAD: [&str; 12] = [
    "date",
    "workspace_id",
    "model",
    "model_permaslug",
    "endpoint_id",
    "provider_name",
    "usage_usd",
    "byok_usage_inference_usd",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
];

/// Exports what was used on the last 30 completed UTC days, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/activity/export",
    tag = "activity",
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
    let query = which.read(&app, &management, now_micros()).await?;
    let store = app.store.clone();
    Ok(csv::answer("activity.csv", move |writer| write(store, query, writer)))
}

/// A day at a time: what is held is what one day's endpoints did.
async fn write(store: Store, query: ActivityQuery, writer: Writer) {
    let mut table = String::new();
    push_line(&mut table, HEAD.map(Cell::Text));
    let days = match query.date {
        Some(date) => date..date + 1,
        None => query.from_day..query.until_day,
    };
    for day in days.rev() {
        let of_day = ActivityQuery { date: Some(day), ..query.clone() };
        match store.activity(&of_day).await {
            Ok(rows) => rows.iter().for_each(|row| push_row(&mut table, row)),
            Err(error) => return writer.fail(error).await,
        }
        if !table.is_empty() && !writer.write(std::mem::take(&mut table)).await {
            return;
        }
    }
}

fn push_row(table: &mut String, row: &ActivityRow) {
    let date = day_text(row.day);
    let cells: [Cell<'_>; HEAD.len()] = [
        Cell::Text(&date),
        Cell::text(row.workspace_id.as_deref()),
        Cell::Text(&row.model),
        Cell::Text(&row.model_permaslug),
        Cell::Text(&row.endpoint_id),
        Cell::Text(&row.provider_name),
        Cell::Usd(row.usage),
        Cell::Usd(row.byok_usage_inference),
        Cell::Number(row.requests),
        Cell::Number(row.prompt_tokens),
        Cell::Number(row.completion_tokens),
        Cell::Number(row.reasoning_tokens),
    ];
    push_line(table, cells);
}
