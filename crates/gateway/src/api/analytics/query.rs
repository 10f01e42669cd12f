//! `POST /analytics/query`. ACT-3, ACT-4

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{AnalyticsQuery, AnalyticsRow, Dimension, Figure};
use utoipa::ToSchema;

use super::meta::format_of;
use super::read::Question;
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::refused;
use crate::api::keys::names::names;
use crate::api::money::Usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

/// How long the database may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct QueryAnswer {
    data: QueryResult,
}

/// Rows, and how they were made.
#[derive(Serialize, ToSchema)]
pub struct QueryResult {
    /// A member for each metric and dimension asked for, and `date__day` or its like.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    metadata: QueryMetadata,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

/// How an answer was made.
#[derive(Serialize, ToSchema)]
pub struct QueryMetadata {
    query_time_ms: u64,
    row_count: usize,
    /// Whether there were more rows than asked for.
    truncated: bool,
}

/// Answers a question about the account's usage.
#[utoipa::path(
    post,
    path = "/api/v1/analytics/query",
    tag = "analytics",
    request_body = Question,
    responses((status = 200, body = QueryAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn query(
    State(app): State<Arc<App>>,
    management: Management,
    Given(question): Given<Question>,
) -> Result<Json<QueryAnswer>, Refused> {
    let started = Instant::now();
    let query = question.read(management.account_id(), management.own_only(), now_micros())?;
    let answer = app.store.analytics(&query, PATIENCE).await.map_err(refused)?;
    let known = Known {
        people: people(&app, &query).await?,
        keys: keys(&app, management.account_id(), &query, &answer.rows).await?,
    };
    let data: Vec<Value> = answer.rows.iter().map(|row| object(&query, row, &known)).collect();
    let mut warnings = Vec::new();
    if answer.by_whole_days {
        warnings.push("Minutes of this range are no longer kept: whole UTC days stand for it");
    }
    if answer.is_cut_short {
        warnings.push("Minutes of the range's beginning are no longer kept: ask by day for it");
    }
    let metadata = QueryMetadata {
        query_time_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        row_count: data.len(),
        truncated: answer.truncated,
    };
    Ok(Json(QueryAnswer { data: QueryResult { data, metadata, warnings } }))
}

/// Mail addresses by member, where members are told apart. ACT-4
async fn people(app: &App, query: &AnalyticsQuery) -> Result<HashMap<String, String>, Fault> {
    if !query.dimensions.contains(&Dimension::Member) {
        return Ok(HashMap::new());
    }
    let members = app.store.members().await.map_err(refused)?;
    Ok(members.into_iter().map(|member| (member.id, member.email)).collect())
}

/// Names of keys by hash, where keys are told apart. Our own
async fn keys(
    app: &App,
    account: &str,
    query: &AnalyticsQuery,
    rows: &[AnalyticsRow],
) -> Result<HashMap<String, String>, Fault> {
    match query.dimensions.iter().position(|dimension| *dimension == Dimension::ApiKey) {
        None => Ok(HashMap::new()),
        Some(place) => {
            let hashes = rows.iter().filter_map(|row| row.dimensions.get(place));
            names(app, account, hashes.map(String::as_str)).await.map_err(refused)
        }
    }
}

/// What is told beside identities.
struct Known {
    people: HashMap<String, String>,
    keys: HashMap<String, String>,
}

fn object(query: &AnalyticsQuery, row: &AnalyticsRow, known: &Known) -> Value {
    let mut members = Map::new();
    if let (Some(granularity), Some(time)) = (query.granularity, row.time) {
        members.insert(format!("date__{}", granularity.as_str()), json!(iso(time)));
    }
    for (dimension, value) in query.dimensions.iter().zip(&row.dimensions) {
        members.insert(dimension.as_str().to_owned(), json!(value));
        if *dimension == Dimension::Member {
            members.insert("user_email".to_owned(), json!(known.people.get(value)));
        }
        if *dimension == Dimension::ApiKey {
            members.insert("api_key_name".to_owned(), json!(known.keys.get(value)));
        }
    }
    for (metric, figure) in query.metrics.iter().zip(&row.figures) {
        let is_money = format_of(*metric) == "currency";
        let value = match figure {
            Some(Figure::Count(nano)) if is_money => json!(Usd(*nano)),
            Some(Figure::Count(count)) => json!(count),
            Some(Figure::Rate(rate)) => json!(rate),
            None => Value::Null,
        };
        members.insert(metric.as_str().to_owned(), value);
    }
    Value::Object(members)
}
