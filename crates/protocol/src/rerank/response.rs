//! The answer to a rerank request, and how callers get it. RERANK-2, USAGE-8

use super::encode::{echo, results};
use super::request::Request;
use crate::embeddings::write::{ObjectWriter, decimal};
use crate::exchange::{Additions, Identity};

/// The answer to a rerank request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The results, the most relevant first.
    pub results: Vec<Ranked>,
    /// What was counted; `None` if the provider told nothing.
    pub usage: Option<Usage>,
    /// The provider's name of the model, if told.
    pub model: Option<String>,
    /// The provider's id of the answer, if told.
    pub upstream_id: Option<String>,
}

/// One document's rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Which of the request's documents; always one there is.
    pub index: usize,
    /// How relevant it is, in the vendor's measure; finite.
    pub relevance_score: f64,
}

/// What a provider counted. USAGE-8
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Search units, as Cohere bills.
    pub search_units: Option<u64>,
    /// Tokens, as all others bill.
    pub total_tokens: Option<u64>,
}

/// Writes the answer for a caller: the results with the documents of the request.
pub fn encode_response(
    response: &Response,
    request: &Request,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    body.string("id", &identity.id);
    body.string("model", &identity.model);
    body.string("provider", &identity.provider);
    let documents = request.return_documents != Some(false);
    results(&mut body, &response.results, |entry, ranked| {
        entry.number("index", ranked.index as u64);
        entry.float("relevance_score", ranked.relevance_score);
        if let Some(document) = request.documents.get(ranked.index)
            && documents
        {
            echo(entry.value("document"), document);
        }
    });
    if response.usage.is_some() || additions.charge.is_some() {
        let usage = response.usage.unwrap_or_default();
        body.object("usage", |members| {
            if let Some(units) = usage.search_units {
                members.number("search_units", units);
            }
            if let Some(tokens) = usage.total_tokens {
                members.number("total_tokens", tokens);
            }
            if let Some(charge) = additions.charge {
                members.raw("cost", decimal(&charge.cost));
            }
        });
    }
    body.members(additions.members);
    body.end();
    out
}
