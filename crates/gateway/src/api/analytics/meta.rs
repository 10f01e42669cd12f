//! `GET /analytics/meta`: exactly what can be asked. ACT-2

use axum::Json;
use serde::Serialize;
use store::{Dimension, Granularity, Metric, Operator};
use utoipa::ToSchema;

use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct MetaAnswer {
    data: Meta,
}

/// What can be asked.
#[derive(Serialize, ToSchema)]
pub struct Meta {
    metrics: Vec<MetricObject>,
    dimensions: Vec<NamedObject>,
    operators: Vec<OperatorObject>,
    granularities: Vec<NamedObject>,
}

/// A figure.
#[derive(Serialize, ToSchema)]
pub struct MetricObject {
    name: &'static str,
    display_label: String,
    /// `number`, `currency` (USD), `percent` (a share, 0 to 1), `latency` (milliseconds) or
    /// `throughput` (tokens per second).
    display_format: &'static str,
    /// Whether it must not be added up.
    is_rate: bool,
}

/// A dimension or a granularity.
#[derive(Serialize, ToSchema)]
pub struct NamedObject {
    name: &'static str,
    display_label: String,
}

/// A comparison.
#[derive(Serialize, ToSchema)]
pub struct OperatorObject {
    name: &'static str,
    /// `scalar` or `array`.
    value_type: &'static str,
}

/// Lists what can be asked.
#[utoipa::path(
    get,
    path = "/api/v1/analytics/meta",
    tag = "analytics",
    responses((status = 200, body = MetaAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(_: Management) -> Json<MetaAnswer> {
    let named = |name: &'static str| NamedObject { name, display_label: label(name) };
    let metrics = Metric::ALL.iter().map(|metric| MetricObject {
        name: metric.as_str(),
        display_label: label(metric.as_str()),
        display_format: format_of(*metric),
        is_rate: metric.is_rate(),
    });
    let operators = Operator::ALL.iter().map(|operator| OperatorObject {
        name: operator.as_str(),
        value_type: match operator {
            Operator::In | Operator::NotIn => "array",
            _ => "scalar",
        },
    });
    let data = Meta {
        metrics: metrics.collect(),
        // An account asks about itself alone.
        dimensions: Dimension::ALL
            .iter()
            .filter(|dimension| **dimension != Dimension::Account)
            .map(|dimension| named(dimension.as_str()))
            .collect(),
        operators: operators.collect(),
        granularities: Granularity::ALL.iter().map(|one| named(one.as_str())).collect(),
    };
    Json(MetaAnswer { data })
}

/// How a figure is shown, told from its name.
pub fn format_of(metric: Metric) -> &'static str {
    let name = metric.as_str();
    let is_time = ["latency", "first_token", "generation_time"];
    if name.contains("usage") {
        "currency"
    } else if name.starts_with("throughput") {
        "throughput"
    } else if is_time.iter().any(|begin| name.starts_with(begin)) {
        "latency"
    } else if name.ends_with("_rate") {
        "percent"
    } else {
        "number"
    }
}

/// `cache_hit_rate` as `Cache hit rate`.
fn label(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first
        .into_iter()
        .chain(letters.map(|letter| if letter == '_' { ' ' } else { letter }))
        .collect()
}
