//! Bytes → exchange.

mod blocks;
mod read;
mod request;
#[cfg(test)]
mod request_tests;
pub(super) mod response;

pub use request::decode_request;
pub use response::decode_response;
