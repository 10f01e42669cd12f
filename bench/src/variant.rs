//! Other ways to run Trunkline, measured in the same turns as the usual one: a key without limits
//! and books in SQLite.

use crate::load::Summary;
use crate::measure::Scenario;
use crate::report::{Aim, Report, Row, Who};

/// What one more thing may cost a request, in microseconds of processor time.
const AIM_MORE: Aim = Aim::AtMost(15.0);

const LIMITS: Row = row("CPU per request with all limits, 64 connections", Aim::None);
const LIMITS_ADD: Row = row("CPU that limits add per request", AIM_MORE);
const BEFORE: Row = row("CPU per request of the version before, 64 connections", Aim::None);
const MORE_THAN_BEFORE: Row = row("CPU per request more than before", AIM_MORE);
const POSTGRES: Row = row("CPU per request on PostgreSQL, 64 connections", Aim::None);
const POSTGRES_LIMITS: Row =
    row("CPU per request on PostgreSQL with all limits, 64 connections", Aim::None);
const POSTGRES_P50: Row = row("latency p50 on PostgreSQL, 1 connection", Aim::None);

/// A row in microseconds.
const fn row(name: &'static str, aim: Aim) -> Row {
    Row { name, unit: "µs", aim }
}

/// A way to run Trunkline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A key under every limit.
    Limits,
    /// An earlier version.
    Before,
    /// Books in PostgreSQL.
    Postgres,
    /// Books in PostgreSQL, and a key under every limit.
    PostgresLimits,
}

/// What the others of the same round came to.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// The provider without a proxy.
    pub direct: &'a Summary,
    /// nginx.
    pub nginx: &'a Summary,
    /// Trunkline as usual.
    pub usual: &'a Summary,
}

impl Variant {
    /// The name of its data folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Before => "before",
            Self::Postgres => "postgres",
            Self::PostgresLimits => "postgres_limits",
        }
    }

    /// Whether its key is under every limit.
    pub fn is_limited(self) -> bool {
        matches!(self, Self::Limits | Self::PostgresLimits)
    }

    /// Whether it takes part in a scenario.
    pub fn takes_part(self, scenario: Scenario) -> bool {
        match scenario {
            Scenario::Requests => true,
            Scenario::Single => self == Self::Postgres,
            Scenario::Paced | Scenario::BackToBack | Scenario::FirstToken => false,
        }
    }

    /// Adds its figures of a scenario in which it took part.
    pub fn note(self, report: &mut Report, scenario: Scenario, own: &Summary, round: Round<'_>) {
        if scenario == Scenario::Single {
            report.add(POSTGRES_P50, Who::Direct, round.direct.whole_p50_us);
            report.add(POSTGRES_P50, Who::Nginx, round.nginx.whole_p50_us);
            report.add(POSTGRES_P50, Who::Trunkline, own.whole_p50_us);
            return;
        }
        let (own, usual) = (own.cpu_us_per_answer, round.usual.cpu_us_per_answer);
        let (whole, difference) = match self {
            Self::Limits => (LIMITS, Some((LIMITS_ADD, own - usual))),
            Self::Before => (BEFORE, Some((MORE_THAN_BEFORE, usual - own))),
            Self::Postgres => (POSTGRES, None),
            Self::PostgresLimits => (POSTGRES_LIMITS, None),
        };
        report.add(whole, Who::Nginx, round.nginx.cpu_us_per_answer);
        report.add(whole, Who::Trunkline, own);
        if let Some((row, figure)) = difference {
            report.add(row, Who::Trunkline, figure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(figure: f64) -> Summary {
        Summary {
            answers_per_second: 0.0,
            chunks_per_second: 0.0,
            cores_used: 0.0,
            cpu_us_per_answer: figure,
            cpu_us_per_chunk: 0.0,
            whole_p50_us: figure,
            whole_p99_us: 0.0,
            first_chunk_p50_us: 0.0,
            first_chunk_p99_us: 0.0,
        }
    }

    /// Rows of a variant that took 110 µs where the usual one took 100, nginx 20 and the
    /// provider 10.
    fn rows(variant: Variant, scenario: Scenario) -> serde_json::Value {
        let (direct, nginx, usual) = (summary(10.0), summary(20.0), summary(100.0));
        let round = Round { direct: &direct, nginx: &nginx, usual: &usual };
        let mut report = Report::default();
        variant.note(&mut report, scenario, &summary(110.0), round);
        report.json()
    }

    #[test]
    fn limits_are_told_beside_nginx_and_by_what_they_add() {
        let rows = rows(Variant::Limits, Scenario::Requests);
        assert_eq!(rows[0]["ratio_to_nginx"], 5.5);
        assert_eq!(rows[1]["trunkline"][0], 10.0);
        assert_eq!(rows[1]["met"], true);
    }

    #[test]
    fn an_earlier_version_that_took_more_is_a_gain() {
        assert_eq!(rows(Variant::Before, Scenario::Requests)[1]["trunkline"][0], -10.0);
    }

    #[test]
    fn only_postgres_is_asked_one_by_one_too() {
        let rows = rows(Variant::Postgres, Scenario::Single);
        assert_eq!(rows[0]["direct"][0], 10.0);
        assert_eq!(rows[0]["trunkline"][0], 110.0);
        assert!(!Variant::PostgresLimits.takes_part(Scenario::Single));
        assert!(!Variant::Limits.takes_part(Scenario::Paced));
    }
}
