//! Order by quality with tools. EXACTO-1 … EXACTO-6

use crate::candidate::Candidate;
use crate::group::Group;
use crate::health::ToolRecord;
use crate::plan::Note;
use crate::preferences::Sort;
use crate::situation::Situation;

/// Requests in half an hour needed for a comparison. EXACTO-5
const MINIMUM_REQUESTS: u64 = 100;
/// Requests with tool calls in two hours needed for a comparison. EXACTO-5
const MINIMUM_TOOL_REQUESTS: u64 = 200;
/// Endpoints with enough data needed for a comparison. EXACTO-6
const MINIMUM_ENDPOINTS: usize = 4;
/// σ of a normal distribution, as a multiple of the median absolute deviation.
const SIGMA_PER_DEVIATION: f64 = 1.4826;

/// One endpoint with enough data.
struct Measured {
    at: usize,
    throughput: f64,
    success: f64,
}

/// Grades the candidates by throughput and success of tool calls, if the request has tools and
/// nothing else decides the order, or if it was asked for: 0 good, 1 not enough data, 2 behind.
/// Benchmarks play no part here: there are none. EXACTO-1, EXACTO-2, EXACTO-5
pub(super) fn grade(situation: &Situation<'_>, groups: &[Group], candidates: &mut [Candidate<'_>]) {
    let Some(first) = candidates.first() else { return };
    let wanted = match super::rank::leading_sort(groups, first, situation) {
        Some(Sort::Exacto) => true,
        Some(_) => false,
        None => situation.facts.has_tools() && situation.preferences.order.is_empty(),
    };
    if !wanted {
        return;
    }
    let mut measured = Vec::with_capacity(candidates.len());
    for (at, candidate) in candidates.iter_mut().enumerate() {
        candidate.key.tools = 1;
        let record = situation.health.tools(candidate.id, situation.now_ms);
        if !has_enough(record) {
            continue;
        }
        let throughput = situation.health.throughput(candidate.id, situation.now_ms);
        let Some(throughput) = throughput else { continue };
        let invalid = record.invalid.min(record.tool_requests);
        let success = 1.0 - invalid as f64 / record.tool_requests as f64;
        measured.push(Measured { at, throughput: throughput.p50, success });
    }
    if measured.len() < MINIMUM_ENDPOINTS {
        return;
    }
    // A deviation of nearly nothing would put endpoints back that are as good as the others.
    let slowest = limit(&measured, |one| one.throughput, 1.5, |median| median * 0.05);
    let worst = limit(&measured, |one| one.success, 2.0, |_| 0.01);
    for one in &measured {
        let Some(candidate) = candidates.get_mut(one.at) else { continue };
        let behind = one.throughput < slowest || one.success < worst;
        candidate.key.tools = if behind { 2 } else { 0 };
        candidate.notes.add(if behind { Note::PoorTools } else { Note::GoodTools });
    }
}

const fn has_enough(record: ToolRecord) -> bool {
    record.requests >= MINIMUM_REQUESTS && record.tool_requests >= MINIMUM_TOOL_REQUESTS
}

/// The median less `sigmas` standard deviations, these being at least `floor` of the median.
/// EXACTO-6
fn limit(
    measured: &[Measured],
    value: impl Fn(&Measured) -> f64,
    sigmas: f64,
    floor: impl Fn(f64) -> f64,
) -> f64 {
    let mut values: Vec<f64> = measured.iter().map(value).collect();
    let middle = median(&mut values);
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let sigma = (median(&mut deviations) * SIGMA_PER_DEVIATION).max(floor(middle));
    middle - sigmas * sigma
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.len() % 2, values.get(half), half.checked_sub(1).and_then(|at| values.get(at))) {
        (0, Some(upper), Some(lower)) => (upper + lower) / 2.0,
        (_, Some(middle), _) => *middle,
        (_, None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use catalog::{Parameter, Parameters};

    use super::*;
    use crate::fixture::{Record, Scene, endpoint, flat};

    fn record(throughput: f64, invalid: u64) -> Record {
        Record {
            throughput: flat(throughput),
            tools: ToolRecord { requests: 100, tool_requests: 200, invalid },
            ..Record::default()
        }
    }

    fn scene() -> Scene {
        let mut scene = Scene::new(
            ["new", "slow", "wrong", "a", "b", "c"]
                .iter()
                .zip(["1", "2", "3", "7", "8", "9"])
                .map(|(tag, dollars)| endpoint("x/m", tag, dollars))
                .collect(),
        )
        .record("slow", record(10.0, 2))
        .record("wrong", record(50.0, 100))
        .record("a", record(50.0, 2))
        .record("b", record(52.0, 1))
        .record("c", record(48.0, 3));
        scene.facts.parameters = Parameters::NONE.with(Parameter::Tools);
        scene
    }

    /// EXACTO-1, EXACTO-2, EXACTO-5, EXACTO-6
    #[test]
    fn good_endpoints_come_first_and_poor_ones_last() {
        let scene_ = scene().provider_object(r#"{"sort":"exacto"}"#);
        assert_eq!(scene_.tags(1), ["a", "b", "c", "new", "slow", "wrong"]);
        for seed in 0..50 {
            let scene = scene();
            let tags = scene.tags(seed);
            assert!(["a", "b", "c"].contains(&tags[0]), "drawn among the good: {tags:?}");
            assert_eq!(tags[3..], ["new", "slow", "wrong"]);
        }
        let cheapest = ["new", "slow", "wrong", "a", "b", "c"];
        assert_eq!(scene().provider_object(r#"{"sort":"price"}"#).tags(1), cheapest);
        assert_eq!(scene().ask(&["x/m:floor"]).tags(1), cheapest);
        assert_eq!(scene().ask(&["x/m:exacto"]).tags(1)[..3], ["a", "b", "c"]);
        let mut without_tools = scene();
        without_tools.facts.parameters = Parameters::NONE;
        let firsts: std::collections::BTreeSet<String> =
            (0..200).map(|seed| without_tools.tags(seed)[0].to_owned()).collect();
        assert!(firsts.contains("new"), "off without tools: {firsts:?}");
    }

    /// EXACTO-6
    #[test]
    fn fewer_than_four_endpoints_are_not_compared_and_equals_are_not_put_back() {
        let scene_ = scene().provider_object(r#"{"sort":"exacto","ignore":["b","c"]}"#);
        assert_eq!(scene_.tags(1), ["new", "slow", "wrong", "a"], "by price, as nothing is known");
        let mut equal = scene().provider_object(r#"{"sort":"exacto","ignore":["slow","wrong"]}"#);
        for tag in ["a", "b", "c", "new"] {
            equal = equal.record(tag, record(50.0, 2));
        }
        equal = equal.record("new", record(49.0, 3));
        assert_eq!(equal.tags(1), ["new", "a", "b", "c"]);
    }
}
