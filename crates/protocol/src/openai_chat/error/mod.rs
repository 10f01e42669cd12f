//! Errors: what hosts of this protocol send in their many shapes, and the one envelope callers
//! get. ERR-1, wire-formats 9.3, 11, 12.5

mod classify;
mod failed_generation;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::classify::{by_status, by_words};
pub use self::failed_generation::recover_answer;
pub(in crate::openai_chat) use self::failed_generation::recovered_chunk;
use crate::exchange::{ErrorType, Fault, RenderedError};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{lenient_array, lenient_object, lenient_string};
use crate::openai_chat::write::{ObjectWriter, object};

/// The longest message kept of a provider's error, in characters.
const MAX_MESSAGE: usize = 2_000;

/// The longest wait believed, in seconds.
const MAX_RETRY_AFTER: u64 = 86_400;

/// What callers read instead of the inside of a failure of ours. ERR-17
const GENERIC: &str = "Internal Server Error";

/// Reads a provider's error answer of any shape. The kind says what happened at the provider;
/// whose fault that is toward the caller (our credential was refused, say) the gateway decides.
pub fn decode_error(status: u16, retry_after: Option<&str>, body: &[u8]) -> Fault {
    let mut told = std::str::from_utf8(body).ok().map(str::trim).and_then(read).unwrap_or_default();
    if told.message.is_none() {
        told.message = plain_text(body);
    }
    if status == 400 && is_markup(body) {
        // A page comes from what stands before the provider, which has not read the request.
        told.error_type = Some(ErrorType::ProviderUnavailable);
    }
    let mut fault = told.into_fault(status);
    fault.retry_after = retry_after.and_then(seconds).or(fault.retry_after);
    fault
}

/// The fault told by the members of an answer that should have been good; `None` if they tell of
/// none. Hosts put errors into a status of 200 and into streams. Bug 11
pub(crate) fn fault_inside(body: &Object<'_>) -> Option<Fault> {
    let failed = body.peek("error").is_some_and(|raw| !matches!(raw.get(), "null" | "{}" | "\"\""))
        || body.peek("base_resp").is_some_and(|raw| base_resp(raw).is_some())
        || body.peek_str("object").as_deref() == Some("error")
        || (body.peek("choices").is_none()
            && (body.peek("detail").is_some() || body.peek("errors").is_some()));
    failed.then(|| read_object(body).unwrap_or_default().into_fault(200))
}

/// The fault in a frame that is no chunk at all.
pub(crate) fn fault_in_text(text: &str) -> Option<Fault> {
    let text = text.trim();
    if text.starts_with('[') { read(text).map(|told| told.into_fault(200)) } else { None }
}

/// The fault in a frame named `error`: whatever it holds, it is no chunk. Bug 11
pub(crate) fn fault_of_event(text: &str) -> Fault {
    read(text.trim()).unwrap_or_default().into_fault(200)
}

/// What an error body tells.
#[derive(Default)]
struct Told {
    message: Option<String>,
    /// The code and the type, the more telling one first.
    words: Vec<String>,
    /// A status inside the body.
    status: Option<u16>,
    /// Set by another router, or plain from the body's form.
    error_type: Option<ErrorType>,
    inner: Option<String>,
    retry_after: Option<u64>,
}

fn read(text: &str) -> Option<Told> {
    if text.starts_with('[') {
        // Gemini's compatible endpoint wraps its errors in an array.
        let first = serde_json::from_str::<Vec<&RawValue>>(text).ok()?.into_iter().next()?;
        return read_object(&lenient_object(first)?);
    }
    if text.starts_with('"') {
        let message = serde_json::from_str::<String>(text).ok()?;
        return Some(Told { message: Some(message), ..Told::default() });
    }
    read_object(&Object::parse(text).ok()?)
}

fn read_object(body: &Object<'_>) -> Option<Told> {
    if let Some(found) = body.peek("base_resp").and_then(base_resp) {
        return Some(found);
    }
    let mut told = Told::default();
    match body.peek("error") {
        Some(raw) if raw.get().starts_with('"') => {
            told.message = lenient_string(raw).map(Cow::into_owned);
            told.take_members(body);
        }
        Some(raw) => match lenient_object(raw) {
            Some(error) => {
                told.take_members(&error);
                if told.words.is_empty() && told.status.is_none() {
                    told.take_code(body.peek("code"));
                }
            }
            None => told.take_members(body),
        },
        None => told.take_members(body),
    }
    if told.message.is_none()
        && let Some(first) =
            body.peek("errors").and_then(|raw| lenient_array(raw).into_iter().next())
    {
        match lenient_object(first) {
            Some(error) => told.take_members(&error),
            None => told.message = lenient_string(first).map(Cow::into_owned),
        }
    }
    if told.message.is_none()
        && let Some(raw) = body.peek("detail")
    {
        told.message = detail(raw);
    }
    (told.message.is_some() || !told.words.is_empty() || told.status.is_some()).then_some(told)
}

/// FastAPI's `detail`: a text, or a list of `{loc, msg}`.
fn detail(raw: &RawValue) -> Option<String> {
    if let Some(text) = lenient_string(raw) {
        return Some(text.into_owned());
    }
    if let Some(object) = lenient_object(raw) {
        return object.peek_str("message").or_else(|| object.peek_str("msg")).map(Cow::into_owned);
    }
    let lines: Vec<String> = lenient_array(raw)
        .into_iter()
        .take(8)
        .filter_map(lenient_object)
        .map(|entry| {
            let message = entry.peek_str("msg").unwrap_or_default();
            let place: Vec<String> = entry
                .peek("loc")
                .map(lenient_array)
                .unwrap_or_default()
                .into_iter()
                .take(16)
                .map(|part| {
                    lenient_string(part).map_or_else(|| part.get().to_owned(), Cow::into_owned)
                })
                .filter(|part| part != "body")
                .collect();
            if place.is_empty() {
                message.into_owned()
            } else {
                format!("{}: {message}", place.join("."))
            }
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// MiniMax's way to say it inside a status of 200; `None` when it reports success.
fn base_resp(raw: &RawValue) -> Option<Told> {
    let object = lenient_object(raw)?;
    let code = object.peek("status_code")?.get().to_owned();
    if code == "0" || code == "null" {
        return None;
    }
    let message = object.peek_str("status_msg").map(Cow::into_owned);
    let status = match code.as_str() {
        "1002" => Some(429),
        "1008" => Some(402),
        "1004" => Some(401),
        "1026" | "1027" | "1039" | "2013" => Some(400),
        _ => None,
    };
    Some(Told { message, words: vec![code], status, ..Told::default() })
}

impl Told {
    fn take_members(&mut self, error: &Object<'_>) {
        if self.message.is_none() {
            self.message = ["message", "msg", "error_message", "detail"]
                .iter()
                .find_map(|name| error.peek_str(name))
                .map(Cow::into_owned)
                .filter(|message| !message.is_empty());
        }
        self.take_code(error.peek("code"));
        for name in ["type", "status", "param_code"] {
            match error.peek(name).and_then(lenient_string) {
                Some(word) if !word.is_empty() && word != "error" => {
                    self.words.push(word.into_owned());
                }
                _ => {}
            }
        }
        for name in ["innererror", "inner_error"] {
            if let Some(inner) = error.peek(name).and_then(lenient_object)
                && let Some(code) = inner.peek_str("code")
            {
                self.inner = Some(code.into_owned());
            }
        }
        if let Some(metadata) = error.peek("metadata").and_then(lenient_object) {
            if let Some(raw) = metadata.peek("error_type") {
                self.error_type = serde_json::from_str(raw.get()).ok();
            }
            if let Some(code) = metadata.peek_str("provider_code") {
                self.words.insert(0, code.into_owned());
            }
        }
        if let Some(raw) = error.peek("retry_after") {
            self.retry_after = seconds(raw.get().trim_matches('"'));
        }
    }

    fn take_code(&mut self, raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        match lenient_string(raw) {
            Some(code) if code.is_empty() => {}
            Some(code) => self.words.push(code.into_owned()),
            None => match serde_json::from_str::<u16>(raw.get()) {
                Ok(status @ 400..=599) => self.status = Some(status),
                Ok(code) => self.words.push(code.to_string()),
                Err(_) => {}
            },
        }
    }

    fn into_fault(self, status: u16) -> Fault {
        let status = if (400..=599).contains(&status) { Some(status) } else { self.status };
        let message = self.message.as_deref().map_or_else(
            || match status {
                Some(status) => format!("Provider returned error {status}"),
                None => "Provider returned error".to_owned(),
            },
            bounded,
        );
        let lower = message.to_ascii_lowercase();
        let has = |word: &str| {
            self.words.iter().any(|known| known.eq_ignore_ascii_case(word))
                || self.inner.as_deref().is_some_and(|inner| inner.eq_ignore_ascii_case(word))
        };
        let error_type = self
            .error_type
            .or_else(|| by_words(&has, &lower, status))
            .unwrap_or_else(|| by_status(status));
        let mut fault = Fault::new(error_type, message);
        // These say more than the table's status.
        if let Some(kept @ (408 | 524 | 529)) = status
            && matches!(error_type, ErrorType::Timeout | ErrorType::ProviderOverloaded)
        {
            fault.status = kept;
        }
        fault.provider_code = self
            .words
            .into_iter()
            .next()
            .map(|code| code.chars().take(128).collect())
            .or_else(|| self.status.map(|status| status.to_string()));
        fault.retry_after = self.retry_after;
        fault
    }
}

fn bounded(message: &str) -> String {
    message.trim().chars().take(MAX_MESSAGE).collect()
}

/// Whether a body is a page, which no interface for programs answers with.
fn is_markup(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<head", b"<body"]
        .into_iter()
        .any(|tag| body.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag)))
}

/// A body that is not JSON, if it is a short text a person wrote: never markup.
fn plain_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let readable = !text.is_empty()
        && text.len() <= MAX_MESSAGE
        && !text.contains(['<', '{', '['])
        && !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace());
    readable.then(|| text.to_owned())
}

/// A number of seconds, rounded up. A date would need a clock.
fn seconds(text: &str) -> Option<u64> {
    let value: f64 = text.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then(|| (value.ceil() as u64).min(MAX_RETRY_AFTER))
}

/// Renders a fault in the chat envelope. `members` stand beside `error` at the top level. The
/// metadata member `availability` goes into `error` itself. ERR-1, ERR-6, ERR-10, ERR-17
pub fn encode_error(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> RenderedError {
    // The id travels in a header in this protocol.
    let _ = generation_id;
    let mut body = Vec::with_capacity(256);
    object(&mut body, |envelope| {
        envelope.object("error", |error| write_error(error, fault));
        for (name, raw) in members {
            if fault.status != 500 || name != "openrouter_metadata" {
                envelope.raw_of(name, raw.get());
            }
        }
    });
    RenderedError { status: fault.status, body }
}

/// Writes the members of an `error` object, for whole answers and for streams. STREAM-6
pub(in crate::openai_chat) fn write_error(error: &mut ObjectWriter<'_>, fault: &Fault) {
    let internal = fault.status == 500;
    error.number("code", u64::from(fault.status));
    error.string("message", if internal { GENERIC } else { &fault.message });
    error.object("metadata", |metadata| {
        metadata.string("error_type", &fault.error_type.name());
        if let Some(code) = fault.provider_code.as_deref().filter(|_| !internal) {
            metadata.string("provider_code", code);
        }
        for (name, raw) in &fault.metadata {
            if !matches!(name.as_str(), "availability" | "error_type" | "provider_code") {
                metadata.raw_of(name, raw.get());
            }
        }
    });
    if let Some((_, raw)) = fault.metadata.iter().find(|(name, _)| name == "availability") {
        error.raw("availability", raw.get());
    }
}
