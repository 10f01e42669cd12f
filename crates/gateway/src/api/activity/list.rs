//! `GET /activity`. ACT-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::ActivityRow;
use utoipa::ToSchema;

use super::query::{Which, day_text};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::money::Usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ActivityAnswer {
    data: Vec<ActivityItem>,
}

/// What an endpoint was used for on a day; money in USD.
#[derive(Serialize, ToSchema)]
pub struct ActivityItem {
    date: String,
    model: String,
    model_permaslug: String,
    endpoint_id: String,
    provider_name: String,
    #[schema(value_type = f64)]
    usage: Usd,
    #[schema(value_type = f64)]
    byok_usage_inference: Usd,
    requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    reasoning_tokens: i64,
    /// With `group_by=workspace` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<String>,
}

impl From<ActivityRow> for ActivityItem {
    fn from(row: ActivityRow) -> Self {
        Self {
            date: day_text(row.day),
            model: row.model,
            model_permaslug: row.model_permaslug,
            endpoint_id: row.endpoint_id,
            provider_name: row.provider_name,
            usage: Usd(row.usage),
            byok_usage_inference: Usd(row.byok_usage_inference),
            requests: row.requests,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            reasoning_tokens: row.reasoning_tokens,
            workspace_id: row.workspace_id,
        }
    }
}

/// Lists what was used on the last 30 completed UTC days, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/activity",
    tag = "activity",
    params(Which),
    responses((status = 200, body = ActivityAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(which): Asked<Which>,
) -> Result<Json<ActivityAnswer>, Refused> {
    let query = which.read(&app, &management, now_micros()).await?;
    let rows = app.store.activity(&query).await.map_err(refused)?;
    Ok(Json(ActivityAnswer { data: rows.into_iter().map(ActivityItem::from).collect() }))
}
