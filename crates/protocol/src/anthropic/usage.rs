//! Token counts. The vendor's `input_tokens` leaves out what came from or went into the cache.
//! Bug 17, wire-formats 2.3

use serde_json::value::RawValue;

use super::wire::{key, number, raw, string_or_null};
use crate::exchange::{Charge, Usage};
use crate::json::Object;
use crate::openai_chat::usage::number as decimal;

/// The vendor's counts, merged field by field: in a stream each report replaces the fields it
/// names and leaves the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
    output: u64,
    thinking: u64,
    web_searches: u64,
    /// With compaction: the sums over all iterations, which the top level leaves out.
    summed: Option<Sums>,
    pub(crate) service_tier: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
}

impl Counts {
    /// Takes over what a `usage` object tells; wrong values count as 0, absent ones change nothing.
    pub(crate) fn merge(&mut self, usage: &RawValue) {
        let Ok(object) = Object::of(usage) else { return };
        replace(&mut self.input, &object, "input_tokens");
        replace(&mut self.cache_read, &object, "cache_read_input_tokens");
        replace(&mut self.cache_write, &object, "cache_creation_input_tokens");
        replace(&mut self.output, &object, "output_tokens");
        if let Some(split) = nested(&object, "cache_creation") {
            replace(&mut self.cache_write_1h, &split, "ephemeral_1h_input_tokens");
            if object.peek("cache_creation_input_tokens").is_none() {
                let mut short = 0;
                replace(&mut short, &split, "ephemeral_5m_input_tokens");
                self.cache_write = short.saturating_add(self.cache_write_1h);
            }
        }
        if let Some(details) = nested(&object, "output_tokens_details") {
            replace(&mut self.thinking, &details, "thinking_tokens");
        }
        if let Some(tools) = nested(&object, "server_tool_use") {
            replace(&mut self.web_searches, &tools, "web_search_requests");
        }
        if let Some(iterations) = object.peek("iterations") {
            self.summed = sums(iterations);
        }
        if let Some(tier) = object.peek_str("service_tier") {
            self.service_tier =
                Some(if tier == "standard" { "default".to_owned() } else { tier.into_owned() });
        }
    }

    /// The counts in the common convention.
    pub(crate) fn normalised(&self) -> Usage {
        let Sums { input, cache_read, cache_write, output } = self.summed.unwrap_or(Sums {
            input: self.input,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            output: self.output,
        });
        Usage {
            input: input.saturating_add(cache_read).saturating_add(cache_write),
            cached_input: cache_read,
            cache_write,
            cache_write_1h: self.cache_write_1h.min(cache_write),
            output,
            reasoning: self.thinking.min(output),
            web_searches: self.web_searches,
            ..Usage::default()
        }
    }
}

fn nested<'a>(object: &Object<'a>, name: &str) -> Option<Object<'a>> {
    Object::of(object.peek(name)?).ok()
}

fn replace(count: &mut u64, object: &Object<'_>, name: &str) {
    match object.peek(name) {
        Some(value) if value.get() != "null" => *count = lenient(value),
        _ => {}
    }
}

/// A provider's count: numbers, also in a string; anything else is 0.
fn lenient(value: &RawValue) -> u64 {
    crate::json::lenient::tokens(Some(value)).unwrap_or(0)
}

/// Sums the iterations of an answer with compaction; `None` where the top level is complete.
fn sums(iterations: &RawValue) -> Option<Sums> {
    let iterations: Vec<Object<'_>> = serde_json::from_str(iterations.get()).ok()?;
    let kind = |object: &Object<'_>| object.peek_str("type").unwrap_or_default().into_owned();
    if iterations.iter().any(|entry| kind(entry) == "fallback_message")
        || !iterations.iter().any(|entry| kind(entry) == "compaction")
    {
        return None;
    }
    let mut total = Sums::default();
    for entry in iterations {
        if !matches!(kind(&entry).as_str(), "compaction" | "message") {
            continue;
        }
        let mut one = Sums::default();
        replace(&mut one.input, &entry, "input_tokens");
        replace(&mut one.cache_read, &entry, "cache_read_input_tokens");
        replace(&mut one.cache_write, &entry, "cache_creation_input_tokens");
        replace(&mut one.output, &entry, "output_tokens");
        total.input = total.input.saturating_add(one.input);
        total.cache_read = total.cache_read.saturating_add(one.cache_read);
        total.cache_write = total.cache_write.saturating_add(one.cache_write);
        total.output = total.output.saturating_add(one.output);
    }
    Some(total)
}

/// Writes a whole `usage` object in the vendor's convention, with what the answer cost. What the
/// schema requires and nobody knows is null. USAGE-7
pub(super) fn write(
    out: &mut Vec<u8>,
    usage: Option<&Usage>,
    service_tier: Option<&str>,
    charge: Option<&Charge>,
) {
    let usage = usage.copied().unwrap_or_default();
    let cached = usage.cached_input.saturating_add(usage.cache_write);
    let hour = usage.cache_write_1h.min(usage.cache_write);
    out.push(b'{');
    number(out, "input_tokens", usage.input.saturating_sub(cached));
    number(out, "cache_creation_input_tokens", usage.cache_write);
    number(out, "cache_read_input_tokens", usage.cached_input);
    key(out, "cache_creation");
    out.push(b'{');
    number(out, "ephemeral_5m_input_tokens", usage.cache_write - hour);
    number(out, "ephemeral_1h_input_tokens", hour);
    out.push(b'}');
    number(out, "output_tokens", usage.output);
    if usage.reasoning > 0 {
        key(out, "output_tokens_details");
        out.push(b'{');
        number(out, "thinking_tokens", usage.reasoning);
        out.push(b'}');
    } else {
        raw(out, "output_tokens_details", "null");
    }
    if usage.web_searches > 0 {
        key(out, "server_tool_use");
        out.push(b'{');
        number(out, "web_search_requests", usage.web_searches);
        number(out, "web_fetch_requests", 0);
        out.push(b'}');
    } else {
        raw(out, "server_tool_use", "null");
    }
    // TIER-7
    let tier = service_tier.map(|tier| if tier == "default" { "standard" } else { tier });
    string_or_null(out, "service_tier", tier);
    raw(out, "inference_geo", "null");
    if let Some(charge) = charge {
        write_charge(out, charge);
    }
    out.push(b'}');
}

/// Writes the members about money into an open `usage` object. USAGE-5, USAGE-7
pub(super) fn write_charge(out: &mut Vec<u8>, charge: &Charge) {
    raw(out, "cost", decimal(&charge.cost));
    raw(out, "is_byok", if charge.is_byok { "true" } else { "false" });
    let parts = [
        ("upstream_inference_cost", &charge.upstream_cost),
        ("upstream_inference_prompt_cost", &charge.upstream_prompt_cost),
        ("upstream_inference_completions_cost", &charge.upstream_completion_cost),
    ];
    if parts.iter().all(|(_, cost)| cost.is_none()) {
        return;
    }
    key(out, "cost_details");
    out.push(b'{');
    for (name, cost) in parts {
        match cost {
            Some(cost) => raw(out, name, decimal(cost)),
            // Nullable, where its two parts are not.
            None if name == "upstream_inference_cost" => raw(out, name, "null"),
            None => {}
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawJson;

    fn merged(reports: &[&str]) -> Usage {
        let mut counts = Counts::default();
        for report in reports {
            counts.merge(RawJson::parse((*report).to_owned()).unwrap().as_raw());
        }
        counts.normalised()
    }

    #[test]
    fn cached_tokens_are_added_to_the_input_once() {
        // bug 17
        let usage = merged(&[
            r#"{"input_tokens":10,"cache_read_input_tokens":200,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},"output_tokens":1}"#,
            r#"{"output_tokens":50,"output_tokens_details":{"thinking_tokens":40}}"#,
            r#"{"input_tokens":11,"cache_read_input_tokens":null,"output_tokens":60,"server_tool_use":{"web_search_requests":2}}"#,
        ]);
        assert_eq!(
            usage,
            Usage {
                input: 241,
                cached_input: 200,
                cache_write: 30,
                cache_write_1h: 10,
                output: 60,
                reasoning: 40,
                web_searches: 2,
                ..Usage::default()
            }
        );
    }

    #[test]
    fn compaction_is_summed_unless_a_fallback_answered() {
        let compacted = r#"{"input_tokens":5,"output_tokens":6,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":10},{"type":"message","input_tokens":5,"output_tokens":6},{"type":"advisor_message","output_tokens":9}]}"#;
        assert_eq!((merged(&[compacted]).input, merged(&[compacted]).output), (105, 16));
        let fallback = r#"{"input_tokens":5,"output_tokens":6,"iterations":[{"type":"compaction","output_tokens":10},{"type":"fallback_message"}]}"#;
        assert_eq!(merged(&[fallback]).output, 6);
    }

    #[test]
    fn wrong_counts_are_zero_and_never_overflow() {
        let usage = merged(&[
            r#"{"input_tokens":-5,"cache_read_input_tokens":18446744073709551615,"cache_creation_input_tokens":"x","output_tokens":2.0}"#,
        ]);
        assert_eq!((usage.input, usage.cache_write, usage.output), (u64::MAX, 0, 2));
    }

    #[test]
    fn money_is_written_as_it_was_rendered() {
        let mut out = Vec::new();
        let charge = Charge {
            cost: "0.000012300".into(),
            upstream_cost: Some("0.01".into()),
            ..Charge::default()
        };
        let usage = Usage { input: 10, cached_input: 4, cache_write: 3, ..Usage::default() };
        write(&mut out, Some(&usage), Some("default"), Some(&charge));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"input_tokens":3,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":0},"output_tokens":0,"output_tokens_details":null,"server_tool_use":null,"service_tier":"standard","inference_geo":null,"cost":0.000012300,"is_byok":false,"cost_details":{"upstream_inference_cost":0.01}}"#
        );
    }

    /// USAGE-5
    #[test]
    fn an_unknown_price_is_null() {
        let mut out = vec![b'{'];
        let unknown = || "null".to_owned();
        let charge =
            Charge { cost: unknown(), upstream_cost: Some(unknown()), ..Charge::default() };
        write_charge(&mut out, &charge);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"cost":null,"is_byok":false,"cost_details":{"upstream_inference_cost":null}"#
        );
    }
}
