//! Bytes of this protocol into the exchange: requests strictly, answers leniently.

mod message;
mod part;
mod request;
mod response;
mod thought;

pub use request::decode_request;
pub use response::decode_response;

pub(super) use thought::{detail, thoughts};
