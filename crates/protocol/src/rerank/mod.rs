//! Rerank: documents in the order of their relevance to a query. RERANK-2
//!
//! Callers speak OpenRouter's form, which is near Cohere's. [`decode_request`] reads what a caller
//! sent, [`encode_request`] writes it for a [`Form`], [`decode_response`] reads the answer, and
//! [`encode_response`] writes what the caller gets, with the documents put back.

mod answer;
mod encode;
mod form;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use answer::decode_response;
pub use encode::{Encoded, encode_request};
pub use form::Form;
pub use request::{Document, Request, decode_request};
pub use response::{Ranked, Response, Usage, encode_response};

/// The most documents accepted in one request: the most that any vendor accepts.
pub const MAX_DOCUMENTS: usize = 10_000;
