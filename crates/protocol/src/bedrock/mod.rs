//! Amazon Bedrock's Converse and ConverseStream, toward providers. wire-formats 5

mod citations;
mod encode;
mod error;
mod family;
mod media;
mod response;
mod stream;
mod usage;
mod wire;

pub use encode::encode_request;
pub use error::{decode_error, decode_error_of_type};
pub use response::decode_response;
pub use stream::StreamDecoder;

/// The longest name of a tool and the longest id of a call, in characters.
const LONGEST_NAME: usize = 64;
