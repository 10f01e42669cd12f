//! What callers send. RERANK-2

use serde_json::value::RawValue;

use super::MAX_DOCUMENTS;
use crate::embeddings::read::{
    Place, boolean, envelope, is_string, list, model, no_stream, object, preferences, required,
    string, text, told, unknown, unsigned,
};
use crate::exchange::Fault;
use crate::json::RawJson;

/// The documents counted as one search unit, as Cohere bills them.
const DOCUMENTS_PER_SEARCH_UNIT: u64 = 100;

/// The tokens of a document that are counted as one, with the query's.
const TOKENS_PER_CHUNK: u64 = 500;

const KNOWN: [&str; 6] = ["model", "query", "documents", "top_n", "return_documents", "provider"];

/// A request to rerank documents. RERANK-2
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model asked for.
    pub model: String,
    /// What the documents are compared with.
    pub query: String,
    /// The documents; never none.
    pub documents: Vec<Document>,
    /// How many of the best are wanted; absent means all.
    pub top_n: Option<u32>,
    /// Whether the documents come back with the results. They do in OpenRouter's protocol; only a
    /// caller who refuses them gets none.
    pub return_documents: Option<bool>,
    /// The `provider` preferences, unread.
    pub provider: Option<RawJson>,
    /// Members of no meaning here, in their order; those that are for the router alone are left
    /// out.
    pub extras: Vec<(String, RawJson)>,
}

/// A document: a text, an image, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The text.
    pub text: Option<String>,
    /// The image: a URL or a `data:` URI.
    pub image: Option<String>,
    /// Further members, in their order.
    pub extras: Vec<(String, RawJson)>,
}

impl Document {
    /// A document that is a mere text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

impl Request {
    /// How many results are wanted.
    pub fn wanted(&self) -> usize {
        let all = self.documents.len();
        self.top_n.map_or(all, |most| usize::try_from(most).unwrap_or(all).min(all))
    }

    /// Whether a document holds an image.
    pub fn is_multimodal(&self) -> bool {
        self.documents.iter().any(|document| document.image.is_some())
    }

    /// The size in tokens, estimated: a quarter of the bytes a model reads, which reads the query
    /// anew with each document. Images do not count.
    pub fn estimated_prompt_tokens(&self) -> u64 {
        let query = self.query.len() as u64;
        let read = |document: &Document| {
            query.saturating_add(document.text.as_ref().map_or(0, |text| text.len() as u64))
        };
        let bytes =
            self.documents.iter().map(read).fold(0, |sum: u64, each| sum.saturating_add(each));
        bytes.div_ceil(4)
    }

    /// The size of the longest document in tokens, estimated, with the query that is read beside it.
    pub fn longest_input_tokens(&self) -> u64 {
        let longest = self.documents.iter().filter_map(|document| document.text.as_ref());
        let longest = longest.map(String::len).max().unwrap_or_default();
        ((self.query.len() + longest) as u64).div_ceil(4)
    }

    /// The search units at most: a document of more than 500 tokens counts as several, and no text
    /// has more tokens than bytes.
    pub fn most_search_units(&self) -> u64 {
        let query = self.query.len() as u64;
        let chunks = self.documents.iter().map(|document| {
            let text = document.text.as_ref().map_or(0, |text| text.len() as u64);
            1 + query.saturating_add(text) / TOKENS_PER_CHUNK
        });
        chunks.fold(0, u64::saturating_add).div_ceil(DOCUMENTS_PER_SEARCH_UNIT)
    }

    /// The search units, estimated: one for every hundred documents begun. Long documents count as
    /// several, which only the provider knows.
    pub fn estimated_search_units(&self) -> u64 {
        (self.documents.len() as u64).div_ceil(DOCUMENTS_PER_SEARCH_UNIT)
    }
}

/// Reads a caller's request. The messages of refusals name the member.
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let members = envelope(body)?.into_object();
    no_stream(&members)?;
    let query = Place::Top("query");
    let documents = Place::Top("documents");
    let listed = list(required(&members, "documents", &documents)?, MAX_DOCUMENTS, &documents)?;
    let read = listed.into_iter().enumerate();
    Ok(Request {
        model: model(&members)?,
        query: text(required(&members, "query", &query)?, &query)?,
        documents: read
            .map(|(at, raw)| document(raw, &documents.element(at)))
            .collect::<Result<_, _>>()?,
        top_n: told(&members, "top_n")
            .map(|raw| unsigned(raw, 1, u32::MAX, &Place::Top("top_n")))
            .transpose()?,
        return_documents: told(&members, "return_documents")
            .map(|raw| boolean(raw, &Place::Top("return_documents")))
            .transpose()?,
        provider: preferences(&members)?,
        extras: unknown(&members, &KNOWN),
    })
}

fn document(raw: &RawValue, place: &Place<'_>) -> Result<Document, Fault> {
    if is_string(raw) {
        return Ok(Document::text(string(raw, place)?));
    }
    if !raw.get().starts_with('{') {
        return Err(place.expected("a string or an object with `text` or `image`", raw));
    }
    let members = object(raw, place)?;
    let member = |name: &'static str| match told(&members, name) {
        Some(raw) => string(raw, &place.member(name)).map(|text| Some(text.into_owned())),
        None => Ok(None),
    };
    let (text, image) = (member("text")?, member("image")?);
    if text.is_none() && image.is_none() {
        return Err(place.refuse("has neither `text` nor `image`; send at least one of them"));
    }
    let others = members.iter().filter(|(name, _)| !matches!(*name, "text" | "image"));
    let extras = others.map(|(name, raw)| (name.to_owned(), RawJson::from_raw(raw))).collect();
    Ok(Document { text, image, extras })
}
