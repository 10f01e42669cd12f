//! OpenAI's Chat Completions: what callers of this gateway speak, and with it the superset that
//! OpenRouter made of it, and the protocol of OpenAI itself and of a hundred compatible hosts.

mod call_forms;
mod calls;
pub mod completions;
mod custom;
mod decode;
mod encode;
pub(crate) mod error;
pub(crate) mod facts;
mod flat_tools;
mod image_signature;
mod legacy_functions;
mod legacy_logprobs;
pub(crate) mod parameters;
pub(crate) mod patch;
mod prefill;
pub(crate) mod read;
mod reasoning;
mod stream;
pub(crate) mod structured;
#[cfg(test)]
mod tests;
pub(crate) mod think;
pub(crate) mod usage;
pub(crate) mod wire;

pub(crate) use crate::json::object_writer as write;
pub use call_forms::CallForms;
pub(crate) use custom::names as custom_tools;
pub use decode::{decode_request, decode_response};
pub use encode::{encode_request, encode_response, encode_response_with_calls};
pub use error::{decode_error, encode_error, recover_answer};
pub use facts::read_facts;
pub(crate) use facts::{MAX_TOOLS, read_router_facts};
pub use flat_tools::nest_tools;
pub use legacy_functions::functions_as_tools;
pub(crate) use parameters::knows as knows_parameter;
pub use patch::{PatchStream, PatchedResponse, RequestPatch, patch_request, patch_response};
pub(crate) use wire::is_plain_name;

pub use stream::{StreamDecoder, StreamEncoder, write_debug_chunk};
pub(crate) use wire::{nine_characters, tool_call_id};
