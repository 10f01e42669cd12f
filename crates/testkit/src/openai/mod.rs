//! OpenAI Chat Completions as a vendor speaks it, and its compatible relatives.
//!
//! A model whose name contains `deepseek` behaves like DeepSeek's host (`reasoning_content`),
//! one whose name contains `reason` like vLLM-style hosts (`reasoning`); both also tolerate the
//! parameters those hosts add. Every other model is strict as OpenAI is.

mod answer;
mod error;
mod messages;
mod request;

pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event};
pub(crate) use messages::{missing, unknown_parameter, wrong_type};
pub(crate) use request::{flag, range, read, tool_name};

/// The host a model name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    OpenAi,
    DeepSeek,
    Compatible,
}

impl Host {
    fn of(model: &str) -> Self {
        if model.contains("deepseek") {
            Self::DeepSeek
        } else if model.contains("reason") {
            Self::Compatible
        } else {
            Self::OpenAi
        }
    }

    /// The member that carries reasoning text, if the host shows any.
    fn reasoning_member(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => None,
            Self::DeepSeek => Some("reasoning_content"),
            Self::Compatible => Some("reasoning"),
        }
    }
}
