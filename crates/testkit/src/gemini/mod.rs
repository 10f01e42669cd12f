//! Gemini generateContent as the vendor speaks it.

mod answer;
mod contents;
mod error;
mod fields;
mod request;
mod schema;

pub(crate) use answer::{answer_id, events, full, models};
pub(crate) use error::{error_body, error_event};
pub(crate) use request::{count, read};

/// What signatures of function calls and texts are made for.
const CALL: &str = "call";
const TEXT: &str = "text";

/// Whether a model signs its function calls and wants the signatures back.
fn signs(model: &str) -> bool {
    model.contains('3')
}
