//! The daily roll-up per key, which limits and usage figures of keys read.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::Generation;
use crate::calendar::day_of;
use crate::generation::Cell;

/// Columns of the table, in the order they are bound.
pub(crate) const COLUMNS: &[&str] = &[
    "key_hash",
    "day",
    "is_byok",
    "requests",
    "cost_nano_usd",
    "byok_usage_nano_usd",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
];

/// How a batch's sums join those already in the table.
pub(crate) const ON_CONFLICT: &str = " ON CONFLICT (key_hash, day, is_byok) DO UPDATE SET \
     requests = key_usage_day.requests + excluded.requests, \
     cost_nano_usd = key_usage_day.cost_nano_usd + excluded.cost_nano_usd, \
     byok_usage_nano_usd = key_usage_day.byok_usage_nano_usd + excluded.byok_usage_nano_usd, \
     prompt_tokens = key_usage_day.prompt_tokens + excluded.prompt_tokens, \
     completion_tokens = key_usage_day.completion_tokens + excluded.completion_tokens, \
     reasoning_tokens = key_usage_day.reasoning_tokens + excluded.reasoning_tokens";

#[derive(Debug, PartialEq, Eq, Hash, Clone)]
struct Line {
    key_hash: Arc<str>,
    day: i64,
    is_byok: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct LineSums {
    requests: i64,
    cost: i64,
    byok_usage: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    reasoning_tokens: i64,
}

/// When a request ended: limits in memory count it in the periods of that moment, and are rebuilt
/// from these sums.
fn ended_at(generation: &Generation) -> crate::Micros {
    let took = generation.generation_time_ms.max(0).saturating_mul(1_000);
    generation.created_at.saturating_add(took)
}

/// The sums of one batch. Amounts are bounded per row and a batch is at most a thousand rows, so
/// that no sum here can overflow.
#[derive(Debug, Default)]
pub(crate) struct KeyDays(HashMap<Line, LineSums, RandomState>);

impl KeyDays {
    pub(crate) fn add(&mut self, generation: &Generation) {
        let line = Line {
            key_hash: Arc::clone(&generation.key_hash),
            day: day_of(ended_at(generation)),
            is_byok: generation.is_byok,
        };
        let sums = self.0.entry(line).or_default();
        sums.requests += 1;
        sums.cost += generation.total_cost;
        if generation.is_byok {
            sums.byok_usage += generation.upstream_inference_cost;
        }
        sums.prompt_tokens += generation.native_tokens_prompt;
        sums.completion_tokens += generation.native_tokens_completion;
        sums.reasoning_tokens += generation.native_tokens_reasoning;
    }

    /// The values of [`COLUMNS`] for each line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = [Cell<'_>; 9]> {
        self.0.iter().map(|(line, sums)| {
            [
                Cell::Text((&*line.key_hash).into()),
                Cell::Integer(line.day),
                Cell::Integer(line.is_byok.into()),
                Cell::Integer(sums.requests),
                Cell::Integer(sums.cost),
                Cell::Integer(sums.byok_usage),
                Cell::Integer(sums.prompt_tokens),
                Cell::Integer(sums.completion_tokens),
                Cell::Integer(sums.reasoning_tokens),
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_on_the_day_on_which_it_ends() {
        let midnight = 20_000 * 86_400_000_000;
        for (took_ms, day) in [(0, 19_999), (9_999, 19_999), (10_000, 20_000), (-1, 19_999)] {
            let mut days = KeyDays::default();
            days.add(&Generation {
                created_at: midnight - 10_000_000,
                generation_time_ms: took_ms,
                ..Generation::default()
            });
            let told: Vec<i64> = days.0.keys().map(|line| line.day).collect();
            assert_eq!(told, [day], "{took_ms}");
        }
    }
}
