//! Citations ↔ annotations. WEB-4

use serde_json::value::RawValue;

use super::wire::{into_text, key, number, raw, string};
use crate::json::{Object, RawJson};

/// The annotation type of a citation that points into a document rather than to a URL.
const DOCUMENT: &str = "document_citation";

/// A citation as an annotation of the characters `start..end` of the whole content.
pub(super) fn annotation(citation: &RawValue, start: u64, end: u64) -> Option<RawJson> {
    let object = Object::of(citation).ok()?;
    let mut out = vec![b'{'];
    match object.peek_str("url") {
        Some(url) => {
            string(&mut out, "type", "url_citation");
            key(&mut out, "url_citation");
            out.push(b'{');
            string(&mut out, "url", &url);
            string(&mut out, "title", &object.peek_str("title").unwrap_or_default());
            string(&mut out, "content", &object.peek_str("cited_text").unwrap_or_default());
            number(&mut out, "start_index", start);
            number(&mut out, "end_index", end);
            // Without it the citation cannot be sent back to the vendor.
            if let Some(index) = object.peek("encrypted_index") {
                raw(&mut out, "encrypted_index", index.get());
            }
            out.push(b'}');
        }
        None => {
            string(&mut out, "type", DOCUMENT);
            raw(&mut out, DOCUMENT, citation.get());
        }
    }
    out.push(b'}');
    RawJson::parse(into_text(out)).ok()
}

/// An annotation as a citation, as JSON text.
pub(super) fn citation(annotation: &RawJson) -> Option<String> {
    let object = Object::of(annotation.as_raw()).ok()?;
    if let Some(own) = object.peek(DOCUMENT) {
        return Some(own.get().to_owned());
    }
    let cited = Object::of(object.peek("url_citation")?).ok()?;
    let mut out = vec![b'{'];
    string(&mut out, "type", "web_search_result_location");
    string(&mut out, "url", &cited.peek_str("url")?);
    string(&mut out, "title", &cited.peek_str("title").unwrap_or_default());
    string(&mut out, "cited_text", &cited.peek_str("content").unwrap_or_default());
    match cited.peek("encrypted_index") {
        Some(index) => raw(&mut out, "encrypted_index", index.get()),
        None => string(&mut out, "encrypted_index", ""),
    }
    out.push(b'}');
    Some(into_text(out))
}

/// An annotation as a citation the vendor takes back; `None` for another's, which it would refuse.
pub(super) fn replayable(annotation: &RawJson) -> Option<String> {
    let object = Object::of(annotation.as_raw()).ok()?;
    let cited = object.peek("url_citation").and_then(|raw| Object::of(raw).ok());
    match cited {
        // This gateway gives its own citations an empty one, since the form wants a text.
        Some(cited) if cited.peek_str("encrypted_index").is_none_or(|index| index.is_empty()) => {
            None
        }
        _ => citation(annotation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_become_annotations_and_come_back() {
        for original in [
            r#"{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"x","encrypted_index":"e"}"#,
            r#"{"type":"page_location","cited_text":"x","document_index":0,"start_page_number":1}"#,
        ] {
            let raw = RawJson::parse(original.to_owned()).unwrap();
            let made = annotation(raw.as_raw(), 2, 5).unwrap();
            assert_eq!(citation(&made).unwrap(), original);
        }
    }

    #[test]
    fn only_what_the_vendor_can_read_is_replayed() {
        for (index, kept) in [
            (r#","encrypted_index":"e""#, true),
            (r#","encrypted_index":"""#, false),
            (r#","encrypted_index":null"#, false),
            ("", false),
        ] {
            let annotation = format!(
                r#"{{"type":"url_citation","url_citation":{{"url":"https://a","title":"A","content":"x"{index}}}}}"#
            );
            let annotation = RawJson::parse(annotation).unwrap();
            assert_eq!(replayable(&annotation).is_some(), kept, "{index}");
            assert!(citation(&annotation).is_some(), "a caller gets all of them");
        }
    }
}
