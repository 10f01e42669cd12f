//! Citations → annotations. WEB-4
//!
//! One that points to a URL becomes a `url_citation`. One that points into a document becomes a
//! `document_citation` in Anthropic's form, the only one among callers' protocols that knows such.

use serde_json::value::RawValue;

use crate::json::lenient::{elements, object, text};
use crate::json::write::{into_text, key, raw, string};
use crate::json::{Object, RawJson};

/// A form of a place in a document: the protocol's name, Anthropic's, and the names of the members,
/// each here and there.
type Place = (&'static str, &'static str, [(&'static str, &'static str); 3]);

const PLACES: [Place; 4] = [
    (
        "documentChar",
        "char_location",
        [
            ("documentIndex", "document_index"),
            ("start", "start_char_index"),
            ("end", "end_char_index"),
        ],
    ),
    (
        "documentPage",
        "page_location",
        [
            ("documentIndex", "document_index"),
            ("start", "start_page_number"),
            ("end", "end_page_number"),
        ],
    ),
    (
        "documentChunk",
        "content_block_location",
        [
            ("documentIndex", "document_index"),
            ("start", "start_block_index"),
            ("end", "end_block_index"),
        ],
    ),
    (
        "searchResultLocation",
        "search_result_location",
        [
            ("searchResultIndex", "search_result_index"),
            ("start", "start_block_index"),
            ("end", "end_block_index"),
        ],
    ),
];

/// A citation as an annotation of the characters `start..end` of the whole content.
pub(super) fn annotation(citation: &RawValue, start: u64, end: u64) -> Option<RawJson> {
    let citation = object(Some(citation))?;
    let title = text(citation.peek("title")).unwrap_or_default();
    let cited: String = elements(citation.peek("sourceContent"))
        .into_iter()
        .filter_map(|part| object(Some(part)))
        .filter_map(|part| text(part.peek("text")))
        .collect();
    let location = object(citation.peek("location")).unwrap_or_default();
    let mut out = vec![b'{'];
    if let Some(web) = object(location.peek("web")) {
        string(&mut out, "type", "url_citation");
        key(&mut out, "url_citation");
        out.push(b'{');
        let url = text(web.peek("url")).or_else(|| text(web.peek("domain")));
        string(&mut out, "url", &url.unwrap_or_default());
        string(&mut out, "title", &title);
        string(&mut out, "content", &cited);
        key(&mut out, "start_index");
        out.extend_from_slice(start.to_string().as_bytes());
        key(&mut out, "end_index");
        out.extend_from_slice(end.to_string().as_bytes());
    } else {
        string(&mut out, "type", "document_citation");
        key(&mut out, "document_citation");
        out.push(b'{');
        place(&mut out, &location);
        string(&mut out, "cited_text", &cited);
        if location.peek("searchResultLocation").is_some() {
            string(&mut out, "title", &title);
            string(&mut out, "source", &text(citation.peek("source")).unwrap_or_default());
        } else {
            string(&mut out, "document_title", &title);
        }
    }
    out.extend_from_slice(b"}}");
    RawJson::parse(into_text(out)).ok()
}

fn place(out: &mut Vec<u8>, location: &Object<'_>) {
    for (name, form, members) in PLACES {
        if let Some(found) = object(location.peek(name)) {
            string(out, "type", form);
            for (here, there) in members {
                if let Some(value) = found.peek(here) {
                    raw(out, there, value.get());
                }
            }
            return;
        }
    }
    string(out, "type", "char_location");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_the_forms_callers_know() {
        for (given, expected) in [
            (
                r#"{"title":"T","sourceContent":[{"text":"a"},{"text":"b"}],"location":{"web":{"url":"https://a","domain":"a"}}}"#,
                r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"T","content":"ab","start_index":2,"end_index":5}}"#,
            ),
            (
                r#"{"title":"T","sourceContent":[{"text":"x"}],"location":{"documentPage":{"documentIndex":0,"start":1,"end":2}}}"#,
                r#"{"type":"document_citation","document_citation":{"type":"page_location","document_index":0,"start_page_number":1,"end_page_number":2,"cited_text":"x","document_title":"T"}}"#,
            ),
            (
                r#"{"source":"https://s","location":{"searchResultLocation":{"searchResultIndex":3,"start":0,"end":1}}}"#,
                r#"{"type":"document_citation","document_citation":{"type":"search_result_location","search_result_index":3,"start_block_index":0,"end_block_index":1,"cited_text":"","title":"","source":"https://s"}}"#,
            ),
            (
                r#"{}"#,
                r#"{"type":"document_citation","document_citation":{"type":"char_location","cited_text":"","document_title":""}}"#,
            ),
        ] {
            let raw = RawJson::parse(given.to_owned()).unwrap();
            assert_eq!(annotation(raw.as_raw(), 2, 5).unwrap().get(), expected);
        }
    }
}
