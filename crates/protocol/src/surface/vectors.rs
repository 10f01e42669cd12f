//! What routing must know of requests for embeddings and of those to rerank.

use crate::embeddings::{self, Medium};
use crate::facts::RequestFacts;
use crate::rerank;

/// EMB-1
pub(super) fn of_embeddings(facts: RequestFacts, request: &embeddings::Request) -> RequestFacts {
    let images = request.images();
    RequestFacts {
        estimated_prompt_tokens: request.estimated_prompt_tokens(),
        longest_input_tokens: Some(request.longest_input_tokens()),
        images,
        image_input: images > 0,
        audio_input: request.has_medium(Medium::Audio),
        video_input: request.has_medium(Medium::Video),
        file_input: request.has_medium(Medium::File),
        message_count: request.inputs.len(),
        // Nothing is written.
        max_output_tokens: Some(0),
        output_modalities: vec!["embeddings".to_owned()],
        ..facts
    }
}

/// RERANK-2
pub(super) fn of_rerank(facts: RequestFacts, request: &rerank::Request) -> RequestFacts {
    let images = request.documents.iter().filter(|document| document.image.is_some()).count();
    RequestFacts {
        estimated_prompt_tokens: request.estimated_prompt_tokens(),
        longest_input_tokens: Some(request.longest_input_tokens()),
        images: images as u64,
        image_input: images > 0,
        message_count: request.documents.len(),
        search_units: request.most_search_units(),
        max_output_tokens: Some(0),
        output_modalities: vec!["rerank".to_owned()],
        ..facts
    }
}
