//! `usage` ⇄ token counts. USAGE-6, wire-formats 9.2, 12.3

use serde_json::value::RawValue;

use crate::exchange::{Charge, Usage};
use crate::json::RawJson;
// Cached tokens are among the input in both of OpenAI's protocols, and reasoning is among the
// output: whoever reads the one's names reads the other's.
pub(super) use crate::openai_chat::usage::read;
use crate::openai_chat::usage::{self, number, some};
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

/// The members of a provider's `usage` that only it knows.
pub(super) fn unknown_members(raw: &RawValue) -> Vec<(String, RawJson)> {
    usage::unknown_members(raw, &WRITTEN)
}

/// Writes `usage` for a caller. USAGE-6
pub(super) fn write(
    out: &mut Vec<u8>,
    counts: &Usage,
    charge: Option<&Charge>,
    unknown: &[(String, RawJson)],
) {
    object(out, |told| {
        told.number("input_tokens", counts.input);
        told.object("input_tokens_details", |details| {
            details.number("cached_tokens", counts.cached_input);
            details.number("cache_write_tokens", counts.cache_write);
            some(details, "audio_tokens", counts.audio_input);
            some(details, "image_tokens", counts.image_input);
            some(details, "video_tokens", counts.video_input);
        });
        told.number("output_tokens", counts.output);
        told.object("output_tokens_details", |details| {
            details.number("reasoning_tokens", counts.reasoning);
            some(details, "audio_tokens", counts.audio_output);
            some(details, "image_tokens", counts.image_output);
            some(details, "accepted_prediction_tokens", counts.accepted_prediction);
            some(details, "rejected_prediction_tokens", counts.rejected_prediction);
        });
        told.number("total_tokens", counts.total());
        if counts.web_searches > 0 {
            told.object("server_tool_use_details", |tools| {
                tools.number("web_search_requests", counts.web_searches);
            });
        }
        if let Some(charge) = charge {
            write_charge(told, charge);
        }
        told.members(unknown);
    });
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
            cached_audio: 0,
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
            search_context: None,
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
