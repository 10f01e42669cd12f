//! Amazon Bedrock's runtime as the vendor speaks it: Converse and ConverseStream
//! (wire-formats 5).

mod access;
mod answer;
mod blocks;
mod error;
mod extra;
mod fields;
mod frame;
mod messages;
mod prompt;
mod request;
mod tools;

pub(crate) use access::{admit, key};
pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event, error_type};
pub(crate) use frame::{event, malformed};
pub(crate) use request::{count, read};

/// What signatures of reasoning are made for.
const REASONING: &str = "converse reasoning";

/// Who made a model; what a request may hold differs by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Anthropic,
    Nova,
    Llama,
    Mistral,
    Other,
}

impl Family {
    fn of(model: &str) -> Self {
        [
            ("anthropic.", Self::Anthropic),
            ("claude", Self::Anthropic),
            ("nova", Self::Nova),
            ("meta.", Self::Llama),
            ("mistral.", Self::Mistral),
        ]
        .into_iter()
        .find_map(|(name, family)| model.contains(name).then_some(family))
        .unwrap_or(Self::Other)
    }

    /// Whether reasoning is signed, and wanted back with its signature.
    fn signs(self) -> bool {
        self == Self::Anthropic
    }

    /// Whether prompts can be cached.
    fn caches(self) -> bool {
        matches!(self, Self::Anthropic | Self::Nova)
    }
}

/// Whether a Claude model is one of those that take no sampling parameters.
fn unsampled(model: &str) -> bool {
    ["opus-4-7", "opus-4-8", "opus-5", "sonnet-5", "fable-5", "mythos-5"]
        .iter()
        .any(|name| model.contains(name))
}
