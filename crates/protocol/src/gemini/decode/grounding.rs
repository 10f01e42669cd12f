//! What a grounded answer rests on → annotations. WEB-4

use serde::{Deserialize, Serialize};

use super::super::lenient::{Count, Lenient};
use crate::json::RawJson;

/// The most annotations made of one answer.
const MAX_ANNOTATIONS: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    web_search_queries: Lenient<Vec<String>>,
    grounding_chunks: Lenient<Vec<Chunk>>,
    grounding_supports: Lenient<Vec<Support>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    web: Lenient<Place>,
    retrieved_context: Lenient<Place>,
    maps: Lenient<Place>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    uri: Lenient<String>,
    title: Lenient<String>,
    text: Lenient<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Support {
    segment: Lenient<Segment>,
    grounding_chunk_indices: Lenient<Vec<Count>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Segment {
    start_index: Count,
    end_index: Count,
}

#[derive(Serialize)]
struct Annotation<'a> {
    r#type: &'static str,
    url_citation: Citation<'a>,
}

#[derive(Serialize)]
struct Citation<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    start_index: usize,
    end_index: usize,
}

/// How many searches the service ran.
pub(in super::super) fn searches(metadata: &str) -> u64 {
    let metadata: Metadata = serde_json::from_str(metadata).unwrap_or_default();
    let queries = metadata.web_search_queries.0.unwrap_or_default();
    queries.iter().filter(|query| !query.is_empty()).count() as u64
}

/// The annotations of a text. The service counts in bytes, callers count in characters.
pub(in super::super) fn annotations(metadata: &str, text: &str) -> Vec<RawJson> {
    let metadata: Metadata = serde_json::from_str(metadata).unwrap_or_default();
    let chunks = metadata.grounding_chunks.0.unwrap_or_default();
    let supports = metadata.grounding_supports.0.unwrap_or_default();
    let mut found = Vec::new();
    let mut add = |chunk: &Chunk, start: usize, end: usize| {
        let places = [&chunk.web, &chunk.retrieved_context, &chunk.maps];
        let Some(place) = places.into_iter().find_map(|place| place.0.as_ref()) else { return };
        let Some(url) = place.uri.0.as_deref().filter(|_| found.len() < MAX_ANNOTATIONS) else {
            return;
        };
        let citation = Citation {
            url,
            title: place.title.0.as_deref(),
            content: place.text.0.as_deref(),
            start_index: start,
            end_index: end,
        };
        let annotation = Annotation { r#type: "url_citation", url_citation: citation };
        found.extend(RawJson::of(&annotation).ok());
    };
    if supports.is_empty() {
        chunks.iter().for_each(|chunk| add(chunk, 0, 0));
    }
    for support in supports.iter().take(MAX_ANNOTATIONS) {
        let segment = support.segment.0.as_ref();
        let place = |count: fn(&Segment) -> Count| {
            segment.map_or(0, |segment| characters(text, count(segment).0))
        };
        let (start, end) =
            (place(|segment| segment.start_index), place(|segment| segment.end_index));
        for index in support.grounding_chunk_indices.0.as_deref().unwrap_or_default() {
            if let Some(chunk) = usize::try_from(index.0).ok().and_then(|at| chunks.get(at)) {
                add(chunk, start, end.max(start));
            }
        }
    }
    found
}

/// How many characters lie before a byte offset; offsets inside a character count it.
fn characters(text: &str, bytes: u64) -> usize {
    let end = usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
    text.as_bytes()[..end].iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"webSearchQueries":["a","b"],
        "groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"retrievedContext":{"uri":"gs://b","text":"t"}}],
        "groundingSupports":[{"segment":{"startIndex":2,"endIndex":7},"groundingChunkIndices":[0,1,99]},
        {"segment":null,"groundingChunkIndices":"x"}]}"#;

    #[test]
    fn supports_become_citations_with_character_offsets() {
        let found = annotations(METADATA, "é häu.");
        assert_eq!(
            found[0].get(),
            r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":1,"end_index":5}}"#
        );
        assert_eq!(found.len(), 2);
        assert!(found[1].get().contains(r#""content":"t""#));
        assert_eq!(searches(METADATA), 2);
    }

    #[test]
    fn nonsense_is_no_annotation() {
        for text in ["null", "[]", "{\"groundingChunks\":7}", "{\"groundingSupports\":[{}]}"] {
            assert!(annotations(text, "x").is_empty() && searches(text) == 0, "{text}");
        }
    }
}
