//! Names of the protocol.

use serde_json::value::RawValue;

use crate::exchange::{ErrorType, Fault, FinishReason};
use crate::json::RawJson;
use crate::json::lenient::{count, elements, object, text};
use crate::json::write::{array, into_text, key, raw, string};

/// The normalised reason of a `finish_reason`; an unknown word counts as a normal end. Words of the
/// protocol's first version still occur. wire-formats 6
pub(super) fn finish_of(finish_reason: &str) -> FinishReason {
    match finish_reason {
        "TOOL_CALL" => FinishReason::ToolCalls,
        "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        "ERROR" | "TIMEOUT" => FinishReason::Error,
        other if other.starts_with("ERROR_") => FinishReason::Error,
        _ => FinishReason::Stop,
    }
}

/// The reason an answer ended, seen together with whether it calls tools. Bug 15
pub(super) fn finish(native: Option<&str>, calls: bool) -> FinishReason {
    match native.map(finish_of) {
        None | Some(FinishReason::Stop) if calls => FinishReason::ToolCalls,
        Some(reason) => reason,
        None => FinishReason::Stop,
    }
}

/// An answer that cannot be read.
pub(super) fn malformed(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("The provider's answer is malformed: {why}"))
}

/// A call's arguments: `{}` where the model has none, which it may write as `null`. Bug 3
pub(super) fn arguments(told: Option<String>) -> String {
    match told.as_deref().map(str::trim) {
        None | Some("" | "null") => "{}".to_owned(),
        Some(_) => told.unwrap_or_default(),
    }
}

/// Log probabilities in OpenAI's form. The protocol tells those of the tokens of a piece without
/// the pieces' own bounds: a piece of several tokens has the product of all.
pub(super) fn logprobs<'a>(items: impl IntoIterator<Item = &'a RawValue>) -> Option<RawJson> {
    let items: Vec<(String, f64)> = items
        .into_iter()
        .filter_map(|raw| {
            let item = object(Some(raw))?;
            let sum: f64 = elements(item.peek("logprobs"))
                .into_iter()
                .filter_map(|raw| serde_json::from_str::<f64>(raw.get()).ok())
                .sum();
            Some((text(item.peek("text"))?, sum)).filter(|(_, sum)| sum.is_finite())
        })
        .collect();
    if items.is_empty() {
        return None;
    }
    let mut out = vec![b'{'];
    key(&mut out, "content");
    array(&mut out, &items, |out, (token, logprob)| {
        out.push(b'{');
        string(out, "token", token);
        raw(out, "logprob", &logprob.to_string());
        raw(out, "bytes", "null");
        raw(out, "top_logprobs", "[]");
        out.push(b'}');
    });
    out.push(b'}');
    RawJson::parse(into_text(out)).ok()
}

/// A position; absent ones are the beginning.
pub(super) fn position(raw: Option<&RawValue>) -> u64 {
    count(raw).unwrap_or(0)
}
