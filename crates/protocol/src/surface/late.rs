//! The error of a stream in which nothing was said yet: the caller has headers already, so it can
//! only be told inside. STREAM-5

use super::Surface;
use crate::exchange::{Additions, Event, Fault, Identity};
use crate::json::{Envelope, RawJson};
use crate::openai_responses;
use crate::sse::{DONE, write_comment, write_data, write_event};

/// What is told of an answer that failed before it began.
pub struct Failed<'a> {
    /// The error, fit for the caller.
    pub fault: &'a Fault,
    /// Further members beside it.
    pub members: &'a [(String, RawJson)],
    /// The generation's id.
    pub generation_id: &'a str,
    /// The model of the last attempt; empty if there was none.
    pub model: &'a str,
    /// Its provider's display name.
    pub provider: &'a str,
    /// When, in seconds since 1970.
    pub created: u64,
}

/// The comment that keeps a waiting caller's connection open. STREAM-2
const HEARTBEAT: &str = "OPENROUTER PROCESSING";

impl Surface {
    /// Writes a sign of life for a caller who waits: at the start of a stream or between two of its
    /// frames. STREAM-2
    ///
    /// Google's own stream has no comments, and its client for Python takes every line but `data: `
    /// for a piece of an error; an empty line it passes over, as all others do.
    pub fn write_heartbeat(self, out: &mut Vec<u8>) {
        match self {
            Self::Gemini => out.push(b'\n'),
            Self::Chat
            | Self::Completions
            | Self::Responses
            | Self::Messages
            | Self::Embeddings
            | Self::Rerank => write_comment(out, HEARTBEAT),
        }
    }

    /// Writes the whole end of a stream that failed before it began.
    pub fn write_failed(self, failed: &Failed<'_>, out: &mut Vec<u8>) {
        let Failed { fault, members, generation_id, .. } = failed;
        let body = self.encode_error(fault, Some(generation_id), members).body;
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Rerank => {
                write_data(out, &self.error_chunk(failed, body));
                out.extend_from_slice(DONE);
            }
            Self::Responses => {
                let identity = Identity {
                    id: (*generation_id).to_owned(),
                    model: failed.model.to_owned(),
                    provider: failed.provider.to_owned(),
                    created: failed.created,
                };
                let mut encoder = openai_responses::StreamEncoder::new(identity);
                encoder.push(&Event::Fault((*fault).clone()), out);
                encoder.finish(Additions { charge: None, members, ..Additions::default() }, out);
            }
            Self::Messages => write_event(out, "error", &body),
            Self::Gemini => write_data(out, &body),
        }
    }

    /// The error as a chunk of the answer. CHAT-14, STREAM-5
    fn error_chunk(self, failed: &Failed<'_>, body: Vec<u8>) -> Vec<u8> {
        let (object, choices) = match self {
            Self::Completions => (
                "\"text_completion\"",
                r#"[{"index":0,"text":"","finish_reason":"error","native_finish_reason":null}]"#,
            ),
            _ => (
                "\"chat.completion.chunk\"",
                r#"[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]"#,
            ),
        };
        let Ok(envelope) = Envelope::parse(&body) else { return body };
        let mut edit = envelope.edit();
        edit.set("id", format!("\"{}\"", failed.generation_id));
        edit.set("object", object);
        edit.set("created", failed.created.to_string());
        for (name, value) in [("model", failed.model), ("provider", failed.provider)] {
            if let Ok(json) = serde_json::to_string(value) {
                edit.set(name, json);
            }
        }
        edit.set("choices", choices);
        edit.finish()
    }
}
