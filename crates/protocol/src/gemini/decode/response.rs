//! A provider's whole answer → exchange.

use super::super::error::decode_error;
use super::super::finish;
use super::super::usage::Counts;
use super::candidate::CandidateState;
use super::chunk::{Candidate, Chunk, PromptFeedback};
use super::{grounding, logprobs};
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Choice, ErrorType, Event, Extras, Fault, FinishReason, Response, Role, Turn,
    fold,
};
use crate::target::ResponseContext;

/// The most candidates accepted in one answer.
pub(in super::super) const MAX_CANDIDATES: u32 = 128;

/// Reads a provider's whole answer. An error inside a 200 is an error.
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let chunk = read_chunk(body)?;
    let mut response = Response {
        id: chunk.response_id.map(|id| id.text().into_owned()),
        model: chunk.model_version.map(|model| model.text().into_owned()),
        ..Response::default()
    };
    let id = response.id.clone().unwrap_or_default();
    let mut searches = 0_u64;
    for candidate in chunk.candidates.unwrap_or_default() {
        if let Some(metadata) = candidate.grounding_metadata {
            searches = searches.saturating_add(grounding::searches(metadata.get()));
        }
        response.choices.push(read_candidate(candidate, &id, context)?);
    }
    if response.choices.is_empty() {
        let native = chunk.prompt_feedback.and_then(|raw| block_reason(raw.get()));
        let Some(native) = native else {
            return Err(malformed("The provider's answer has no candidates."));
        };
        response.choices.push(Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, Vec::new()),
            finish: Some(FinishReason::ContentFilter),
            native_finish: Some(native),
            logprobs: None,
            extras: Extras::default(),
        });
    }
    if let Some(raw) = chunk.usage_metadata {
        let counts: Counts = serde_json::from_str(raw.get()).unwrap_or_default();
        response.usage = Some(counts.normalised(searches));
        response.service_tier = counts.tier().map(str::to_owned);
    }
    Ok(response)
}

/// Reads the outermost level, and turns an error inside into a fault. Depth needs no check: parts
/// and arguments stay text, and what is skipped is skipped without recursion.
pub(in super::super) fn read_chunk(data: &[u8]) -> Result<Chunk<'_>, Fault> {
    let unreadable = || malformed("The provider's answer is not readable.");
    if data.trim_ascii_start().starts_with(b"[") {
        // Errors may come wrapped in an array.
        return Err(error_inside(data));
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|_| unreadable())?;
    if chunk.error.is_some() {
        return Err(error_inside(data));
    }
    Ok(chunk)
}

/// Why a prompt was refused. Bug 26
pub(in super::super) fn block_reason(raw: &str) -> Option<String> {
    serde_json::from_str::<PromptFeedback>(raw).ok()?.block_reason
}

/// An answer that is no answer.
pub(in super::super) fn malformed(message: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, message)
}

fn error_inside(data: &[u8]) -> Fault {
    decode_error(200, None, data)
}

fn read_candidate(
    candidate: Candidate<'_>,
    response_id: &str,
    context: &ResponseContext,
) -> Result<Choice, Fault> {
    let index = u32::try_from(candidate.index.0)
        .ok()
        .filter(|index| *index < MAX_CANDIDATES)
        .ok_or_else(|| malformed("The provider numbers its candidates beyond all bounds."))?;
    let mut state = CandidateState::new(index);
    let mut events = Vec::new();
    for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
        state
            .part(part, response_id, context, &mut events)
            .map_err(|_| malformed("A part of the provider's answer is not readable."))?;
    }
    state.end(response_id, context, &mut events);
    let mut blocks = blocks_of(events);
    if let Some(metadata) = candidate.grounding_metadata {
        annotate(&mut blocks, grounding::annotations(metadata.get(), &state.text));
    }
    let native = candidate.finish_reason.map(|reason| reason.text().into_owned());
    Ok(Choice {
        index,
        turn: Turn::new(Role::Assistant, blocks),
        finish: native.as_deref().map(|native| finish::normalised(native, state.called())),
        native_finish: native,
        logprobs: candidate.logprobs_result.and_then(|raw| logprobs::openai_form(raw.get())),
        extras: Extras::default(),
    })
}

/// Folds the events of one candidate; parts that only this protocol knows keep their places.
fn blocks_of(events: Vec<Event>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut segment = Vec::new();
    let flush = |segment: &mut Vec<Event>, blocks: &mut Vec<Block>| {
        let folded = fold(segment.drain(..));
        blocks.extend(folded.choices.into_iter().flat_map(|choice| choice.turn.blocks));
    };
    for event in events {
        match event {
            Event::Opaque { origin: Dialect::Gemini, raw } => {
                flush(&mut segment, &mut blocks);
                blocks.push(Block::new(BlockKind::Opaque { origin: Dialect::Gemini, raw }));
            }
            other => segment.push(other),
        }
    }
    flush(&mut segment, &mut blocks);
    blocks
}

fn annotate(blocks: &mut Vec<Block>, found: Vec<crate::json::RawJson>) {
    if found.is_empty() {
        return;
    }
    let last = blocks.iter_mut().rev().find_map(|block| match &mut block.kind {
        BlockKind::Text { annotations, .. } => Some(annotations),
        _ => None,
    });
    match last {
        Some(annotations) => annotations.extend(found),
        None => {
            blocks.push(Block::new(BlockKind::Text { text: String::new(), annotations: found }))
        }
    }
}
