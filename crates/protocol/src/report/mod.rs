//! What an answer of any protocol says of its own use, read beside its way to the caller: for
//! answers that nobody decodes.
//!
//! The counts are told apart by how they are spelled. A stream is read event by event: later
//! events add to earlier ones, as each protocol means it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::anthropic::usage::Counts as AnthropicCounts;
use crate::exchange::Usage;
use crate::gemini::usage::Counts as GeminiCounts;
use crate::json::envelope::check_depth;
use crate::json::{Object, scan};
use crate::openai_chat;

/// The longest name that is kept of an answer, in bytes: providers choose them.
const LONGEST_NAME: usize = 256;

/// What was read of an answer so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The model that answered, as the provider calls it.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The tier that served.
    pub service_tier: Option<String>,
    usage: Option<Usage>,
    anthropic: Option<AnthropicCounts>,
}

impl Report {
    /// The counts, if there were any that can be believed. Zeros alone stand for counts that were
    /// never made.
    pub fn usage(&self) -> Option<Usage> {
        let told = match &self.anthropic {
            Some(counts) => Some(counts.normalised()),
            None => self.usage,
        };
        told.filter(|usage| *usage != Usage::default() && usage.is_believable())
    }

    /// Reads a whole answer, or the data of one event. What is no JSON tells nothing.
    pub fn read(&mut self, json: &[u8]) {
        if check_depth(json).is_err() {
            return;
        }
        let Ok(raw) = serde_json::from_slice::<&RawValue>(json) else { return };
        match scan::elements(raw) {
            // A stream of Google's that is not one of events.
            Some(elements) => elements.into_iter().for_each(|element| self.read_value(element)),
            None => self.read_value(raw),
        }
    }

    fn read_value(&mut self, raw: &RawValue) {
        let Ok(object) = Object::of(raw) else { return };
        self.read_object(&object);
        // `message_start` of Anthropic's has the message in it, `response.completed` of OpenAI's
        // the response.
        let kind = object.peek_str("type").unwrap_or_default();
        let inner = match kind.as_ref() {
            "message_start" => "message",
            kind if kind.starts_with("response.") => "response",
            _ => return,
        };
        if let Some(inner) = object.peek(inner).and_then(|raw| Object::of(raw).ok()) {
            self.read_object(&inner);
        }
    }

    fn read_object(&mut self, object: &Object<'_>) {
        keep(&mut self.model, object.peek_str("model").or_else(|| object.peek_str("modelVersion")));
        keep(&mut self.id, object.peek_str("id").or_else(|| object.peek_str("responseId")));
        keep(&mut self.service_tier, object.peek_str("service_tier"));
        if let Some(counts) = object.peek("usageMetadata")
            && let Ok(counts) = serde_json::from_str::<GeminiCounts>(counts.get())
        {
            self.usage = Some(counts.normalised(0));
            keep(&mut self.service_tier, counts.tier().map(Cow::Borrowed));
        }
        let groq = || Object::of(object.peek("x_groq")?).ok()?.peek("usage");
        let counts = object.peek("usage").filter(|raw| raw.get() != "null").or_else(groq);
        if let Some(counts) = counts {
            self.read_counts(counts);
        }
    }

    fn read_counts(&mut self, raw: &RawValue) {
        let Ok(object) = Object::of(raw) else { return };
        let names = |names: &[&str]| names.iter().any(|name| object.peek(name).is_some());
        // Both call them `input_tokens`; only one of them counts its cache apart from that.
        let openai = names(&["total_tokens", "prompt_tokens", "input_tokens_details"]);
        if !openai && names(&["input_tokens", "output_tokens"]) {
            let counts = self.anthropic.get_or_insert_default();
            counts.merge(raw);
            let tier = counts.service_tier.clone();
            keep(&mut self.service_tier, tier.map(Cow::Owned));
        } else if let Some(usage) = openai_chat::usage::read(raw, false) {
            self.usage = Some(usage);
        }
    }
}

/// The last one told stands.
fn keep(kept: &mut Option<String>, told: Option<Cow<'_, str>>) {
    if let Some(told) = told.filter(|told| !told.is_empty() && told.len() <= LONGEST_NAME)
        && kept.as_deref() != Some(told.as_ref())
    {
        *kept = Some(told.into_owned());
    }
}
