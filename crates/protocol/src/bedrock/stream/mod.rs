//! Streams of this protocol.

mod decode;
#[cfg(test)]
mod tests;

pub use decode::StreamDecoder;
