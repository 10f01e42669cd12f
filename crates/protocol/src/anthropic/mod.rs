//! Anthropic Messages, in both directions. wire-formats 2

mod citations;
mod decode;
mod encode;
mod error;
mod foreign;
mod patch;
mod response;
pub(crate) mod schema;
mod stream;
pub(crate) mod usage;
mod wire;

/// The longest name or id the vendor takes, in characters.
const LONGEST_NAME: usize = 128;

/// The output limit where neither the caller nor the catalogue tells one: every model of the
/// vendor can do this much.
pub const DEFAULT_MAX_TOKENS: u64 = 4096;

pub(crate) use decode::passages_in_text;
pub use decode::{decode_request, decode_response};
pub(crate) use encode::thinking;
pub use encode::{encode_request, encode_request_with};
pub use error::{decode_error, encode_error};
pub(crate) use foreign::unwrapped_proof;
pub use patch::{
    PatchStream, PatchedResponse, RequestPatch, patch_request, patch_request_with, patch_response,
};
pub use response::encode_response;
pub use stream::{StreamDecoder, StreamEncoder};
pub(crate) use wire::ROUTER_MEMBERS;
