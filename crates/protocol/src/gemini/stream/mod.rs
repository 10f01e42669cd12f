//! Streams, event by event.

mod decode;

pub use decode::StreamDecoder;
