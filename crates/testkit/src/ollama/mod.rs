//! Ollama's own chat as the server speaks it (wire-formats 10).
//!
//! A model whose name contains `old` gives its tool calls no ids, as servers did for long.

mod answer;
mod error;
mod request;

pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event};
pub(crate) use request::read;
