//! Embeddings: what callers of OpenAI's and OpenRouter's protocol send and get, and the protocols
//! of the vendors that make vectors. EMB-1
//!
//! Beside the dialects of conversations: nothing here streams, and a request may become several
//! calls. [`decode_request`] reads what a caller sent, [`encode_request`] plans the calls for a
//! [`Form`], [`decode_response`] reads each answer, [`join`] puts them together, and
//! [`encode_response`] writes what the caller gets. Where the provider speaks the caller's own
//! protocol, [`patch_request`] and [`patch_response`] keep what they do not change as it came.

mod answer;
mod decode;
pub(crate) mod encode;
pub(crate) mod form;
mod input_type;
mod patch;
mod plan;
pub(crate) mod read;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod vector;
pub(crate) mod write;

pub use answer::decode_response;
pub use decode::decode_request;
pub use encode::{encode_request, encode_request_within};
pub use form::Form;
pub use input_type::InputType;
pub use patch::{PatchedResponse, patch_request, patch_response};
pub use plan::{Call, Expected, Plan, join};
pub use request::{EncodingFormat, Input, Medium, Part, PartKind, Request};
pub use response::{Response, encode_response};

/// The most inputs accepted in one request: OpenAI's limit.
pub const MAX_INPUTS: usize = 2_048;

/// The most dimensions a vector may have.
pub const MAX_DIMENSIONS: usize = 65_536;

/// The most calls one request may become, where a provider takes few inputs a call.
pub const MAX_CALLS: usize = 256;
