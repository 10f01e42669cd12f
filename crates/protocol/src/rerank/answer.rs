//! Providers' answers: documents there are, each once, with scores that are numbers, or a fault.

use serde_json::value::RawValue;

use super::form::Form;
use super::request::Request;
use super::response::{Ranked, Response, Usage};
use crate::embeddings::read::{answer, broken, count, inner, tells_error};
use crate::exchange::Fault;
use crate::json::{Object, scan};

/// Reads the answer to a request. The results are sorted by score and no more than were wanted.
pub fn decode_response(form: Form, body: &[u8], request: &Request) -> Result<Response, Fault> {
    let answer = answer(body)?;
    if tells_error(&answer) {
        return Err(form.decode_error(200, None, body));
    }
    // Voyage calls them `data`, as do some hosts of Jina's form.
    let Some(list) = answer.peek("results").or_else(|| answer.peek("data")) else {
        let told = ["message", "detail", "errors"];
        return Err(if told.iter().any(|name| answer.peek(name).is_some()) {
            form.decode_error(200, None, body)
        } else {
            broken("it has no results")
        });
    };
    let entries = scan::elements(list).ok_or_else(|| broken("its results are not a list"))?;
    let mut seen = vec![false; request.documents.len()];
    let mut results = Vec::with_capacity(entries.len().min(seen.len()));
    for raw in entries {
        let ranked = ranked(raw)?;
        match seen.get_mut(ranked.index) {
            None => {
                return Err(broken(format_args!(
                    "it ranks document {} of {}",
                    ranked.index,
                    request.documents.len()
                )));
            }
            Some(true) => {
                return Err(broken(format_args!("it ranks document {} twice", ranked.index)));
            }
            Some(place) => *place = true,
        }
        results.push(ranked);
    }
    if results.is_empty() {
        return Err(broken("it ranks no document"));
    }
    // Equal scores stay in the provider's order.
    results.sort_by(|one, other| other.relevance_score.total_cmp(&one.relevance_score));
    results.truncate(request.wanted());
    let text = |name| answer.peek_str(name).filter(|text| !text.is_empty());
    Ok(Response {
        results,
        usage: usage(&answer),
        model: text("model").map(Into::into),
        upstream_id: text("id").map(Into::into),
    })
}

fn ranked(raw: &RawValue) -> Result<Ranked, Fault> {
    let entry = if raw.get().starts_with('{') { Object::of(raw).ok() } else { None };
    let entry = entry.ok_or_else(|| broken("a result is not an object"))?;
    let index = entry.peek("index").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let index = index.ok_or_else(|| broken("a result does not say which document it ranks"))?;
    let score = ["relevance_score", "score"].iter().find_map(|name| entry.peek(name));
    // The JSON reader's own floats may be one off what is written.
    let score = score.and_then(|raw| raw.get().parse::<f64>().ok());
    match score.filter(|score| score.is_finite()) {
        Some(relevance_score) => Ok(Ranked { index, relevance_score }),
        None => Err(broken(format_args!("the score of document {index} is not a number"))),
    }
}

/// What the vendors call their counts.
fn usage(answer: &Object<'_>) -> Option<Usage> {
    let billed = inner(answer, &["meta", "billed_units"]);
    let tokens = inner(answer, &["meta", "tokens"]);
    let plain = inner(answer, &["usage"]);
    let of = |object: &Option<Object<'_>>, name: &str| count(object.as_ref()?, name);
    let usage = Usage {
        search_units: of(&billed, "search_units").or_else(|| of(&plain, "search_units")),
        total_tokens: of(&plain, "total_tokens")
            .or_else(|| of(&plain, "prompt_tokens"))
            .or_else(|| of(&tokens, "input_tokens"))
            .or_else(|| of(&billed, "total_tokens"))
            .or_else(|| of(&billed, "input_tokens")),
    };
    (usage != Usage::default()).then_some(usage)
}
