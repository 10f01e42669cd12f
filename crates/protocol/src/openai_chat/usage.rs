//! Token counts: the many spellings of providers in, one spelling out.

use serde_json::value::RawValue;

use super::read::{is_null, lenient_count, lenient_object};
use super::write::ObjectWriter;
use crate::exchange::{Charge, SearchContext, Usage};
use crate::json::{Object, RawJson, is_number};

/// Members that this module writes itself or that only another router sends; everything else a
/// provider puts into `usage` is kept.
const KNOWN: [&str; 14] = [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "prompt_token_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
    "cost",
    "is_byok",
    "cost_details",
    "server_tool_use",
    "server_tool_use_details",
    "reasoning_tokens",
];

fn count(object: &Object<'_>, name: &str) -> u64 {
    object.peek(name).map_or(0, lenient_count)
}

fn details<'a>(object: &Object<'a>, names: &[&str]) -> Object<'a> {
    names.iter().find_map(|name| lenient_object(object.peek(name)?)).unwrap_or_default()
}

/// The counts of an answer to a request that asked for so much of what is found on the web: what the
/// provider says of it counts before that.
pub(super) fn with_asked(mut usage: Usage, asked: Option<SearchContext>) -> Usage {
    usage.search_context = usage.search_context.or(asked);
    usage
}

/// How much of what is found on the web a value of `web_search_options` asks for.
pub(super) fn asked_search_context(options: &RawValue) -> Option<SearchContext> {
    SearchContext::from_name(&lenient_object(options)?.peek_str("search_context_size")?)
}

/// Reads a provider's `usage`. `None` if it is no object: `null` stands in every chunk of some.
/// Wrong values count as 0.
pub(crate) fn read(raw: &RawValue, reasoning_on_top: bool) -> Option<Usage> {
    Some(read_object(&lenient_object(raw)?, reasoning_on_top))
}

fn read_object(object: &Object<'_>, reasoning_on_top: bool) -> Usage {
    let prompt =
        details(object, &["prompt_tokens_details", "prompt_token_details", "input_tokens_details"]);
    let completion = details(object, &["completion_tokens_details", "output_tokens_details"]);
    let tools = details(object, &["server_tool_use_details", "server_tool_use"]);
    let either = |one: &str, other: &str| match count(object, one) {
        0 => count(object, other),
        found => found,
    };
    let most = |names: &[&str]| names.iter().map(|name| count(object, name)).max().unwrap_or(0);

    let cached_input = count(&prompt, "cached_tokens").max(most(&[
        "prompt_cache_hit_tokens",
        "num_cached_tokens",
        "cached_tokens",
        "cache_read_input_tokens",
    ]));
    let cached = details(&prompt, &["cached_tokens_details"]);
    let cache_write =
        count(&prompt, "cache_write_tokens").max(count(object, "cache_creation_input_tokens"));
    let mut input = either("prompt_tokens", "input_tokens");
    let mut output = either("completion_tokens", "output_tokens");
    let (inner, beside) =
        (count(&completion, "reasoning_tokens"), count(object, "reasoning_tokens"));
    let reasoning = inner.max(beside);

    // Where the sum only works out with reasoning as a third part, it is not inside the
    // completion, whatever the provider's row says. Where it works out without, a detail of the
    // completion is a part of it; a count that stands beside it is one that Perplexity never sums.
    let total = count(object, "total_tokens");
    // Only the sum was told of what came out.
    let untold = |name: &&str| object.peek(name).is_none_or(is_null);
    if input > 0 && ["completion_tokens", "output_tokens"].iter().all(untold) {
        output = total.saturating_sub(input);
    }
    let visible = input.saturating_add(output);
    let apart = reasoning > 0 && total == visible.saturating_add(reasoning);
    let inside = beside == 0 && inner <= output && total > 0 && total == visible;
    if apart || (reasoning_on_top && !inside) {
        output = output.saturating_add(reasoning).saturating_add(count(object, "citation_tokens"));
    }
    // More cached than there was: the prompt was counted without the cache.
    if cached_input > input {
        input = input.saturating_add(cached_input);
    }
    Usage {
        input,
        cached_input,
        cached_audio: count(&cached, "audio_tokens").min(cached_input),
        cache_write: cache_write.min(input),
        cache_write_1h: 0,
        audio_input: count(&prompt, "audio_tokens"),
        image_input: count(&prompt, "image_tokens"),
        video_input: count(&prompt, "video_tokens"),
        output,
        reasoning,
        audio_output: count(&completion, "audio_tokens"),
        image_output: count(&completion, "image_tokens"),
        accepted_prediction: count(&completion, "accepted_prediction_tokens"),
        rejected_prediction: count(&completion, "rejected_prediction_tokens"),
        web_searches: count(&tools, "web_search_requests").max(count(object, "num_search_queries")),
        search_context: object
            .peek_str("search_context_size")
            .and_then(|name| SearchContext::from_name(&name)),
    }
}

/// Reads a provider's `usage`, and the members of it that only it knows.
pub(super) fn read_all(
    raw: &RawValue,
    reasoning_on_top: bool,
) -> Option<(Usage, Vec<(String, RawJson)>)> {
    let object = lenient_object(raw)?;
    Some((read_object(&object, reasoning_on_top), others(&object, &KNOWN)))
}

/// What the choices of an answer say that they used, each of its own: Moonshot's streams tell it
/// there, in the chunk that ends a choice. What is told of the whole answer counts before it.
#[derive(Clone, Debug, Default)]
pub(super) struct ChoiceUsages(Vec<(u32, Usage)>);

impl ChoiceUsages {
    /// Takes what the choice of that index says, in place of what it said before.
    pub(super) fn take(&mut self, index: u32, raw: &RawValue, reasoning_on_top: bool) {
        let Some(told) = read(raw, reasoning_on_top) else { return };
        match self.0.iter_mut().find(|(known, _)| *known == index) {
            Some((_, usage)) => *usage = told,
            None => self.0.push((index, told)),
        }
    }

    /// All of it: the prompt once, and what each choice generated.
    pub(super) fn sum(&self) -> Option<Usage> {
        let mut told = self.0.iter().map(|(_, usage)| *usage);
        let first = told.next()?;
        Some(told.fold(first, |sum, usage| Usage {
            output: sum.output.saturating_add(usage.output),
            reasoning: sum.reasoning.saturating_add(usage.reasoning),
            audio_output: sum.audio_output.saturating_add(usage.audio_output),
            image_output: sum.image_output.saturating_add(usage.image_output),
            ..sum
        }))
    }
}

/// The members of a provider's `usage` that are not among `known`.
pub(crate) fn unknown_members(raw: &RawValue, known: &[&str]) -> Vec<(String, RawJson)> {
    lenient_object(raw).map(|object| others(&object, known)).unwrap_or_default()
}

fn others(object: &Object<'_>, known: &[&str]) -> Vec<(String, RawJson)> {
    object
        .iter()
        .filter(|(name, _)| !known.contains(name))
        .map(|(name, value)| (name.to_owned(), RawJson::from_raw(value)))
        .collect()
}

/// Writes `usage` for a caller. USAGE-3
pub(super) fn write(
    out: &mut Vec<u8>,
    usage: &Usage,
    charge: Option<&Charge>,
    unknown: &[(String, RawJson)],
) {
    super::write::object(out, |object| {
        object.number("prompt_tokens", usage.input);
        object.number("completion_tokens", usage.output);
        object.number("total_tokens", usage.total());
        if let Some(charge) = charge {
            object.raw("cost", number(&charge.cost));
            object.boolean("is_byok", charge.is_byok);
        }
        object.object("prompt_tokens_details", |details| {
            details.number("cached_tokens", usage.cached_input);
            details.number("cache_write_tokens", usage.cache_write);
            details.number("audio_tokens", usage.audio_input);
            details.number("video_tokens", usage.video_input);
            some(details, "image_tokens", usage.image_input);
        });
        if let Some(charge) = charge {
            write_cost_details(object, charge);
        }
        object.object("completion_tokens_details", |details| {
            details.number("reasoning_tokens", usage.reasoning);
            details.number("audio_tokens", usage.audio_output);
            details.number("image_tokens", usage.image_output);
            some(details, "accepted_prediction_tokens", usage.accepted_prediction);
            some(details, "rejected_prediction_tokens", usage.rejected_prediction);
        });
        if usage.web_searches > 0 {
            object.object("server_tool_use", |tools| {
                tools.number("web_search_requests", usage.web_searches);
            });
        }
        object.members(unknown);
    });
}

/// Writes a count that is more than none.
pub(crate) fn some(object: &mut ObjectWriter<'_>, name: &'static str, value: u64) {
    if value > 0 {
        object.number(name, value);
    }
}

fn write_cost_details(object: &mut ObjectWriter<'_>, charge: &Charge) {
    let parts = [
        ("upstream_inference_cost", &charge.upstream_cost),
        ("upstream_inference_prompt_cost", &charge.upstream_prompt_cost),
        ("upstream_inference_completions_cost", &charge.upstream_completion_cost),
    ];
    if parts.iter().all(|(_, cost)| cost.is_none()) {
        return;
    }
    object.object("cost_details", |details| {
        for (name, cost) in parts {
            match cost {
                Some(cost) => details.raw(name, number(cost)),
                // Nullable, where the two parts are not.
                None if name == "upstream_inference_cost" => details.raw(name, "null"),
                None => {}
            }
        }
    });
}

/// A decimal text as a JSON number. What is none would break the whole answer: `null` instead.
pub(crate) fn number(text: &str) -> &str {
    if is_number(text) { text } else { "null" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, on_top: bool) -> Usage {
        read(&RawValue::from_string(text.to_owned()).unwrap(), on_top).unwrap()
    }

    /// USAGE-4, bug 17
    #[test]
    fn every_vendors_convention_becomes_one() {
        let table: [(&str, bool, [u64; 5]); 15] = [
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}"#,
                false,
                [10, 4, 0, 5, 3],
            ),
            // DeepSeek
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}"#,
                false,
                [10, 8, 0, 5, 0],
            ),
            // Mistral, both spellings
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"num_cached_tokens":3}"#,
                false,
                [10, 3, 0, 5, 0],
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_token_details":{"cached_tokens":3}}"#,
                false,
                [10, 3, 0, 5, 0],
            ),
            // xAI: the sum tells that reasoning is apart
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":7}}"#,
                false,
                [10, 0, 0, 12, 7],
            ),
            // xAI: the sum tells that reasoning is inside, whatever the provider's row says
            (
                r#"{"prompt_tokens":5,"completion_tokens":13,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":10}}"#,
                true,
                [5, 0, 0, 13, 10],
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":7}}"#,
                true,
                [10, 0, 0, 12, 7],
            ),
            // Without a sum the provider's row decides
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":4}}"#,
                true,
                [10, 0, 0, 9, 4],
            ),
            // xAI: more cached than prompted
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":90}}"#,
                false,
                [100, 90, 0, 5, 0],
            ),
            // Perplexity
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"reasoning_tokens":4,"citation_tokens":6}"#,
                true,
                [10, 0, 0, 15, 4],
            ),
            // Hosts that pass Anthropic's counts through
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"cache_creation_input_tokens":2,"cache_read_input_tokens":3}"#,
                false,
                [10, 3, 2, 5, 0],
            ),
            // Only the sum
            (r#"{"prompt_tokens":100,"total_tokens":150}"#, false, [100, 0, 0, 50, 0]),
            (
                r#"{"prompt_tokens":100,"completion_tokens":null,"total_tokens":150}"#,
                false,
                [100, 0, 0, 50, 0],
            ),
            (r#"{"prompt_tokens":100,"total_tokens":100}"#, false, [100, 0, 0, 0, 0]),
            (
                r#"{"prompt_tokens":-3,"completion_tokens":"x","total_tokens":null,"prompt_tokens_details":null}"#,
                false,
                [0; 5],
            ),
        ];
        for (text, on_top, [input, cached, write, output, reasoning]) in table {
            let usage = read_text(text, on_top);
            assert_eq!(
                [usage.input, usage.cached_input, usage.cache_write, usage.output, usage.reasoning],
                [input, cached, write, output, reasoning],
                "{text}"
            );
        }
    }

    /// USAGE-3
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
            upstream_completion_cost: Some("0.0001".into()),
        };
        let mut out = Vec::new();
        write(&mut out, &usage, Some(&charge), &[]);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(read_text(&text, false), usage);
        assert!(text.contains(r#""cost":0.00014,"is_byok":false"#), "{text}");
        assert!(text.contains(
            r#""cost_details":{"upstream_inference_cost":null,"upstream_inference_prompt_cost":0.00004,"upstream_inference_completions_cost":0.0001}"#
        ));
    }

    #[test]
    fn a_cost_that_is_no_number_cannot_break_the_answer() {
        let mut out = Vec::new();
        let charge = Charge { cost: "\"oops".into(), ..Charge::default() };
        write(&mut out, &Usage::default(), Some(&charge), &[]);
        assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
    }
}
