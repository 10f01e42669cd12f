//! Preferred throughput and latency. PERF-1 … PERF-4

use crate::candidate::Candidate;
use crate::health::Percentiles;
use crate::preferences::{Cutoffs, Preferences};

/// Whether an endpoint misses a threshold and so goes behind the others; none is removed. An
/// endpoint without data misses nothing: otherwise a new one would never gather any. PERF-4
///
/// With models kept apart this does not cross them; without partition it does. PERF-5
pub(super) fn is_missed(preferences: &Preferences, candidate: &Candidate<'_>) -> bool {
    let (least, most) = (preferences.preferred_min_throughput, preferences.preferred_max_latency);
    misses(least, candidate.throughput, |value, cutoff| value < cutoff)
        || misses(most, candidate.latency, |value, cutoff| value > cutoff)
}

/// Whether any of the cutoffs is missed: all must hold. PERF-3
fn misses(
    cutoffs: Option<Cutoffs>,
    measured: Option<Percentiles>,
    worse: impl Fn(f64, f64) -> bool,
) -> bool {
    let (Some(cutoffs), Some(measured)) = (cutoffs, measured) else { return false };
    [
        (cutoffs.p50, measured.p50),
        (cutoffs.p75, measured.p75),
        (cutoffs.p90, measured.p90),
        (cutoffs.p99, measured.p99),
    ]
    .into_iter()
    .any(|(cutoff, value)| cutoff.is_some_and(|cutoff| worse(value, cutoff)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Record, Scene, endpoint};

    fn tail(p50: f64, p90: f64) -> Option<Percentiles> {
        Some(Percentiles { p50, p75: (p50 + p90) / 2.0, p90, p99: p90 })
    }

    fn scene() -> Scene {
        Scene::new(vec![
            endpoint("x/a", "steady", "3"),
            endpoint("x/a", "uneven", "1"),
            endpoint("x/b", "second", "2"),
            endpoint("x/b", "new", "9"),
        ])
        .record(
            "steady",
            Record { throughput: tail(60.0, 55.0), latency: tail(1.0, 1.2), ..Record::default() },
        )
        .record(
            "uneven",
            Record { throughput: tail(90.0, 20.0), latency: tail(0.5, 9.0), ..Record::default() },
        )
        .record(
            "second",
            Record { throughput: tail(70.0, 52.0), latency: tail(1.0, 1.0), ..Record::default() },
        )
    }

    /// PERF-1, PERF-3, PERF-4, PERF-5, PERF-6, PERF-8
    #[test]
    fn endpoints_that_miss_a_threshold_go_to_the_end() {
        let price = r#""sort":{"by":"price","partition":"none"}"#;
        for (object, expected) in [
            (r#"{"sort":"price"}"#.to_owned(), ["uneven", "steady", "second", "new"]),
            (
                r#"{"sort":"price","preferred_min_throughput":80}"#.to_owned(),
                ["uneven", "steady", "new", "second"],
            ),
            (
                r#"{"sort":"price","preferred_min_throughput":{"p90":50}}"#.to_owned(),
                ["steady", "uneven", "second", "new"],
            ),
            (
                r#"{"sort":"price","preferred_max_latency":{"p50":2,"p90":2}}"#.to_owned(),
                ["steady", "uneven", "second", "new"],
            ),
            (format!("{{{price}}}"), ["uneven", "second", "steady", "new"]),
            (
                format!(r#"{{{price},"preferred_min_throughput":{{"p90":50}}}}"#),
                ["second", "steady", "new", "uneven"],
            ),
            (
                format!(r#"{{{price},"preferred_min_throughput":1000}}"#),
                ["new", "uneven", "second", "steady"],
            ),
        ] {
            assert_eq!(scene().provider_object(&object).tags(1), expected, "{object}");
        }
    }
}
