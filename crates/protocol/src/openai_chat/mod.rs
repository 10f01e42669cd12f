//! OpenAI's Chat Completions: what callers of this gateway speak, and with it the superset that
//! OpenRouter made of it, and the protocol of OpenAI itself and of a hundred compatible hosts.

mod calls;
pub mod completions;
mod decode;
mod encode;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod parameters;
pub(crate) mod patch;
mod prefill;
pub(crate) mod read;
mod reasoning;
mod stream;
pub(crate) mod structured;
#[cfg(test)]
mod tests;
mod think;
mod usage;
pub(crate) mod wire;
pub(crate) mod write;

pub use decode::{decode_request, decode_response};
pub use encode::{encode_request, encode_response};
pub use error::{decode_error, encode_error, recover_answer};
pub use facts::{ConversationOpening, RequestFacts, StructuredOutput, read_facts};
pub use patch::{
    PatchOutcome, PatchStream, PatchedResponse, RequestPatch, patch_request, patch_response,
};
pub use stream::{StreamDecoder, StreamEncoder, write_debug_chunk};
