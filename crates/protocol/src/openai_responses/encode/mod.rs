//! The exchange into bytes of this protocol: requests for providers, answers for callers.

mod input;
mod part;
mod reasoning;
mod request;
mod response;

pub use request::encode_request;
pub use response::{encode_response, encode_response_with};

pub(super) use reasoning::{Shape, is_one_item};
pub(super) use request::{asked_reasoning, tier_word};
