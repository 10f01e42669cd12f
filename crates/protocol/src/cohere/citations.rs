//! Citations → annotations. WEB-4
//!
//! A citation says which of the words are whose; its sources are documents of the request or
//! results of tools, of which some have a URL and all have an id.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::wire::position;
use crate::json::lenient::{elements, object, text, words};
use crate::json::write::{into_text, key, number, string};
use crate::json::{Object, RawJson};

/// The block of the answer's content a citation belongs to; `None` if it cites reasoning, which
/// annotations cannot be of.
pub(super) fn place(citation: &Object<'_>) -> Option<u64> {
    match citation.peek_str("type").as_deref() {
        Some("THINKING_CONTENT" | "PLAN") => None,
        _ => Some(position(citation.peek("content_index"))),
    }
}

/// A citation as annotations, one for each source. `start` is where its block begins in the whole
/// content, in characters.
pub(super) fn annotations(citation: &Object<'_>, start: u64) -> Vec<RawJson> {
    let from = start.saturating_add(position(citation.peek("start")));
    let to = start.saturating_add(position(citation.peek("end")));
    elements(citation.peek("sources"))
        .into_iter()
        .filter_map(|source| annotation(source, from, to))
        .collect()
}

fn annotation(source: &RawValue, from: u64, to: u64) -> Option<RawJson> {
    let source = object(Some(source))?;
    let id = text(source.peek("id")).unwrap_or_default();
    let told = object(source.peek("document")).or_else(|| object(source.peek("tool_output")));
    let told = told.unwrap_or_default();
    let url = words(told.peek("url")).unwrap_or_else(|| id.clone());
    let title = words(told.peek("title")).unwrap_or(id);
    let content = ["text", "snippet", "content"]
        .iter()
        .find_map(|name| told.peek_str(name))
        .map(Cow::into_owned)
        .unwrap_or_default();
    let mut out = vec![b'{'];
    string(&mut out, "type", "url_citation");
    key(&mut out, "url_citation");
    out.push(b'{');
    string(&mut out, "url", &url);
    string(&mut out, "title", &title);
    string(&mut out, "content", &content);
    number(&mut out, "start_index", from);
    number(&mut out, "end_index", to);
    out.extend_from_slice(b"}}");
    RawJson::parse(into_text(out)).ok()
}
