//! Answering a question: one statement sums lines of a roll-up, the rest is done with its result.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use super::condition::Conditions;
use super::metric::Metric;
use super::query::{
    AnalyticsQuery, AnalyticsResult, AnalyticsRow, Dimension, Direction, Filter, Granularity,
    Operator, Order, OrderBy,
};
use crate::calendar::{
    MICROS_PER_DAY, MICROS_PER_MINUTE, MINUTES_PER_DAY, day_of, month_start, week_start,
};
use crate::engine::{Row, Sql, values};
use crate::roll_up::{Outline, SUM_COUNT, Sum, Sums, Table, sum_columns};
use crate::{Micros, Store, StoreError};

/// The most groups one statement gives. What is beyond is left out, and the answer says so.
const MAX_GROUPS: i64 = 100_000;

/// A stretch of time and the values of the dimensions.
type Group = (Option<Micros>, Vec<String>);

type Groups = HashMap<Group, Sums>;

impl Store {
    /// Answers a question from the roll-ups (ACT-3). Refused if it is beyond the bounds. What the
    /// database takes longer for than `patience` is ended there: [`StoreError::OutOfTime`].
    pub async fn analytics(
        &self,
        query: &AnalyticsQuery,
        patience: Duration,
    ) -> Result<AnalyticsResult, StoreError> {
        query.check()?;
        self.settlements().catch_up().await;
        let (table, is_cut_short) = self.table_for(query).await?;
        let statement = Statement::of(query, table);
        let text = Sql::composed(statement.text);
        let values = statement.conditions.values();
        let rows = self.database().fetch_all_within(patience, text, values).await?;
        let mut truncated = i64::try_from(rows.len()).is_ok_and(|rows| rows > MAX_GROUPS);
        let mut groups = Groups::new();
        let summed = summed(query);
        for row in &rows {
            let (key, sums) = read(row, query, &summed)?;
            groups.entry(key).or_default().join(&sums);
        }
        let mut rows: Vec<AnalyticsRow> = groups
            .into_iter()
            .map(|((time, dimensions), sums)| AnalyticsRow {
                time,
                dimensions,
                requests: sums.get(Sum::Requests),
                figures: query.metrics.iter().map(|metric| metric.of(&sums)).collect(),
            })
            .collect();
        rows.sort_by(|one, two| compare(query, one, two));
        truncated |= keep_first(&mut rows, query);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        truncated |= rows.len() > limit;
        rows.truncate(limit);
        let by_whole_days = table != Table::Minute && !is_of_days(query);
        Ok(AnalyticsResult { rows, truncated, by_whole_days, is_cut_short })
    }

    /// Minutes where days do not do, as long as they are there; and whether nothing else does
    /// although they are not. Of days the outline that tells enough apart, if one does.
    async fn table_for(&self, query: &AnalyticsQuery) -> Result<(Table, bool), StoreError> {
        let needs_minutes =
            matches!(query.granularity, Some(Granularity::Minute | Granularity::Hour));
        if is_of_days(query) && !needs_minutes {
            return Ok((self.days_for(query), false));
        }
        let text = "SELECT (SELECT MIN(minute) FROM usage_minute) AS minute, \
                    (SELECT MIN(day) FROM usage_day WHERE day >= $1) AS day";
        let row = self.database().fetch_one(text, values![day_of(query.time_range.start)]).await?;
        let minute: Option<i64> = row.try_get("minute")?;
        let day: Option<i64> = row.try_get("day")?;
        // Days before the first minute are days whose minutes were removed.
        let is_complete = match (minute, day) {
            (Some(minute), Some(day)) => minute.div_euclid(MINUTES_PER_DAY) <= day,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        Ok(match (needs_minutes, is_complete) {
            (true, _) => (Table::Minute, !is_complete),
            (false, true) => (Table::Minute, false),
            (false, false) => (self.days_for(query), false),
        })
    }

    /// The table of days with the fewest lines that tells apart what is asked about.
    fn days_for(&self, query: &AnalyticsQuery) -> Table {
        let asked = query.dimensions.iter().copied();
        let asked: Vec<Dimension> =
            asked.chain(query.filters.iter().map(|filter| filter.dimension)).collect();
        [Outline::App, Outline::Endpoint, Outline::Key]
            .into_iter()
            .filter(|_| self.is_outlined())
            .find(|outline| asked.iter().all(|dimension| outline.has(series_column(*dimension))))
            .map_or(Table::Day, Table::Outline)
    }
}

/// Whether the range begins and ends with days.
fn is_of_days(query: &AnalyticsQuery) -> bool {
    let range = query.time_range;
    range.start.rem_euclid(MICROS_PER_DAY) == 0 && range.end.rem_euclid(MICROS_PER_DAY) == 0
}

struct Statement<'q> {
    text: String,
    conditions: Conditions<'q>,
}

impl<'q> Statement<'q> {
    fn of(query: &'q AnalyticsQuery, table: Table) -> Statement<'q> {
        let mut conditions = Conditions::default();
        query.filters.iter().for_each(|filter| condition(&mut conditions, filter));
        let of_series = conditions.split();
        let time = match table {
            Table::Minute => "line.minute",
            Table::Day | Table::Outline(_) => "line.day",
        };
        if let Table::Outline(outline) = table {
            conditions.number("line.kind", "=", outline.kind());
        }
        conditions.number(time, ">=", table.time_of(query.time_range.start));
        conditions.number(time, "<=", table.time_of(query.time_range.end.saturating_sub(1)));
        let join = |is_needed| match is_needed {
            true => " LEFT JOIN api_key ON api_key.hash = series.key_hash",
            false => "",
        };
        // What takes nearly every series is looked at in those that were summed. Else lines of
        // other series are not summed at all; of an outline, which has few of them, only its own
        // are looked at.
        let is_broad = query.filters.iter().all(is_broad);
        if !is_broad {
            let of_outline = match table {
                Table::Outline(_) => format!(
                    "series.id IN (SELECT line.series FROM {} AS line WHERE {}) AND ",
                    table.name(),
                    conditions.text_of()
                ),
                Table::Minute | Table::Day => String::new(),
            };
            let by_member = |filter: &Filter| filter.dimension == Dimension::Member;
            conditions.put(format!(
                "line.series IN (SELECT series.id FROM usage_series AS series{} \
                 WHERE {of_outline}{of_series})",
                join(query.filters.iter().any(by_member))
            ));
        }

        let stretch = match (query.granularity, table) {
            (None, _) => None,
            // Hours are told apart here so that sixty times fewer lines come back.
            (Some(Granularity::Hour), _) => Some("line.minute / 60".to_owned()),
            (Some(Granularity::Minute), _) | (Some(_), Table::Day | Table::Outline(_)) => {
                Some(time.to_owned())
            }
            (Some(_), Table::Minute) => Some(format!("line.minute / {MINUTES_PER_DAY}")),
        };
        let sums: Vec<String> = summed(query)
            .into_iter()
            .map(|column| format!("CAST(SUM(line.{column}) AS BIGINT) AS {column}"))
            .collect();
        // Lines are summed by series first, which are numbers, and only then by the texts of those:
        // a series has a line for each stretch of the table.
        let (told, by) = match &stretch {
            Some(stretch) => (format!("{stretch} AS stretch, "), format!("{stretch}, ")),
            None => (String::new(), String::new()),
        };
        let lines = format!(
            "SELECT {told}line.series AS series, {} FROM {} AS line WHERE {} \
             GROUP BY {by}line.series",
            sums.join(", "),
            table.name(),
            conditions.text_of(),
        );
        let mut groups: Vec<&str> = Vec::new();
        let mut selected = Vec::new();
        if stretch.is_some() {
            groups.push("line.stretch");
            selected.push("line.stretch AS stretch".to_owned());
        }
        for (dimension, name) in query.dimensions.iter().zip(NAMES) {
            let column = column_of(*dimension);
            groups.push(column);
            selected.push(format!("{column} AS {name}"));
        }
        selected.extend(sums);
        let group = match groups.is_empty() {
            true => String::new(),
            false => format!(" GROUP BY {}", groups.join(", ")),
        };
        let which = match is_broad {
            true => format!(" WHERE {of_series}"),
            false => String::new(),
        };
        let text = format!(
            "SELECT {} FROM ({lines}) AS line \
             JOIN usage_series AS series ON series.id = line.series{}{which}{group} LIMIT {}",
            selected.join(", "),
            join(query.dimensions.contains(&Dimension::Member)),
            MAX_GROUPS + 1,
        );
        Statement { text, conditions }
    }
}

const NAMES: [&str; 2] = ["first", "second"];

/// The columns a question needs, in the order of [`sum_columns`].
fn summed(query: &AnalyticsQuery) -> Vec<&'static str> {
    let mut needed: Vec<&str> = query.metrics.iter().flat_map(|metric| metric.columns()).collect();
    needed.push(Sum::Requests.column());
    sum_columns().filter(|column| needed.contains(column)).collect()
}

/// The column of a series that a dimension needs.
fn series_column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Member => "key_hash",
        Dimension::Byok => "is_byok",
        _ => column_of(dimension).trim_start_matches("series."),
    }
}

fn column_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Account => "series.account_id",
        Dimension::Workspace => "series.workspace_id",
        Dimension::ApiKey => "series.key_hash",
        Dimension::Member => "COALESCE(api_key.member_id, '')",
        Dimension::Model => "series.model",
        Dimension::ModelPermaslug => "series.model_permaslug",
        Dimension::Endpoint => "series.endpoint_tag",
        Dimension::Provider => "series.provider_name",
        Dimension::ProviderSlug => "series.provider_slug",
        Dimension::App => "series.app",
        Dimension::Byok => "CASE WHEN series.is_byok THEN 'true' ELSE 'false' END",
    }
}

/// Whether a filter is one that usually takes all series there are.
fn is_broad(filter: &Filter) -> bool {
    filter.dimension == Dimension::Account && filter.operator == Operator::Eq
}

fn condition<'q>(conditions: &mut Conditions<'q>, filter: &'q Filter) {
    let column = column_of(filter.dimension);
    let places: Vec<String> =
        filter.values.iter().map(|value| conditions.bind(value.as_str())).collect();
    let places = places.join(", ");
    conditions.put(match filter.operator {
        Operator::Eq => format!("{column} = {places}"),
        Operator::Neq => format!("{column} <> {places}"),
        // No value, nothing equal to one of them.
        Operator::In if filter.values.is_empty() => "1 = 0".to_owned(),
        Operator::NotIn if filter.values.is_empty() => "1 = 1".to_owned(),
        Operator::In => format!("{column} IN ({places})"),
        Operator::NotIn => format!("{column} NOT IN ({places})"),
        Operator::Gt => format!("{column} > {places}"),
        Operator::Gte => format!("{column} >= {places}"),
        Operator::Lt => format!("{column} < {places}"),
        Operator::Lte => format!("{column} <= {places}"),
    });
}

fn read(row: &Row, query: &AnalyticsQuery, summed: &[&str]) -> Result<(Group, Sums), StoreError> {
    let time = match query.granularity {
        None => None,
        Some(granularity) => Some(begin_of(granularity, row.try_get("stretch")?)),
    };
    let dimensions = query.dimensions.iter().zip(NAMES).map(|(_, name)| row.try_get(name));
    let dimensions = dimensions.collect::<Result<_, _>>()?;
    let mut figures = [0; SUM_COUNT];
    for (figure, column) in figures.iter_mut().zip(sum_columns()) {
        if !summed.contains(&column) {
            continue;
        }
        // Without groups there is a row also where there is nothing to sum.
        *figure = row.try_get::<Option<i64>>(column)?.unwrap_or(0);
    }
    Ok(((time, dimensions), Sums::of_figures(figures)))
}

/// The first moment of a stretch the statement told.
fn begin_of(granularity: Granularity, stretch: i64) -> Micros {
    let (count, length) = match granularity {
        Granularity::Minute => (stretch, MICROS_PER_MINUTE),
        Granularity::Hour => (stretch, 60 * MICROS_PER_MINUTE),
        Granularity::Day => (stretch, MICROS_PER_DAY),
        Granularity::Week => (week_start(stretch), MICROS_PER_DAY),
        Granularity::Month => (month_start(stretch), MICROS_PER_DAY),
    };
    count.saturating_mul(length)
}

/// Leaves the first rows of each combination of dimensions; says whether others went.
fn keep_first(rows: &mut Vec<AnalyticsRow>, query: &AnalyticsQuery) -> bool {
    let Some(limit) = query.group_limit.filter(|_| !query.dimensions.is_empty()) else {
        return false;
    };
    let before = rows.len();
    let mut counts: HashMap<Vec<String>, u32> = HashMap::new();
    rows.retain(|row| {
        let count = counts.entry(row.dimensions.clone()).or_default();
        *count += 1;
        *count <= limit
    });
    rows.len() < before
}

/// The order asked for, and where that says nothing the usual one.
fn compare(query: &AnalyticsQuery, one: &AnalyticsRow, two: &AnalyticsRow) -> Ordering {
    let asked = query.order_by.iter().map(|by| compare_by(query, by, one, two));
    asked
        .chain([
            one.time.cmp(&two.time),
            compare_figures(0, one, two).reverse(),
            one.dimensions.cmp(&two.dimensions),
        ])
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn compare_by(
    query: &AnalyticsQuery,
    by: &OrderBy,
    one: &AnalyticsRow,
    two: &AnalyticsRow,
) -> Ordering {
    let ordering = match by.order {
        Order::Time => one.time.cmp(&two.time),
        Order::Metric(Metric::RequestCount) => one.requests.cmp(&two.requests),
        Order::Metric(metric) => {
            let place = query.metrics.iter().position(|asked| *asked == metric);
            place.map_or(Ordering::Equal, |place| compare_figures(place, one, two))
        }
        Order::Dimension(dimension) => {
            let place = query.dimensions.iter().position(|asked| *asked == dimension);
            place.map_or(Ordering::Equal, |place| {
                one.dimensions.get(place).cmp(&two.dimensions.get(place))
            })
        }
    };
    match by.direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    }
}

fn compare_figures(place: usize, one: &AnalyticsRow, two: &AnalyticsRow) -> Ordering {
    let figure = |row: &AnalyticsRow| {
        let figure = row.figures.get(place).copied().flatten();
        figure.map_or(f64::NEG_INFINITY, |figure| figure.as_f64())
    };
    figure(one).total_cmp(&figure(two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::day_of;

    #[test]
    fn stretches_begin_where_the_calendar_says() {
        let begin = |granularity, stretch| begin_of(granularity, stretch);
        assert_eq!(begin(Granularity::Hour, 3), 3 * 3_600_000_000);
        assert_eq!(begin(Granularity::Week, 10), 4 * MICROS_PER_DAY);
        assert_eq!(begin(Granularity::Month, 40), 31 * MICROS_PER_DAY);
        assert_eq!(day_of(begin(Granularity::Day, 7)), 7);
    }
}
