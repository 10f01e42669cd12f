//! Streams, event by event.

mod decode;
#[cfg(test)]
mod decode_tests;

pub use decode::StreamDecoder;
