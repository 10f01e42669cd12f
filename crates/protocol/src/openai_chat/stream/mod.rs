//! Streams: chunks in, events out, and back.

mod chunk;

pub(super) use chunk::ChunkHead;
