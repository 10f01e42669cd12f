//! Token counts. wire-formats 6, 12.3

use serde_json::value::RawValue;

use crate::exchange::Usage;
use crate::json::lenient::{object, tokens};

/// A `usage` object in the common convention; `None` if it is none. The protocol tells two sets of
/// counts: what was processed, and what is billed. They differ, and it is the bill that an answer's
/// cost must agree with.
pub(super) fn read(raw: Option<&RawValue>) -> Option<Usage> {
    let usage = object(raw)?;
    let sets = [object(usage.peek("billed_units")), object(usage.peek("tokens"))];
    let of = |name: &str| sets.iter().flatten().find_map(|set| tokens(set.peek(name))).unwrap_or(0);
    let input = of("input_tokens");
    Some(Usage {
        input,
        cached_input: tokens(usage.peek("cached_tokens")).unwrap_or(0).min(input),
        output: of("output_tokens"),
        ..Usage::default()
    })
}
