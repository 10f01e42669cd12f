//! Bytes → exchange.

mod blocks;
mod passages;
mod read;
mod request;
#[cfg(test)]
mod request_tests;
pub(super) mod response;

pub(crate) use passages::passages_in_text;
pub use request::decode_request;
pub use response::decode_response;
