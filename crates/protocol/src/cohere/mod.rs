//! Cohere's chat, version 2, toward providers. wire-formats 6

mod citations;
mod encode;
mod error;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

pub use encode::encode_request;
pub use error::decode_error;
pub use response::decode_response;
pub use stream::StreamDecoder;
