//! The way from a request to a plan, rule by rule.

use crate::filter;
use crate::group::collect;
use crate::no_route::NoRoute;
use crate::order;
use crate::plan::Plan;
use crate::preferences::Partition;
use crate::random::Rng;
use crate::resolve;
use crate::situation::Situation;

/// Plans the attempts for a request, or says why there is none to make. The same situation and
/// seed give the same plan.
///
/// 1. The names become models; what leads nowhere is noted.
/// 2. Their endpoints are collected.
/// 3. The hard filters leave out what cannot or must not be used.
/// 4. The soft preference leaves out what can do less than another of the same model.
/// 5. What is left is put in order, model by model or all together.
/// 6. Each endpoint becomes one attempt per credential.
pub fn plan(situation: &Situation<'_>, rng: &mut Rng) -> Result<Plan, Box<NoRoute>> {
    let mut exclusions = Vec::new();
    let models = resolve::models(situation, &mut exclusions);
    let (groups, mut candidates) = collect(situation, &models);
    filter::hard(situation, &groups, &mut candidates, &mut exclusions);
    filter::prefer_capable(situation, &mut candidates, &mut exclusions);
    let mut attempts = Vec::with_capacity(candidates.len() + 2);
    let mut sticky = None;
    while let Some(first) = candidates.first() {
        let together = if is_partitioned(situation) {
            candidates.iter().take_while(|candidate| candidate.group == first.group).count()
        } else {
            candidates.len()
        };
        let rest = candidates.split_off(together);
        let used = order::arrange(situation, &groups, &mut candidates, &mut exclusions, rng);
        sticky = sticky.or(used);
        order::expand(&groups, &candidates, &mut attempts);
        candidates = rest;
    }
    if attempts.is_empty() {
        return Err(Box::new(NoRoute::explain(situation, models, exclusions)));
    }
    let strategy = resolve::strategy(situation, &models);
    Ok(Plan { models, attempts, exclusions, strategy, sticky })
}

/// Whether models are kept apart. PERF-6
pub(crate) fn is_partitioned(situation: &Situation<'_>) -> bool {
    situation.preferences.partition.unwrap_or_default() == Partition::Model
}
