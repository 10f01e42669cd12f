//! What bytes on the wire mean.
//!
//! A *dialect* is a wire protocol. Each dialect has a folder with the same rooms: `wire` (names
//! and small types of that protocol), `decode` (bytes → exchange), `encode` (exchange → bytes),
//! `stream` (both directions, event by event) and `error`; those of dialects that only providers
//! speak ([`Dialect::CALLERS`] has the others) lead one way. Between them stands the *exchange*, a
//! superset of all of them: turns of ordered blocks, events, usage with one convention, faults.
//!
//! A *surface* is an API that callers use; it speaks one of the dialects. `surface` reads what they
//! send, `codec` writes it for a provider of any dialect, and `relay` brings the answer back: patched
//! where both sides speak the same, translated where not.
//! Beside the conversations stand [`embeddings`] and [`rerank`]: each has a request and an answer
//! of its own and a closed set of *forms* that providers speak. Nothing of them streams.
//!
//! This crate performs no I/O, reads no clock, draws no randomness, and does not know that
//! prices, keys or users exist.

pub mod codec;
pub mod dialect;
pub mod embeddings;
pub mod event_stream;
pub mod exchange;
pub mod facts;
pub mod fetched;
pub mod json;
mod names;
pub mod ndjson;
pub mod parameter;
pub mod provenance;
pub mod relay;
pub mod report;
pub mod rerank;
mod result_order;
mod spoken_calls;
pub mod sse;
pub mod surface;
pub mod target;
mod tool_input;
mod tool_words;
mod untranslatable;

pub mod anthropic;
pub mod bedrock;
pub mod cohere;
pub mod gemini;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;

pub use dialect::{Dialect, Framing};
pub use fetched::Fetched;
pub use surface::Surface;
