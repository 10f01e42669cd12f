//! Streams: events of this protocol in, events of the exchange out, and back.

mod decode;
mod encode;
mod item;
mod write;

pub use decode::StreamDecoder;
pub use encode::StreamEncoder;

pub(super) use write::Events;
