//! Streams, event by event.

mod block;
mod decode;
#[cfg(test)]
mod decode_tests;
mod encode;
#[cfg(test)]
mod encode_tests;
mod received;

use crate::json::complete;
pub(super) use decode::FrameKind;
pub use decode::StreamDecoder;
pub use encode::StreamEncoder;
pub(super) use encode::{write_fault, write_stop};
