//! Stamps on what leaves.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;

use super::Stamp;
use crate::Dialect;
use crate::exchange::{BlockKind, Event, ReasoningContent, ReasoningDelta, Response};
use crate::json::Object;
use crate::openai_chat::read::{lenient_array, lenient_count, lenient_object};

/// Stamps a stream: each opaque text once, at its beginning, should it come in pieces.
#[derive(Debug)]
pub(crate) struct Stamper {
    stamp: Stamp,
    begun: Begun,
}

/// An opaque text that may come in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    choice: u64,
    block: u64,
    is_signature: bool,
    /// The id of an entry: encrypted ones of the same block with different ids are different texts.
    id: Option<String>,
}

impl Piece {
    /// Whether `next` goes on with this text. A piece without an id belongs to what has its place.
    fn goes_on_with(&self, next: &Self) -> bool {
        (self.choice, self.block, self.is_signature) == (next.choice, next.block, next.is_signature)
            && (next.id.is_none() || self.id == next.id)
    }
}

/// The most texts of one stream that get a stamp: as many blocks of reasoning as are read.
const MOST_BEGUN: usize = 1_024;

/// The texts that have begun.
#[derive(Debug, Default)]
struct Begun(Vec<Piece>);

impl Begun {
    /// Whether this piece begins a text. Once there are too many none does: a stamp that is missing
    /// harms nothing, one in the middle of a text does.
    fn begins(&mut self, piece: Piece) -> bool {
        let known = self.0.iter().rev().any(|begun| begun.goes_on_with(&piece));
        if known || self.0.len() >= MOST_BEGUN {
            return false;
        }
        self.0.push(piece);
        true
    }
}

impl Stamper {
    pub(crate) const fn new(stamp: Stamp) -> Self {
        Self { stamp, begun: Begun(Vec::new()) }
    }

    /// A frame of a stream that is passed on; `None` if there is nothing to stamp in it.
    pub(crate) fn frame(&mut self, dialect: Dialect, data: &[u8]) -> Option<Vec<u8>> {
        let places = Places::find(dialect, data, Some(&mut self.begun))?;
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
        let (choice, block) = (u64::from(*choice), u64::from(*index));
        let piece = Piece { choice, block, is_signature, id: None };
        if !text.is_empty() && self.begun.begins(piece) {
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

/// Where opaque texts begin in a JSON text, in bytes.
struct Places<'t, 'l> {
    text: &'t str,
    at: Vec<usize>,
    /// What has begun in a stream; `None` for a whole answer.
    begun: Option<&'l mut Begun>,
}

impl<'t, 'l> Places<'t, 'l> {
    fn find(dialect: Dialect, data: &'t [u8], begun: Option<&'l mut Begun>) -> Option<Self> {
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
        let mut places = Self { text, at: Vec::new(), begun };
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
    fn member(&mut self, object: &Object<'t>, name: &str, piece: Option<Piece>) {
        let Some(raw) = object.peek(name).map(RawValue::get) else { return };
        if raw.len() <= 2 || !raw.starts_with('"') {
            return;
        }
        if let (Some(begun), Some(piece)) = (self.begun.as_deref_mut(), piece)
            && !begun.begins(piece)
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
        let block = number(body, "index").unwrap_or_default();
        let piece = Some(Piece { choice: 0, block, is_signature: true, id: None });
        if let Some(block) = child(body, "content_block") {
            // Blocks do not overlap.
            if let Some(begun) = self.begun.as_deref_mut() {
                begun.0.clear();
            }
            self.block(&block, piece.clone());
        }
        if let Some(delta) = child(body, "delta")
            && is(&delta, "signature_delta")
        {
            self.member(&delta, "signature", piece);
        }
    }

    fn block(&mut self, block: &Object<'t>, piece: Option<Piece>) {
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
                // As the decoder tells entries apart.
                let block = detail.peek("index").map_or(0, lenient_count);
                let piece = |is_signature, id| Piece { choice: at, block, is_signature, id };
                self.member(&detail, "signature", Some(piece(true, None)));
                if is(&detail, "reasoning.encrypted") {
                    let id = detail.peek_str("id").map(Cow::into_owned);
                    self.member(&detail, "data", Some(piece(false, id)));
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
