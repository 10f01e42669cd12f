//! What bytes on the wire mean.
//!
//! A *dialect* is a wire protocol. Each dialect has a folder with the same rooms: `wire` (names
//! and small types of that protocol), `decode` (bytes → exchange), `encode` (exchange → bytes),
//! `stream` (both directions, event by event) and `error`; those of dialects that only providers
//! speak ([`Dialect::CALLERS`] has the others) lead one way. Between them stands the *exchange*, a
//! superset of all of them: turns of ordered blocks, events, usage with one convention, faults.
//!
//! This crate performs no I/O, reads no clock, draws no randomness, and does not know that
//! prices, keys or users exist.

pub mod dialect;
pub mod event_stream;
pub mod exchange;
pub mod json;
mod names;
pub mod ndjson;
pub mod parameter;
pub mod sse;
pub mod target;
mod tool_input;
mod tool_words;

pub mod anthropic;
pub mod bedrock;
pub mod cohere;
pub mod gemini;
pub mod ollama;
pub mod openai_chat;

pub use dialect::{Dialect, Framing};
