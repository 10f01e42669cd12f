//! Bytes of this protocol into the exchange: requests strictly, answers leniently.

mod item;
mod part;
mod request;
mod response;
mod tool;

pub use request::decode_request;
pub use response::decode_response;

pub(super) use request::read;
pub(super) use response::{
    MAX_ITEMS, call_id, declared_name, incomplete_reason, text_of, with_searches,
};
pub(super) use tool::tool;
