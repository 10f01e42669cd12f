//! The frames that the gateway writes itself into a stream. STREAM-1, STREAM-3, STREAM-5

use memchr::memchr2;

use crate::exchange::{Additions, Fault, Identity, Usage};
use crate::json::RawJson;
use crate::openai_chat::error::write_error;
use crate::openai_chat::usage;
use crate::openai_chat::write::ObjectWriter;

/// The beginning of every chunk: who answers.
#[derive(Debug)]
pub(in crate::openai_chat) struct ChunkHead {
    head: Vec<u8>,
    /// Of the surface whose choices hold `text`. CHAT-14
    is_completion: bool,
}

impl ChunkHead {
    pub(in crate::openai_chat) fn new(identity: &Identity, object: &str) -> Self {
        let mut head = b"data: ".to_vec();
        let mut members = ObjectWriter::begin(&mut head);
        members.string("id", &identity.id);
        members.string("provider", &identity.provider);
        members.string("model", &identity.model);
        members.string("object", object);
        members.number("created", identity.created);
        Self { head, is_completion: object == "text_completion" }
    }

    /// Begins a frame; [`Self::end`] must follow.
    pub(in crate::openai_chat) fn begin<'o>(&self, out: &'o mut Vec<u8>) -> ObjectWriter<'o> {
        out.extend_from_slice(&self.head);
        ObjectWriter::resume(out)
    }

    /// Ends a frame that began at `start`.
    pub(in crate::openai_chat) fn end(out: &mut Vec<u8>, start: usize) {
        // A raw value may hold line breaks between its tokens, which would tear the frame.
        let mut at = start;
        while let Some(found) = out.get(at..).and_then(|rest| memchr2(b'\n', b'\r', rest)) {
            out[at + found] = b' ';
            at += found + 1;
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// Writes a whole frame.
    pub(in crate::openai_chat) fn frame(
        &self,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let start = out.len();
        fill(&mut self.begin(out));
        Self::end(out, start);
    }

    /// The chunk that tells of an error after the answer began. STREAM-5
    pub(in crate::openai_chat) fn error(&self, fault: &Fault, out: &mut Vec<u8>) {
        let choices = if self.is_completion {
            r#"[{"index":0,"text":"","finish_reason":"error","native_finish_reason":null}]"#
        } else {
            r#"[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]"#
        };
        self.frame(out, |chunk| {
            chunk.object("error", |error| write_error(error, fault));
            chunk.raw("choices", choices);
        });
    }

    /// The last chunk: usage, with no choices. STREAM-3
    pub(in crate::openai_chat) fn usage(
        &self,
        usage: Option<&Usage>,
        service_tier: Option<&str>,
        unknown: &[(String, RawJson)],
        others: &[(String, RawJson)],
        additions: Additions<'_>,
        out: &mut Vec<u8>,
    ) {
        self.frame(out, |chunk| {
            chunk.raw("choices", "[]");
            if let Some(tier) = service_tier {
                chunk.string("service_tier", tier);
            }
            if let Some(usage) = usage {
                usage::write(chunk.value("usage"), usage, additions.charge, unknown);
            }
            for (name, raw) in others {
                chunk.raw_of(name, raw.get());
            }
            chunk.members(additions.members);
        });
    }
}

/// Writes the chunk that shows the body as it was sent upstream. The gateway redacts it before.
/// DEBUG-2
pub fn write_debug_chunk(identity: &Identity, upstream_body: &RawJson, out: &mut Vec<u8>) {
    ChunkHead::new(identity, "chat.completion.chunk").frame(out, |chunk| {
        chunk.raw("choices", "[]");
        chunk.object("debug", |debug| debug.raw("echo_upstream_body", upstream_body.get()));
    });
}
