//! Amazon's event streams: splitting a byte stream into binary messages, and writing them.
//! wire-formats 5.4
//!
//! A message is a prelude (its length, the length of its headers, a checksum of both), headers, a
//! payload, and a checksum of everything before.

mod headers;
mod splitter;
#[cfg(test)]
mod tests;
mod writer;

pub use headers::{Header, HeaderValue};
pub use splitter::{Frame, FrameError, FrameKind, MAX_HEADERS, MAX_PAYLOAD, Splitter};
pub use writer::{write_event, write_exception, write_message};

/// The length of a prelude with its checksum, in bytes.
const PRELUDE: usize = 12;

/// What a message is longer than its headers and payload, in bytes: the prelude and the checksum
/// at the end.
const OVERHEAD: usize = PRELUDE + 4;

/// How strings are marked among header values.
const STRING: u8 = 7;
