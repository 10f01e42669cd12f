//! Rerank of Cohere, Voyage, Jina and Bedrock.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::hosts::{self, Host};
use super::vector::words;
use super::{Measured, bedrock, cohere, fields};
use crate::calls::Usage;
use crate::rejection::Rejection;
use crate::tokens;
use crate::turn::Turn;

const MOST_DOCUMENTS: usize = 1000;
/// Documents in a search unit, and the tokens of query and document beyond which a document
/// counts as several.
const UNIT_DOCUMENTS: u64 = 100;
const UNIT_TOKENS: u64 = 500;

/// How relevant a document is to a query: the share of the query's different words that it has,
/// between 0.01 for none and 0.99 for all.
pub fn relevance(query: &str, document: &str) -> f64 {
    let document: HashSet<String> = words(document).into_iter().collect();
    let query: HashSet<String> = words(query).into_iter().collect();
    let common = query.intersection(&document).count();
    let share = if query.is_empty() { 0.0 } else { common as f64 / query.len() as f64 };
    // Rounded so that the number is short on the wire.
    ((0.01 + 0.98 * share) * 1e4).round() / 1e4
}

/// A request in neutral terms, with its documents in order of relevance.
struct Ranked {
    model: String,
    texts: Vec<String>,
    /// Places and scores, the best first.
    order: Vec<(usize, f64)>,
    tokens: u64,
    units: u64,
    return_documents: bool,
}

fn rank(
    fields: &Map<String, Value>,
    top: &str,
    refuse: fields::Refuse,
) -> Result<Ranked, Rejection> {
    let query = fields::text(fields, "query", refuse)?;
    if query.is_empty() {
        return Err(refuse("query", "cannot be empty"));
    }
    let documents = match fields::given(fields, "documents") {
        Some(Value::Array(documents)) if documents.is_empty() => {
            return Err(refuse("documents", "cannot be empty"));
        }
        Some(Value::Array(documents)) if documents.len() > MOST_DOCUMENTS => {
            return Err(refuse(
                "documents",
                &format!("has {} entries; at most {MOST_DOCUMENTS} are allowed", documents.len()),
            ));
        }
        Some(Value::Array(documents)) => documents,
        Some(_) => return Err(refuse("documents", "must be a list")),
        None => return Err(refuse("documents", "is required")),
    };
    let text = |document: &Value| {
        let text = document.as_str().or_else(|| document.get("text").and_then(Value::as_str));
        text.map(str::to_owned).ok_or_else(|| refuse("documents", "must be a list of strings"))
    };
    let texts: Vec<String> = documents.iter().map(text).collect::<Result<_, _>>()?;
    let keep = fields::number(fields, top, 1..=u64::MAX, refuse)?.unwrap_or(usize::MAX);
    let mut order: Vec<(usize, f64)> = texts
        .iter()
        .enumerate()
        .map(|(place, document)| (place, relevance(query, document)))
        .collect();
    // Stable, so equal documents keep the order they were given in.
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    order.truncate(keep);
    let asked = tokens::count(query);
    let chunk = |document: &String| (asked + tokens::count(document)).div_ceil(UNIT_TOKENS).max(1);
    let chunks: u64 = texts.iter().map(chunk).sum();
    Ok(Ranked {
        model: fields.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        tokens: texts.iter().map(|text| asked + tokens::count(text)).sum(),
        units: chunks.div_ceil(UNIT_DOCUMENTS),
        return_documents: fields.get("return_documents") == Some(&Value::Bool(true)),
        texts,
        order,
    })
}

impl Ranked {
    fn results(&self, document: impl Fn(&str) -> Value) -> Value {
        self.order
            .iter()
            .map(|(place, score)| {
                let mut result = json!({"index": place, "relevance_score": score});
                if self.return_documents {
                    result["document"] = document(&self.texts[*place]);
                }
                result
            })
            .collect()
    }

    /// What a search costs where searches are billed.
    fn searched(&self, body: Value) -> Measured {
        let usage = Usage { search_units: self.units, ..Usage::default() };
        Measured { usage, ..Measured::new(body, 0) }
    }
}

pub(super) fn cohere(body: &Value, turn: &Turn) -> Result<Measured, Rejection> {
    let known = ["model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"];
    let fields = fields::object(body, &known, cohere::refuse, cohere::extra)?;
    fields::text(fields, "model", cohere::refuse)?;
    let ranked = rank(fields, "top_n", cohere::refuse)?;
    let id = cohere::id(turn);
    let body = json!({
        "id": id,
        "results": ranked.results(|text| Value::from(text)),
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": ranked.units}},
    });
    Ok(ranked.searched(body).with_id(id))
}

/// Bedrock bills searches, and its answers state no usage.
pub(super) fn bedrock(body: &Value, cohere: bool) -> Result<Measured, Rejection> {
    let known: &[&str] = match cohere {
        true => &["api_version", "query", "documents", "top_n", "max_tokens_per_doc"],
        false => &["query", "documents", "top_n"],
    };
    let fields = fields::object(body, known, bedrock::refuse, bedrock::extra)?;
    if cohere && fields.get("api_version") != Some(&Value::from(2)) {
        return Err(bedrock::refuse("api_version", "2 is required"));
    }
    let ranked = rank(fields, "top_n", bedrock::refuse)?;
    Ok(ranked.searched(json!({"results": ranked.results(|text| Value::from(text))})))
}

pub(super) fn host(body: &Value, host: Host) -> Result<Measured, Rejection> {
    let voyage = host == Host::Voyage;
    let (known, top): (&[&str], &str) = match voyage {
        true => {
            (&["model", "query", "documents", "top_k", "return_documents", "truncation"], "top_k")
        }
        false => {
            (&["model", "query", "documents", "top_n", "return_documents", "truncation"], "top_n")
        }
    };
    let fields = fields::object(body, known, hosts::refuse, hosts::extra)?;
    fields::text(fields, "model", hosts::refuse)?;
    let ranked = rank(fields, top, hosts::refuse)?;
    let usage = json!({"total_tokens": ranked.tokens});
    let body = match voyage {
        true => json!({
            "object": "list",
            "data": ranked.results(|text| Value::from(text)),
            "model": ranked.model,
            "usage": usage,
        }),
        false => json!({
            "model": ranked.model,
            "results": ranked.results(|text| json!({"text": text})),
            "usage": usage,
        }),
    };
    Ok(Measured::new(body, ranked.tokens))
}
