//! The exchange into bytes of this protocol: requests for providers, answers for callers.

mod message;
mod part;
mod request;
mod response;
mod speaker;
mod thought;

pub use request::encode_request;
pub use response::{encode_response, encode_response_with_calls};

pub(super) use response::write_image;
pub(super) use thought::{details as reasoning_details, text as reasoning_text, write_detail};
