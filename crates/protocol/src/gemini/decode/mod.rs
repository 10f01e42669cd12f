//! What providers answer, and what callers ask, → exchange.

pub(super) mod candidate;
mod chunk;
pub(super) mod grounding;
pub(super) mod logprobs;
mod partial;
pub(super) mod response;

pub use response::decode_response;
