//! JSON by lines: splitting a byte stream into lines of one JSON value each.

mod splitter;

pub use splitter::{LineTooLong, MAX_LINE, Splitter};
