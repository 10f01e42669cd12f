//! Facts of a conversation that is not decoded. What is understood is noted; what nobody here knows
//! counts by its bytes, and whoever passes the body on leaves it to the provider.

use serde_json::value::RawValue;

use super::{EXPECTED_SEARCHES, Fingerprint, RequestFacts};
use crate::exchange::Fault;
use crate::json::{Object, lenient, scan};
use crate::openai_chat::MAX_TOOLS;
use crate::openai_chat::facts::bounded;
use crate::openai_chat::read::{Place, is_null};

/// What templates put around a turn, in bytes of text, so that no prompt is thought smaller than
/// it is.
pub(super) const AROUND_TURN: u64 = 32;
/// The same around a block or a tool.
pub(super) const AROUND_BLOCK: u64 = 16;

/// Of a longer medium so many bytes at either end are enough to tell it from others.
const ENDS: usize = 512;

/// The facts so far.
pub(super) struct Gathering {
    pub(super) facts: RequestFacts,
    text: u64,
}

impl Gathering {
    pub(super) const fn new(facts: RequestFacts) -> Self {
        Self { facts, text: 0 }
    }

    /// The facts, with the size of all that was counted.
    pub(super) fn finish(mut self) -> RequestFacts {
        self.facts.estimated_prompt_tokens = self.text.div_ceil(4);
        self.facts
    }

    pub(super) const fn turn(&mut self) {
        self.text += AROUND_TURN;
        self.facts.message_count += 1;
    }

    pub(super) const fn block(&mut self) {
        self.text += AROUND_BLOCK;
    }

    /// Counts a value: a string by its text, anything else as it is written.
    pub(super) fn count(&mut self, raw: Option<&RawValue>) {
        self.text += raw.map_or(0, size) as u64;
    }

    /// Counts all members but some.
    pub(super) fn count_rest(&mut self, object: &Object<'_>, but: &[&str]) {
        for (name, raw) in object.iter().filter(|(name, _)| !but.contains(name)) {
            self.text += (name.len() + raw.get().len()) as u64;
        }
    }

    /// Counts what nobody here knows. It may stand for more than its bytes.
    pub(super) fn unknown(&mut self, raw: &RawValue) {
        self.text += raw.get().len() as u64;
        self.facts.unknown_parts = true;
    }

    pub(super) const fn image(&mut self) {
        self.facts.image_input = true;
        self.facts.images += 1;
    }

    /// Notes a medium by its type: `image/png`.
    pub(super) fn medium(&mut self, media_type: &str) {
        match media_type.split('/').next() {
            Some("image") => self.image(),
            Some("audio") => self.facts.audio_input = true,
            Some("video") => self.facts.video_input = true,
            _ => self.facts.file_input = true,
        }
    }

    /// Notes a tool that searches the web, so many times at most.
    pub(super) fn searches(&mut self, most: Option<u64>) {
        let most = most.unwrap_or(EXPECTED_SEARCHES);
        self.facts.web_searches = self.facts.web_searches.saturating_add(most);
    }

    /// Notes parameters that are there, in the words of `supported_parameters`. CHAT-4
    pub(super) fn parameters(&mut self, present: &[(&'static str, bool)]) {
        let names = present.iter().filter_map(|(name, present)| present.then_some(*name));
        self.facts.parameters.extend(names);
    }

    /// The entries of `tools`. Refuses more than anyone needs: what is done for each is not free.
    pub(super) fn tools<'a>(
        &mut self,
        raw: Option<&'a RawValue>,
    ) -> Result<Vec<&'a RawValue>, Fault> {
        let Some(raw) = raw.filter(|raw| !is_null(raw)) else { return Ok(Vec::new()) };
        match scan::elements(raw) {
            Some(entries) => {
                bounded(entries.len(), MAX_TOOLS, &Place::Top("tools"))?;
                Ok(entries)
            }
            None => {
                self.unknown(raw);
                Ok(Vec::new())
            }
        }
    }
}

/// The bytes of a value: of a string those of its text.
fn size(raw: &RawValue) -> usize {
    scan::text_len(raw).unwrap_or_else(|| raw.get().len())
}

/// Whether a member is there and not `null`.
pub(super) fn has(object: &Object<'_>, name: &str) -> bool {
    object.peek(name).is_some_and(|raw| !is_null(raw))
}

/// What a content says, or, of media, what they are: they identify a conversation as well.
/// STICKY-7
pub(super) fn opening(content: &RawValue) -> Fingerprint {
    if let Some(text) = scan::string(content) {
        return Fingerprint::of(&text);
    }
    let parts = match content.get().starts_with('{') {
        // Google's callers may leave the list out around a single part.
        true => vec![content],
        false => lenient::elements(Some(content)),
    };
    parts.into_iter().fold(Fingerprint::default(), |opening, part| {
        match lenient::object(Some(part)).and_then(|part| part.peek_str("text")) {
            Some(text) => opening.and(&text),
            None => identify(part.get(), opening),
        }
    })
}

fn identify(text: &str, opening: Fingerprint) -> Fingerprint {
    if text.len() <= 2 * ENDS {
        return opening.and(text);
    }
    let (mut head, mut tail) = (ENDS, text.len() - ENDS);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    opening.and(&text[..head]).and(&text.len().to_string()).and(&text[tail..])
}
