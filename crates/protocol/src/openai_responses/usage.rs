//! `usage` ⇄ token counts. USAGE-6, wire-formats 9.2, 12.3

use serde_json::value::RawValue;

use crate::exchange::{Charge, Usage};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{lenient_count, lenient_object};
use crate::openai_chat::write::{ObjectWriter, object};

/// Members that are written here; everything else a provider puts into `usage` is kept.
const WRITTEN: [&str; 10] = [
    "input_tokens",
    "input_tokens_details",
    "output_tokens",
    "output_tokens_details",
    "total_tokens",
    "cost",
    "is_byok",
    "cost_details",
    "server_tool_use",
    "server_tool_use_details",
];

fn count(object: &Object<'_>, name: &str) -> u64 {
    object.peek(name).map_or(0, lenient_count)
}

/// Reads a provider's `usage`; `None` if it is no object. Wrong values count as 0. Cached tokens
/// are among the input here, and reasoning is among the output.
pub(super) fn read(raw: &RawValue, reasoning_on_top: bool) -> Option<Usage> {
    let told = lenient_object(raw)?;
    let details = |name| told.peek(name).and_then(lenient_object).unwrap_or_default();
    let (from, to) = (details("input_tokens_details"), details("output_tokens_details"));
    let tools = details("server_tool_use_details");
    let reasoning = count(&to, "reasoning_tokens");
    let on_top = if reasoning_on_top { reasoning } else { 0 };
    let cached_input = count(&from, "cached_tokens");
    let mut input = count(&told, "input_tokens");
    // More cached than there was: the prompt was counted without the cache.
    if cached_input > input {
        input = input.saturating_add(cached_input);
    }
    Some(Usage {
        input,
        cached_input,
        cache_write: count(&from, "cache_write_tokens").min(input),
        cache_write_1h: 0,
        audio_input: count(&from, "audio_tokens"),
        image_input: count(&from, "image_tokens"),
        video_input: count(&from, "video_tokens"),
        output: count(&told, "output_tokens").saturating_add(on_top),
        reasoning,
        audio_output: count(&to, "audio_tokens"),
        image_output: count(&to, "image_tokens"),
        accepted_prediction: count(&to, "accepted_prediction_tokens"),
        rejected_prediction: count(&to, "rejected_prediction_tokens"),
        web_searches: count(&tools, "web_search_requests"),
    })
}

/// The members of a provider's `usage` that only it knows.
pub(super) fn unknown_members(raw: &RawValue) -> Vec<(String, RawJson)> {
    let Some(told) = lenient_object(raw) else { return Vec::new() };
    told.iter()
        .filter(|(name, _)| !WRITTEN.contains(name))
        .map(|(name, value)| (name.to_owned(), RawJson::from_raw(value)))
        .collect()
}

/// Writes `usage` for a caller. USAGE-6
pub(super) fn write(
    out: &mut Vec<u8>,
    usage: &Usage,
    charge: Option<&Charge>,
    unknown: &[(String, RawJson)],
) {
    object(out, |told| {
        told.number("input_tokens", usage.input);
        told.object("input_tokens_details", |details| {
            details.number("cached_tokens", usage.cached_input);
            details.number("cache_write_tokens", usage.cache_write);
            some(details, "audio_tokens", usage.audio_input);
            some(details, "image_tokens", usage.image_input);
            some(details, "video_tokens", usage.video_input);
        });
        told.number("output_tokens", usage.output);
        told.object("output_tokens_details", |details| {
            details.number("reasoning_tokens", usage.reasoning);
            some(details, "audio_tokens", usage.audio_output);
            some(details, "image_tokens", usage.image_output);
            some(details, "accepted_prediction_tokens", usage.accepted_prediction);
            some(details, "rejected_prediction_tokens", usage.rejected_prediction);
        });
        told.number("total_tokens", usage.total());
        if usage.web_searches > 0 {
            told.object("server_tool_use_details", |tools| {
                tools.number("web_search_requests", usage.web_searches);
            });
        }
        if let Some(charge) = charge {
            write_charge(told, charge);
        }
        told.members(unknown);
    });
}

fn some(object: &mut ObjectWriter<'_>, name: &str, value: u64) {
    if value > 0 {
        object.number(name, value);
    }
}

fn write_charge(told: &mut ObjectWriter<'_>, charge: &Charge) {
    told.raw("cost", number(&charge.cost));
    told.boolean("is_byok", charge.is_byok);
    let parts = [
        ("upstream_inference_input_cost", &charge.upstream_prompt_cost),
        ("upstream_inference_output_cost", &charge.upstream_completion_cost),
    ];
    if charge.upstream_cost.is_none() && parts.iter().all(|(_, cost)| cost.is_none()) {
        return;
    }
    told.object("cost_details", |details| {
        // Nullable, where the two parts are not.
        details
            .raw("upstream_inference_cost", charge.upstream_cost.as_deref().map_or("null", number));
        for (name, cost) in parts {
            if let Some(cost) = cost {
                details.raw(name, number(cost));
            }
        }
    });
}

/// A decimal text as a JSON number. What is none would break the whole answer: `null` instead.
fn number(text: &str) -> &str {
    if serde_json::from_str::<f64>(text).is_ok() { text } else { "null" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, on_top: bool) -> Usage {
        read(&RawValue::from_string(text.to_owned()).unwrap(), on_top).unwrap()
    }

    /// USAGE-6, bug 17
    #[test]
    fn what_is_written_reads_the_same() {
        let usage = Usage {
            input: 100,
            cached_input: 20,
            cache_write: 30,
            audio_input: 1,
            image_input: 2,
            video_input: 3,
            output: 50,
            reasoning: 10,
            audio_output: 4,
            image_output: 5,
            accepted_prediction: 6,
            rejected_prediction: 7,
            web_searches: 8,
            cache_write_1h: 0,
        };
        let charge = Charge {
            cost: "0.00014".into(),
            is_byok: false,
            upstream_cost: None,
            upstream_prompt_cost: Some("0.00004".into()),
            upstream_completion_cost: Some("\"oops".into()),
        };
        let mut out = Vec::new();
        write(&mut out, &usage, Some(&charge), &[]);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(read_text(&text, false), usage);
        assert!(text.ends_with(
            r#""cost":0.00014,"is_byok":false,"cost_details":{"upstream_inference_cost":null,"upstream_inference_input_cost":0.00004,"upstream_inference_output_cost":null}}"#
        ), "{text}");
    }

    #[test]
    fn wrong_counts_are_zero_and_more_cached_than_there_was_was_not_counted() {
        let usage = read_text(
            r#"{"input_tokens":5,"input_tokens_details":{"cached_tokens":9},"output_tokens":"x"}"#,
            false,
        );
        assert_eq!((usage.input, usage.cached_input, usage.output), (14, 9, 0));
        let on_top = r#"{"output_tokens":5,"output_tokens_details":{"reasoning_tokens":7}}"#;
        assert_eq!(read_text(on_top, true).output, 12);
    }
}
