//! Anthropic Messages, in both directions. wire-formats 2

mod citations;
mod decode;
mod encode;
mod error;
mod foreign;
mod names;
mod schema;
mod stream;
mod usage;
mod wire;

pub use decode::response::decode_response;
pub use encode::{encode_request, encode_request_with};
pub use error::{decode_error, encode_error};
pub use stream::StreamDecoder;
