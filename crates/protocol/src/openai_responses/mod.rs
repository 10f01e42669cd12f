//! OpenAI's Responses: a conversation of items instead of messages, and an answer told in events
//! with a place for each of them. The superset of it that OpenRouter made is read as well, but
//! nothing is stored: the whole conversation comes with every request. RESP-1

mod decode;
mod echo;
mod encode;
mod error;
mod namespace;
mod patch;
mod stored;
mod stream;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

pub use decode::{decode_request, decode_response};
pub use echo::Echo;
pub use encode::{encode_request, encode_response, encode_response_with};
pub use error::{PREVIOUS_RESPONSE_NOT_FOUND, answer_to_overflow, decode_error, encode_error};
pub(crate) use namespace::{KIND as NAMESPACE, MAX_NAME as MAX_NAMESPACE, flatten};
pub use patch::{PatchStream, PatchedResponse, RequestPatch, patch_request, patch_response};
pub use stored::refuse_stored;
pub use stream::{StreamDecoder, StreamEncoder};
pub(crate) use wire::{
    LOGPROBS, custom_arguments, custom_input, custom_schema, is_kind, is_result,
};
