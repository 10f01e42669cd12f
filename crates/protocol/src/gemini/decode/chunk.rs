//! What a provider sends, read member by member: a whole answer and a chunk of a stream have the
//! same form. wire-formats 3.3

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::lenient::{Count, Lenient};
use crate::json::half::Quoted;

/// An answer, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(in super::super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(in super::super) prompt_feedback: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) model_version: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) response_id: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) error: Option<&'a RawValue>,
}

/// One candidate, or a piece of one. Any member may be missing. Bug 12
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Candidate<'a> {
    pub(in super::super) index: Count,
    #[serde(borrow)]
    pub(in super::super) content: Option<Content<'a>>,
    #[serde(borrow)]
    pub(in super::super) finish_reason: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) logprobs_result: Option<&'a RawValue>,
}

/// The parts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Content<'a> {
    #[serde(borrow)]
    pub(in super::super) parts: Option<Vec<&'a RawValue>>,
}

/// One part, as far as it is known.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Part<'a> {
    #[serde(borrow)]
    pub(in super::super) text: Option<Quoted<'a>>,
    pub(in super::super) thought: Option<bool>,
    #[serde(borrow)]
    pub(in super::super) thought_signature: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow)]
    pub(in super::super) inline_data: Option<InlineData<'a>>,
}

/// A call, whole or in pieces.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct FunctionCall<'a> {
    #[serde(borrow)]
    pub(in super::super) id: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) name: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) args: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) partial_args: Option<Vec<PartialArg<'a>>>,
    pub(in super::super) will_continue: Option<bool>,
}

/// A piece of a call's arguments.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct PartialArg<'a> {
    #[serde(borrow)]
    pub(in super::super) json_path: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) string_value: Option<Quoted<'a>>,
    pub(in super::super) number_value: Lenient<serde_json::Number>,
    pub(in super::super) bool_value: Option<bool>,
    pub(in super::super) will_continue: Option<bool>,
}

/// Bytes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct InlineData<'a> {
    #[serde(borrow)]
    pub(in super::super) mime_type: Option<Quoted<'a>>,
    #[serde(borrow)]
    pub(in super::super) data: Option<Quoted<'a>>,
}

/// Why a prompt was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct PromptFeedback {
    pub(in super::super) block_reason: Option<String>,
}
