//! `GET /api/internal/models/stats`: how much models are used, and how well they do. Our own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use routing::health::Span;
use serde::Serialize;
use store::{
    AnalyticsQuery, AnalyticsRow, Dimension, Figure, Filter, Metric, Operator, Order, OrderBy,
    TimeRange,
};
use utoipa::ToSchema;

use super::Refused;
use super::change::refused;
use super::openapi::ErrorAnswer;
use super::session::Management;
use crate::app::App;
use crate::clock::{now_micros, now_millis};
use crate::control::Snapshot;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(15);

const WEEK: i64 = 7 * 86_400_000_000;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ModelStatsAnswer {
    /// Every model that was used in a week, or of which the health is known; at most a thousand
    /// of the former.
    data: Vec<ModelStats>,
}

/// A model over the last seven days.
#[derive(Serialize, ToSchema)]
pub struct ModelStats {
    id: String,
    /// Prompt and completion.
    tokens_7d: i64,
    requests_7d: i64,
    /// Mean time to the first token, milliseconds.
    first_token_ms: Option<f64>,
    /// Median, tokens per second.
    speed: Option<f64>,
    /// Of the best of its endpoints over a day, in percent, as this node has seen it; `null` where
    /// none had ten requests. MODELS-12
    uptime: Option<f64>,
}

/// Tells what models were used for the account, the most used first.
#[utoipa::path(
    get,
    path = "/api/internal/models/stats",
    tag = "internal",
    responses((status = 200, body = ModelStatsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
) -> Result<Json<ModelStatsAnswer>, Refused> {
    let now = now_micros();
    let query = AnalyticsQuery {
        metrics: vec![Metric::TokensTotal, Metric::FirstTokenMean, Metric::ThroughputP50],
        dimensions: vec![Dimension::Model],
        filters: vec![Filter {
            dimension: Dimension::Account,
            operator: Operator::Eq,
            values: vec![management.account_id().to_owned()],
        }],
        granularity: None,
        time_range: TimeRange { start: now.saturating_sub(WEEK), end: now },
        order_by: vec![OrderBy {
            order: Order::Metric(Metric::TokensTotal),
            direction: store::Direction::Descending,
        }],
        limit: 1_000,
        group_limit: None,
    };
    let answer = app.store.analytics(&query, PATIENCE).await.map_err(refused)?;
    let mut uptimes = uptimes(&app.snapshot(), now_millis());
    let mut data: Vec<ModelStats> = answer
        .rows
        .iter()
        .filter_map(|row| {
            let id = row.dimensions.first().filter(|id| !id.is_empty())?;
            let uptime = uptimes.remove(id);
            Some(stats(id.clone(), row, uptime))
        })
        .collect();
    let mut idle: Vec<_> = uptimes.into_iter().collect();
    idle.sort_by(|one, other| one.0.cmp(&other.0));
    data.extend(idle.into_iter().map(|(id, uptime)| ModelStats {
        id,
        tokens_7d: 0,
        requests_7d: 0,
        first_token_ms: None,
        speed: None,
        uptime: Some(uptime),
    }));
    Ok(Json(ModelStatsAnswer { data }))
}

fn stats(id: String, row: &AnalyticsRow, uptime: Option<f64>) -> ModelStats {
    let figure = |place: usize| row.figures.get(place).copied().flatten();
    ModelStats {
        id,
        tokens_7d: match figure(0) {
            Some(Figure::Count(tokens)) => tokens,
            _ => 0,
        },
        requests_7d: row.requests,
        first_token_ms: figure(1).map(Figure::as_f64),
        speed: figure(2).map(Figure::as_f64),
        uptime,
    }
}

/// The best uptime of each model's endpoints, where it is known.
fn uptimes(snapshot: &Snapshot, now_ms: u64) -> HashMap<String, f64> {
    let mut best: HashMap<String, f64> = HashMap::new();
    for (id, endpoint) in snapshot.catalog.endpoints() {
        let uptime = snapshot.health.get(id).and_then(|health| health.uptime(Span::Day, now_ms));
        if let Some(uptime) = uptime {
            let known = best.entry(endpoint.model.clone()).or_insert(uptime);
            *known = known.max(uptime);
        }
    }
    best
}
