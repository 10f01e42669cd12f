//! OpenAI Responses as the vendor speaks it (wire-formats 9.2).
//!
//! Nothing is stored, so an item given by its id alone is never found, whatever `store` says.
//! Reasoning comes back only with encrypted content that was issued here, for just that item.

mod answer;
mod encrypted;
mod error;
mod input;
mod request;
mod stream;
mod tools;

pub(crate) use answer::{answer_id, full};
pub(crate) use error::error_event;
pub(crate) use request::{count, read};
pub(crate) use stream::events;

/// Whether a model can reason; the old ones refuse to be asked.
fn reasons(model: &str) -> bool {
    !["gpt-3.5", "gpt-4", "chatgpt-4o"].iter().any(|name| model.starts_with(name))
}
