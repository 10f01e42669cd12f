//! Anthropic Messages as the vendor speaks it.

mod answer;
mod blocks;
mod error;
mod messages;
mod prompt;
mod request;

pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event};
pub(crate) use request::{count, read};

/// What signatures of thinking blocks are made for.
const THINKING: &str = "thinking";
