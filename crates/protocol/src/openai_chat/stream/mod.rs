//! Streams: chunks in, events out, and back.

mod chunk;
mod decode;
mod encode;
mod received;
mod thoughts;

pub use chunk::write_debug_chunk;
pub use decode::StreamDecoder;
pub use encode::StreamEncoder;

pub(super) use chunk::ChunkHead;
