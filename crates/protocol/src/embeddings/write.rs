//! What answers of embeddings and rankings have in common beside their vectors.

pub(crate) use crate::json::object_writer::{ObjectWriter, array, object};

use crate::exchange::Charge;

/// Writes what an answer cost into its `usage`. USAGE-3
pub(crate) fn charge(usage: &mut ObjectWriter<'_>, charge: &Charge) {
    usage.raw("cost", decimal(&charge.cost));
    usage.boolean("is_byok", charge.is_byok);
    let parts = [
        ("upstream_inference_cost", &charge.upstream_cost),
        ("upstream_inference_prompt_cost", &charge.upstream_prompt_cost),
        ("upstream_inference_completions_cost", &charge.upstream_completion_cost),
    ];
    if parts.iter().all(|(_, cost)| cost.is_none()) {
        return;
    }
    usage.object("cost_details", |details| {
        for (name, cost) in parts {
            match cost {
                Some(cost) => details.raw(name, decimal(cost)),
                // Nullable, where the two parts are not.
                None if name == "upstream_inference_cost" => details.raw(name, "null"),
                None => {}
            }
        }
    });
}

/// A decimal text as a JSON number. What is none would break the whole answer: `null` instead.
pub(crate) fn decimal(text: &str) -> &str {
    if serde_json::from_str::<f64>(text).is_ok() { text } else { "null" }
}
