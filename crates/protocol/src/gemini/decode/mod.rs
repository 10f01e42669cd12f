//! What providers answer, and what callers ask, → exchange.

pub(super) mod candidate;
mod chunk;
pub(super) mod grounding;
pub(super) mod logprobs;
mod partial;
mod reader;
mod request;
pub(super) mod response;
mod turns;

#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod response_tests;

pub use request::decode_request;
pub use response::decode_response;
