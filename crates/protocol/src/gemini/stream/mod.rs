//! Streams, event by event.

mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use decode::StreamDecoder;
pub use encode::StreamEncoder;
