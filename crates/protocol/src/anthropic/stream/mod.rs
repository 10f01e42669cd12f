//! Streams, event by event.

mod complete;
mod decode;
#[cfg(test)]
mod decode_tests;
mod encode;
#[cfg(test)]
mod encode_tests;
mod received;

pub(super) use decode::FrameKind;
pub use decode::StreamDecoder;
pub use encode::StreamEncoder;
pub(super) use encode::{write_fault, write_stop};
