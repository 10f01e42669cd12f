//! Outlines of days that were summed without them: by a version that knew none, in a database from
//! before it, or beside this one while nodes are replaced.

use std::collections::BTreeMap;

use super::older::Numbers;
use super::{OUTLINES, Outline, SERIES, SUM_COUNT, Sums, sum_columns};
use crate::calendar::day_of;
use crate::engine::{Database, Row, Session, Sql, Value, values};
use crate::{Micros, Store, StoreError};

/// Lines read at once: a day can have as many as there were requests.
const LINES: i64 = 5_000;

/// Lines written at once.
const LINES_AT_ONCE: usize = 100;

/// How many days before today may differ: longer than nodes of two versions work beside each other.
const DAYS_BACK: i64 = 2;

/// The same for the first look after a start.
const DAYS_BACK_AT_FIRST: i64 = 35;

impl Store {
    /// Sees to it that outlines come to what their days do. A database from before there were
    /// outlines gets those of all days; until then questions read the days themselves. Where there
    /// may be nodes that know none, recent days are made up for: further back after a start, since
    /// one of them may have handed in what it had kept for a while.
    pub(crate) async fn see_to_outlines(&self, now: Micros) -> Result<(), StoreError> {
        if !self.is_outlined() {
            tracing::info!("days get sums by endpoint, by application and by key");
            let days = mend_outlines(self.database(), i64::MIN).await?;
            tracing::info!(days, "days have sums by endpoint, by application and by key");
        } else if self.database().is_shared() {
            let back = if self.was_looked_over() { DAYS_BACK } else { DAYS_BACK_AT_FIRST };
            mend_outlines(self.database(), day_of(now).saturating_sub(back)).await?;
        }
        self.set_outlined();
        Ok(())
    }
}

/// Whether all days have outlines: the first one gets them last.
pub(crate) async fn is_outlined(database: &Database) -> Result<bool, StoreError> {
    let text = "SELECT (SELECT MIN(day) FROM usage_day) AS day, \
                (SELECT MIN(day) FROM usage_outline_day WHERE kind = $1) AS outlined";
    let row = database.fetch_one(text, values![Outline::Key.kind()]).await?;
    let day: Option<i64> = row.try_get("day")?;
    let outlined: Option<i64> = row.try_get("outlined")?;
    Ok(day.is_none_or(|day| outlined.is_some_and(|outlined| outlined <= day)))
}

/// Makes anew the outlines of days, from one on, that do not come to the same as `usage_day`; says
/// how many those were. Days count from the Unix epoch; each is a transaction for which settlements
/// wait.
async fn mend_outlines(database: &Database, from_day: i64) -> Result<u64, StoreError> {
    let mut session = database.session().await?;
    let differing = differing(&mut session, from_day, i64::MAX).await?;
    drop(session);
    let mut count = 0;
    for day in differing.into_iter().rev() {
        count += u64::from(mend_day(database, day).await?);
    }
    Ok(count)
}

/// Says whether there was something to mend.
async fn mend_day(database: &Database, day: i64) -> Result<bool, StoreError> {
    let mut write = database.begin_write().await?;
    if database.is_shared() {
        write.execute("LOCK TABLE usage_day IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    }
    // Another node may have done it.
    if differing(&mut write, day, day).await?.is_empty() {
        return Ok(false);
    }
    let outlines = outlines_of(&mut write, day).await?;
    for outline in Outline::ALL {
        let clear = "DELETE FROM usage_outline_day WHERE kind = $1 AND day = $2";
        write.execute(clear, values![outline.kind(), day]).await?;
        let lines: Vec<_> = outlines[outline as usize].iter().collect();
        for lines in lines.chunks(LINES_AT_ONCE) {
            let mut values: Vec<Value<'_>> = Vec::with_capacity(lines.len() * (SUM_COUNT + 1));
            for (series, sums) in lines {
                values.push((**series).into());
                values.extend(sums.figures().iter().map(|figure| Value::from(*figure)));
            }
            let text = add_lines(outline, day, lines.len());
            write.execute(Sql::composed(text), &values).await?;
        }
    }
    write.commit().await?;
    Ok(true)
}

/// Puts so many lines into an outline; the values are series and figures of each.
fn add_lines(outline: Outline, day: i64, count: usize) -> String {
    let columns: Vec<&str> = sum_columns().collect();
    let width = columns.len() + 1;
    let line = |at: usize| {
        let places: Vec<String> = (1..=width).map(|n| format!("${}", at * width + n)).collect();
        format!("({}, {day}, {})", outline.kind(), places.join(", "))
    };
    format!(
        "INSERT INTO usage_outline_day (kind, day, series, {}) VALUES {}",
        columns.join(", "),
        (0..count).map(line).collect::<Vec<_>>().join(", ")
    )
}

/// The days whose outlines do not come to what `usage_day` does, in order. One statement, so that
/// no batch comes in between.
async fn differing(session: &mut Session, from: i64, until: i64) -> Result<Vec<i64>, StoreError> {
    let sums = "day, CAST(SUM(requests) AS BIGINT) AS requests, \
                CAST(SUM(cost_nano_usd) AS BIGINT) AS cost";
    let range = "day >= $1 AND day <= $2 GROUP BY day";
    let mut joins = String::new();
    let mut differences = Vec::new();
    for outline in Outline::ALL {
        let kind = outline.kind();
        joins.push_str(&format!(
            " LEFT JOIN (SELECT {sums} FROM usage_outline_day WHERE kind = {kind} AND {range}) \
             AS outline_{kind} ON outline_{kind}.day = line.day"
        ));
        for figure in ["requests", "cost"] {
            differences.push(format!(
                "outline_{kind}.{figure} IS NULL OR outline_{kind}.{figure} <> line.{figure}"
            ));
        }
    }
    let text = format!(
        "SELECT line.day AS day FROM (SELECT {sums} FROM usage_day WHERE {range}) AS line{joins} \
         WHERE {} ORDER BY line.day",
        differences.join(" OR ")
    );
    let rows = session.fetch_all(Sql::composed(text), values![from, until]).await?;
    rows.iter().map(|row| row.try_get("day")).collect()
}

/// The lines of a day in each outline, by series.
async fn outlines_of(
    session: &mut Session,
    day: i64,
) -> Result<[BTreeMap<i64, Sums>; OUTLINES], StoreError> {
    let mut outlines: [BTreeMap<i64, Sums>; OUTLINES] = Default::default();
    let text = format!(
        "SELECT line.series, {}, {} FROM usage_day AS line \
         JOIN usage_series AS series ON series.id = line.series \
         WHERE line.day = $1 AND line.series > $2 ORDER BY line.series LIMIT $3",
        SERIES.columns.map(|column| format!("series.{column}")).join(", "),
        sum_columns().map(|column| format!("line.{column}")).collect::<Vec<_>>().join(", "),
    );
    let mut numbers = Numbers::default();
    let mut last = i64::MIN;
    loop {
        let values = values![day, last, LINES];
        let rows = session.fetch_all(Sql::composed(text.clone()), values).await?;
        for row in &rows {
            last = row.try_get("series")?;
            let texts = texts(row)?;
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let Ok(texts) = <[&str; 10]>::try_from(texts) else { continue };
            let sums = sums(row)?;
            for outline in Outline::ALL {
                let texts = outline.texts(&texts.map(Some));
                let number = numbers.of(session, &texts).await?;
                outlines[outline as usize].entry(number).or_default().join(&sums);
            }
        }
        if rows.is_empty() {
            return Ok(outlines);
        }
    }
}

fn texts(row: &Row) -> Result<Vec<String>, StoreError> {
    let text = |column: &str| match column {
        "is_byok" => Ok(row.try_get::<bool>(column)?.to_string()),
        _ => row.try_get(column),
    };
    SERIES.columns.into_iter().map(text).collect()
}

fn sums(row: &Row) -> Result<Sums, StoreError> {
    let mut figures = [0; SUM_COUNT];
    for (figure, column) in figures.iter_mut().zip(sum_columns()) {
        *figure = row.try_get(column)?;
    }
    Ok(Sums::of_figures(figures))
}
