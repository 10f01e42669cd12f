//! Outlines of days that were summed without them: by a version that knew none, in a database from
//! before it, or beside this one while nodes are replaced.

use std::collections::BTreeMap;

use super::older::Numbers;
use super::{OUTLINES, Outline, Place, SERIES, SUM_COUNT, Sums, Table, sum_columns};
use crate::StoreError;
use crate::engine::{Database, Row, Session, Sql, Value, values};

/// Lines read at once: a day can have as many as there were requests.
const LINES: i64 = 5_000;

/// What a day comes to: requests, nano-dollars.
type Total = (i64, i64);

/// Makes the outlines of all days if there are days but none for the first of them: once, when a
/// database from before there were outlines is opened. The first day is made last, so that what was
/// interrupted goes on.
pub(crate) async fn make_outlines(database: &Database) -> Result<(), StoreError> {
    let text = "SELECT (SELECT MIN(day) FROM usage_day) AS day, \
                (SELECT MIN(day) FROM usage_outline_day WHERE kind = $1) AS outlined";
    let row = database.fetch_one(text, values![Outline::Key.kind()]).await?;
    let day: Option<i64> = row.try_get("day")?;
    let outlined: Option<i64> = row.try_get("outlined")?;
    match day {
        Some(day) if outlined.is_none_or(|outlined| outlined > day) => {
            mend_outlines(database, day).await
        }
        _ => Ok(()),
    }
}

/// Makes anew the outlines of days, from one on, that do not come to the same as `usage_day`. Days
/// count from the Unix epoch; each is a transaction for which settlements wait.
pub(crate) async fn mend_outlines(database: &Database, from_day: i64) -> Result<(), StoreError> {
    let mut session = database.session().await?;
    let days = totals(&mut session, Table::Day, from_day, i64::MAX).await?;
    let mut outlined = Vec::new();
    for outline in Outline::ALL {
        let table = Table::Outline(outline);
        outlined.push(totals(&mut session, table, from_day, i64::MAX).await?);
    }
    drop(session);
    for (day, total) in days.into_iter().rev() {
        if outlined.iter().any(|totals| totals.get(&day) != Some(&total)) {
            mend_day(database, day).await?;
        }
    }
    Ok(())
}

async fn mend_day(database: &Database, day: i64) -> Result<(), StoreError> {
    let mut write = database.begin_write().await?;
    if database.is_shared() {
        write.execute("LOCK TABLE usage_day IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    }
    // What differed a moment ago may have been a batch in between.
    let (outlines, is_whole) = outlines_of(&mut write, day).await?;
    if is_whole {
        return Ok(());
    }
    for outline in Outline::ALL {
        let clear = "DELETE FROM usage_outline_day WHERE kind = $1 AND day = $2";
        write.execute(clear, values![outline.kind(), day]).await?;
        let add = Table::Outline(outline).add_line();
        for ((_, series), sums) in &outlines[outline as usize] {
            let mut values: Vec<Value<'_>> = vec![day.into(), (*series).into()];
            values.extend(sums.figures().iter().map(|figure| Value::from(*figure)));
            write.execute(Sql::composed(add.clone()), &values).await?;
        }
    }
    write.commit().await
}

/// What each day of a table comes to.
async fn totals(
    session: &mut Session,
    table: Table,
    from: i64,
    until: i64,
) -> Result<BTreeMap<i64, Total>, StoreError> {
    let kind = match table {
        Table::Outline(outline) => format!("kind = {} AND ", outline.kind()),
        Table::Minute | Table::Day => String::new(),
    };
    let text = format!(
        "SELECT day, CAST(SUM(requests) AS BIGINT) AS requests, \
         CAST(SUM(cost_nano_usd) AS BIGINT) AS cost FROM {} \
         WHERE {kind}day >= $1 AND day <= $2 GROUP BY day",
        table.name()
    );
    let rows = session.fetch_all(Sql::composed(text), values![from, until]).await?;
    let total =
        |row: &Row| Ok((row.try_get("day")?, (row.try_get("requests")?, row.try_get("cost")?)));
    rows.iter().map(total).collect()
}

/// The lines of a day in each outline, and whether they are there already.
async fn outlines_of(
    session: &mut Session,
    day: i64,
) -> Result<([BTreeMap<Place, Sums>; OUTLINES], bool), StoreError> {
    let day_total = totals(session, Table::Day, day, day).await?;
    let mut is_whole = true;
    for outline in Outline::ALL {
        is_whole &= totals(session, Table::Outline(outline), day, day).await? == day_total;
    }
    let mut outlines: [BTreeMap<Place, Sums>; OUTLINES] = Default::default();
    if is_whole {
        return Ok((outlines, true));
    }
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
                outlines[outline as usize].entry((day, number)).or_default().join(&sums);
            }
        }
        if rows.is_empty() {
            return Ok((outlines, false));
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
