//! `GET /api/internal/generations/histogram`: how many there were, by time. Our own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::HistogramLine;
use utoipa::ToSchema;

use super::query::Filters;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::now_micros;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1440 * MINUTE;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most stretches.
const MOST: i64 = 120;

/// How long stretches can be, in minutes: all of them begin where hours or days do.
const STEPS: [i64; 9] = [1, 5, 15, 30, 60, 180, 360, 720, 1440];

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct Histogram {
    /// How long each stretch is.
    step_seconds: i64,
    /// Every stretch of the range, those without any too.
    data: Vec<Stretch>,
}

/// What there was in one stretch.
#[derive(Serialize, ToSchema)]
pub struct Stretch {
    /// Its first moment.
    at: String,
    /// Answers that were no errors, those whose caller left included.
    ok: i64,
    failed: i64,
}

/// Counts generations by time: over the last day unless a range is said, in at most some hundred
/// stretches.
#[utoipa::path(
    get,
    path = "/api/internal/generations/histogram",
    tag = "internal",
    params(Filters),
    responses((status = 200, body = Histogram), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(filters): Asked<Filters>,
) -> Result<Json<Histogram>, Refused> {
    let mut filter = filters.read(management.account_id(), management.own_only())?;
    let until = filter.until.unwrap_or_else(now_micros);
    let from = filter.from.unwrap_or_else(|| until.saturating_sub(DAY));
    (filter.from, filter.until) = (Some(from), Some(until));
    let step = step(from, until);
    let lines = app.store.generations_histogram(&filter, step, PATIENCE).await.map_err(refused)?;
    Ok(Json(Histogram { step_seconds: step * 60, data: filled(&lines, from, until, step) }))
}

/// The shortest stretches, in minutes, that are not too many; whole days from there on.
fn step(from: i64, until: i64) -> i64 {
    let minutes = until.saturating_sub(from) / MINUTE;
    let enough = |step: &&i64| minutes / **step < MOST;
    STEPS.iter().find(enough).copied().unwrap_or_else(|| (minutes / MOST / 1440 + 1) * 1440)
}

fn filled(lines: &[HistogramLine], from: i64, until: i64, step: i64) -> Vec<Stretch> {
    let length = step * MINUTE;
    let known: HashMap<i64, &HistogramLine> = lines.iter().map(|line| (line.at, line)).collect();
    let (first, last) = (from.div_euclid(length), until.saturating_sub(1).div_euclid(length));
    (first..=last)
        .take(usize::try_from(MOST + 2).unwrap_or(usize::MAX))
        .map(|stretch| {
            let at = stretch.saturating_mul(length);
            let line = known.get(&at);
            Stretch {
                at: iso(at),
                ok: line.map_or(0, |line| line.ok),
                failed: line.map_or(0, |line| line.failed),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_some_but_not_too_many_stretches_whatever_the_range() {
        for (range, expected) in [
            (0, 1),
            (30 * MINUTE, 1),
            (119 * MINUTE, 1),
            (DAY, 15),
            (30 * DAY, 720),
            (90 * DAY, 1440),
            (365 * DAY, 4 * 1440),
            (i64::MAX, step(0, i64::MAX)),
        ] {
            let step = step(0, range);
            assert_eq!(step, expected, "{range}");
            let stretches = filled(&[], 0, range.max(1), step);
            assert!((1..=122).contains(&stretches.len()), "{range}: {}", stretches.len());
        }
        let line = HistogramLine { at: 5 * MINUTE, ok: 2, failed: 1 };
        let told = filled(&[line], 4 * MINUTE, 7 * MINUTE, 1);
        let counts: Vec<_> = told.iter().map(|stretch| (stretch.ok, stretch.failed)).collect();
        assert_eq!(counts, [(0, 0), (2, 1), (0, 0)]);
    }
}
