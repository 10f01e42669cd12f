//! Server-sent events: splitting a byte stream into frames, and writing frames.

mod splitter;
mod writer;

pub use splitter::{Frame, FrameTooLong, MAX_FRAME, Splitter};
pub use writer::{DONE, write_comment, write_data, write_event};
