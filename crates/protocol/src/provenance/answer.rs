//! Stamps on what leaves.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;

use super::Stamp;
use crate::Dialect;
use crate::exchange::{BlockKind, Event, ReasoningContent, ReasoningDelta, Response};
use crate::json::Object;
use crate::openai_chat::read::{lenient_array, lenient_object};

/// Stamps a stream: each opaque text once, at its beginning, should it come in pieces.
#[derive(Debug)]
pub(crate) struct Stamper {
    stamp: Stamp,
    /// The text that was stamped last: choice, block, and whether it is a signature.
    last: Option<(u64, u64, bool)>,
}

impl Stamper {
    pub(crate) const fn new(stamp: Stamp) -> Self {
        Self { stamp, last: None }
    }

    /// A frame of a stream that is passed on; `None` if there is nothing to stamp in it.
    pub(crate) fn frame(&mut self, dialect: Dialect, data: &[u8]) -> Option<Vec<u8>> {
        let places = Places::find(dialect, data, Some(&mut self.last))?;
        Some(places.stamped(data, &self.stamp))
    }

    /// An event of a stream that is translated.
    pub(crate) fn event(&mut self, event: &mut Event) {
        let Event::Reasoning { choice, index, delta, .. } = event else { return };
        let (text, is_signature) = match delta {
            ReasoningDelta::Signature(text) => (text, true),
            ReasoningDelta::Encrypted(text) => (text, false),
            ReasoningDelta::Text(_) | ReasoningDelta::Summary(_) => return,
        };
        let piece = Some((u64::from(*choice), u64::from(*index), is_signature));
        if !text.is_empty() && self.last != piece {
            self.last = piece;
            text.insert_str(0, self.stamp.as_str());
        }
    }
}

/// A whole answer that is passed on, with stamps.
pub(crate) fn stamp_answer<'b>(dialect: Dialect, body: &'b [u8], stamp: &Stamp) -> Cow<'b, [u8]> {
    match Places::find(dialect, body, None) {
        Some(places) => Cow::Owned(places.stamped(body, stamp)),
        None => Cow::Borrowed(body),
    }
}

/// A whole answer that is translated, with stamps.
pub(crate) fn stamp_response(response: &mut Response, stamp: &Stamp) {
    for block in response.choices.iter_mut().flat_map(|choice| &mut choice.turn.blocks) {
        let BlockKind::Reasoning(reasoning) = &mut block.kind else { continue };
        let text = match &mut reasoning.content {
            ReasoningContent::Text { signature: Some(text), .. }
            | ReasoningContent::Encrypted { data: text } => text,
            ReasoningContent::Text { .. } | ReasoningContent::Summary { .. } => continue,
        };
        if !text.is_empty() {
            text.insert_str(0, stamp.as_str());
        }
    }
}

type Last = Option<(u64, u64, bool)>;

/// Where opaque texts begin in a JSON text, in bytes.
struct Places<'t, 'l> {
    text: &'t str,
    at: Vec<usize>,
    /// What was stamped last in a stream; `None` for a whole answer.
    last: Option<&'l mut Last>,
}

impl<'t, 'l> Places<'t, 'l> {
    fn find(dialect: Dialect, data: &'t [u8], last: Option<&'l mut Last>) -> Option<Self> {
        let named: &[&str] = match dialect {
            Dialect::Anthropic => &["\"signature\"", "\"redacted_thinking\""],
            Dialect::OpenaiResponses => &["\"encrypted_content\"", "\"signature\""],
            Dialect::OpenaiChat => &["\"reasoning_details\"", "\"thought_signature\""],
            Dialect::Gemini => &["\"thoughtSignature\"", "\"thought_signature\""],
            // Nothing of them is passed on.
            Dialect::Bedrock | Dialect::Cohere | Dialect::Ollama => return None,
        };
        if !named.iter().any(|name| memmem::find(data, name.as_bytes()).is_some()) {
            return None;
        }
        let text = std::str::from_utf8(data).ok()?;
        let body = Object::parse(text).ok()?;
        let mut places = Self { text, at: Vec::new(), last };
        match dialect {
            Dialect::Anthropic => places.anthropic(&body),
            Dialect::OpenaiResponses => places.responses(&body),
            Dialect::OpenaiChat => places.chat(&body),
            _ => places.gemini(&body),
        }
        places.at.sort_unstable();
        (!places.at.is_empty()).then_some(places)
    }

    /// Notes the text of a member, if it is not the continuation of one that was noted.
    fn member(&mut self, object: &Object<'t>, name: &str, piece: Last) {
        let Some(raw) = object.peek(name).map(RawValue::get) else { return };
        if raw.len() <= 2 || !raw.starts_with('"') {
            return;
        }
        if let (Some(last), Some(piece)) = (self.last.as_deref_mut(), piece)
            && last.replace(piece) == Some(piece)
        {
            return;
        }
        let offset = (raw.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        if let Some(offset) = offset.filter(|offset| offset + raw.len() <= self.text.len()) {
            self.at.push(offset + 1);
        }
    }

    fn anthropic(&mut self, body: &Object<'t>) {
        for block in list(body, "content") {
            self.block(&block, None);
        }
        let index = number(body, "index").unwrap_or_default();
        if let Some(block) = child(body, "content_block") {
            if let Some(last) = self.last.as_deref_mut() {
                *last = None;
            }
            self.block(&block, Some((0, index, true)));
        }
        if let Some(delta) = child(body, "delta")
            && is(&delta, "signature_delta")
        {
            self.member(&delta, "signature", Some((0, index, true)));
        }
    }

    fn block(&mut self, block: &Object<'t>, piece: Last) {
        if is(block, "thinking") {
            self.member(block, "signature", piece);
        } else if is(block, "redacted_thinking") {
            self.member(block, "data", piece);
        }
    }

    fn responses(&mut self, body: &Object<'t>) {
        let mut items: Vec<Object<'t>> = child(body, "item").into_iter().collect();
        items.extend(list(body, "output"));
        items.extend(child(body, "response").iter().flat_map(|whole| list(whole, "output")));
        for item in items.iter().filter(|item| is(item, "reasoning")) {
            self.member(item, "encrypted_content", None);
            self.member(item, "signature", None);
        }
    }

    fn chat(&mut self, body: &Object<'t>) {
        for (at, choice) in list(body, "choices").iter().enumerate() {
            let at = number(choice, "index").unwrap_or(at as u64);
            let said = child(choice, "delta").or_else(|| child(choice, "message"));
            let Some(said) = said else { continue };
            for detail in list(&said, "reasoning_details") {
                let index = number(&detail, "index");
                let piece = |signature| index.map(|index| (at, index, signature));
                self.member(&detail, "signature", piece(true));
                if is(&detail, "reasoning.encrypted") {
                    self.member(&detail, "data", piece(false));
                }
            }
            for call in list(&said, "tool_calls") {
                let extra = child(&call, "extra_content");
                if let Some(google) = extra.and_then(|extra| child(&extra, "google")) {
                    self.member(&google, "thought_signature", None);
                }
            }
        }
    }

    fn gemini(&mut self, body: &Object<'t>) {
        for candidate in list(body, "candidates") {
            let Some(content) = child(&candidate, "content") else { continue };
            for part in list(&content, "parts") {
                self.member(&part, "thoughtSignature", None);
                self.member(&part, "thought_signature", None);
            }
        }
    }

    fn stamped(&self, data: &[u8], stamp: &Stamp) -> Vec<u8> {
        let stamp = stamp.as_str().as_bytes();
        let mut out = Vec::with_capacity(data.len() + self.at.len() * stamp.len());
        let mut from = 0;
        for &at in &self.at {
            out.extend_from_slice(&data[from..at]);
            out.extend_from_slice(stamp);
            from = at;
        }
        out.extend_from_slice(&data[from..]);
        out
    }
}

fn child<'t>(object: &Object<'t>, name: &str) -> Option<Object<'t>> {
    object.peek(name).and_then(lenient_object)
}

fn list<'t>(object: &Object<'t>, name: &str) -> Vec<Object<'t>> {
    let elements = object.peek(name).map(lenient_array).unwrap_or_default();
    elements.into_iter().filter_map(lenient_object).collect()
}

fn is(object: &Object<'_>, kind: &str) -> bool {
    object.peek_str("type").as_deref() == Some(kind)
}

fn number(object: &Object<'_>, name: &str) -> Option<u64> {
    object.peek(name)?.get().parse().ok()
}
