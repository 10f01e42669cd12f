//! Ollama's own chat, toward providers. wire-formats 10

mod encode;
mod error;
mod response;
mod stream;
#[cfg(test)]
mod tests;

pub use encode::encode_request;
pub use error::decode_error;
pub use response::decode_response;
pub use stream::StreamDecoder;
