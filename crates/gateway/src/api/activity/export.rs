//! `GET /activity/export`: the same as CSV. Our own.

use std::ops::Range;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use store::{ActivityQuery, ActivityRow, Store, StoreError};

use super::query::{Which, day_text};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::csv::{self, Cell, Column, Pages};
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

const COLUMNS: &[Column<ActivityRow>] = &[
    ("date", |row| Cell::made(day_text(row.day))),
    ("workspace_id", |row| Cell::maybe(row.workspace_id.as_deref())),
    ("model", |row| Cell::text(&row.model)),
    ("model_permaslug", |row| Cell::text(&row.model_permaslug)),
    ("endpoint_id", |row| Cell::text(&row.endpoint_id)),
    ("provider_name", |row| Cell::text(&row.provider_name)),
    ("usage_usd", |row| Cell::Usd(row.usage)),
    ("byok_usage_inference_usd", |row| Cell::Usd(row.byok_usage_inference)),
    ("requests", |row| Cell::Number(row.requests)),
    ("prompt_tokens", |row| Cell::Number(row.prompt_tokens)),
    ("completion_tokens", |row| Cell::Number(row.completion_tokens)),
    ("reasoning_tokens", |row| Cell::Number(row.reasoning_tokens)),
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
    let days = match query.date {
        Some(date) => date..date + 1,
        None => query.from_day..query.until_day,
    };
    let mut days = Days { store: app.store.clone(), query, days, first: None };
    // Before anything is answered: while the database is away that is the answer, and no table.
    days.first = days.next().await.map_err(refused)?;
    Ok(csv::table("activity.csv", COLUMNS, days))
}

/// A day at a time, the newest first: what is held is what one day's endpoints did.
struct Days {
    store: Store,
    query: ActivityQuery,
    days: Range<i64>,
    /// The first one, read already.
    first: Option<Vec<ActivityRow>>,
}

impl Pages for Days {
    type Row = ActivityRow;

    async fn next(&mut self) -> Result<Option<Vec<ActivityRow>>, StoreError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(day) = self.days.next_back() else { return Ok(None) };
        let of_day = ActivityQuery { date: Some(day), ..self.query.clone() };
        self.store.activity(&of_day).await.map(Some)
    }
}
