//! Reads a question. What is not served is refused by the name of the member at fault. ACT-3

use protocol::exchange::Fault;
use serde::Deserialize;
use serde_json::Value;
use store::{
    AnalyticsQuery, Dimension, Direction, Filter, Granularity, Metric, Micros, Operator, Order,
    OrderBy, TimeRange,
};
use utoipa::ToSchema;

use super::meta::format_of;
use crate::api::time::utc_micros;

const DAY: Micros = 86_400_000_000;
/// The range of a question that names none.
const USUAL_RANGE: Micros = 30 * DAY;
/// The longest range by the minute: more would be cut off by the most rows anyway.
const MOST_DAYS_BY_MINUTE: i64 = 7;
/// The longest range by the hour, which is as long as minutes are kept, and of latencies. ACT-4
const MOST_DAYS_IN_DETAIL: i64 = 31;

/// A question. ACT-3
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What to tell; see `/analytics/meta`.
    #[schema(min_items = 1)]
    metrics: Vec<String>,
    /// What to tell apart.
    #[schema(max_items = 2)]
    #[serde(default)]
    dimensions: Vec<String>,
    #[schema(max_items = 20)]
    #[serde(default)]
    filters: Vec<FilterRequest>,
    /// `minute`, `hour`, `day`, `week` or `month`; the range as a whole unless said.
    granularity: Option<String>,
    /// The last 30 days unless said; at most 7 days by the minute, and 31 by the hour or where
    /// a metric of latency is asked for.
    time_range: Option<TimeRangeRequest>,
    order_by: Option<OrderRequest>,
    /// The most rows; 1000 unless said.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// The most rows of each combination of dimensions.
    #[schema(minimum = 1)]
    group_limit: Option<i64>,
}

/// A condition.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterRequest {
    /// A dimension.
    field: String,
    operator: String,
    /// A text or a number; an array of them for `in` and `not_in`.
    #[schema(value_type = Object)]
    value: Value,
    /// Rows without a value are those of the empty text; there is no other way to ask for them.
    #[serde(default)]
    include_unset: bool,
}

/// A stretch of time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeRangeRequest {
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
}

/// An order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// A metric or dimension asked for, or `date`.
    field: String,
    /// `asc` or `desc`.
    direction: String,
}

impl Question {
    /// Reads the question of an account, about one member alone if there is one.
    pub fn read(
        self,
        account: &str,
        member: Option<&str>,
        now: Micros,
    ) -> Result<AnalyticsQuery, Fault> {
        let metrics = known("metrics", &self.metrics, Metric::parse)?;
        let dimensions = known("dimensions", &self.dimensions, dimension)?;
        let granularity = self
            .granularity
            .as_deref()
            .map(|word| Granularity::parse(word).ok_or_else(|| unknown("granularity", word)));
        let granularity = granularity.transpose()?;
        // Whatever is asked, it is about the account of whoever asks.
        let own = |dimension, id: &str| Filter {
            dimension,
            operator: Operator::Eq,
            values: vec![id.to_owned()],
        };
        let mut filters = vec![own(Dimension::Account, account)];
        filters.extend(member.map(|id| own(Dimension::Member, id)));
        if self.filters.len() > 20 {
            return Err(Fault::invalid("filters: there are more than 20"));
        }
        for (at, filter) in self.filters.into_iter().enumerate() {
            filters.push(filter.read(at)?);
        }
        let bounded = |field: &str, number: Option<i64>, most: i64| match number {
            None => Ok(None),
            Some(number) if (1..=most).contains(&number) => Ok(u32::try_from(number).ok()),
            Some(_) => Err(Fault::invalid(format!("{field}: must be 1 to {most}"))),
        };
        let order_by = self.order_by.map(|order| order.read()).transpose()?;
        let time_range = range(self.time_range, granularity, &metrics, now)?;
        Ok(AnalyticsQuery {
            metrics,
            dimensions,
            filters,
            granularity,
            time_range,
            order_by: order_by.into_iter().collect(),
            limit: bounded("limit", self.limit, 1000)?.unwrap_or(1000),
            group_limit: bounded("group_limit", self.group_limit, 1000)?,
        })
    }
}

impl FilterRequest {
    fn read(self, at: usize) -> Result<Filter, Fault> {
        let field = |name: &str| format!("filters[{at}].{name}");
        let dimension =
            dimension(&self.field).ok_or_else(|| unknown(&field("field"), &self.field))?;
        let operator = Operator::parse(&self.operator)
            .ok_or_else(|| unknown(&field("operator"), &self.operator))?;
        if self.include_unset {
            return Err(Fault::invalid(format!("{}: is not served", field("include_unset"))));
        }
        let is_array = matches!(operator, Operator::In | Operator::NotIn);
        let wrong = |expected: &str| Fault::invalid(format!("{}: {expected}", field("value")));
        let values = match self.value {
            Value::Array(values) if is_array && values.len() <= 100 => {
                values.iter().map(scalar).collect::<Option<Vec<_>>>()
            }
            value if !is_array => scalar(&value).map(|value| vec![value]),
            _ => return Err(wrong("must be an array of at most 100 values")),
        };
        let values = values.ok_or_else(|| wrong("must be a text or a number"))?;
        Ok(Filter { dimension, operator, values })
    }
}

impl OrderRequest {
    fn read(&self) -> Result<OrderBy, Fault> {
        let order = match self.field.as_str() {
            "date" => Some(Order::Time),
            word => Metric::parse(word)
                .map(Order::Metric)
                .or_else(|| dimension(word).map(Order::Dimension)),
        };
        let order = order.ok_or_else(|| unknown("order_by.field", &self.field))?;
        let direction = Direction::parse(&self.direction)
            .ok_or_else(|| unknown("order_by.direction", &self.direction))?;
        Ok(OrderBy { order, direction })
    }
}

/// A dimension that can be asked for: not the account, which is always the caller's.
fn dimension(word: &str) -> Option<Dimension> {
    Dimension::parse(word).filter(|dimension| *dimension != Dimension::Account)
}

fn known<T>(field: &str, words: &[String], parse: fn(&str) -> Option<T>) -> Result<Vec<T>, Fault> {
    words.iter().map(|word| parse(word).ok_or_else(|| unknown(field, word))).collect()
}

fn unknown(field: &str, word: &str) -> Fault {
    let shown: String = word.chars().take(60).collect();
    Fault::invalid(format!("{field}: `{shown}` is not served; see GET /analytics/meta"))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn range(
    given: Option<TimeRangeRequest>,
    granularity: Option<Granularity>,
    metrics: &[Metric],
    now: Micros,
) -> Result<TimeRange, Fault> {
    let Some(given) = given else {
        let days = match granularity {
            Some(Granularity::Minute) => DAY,
            _ => USUAL_RANGE,
        };
        return Ok(TimeRange { start: now.saturating_sub(days), end: now });
    };
    let start = utc_micros("time_range.start", &given.start)?;
    let end = utc_micros("time_range.end", &given.end)?;
    if end <= start {
        return Err(Fault::invalid("time_range.end: must be after the start"));
    }
    let is_of_latency = metrics.iter().any(|metric| format_of(*metric) == "latency");
    let bounds = [
        (granularity == Some(Granularity::Minute), "by the minute", MOST_DAYS_BY_MINUTE),
        (granularity == Some(Granularity::Hour), "by the hour", MOST_DAYS_IN_DETAIL),
        (is_of_latency, "for metrics of latency", MOST_DAYS_IN_DETAIL),
    ];
    for (applies, what, days) in bounds {
        if applies && end.saturating_sub(start) > days * DAY {
            return Err(Fault::invalid(format!("time_range: {what}, at most {days} days")));
        }
    }
    Ok(TimeRange { start, end })
}
