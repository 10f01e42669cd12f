//! Roll-ups: what the rows of the books come to, by minute and by day, told apart by series.
//! They are summed in memory for each batch, and written in its transaction, a few lines for many
//! rows.

pub(crate) mod attempts;
mod histogram;
pub(crate) mod key_day;
mod older;
mod outline;
mod outlining;
mod series;
mod sums;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub(crate) use histogram::{
    LATENCY_BOUNDS, LATENCY_COLUMNS, THROUGHPUT_BOUNDS, THROUGHPUT_COLUMNS, percentile,
};
pub(crate) use key_day::KeyDays;
pub(crate) use outline::{OUTLINES, Outline};
pub(crate) use outlining::is_outlined;
pub(crate) use series::{Apps, Combination, Known, Last, SERIES, Series, digest};
pub(crate) use sums::{COUNT as SUM_COUNT, Sum, Sums, columns as sum_columns};

use crate::calendar::{day_of, minute_of};
use crate::{Generation, Micros};

/// Where a line stands: its minute or day, and the number of its series.
pub(crate) type Place = (i64, i64);

/// The sums of one batch.
#[derive(Debug, Default)]
pub(crate) struct RollUp {
    minutes: HashMap<Place, Sums, RandomState>,
    /// The outlines of the series among them.
    outlines: HashMap<i64, [i64; OUTLINES], RandomState>,
}

impl RollUp {
    /// Adds a row of that series.
    pub(crate) fn add(&mut self, row: &Generation, series: Series) {
        self.minutes.entry((minute_of(row.created_at), series.number)).or_default().add(row);
        self.outlines.insert(series.number, series.outlines);
    }

    /// The lines of `usage_minute`, in the order of its key.
    pub(crate) fn minutes(&self) -> Vec<(Place, Sums)> {
        sorted(self.minutes.iter().map(|(place, sums)| (*place, *sums)).collect())
    }

    /// The lines of `usage_day`, in the order of its key.
    pub(crate) fn days(&self) -> Vec<(Place, Sums)> {
        let mut days: HashMap<Place, Sums, RandomState> = HashMap::default();
        for ((minute, series), sums) in &self.minutes {
            days.entry((day_of_minute(*minute), *series)).or_default().join(sums);
        }
        sorted(days.into_iter().collect())
    }

    /// The lines of `usage_outline_day` that an outline has, in the order of its key.
    pub(crate) fn outlined(&self, days: &[(Place, Sums)], outline: Outline) -> Vec<(Place, Sums)> {
        let mut lines: HashMap<Place, Sums, RandomState> = HashMap::default();
        for ((day, series), sums) in days {
            if let Some(outlines) = self.outlines.get(series) {
                lines.entry((*day, outlines[outline as usize])).or_default().join(sums);
            }
        }
        sorted(lines.into_iter().collect())
    }

    /// The number of the outline of a series among those added.
    pub(crate) fn outline_of(&self, series: i64, outline: Outline) -> Option<i64> {
        Some(self.outlines.get(&series)?[outline as usize])
    }
}

fn sorted(mut lines: Vec<(Place, Sums)>) -> Vec<(Place, Sums)> {
    lines.sort_unstable_by_key(|(place, _)| *place);
    lines
}

fn day_of_minute(minute: i64) -> i64 {
    day_of(minute.saturating_mul(crate::calendar::MICROS_PER_MINUTE))
}

/// The tables of roll-ups by series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Minute,
    Day,
    Outline(Outline),
}

impl Table {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::Minute => "usage_minute",
            Table::Day => "usage_day",
            Table::Outline(_) => "usage_outline_day",
        }
    }

    /// The columns a line is found by.
    fn key(self) -> &'static [&'static str] {
        match self {
            Table::Minute => &["minute", "series"],
            Table::Day => &["day", "series"],
            Table::Outline(_) => &["kind", "day", "series"],
        }
    }

    /// The time of a moment as the table counts it.
    pub(crate) fn time_of(self, moment: Micros) -> i64 {
        match self {
            Table::Minute => minute_of(moment),
            Table::Day | Table::Outline(_) => day_of(moment),
        }
    }

    /// How a line's figures join those the table has: the end of an `INSERT`.
    pub(crate) fn on_conflict(self) -> String {
        let table = self.name();
        let joined: Vec<String> = sum_columns()
            .map(|column| format!("{column} = {table}.{column} + excluded.{column}"))
            .collect();
        format!("ON CONFLICT ({}) DO UPDATE SET {}", self.key().join(", "), joined.join(", "))
    }

    /// Adds one line: the values are what it is found by, but for the kind of an outline, and its
    /// figures.
    pub(crate) fn add_line(self) -> String {
        let columns: Vec<&str> = sum_columns().collect();
        let mut places: Vec<String> = (1..=columns.len() + 2).map(|n| format!("${n}")).collect();
        if let Table::Outline(outline) = self {
            places.insert(0, outline.kind().to_string());
        }
        format!(
            "INSERT INTO {} ({}, {}) VALUES ({}) {}",
            self.name(),
            self.key().join(", "),
            columns.join(", "),
            places.join(", "),
            self.on_conflict()
        )
    }
}
