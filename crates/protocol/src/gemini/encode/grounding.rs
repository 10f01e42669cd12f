//! Annotations → `groundingMetadata`. WEB-4

use serde::{Deserialize, Serialize};

use crate::json::RawJson;

#[derive(Deserialize)]
struct Annotation {
    url_citation: Citation,
}

#[derive(Deserialize)]
struct Citation {
    url: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    start_index: usize,
    #[serde(default)]
    end_index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    grounding_chunks: Vec<Chunk<'a>>,
    grounding_supports: Vec<Support>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    web: Web<'a>,
}

#[derive(Serialize)]
struct Web<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Support {
    segment: Segment,
    grounding_chunk_indices: [usize; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    start_index: usize,
    end_index: usize,
}

/// The metadata for the citations of a text; `None` if there are none. Callers of other protocols
/// count in characters, this one counts in bytes.
pub(in super::super) fn metadata(citations: &[&RawJson], text: &str) -> Option<String> {
    let read: Vec<Citation> = citations
        .iter()
        .filter_map(|raw| raw.read::<Annotation>().ok())
        .map(|annotation| annotation.url_citation)
        .collect();
    if read.is_empty() {
        return None;
    }
    let byte = |character: usize| {
        text.char_indices().nth(character).map_or(text.len(), |(offset, _)| offset)
    };
    let supports = read.iter().enumerate().map(|(index, citation)| Support {
        segment: Segment {
            start_index: byte(citation.start_index),
            end_index: byte(citation.end_index),
        },
        grounding_chunk_indices: [index],
    });
    let metadata = Metadata {
        grounding_supports: supports.collect(),
        grounding_chunks: read
            .iter()
            .map(|citation| Chunk {
                web: Web { uri: &citation.url, title: citation.title.as_deref() },
            })
            .collect(),
    };
    serde_json::to_string(&metadata).ok()
}
