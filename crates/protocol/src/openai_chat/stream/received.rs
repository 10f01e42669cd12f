//! A provider's chunk as it comes.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::openai_chat::read::is_string;
use crate::target::ResponseContext;

/// A chunk, as far as events are made of it. Everything may be missing or `null`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) created: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) system_fingerprint: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Option<ChunkChoice<'a>>>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) base_resp: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) object: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) obfuscation: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChunkChoice<'a> {
    #[serde(borrow)]
    pub(super) index: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) native_finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) images: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) audio: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
}

/// What a chunk of one piece tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Its place among the choices.
    pub(super) choice: usize,
    /// Reasoning without entries, not text.
    pub(super) is_thought: bool,
}

/// The only piece of a chunk, if it has one and nothing beside it that means something: its
/// string, the index of its choice as told, and whether it is reasoning.
pub(super) fn piece_of<'a>(
    chunk: &Chunk<'a>,
    context: &ResponseContext,
) -> Option<(&'a RawValue, Option<u32>, bool)> {
    let Some([Some(choice)]) = chunk.choices.as_deref() else { return None };
    let delta = choice.delta.as_ref()?;
    let chunk_tells = [chunk.usage, chunk.x_groq, chunk.error, chunk.base_resp];
    let choice_tells = [choice.text, choice.finish_reason, choice.logprobs, choice.usage];
    let delta_tells = [
        delta.refusal,
        delta.reasoning_details,
        delta.tool_calls,
        delta.function_call,
        delta.images,
        delta.audio,
        delta.annotations,
    ];
    let others = chunk_tells.iter().chain(&choice_tells).chain(&delta_tells);
    if choice.message.is_some() || others.flatten().next().is_some() {
        return None;
    }
    let (raw, is_thought) = match (delta.content, delta.reasoning, delta.reasoning_content) {
        (Some(text), None, None) => (text, false),
        (None, Some(thought), None) | (None, None, Some(thought)) if !context.exclude_reasoning => {
            (thought, true)
        }
        _ => return None,
    };
    let index = match choice.index {
        Some(raw) => Some(serde_json::from_str(raw.get()).ok()?),
        None => None,
    };
    is_string(raw).then_some((raw, index, is_thought))
}
