//! Strict reading of what callers send, beside what conversations are read with, and lenient reading
//! of what providers send. Every refusal names the place and what was expected.

use std::fmt;

use serde_json::value::RawValue;

use crate::exchange::{ErrorType, Fault};
use crate::json::envelope::check_depth;
use crate::json::{Envelope, Object, RawJson, lenient, scan};
pub(crate) use crate::openai_chat::read::{Place, boolean, is_string, object, string};

/// Members that are for the router alone, and those that ask for what there is not.
pub(crate) const ROUTER_ONLY: [&str; 13] = [
    "provider",
    "models",
    "plugins",
    "route",
    "preset",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "max_cost",
    "fallbacks",
    "stream",
];

/// Whether the value is a JSON number.
pub(crate) fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// The index of a caller's body.
pub(crate) fn envelope(body: &[u8]) -> Result<Envelope<'_>, Fault> {
    Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))
}

/// A member that is there and not `null`.
pub(crate) fn told<'a>(object: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    object.peek(name).filter(|raw| raw.get() != "null")
}

/// A member that has to be there.
pub(crate) fn required<'a>(
    object: &Object<'a>,
    name: &str,
    place: &Place<'_>,
) -> Result<&'a RawValue, Fault> {
    told(object, name).ok_or_else(|| place.refuse("is missing"))
}

/// A string with something in it.
pub(crate) fn text(raw: &RawValue, place: &Place<'_>) -> Result<String, Fault> {
    let text = string(raw, place)?;
    if text.is_empty() {
        return Err(place.refuse("is empty; send some text or leave the entry out"));
    }
    Ok(text.into_owned())
}

/// An integer within `low..=high`; `3.0` counts as one.
pub(crate) fn unsigned(
    raw: &RawValue,
    low: u32,
    high: u32,
    place: &Place<'_>,
) -> Result<u32, Fault> {
    let value: f64 =
        serde_json::from_str(raw.get()).map_err(|_| place.expected("an integer", raw))?;
    if value.fract() != 0.0 {
        return Err(place.refuse(format_args!("expected an integer, got {}", shown(raw.get()))));
    }
    if !(f64::from(low)..=f64::from(high)).contains(&value) {
        return Err(place
            .refuse(format_args!("must be between {low} and {high}, got {}", shown(raw.get()))));
    }
    // Within the bounds of an integer, and whole.
    Ok(value as u32)
}

/// A list with something in it, and no more than `most`.
pub(crate) fn list<'a>(
    raw: &'a RawValue,
    most: usize,
    place: &Place<'_>,
) -> Result<Vec<&'a RawValue>, Fault> {
    let entries = scan::elements(raw).ok_or_else(|| place.expected("an array", raw))?;
    if entries.is_empty() {
        return Err(place.refuse("is empty; send at least one entry"));
    }
    if entries.len() > most {
        return Err(place
            .refuse(format_args!("has {} entries; at most {most} are accepted", entries.len())));
    }
    Ok(entries)
}

/// The model asked for: here, unlike in conversations, there is no default. EMB-1
pub(crate) fn model(object: &Object<'_>) -> Result<String, Fault> {
    let place = Place::Top("model");
    text(required(object, "model", &place)?, &place)
}

/// The `provider` preferences, unread.
pub(crate) fn preferences(object: &Object<'_>) -> Result<Option<RawJson>, Fault> {
    match told(object, "provider") {
        None => Ok(None),
        Some(raw) if raw.get().starts_with('{') => Ok(Some(RawJson::from_raw(raw))),
        Some(raw) => Err(Place::Top("provider").expected("an object", raw)),
    }
}

/// Refuses to stream: there is nothing to stream. EMB-1
pub(crate) fn no_stream(object: &Object<'_>) -> Result<(), Fault> {
    let Some(raw) = told(object, "stream") else { return Ok(()) };
    let place = Place::Top("stream");
    if boolean(raw, &place)? {
        return Err(place.refuse("this answer is not streamed; leave `stream` out"));
    }
    Ok(())
}

/// The members that are not among `known`, nor for the router alone.
pub(crate) fn unknown(object: &Object<'_>, known: &[&str]) -> Vec<(String, RawJson)> {
    object
        .iter()
        .filter(|(name, _)| !known.contains(name) && !ROUTER_ONLY.contains(name))
        .map(|(name, raw)| (name.to_owned(), RawJson::from_raw(raw)))
        .collect()
}

/// The beginning of a text, for a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// What is wrong with a provider's answer.
pub(crate) fn broken(why: impl fmt::Display) -> Fault {
    Fault::new(
        ErrorType::ProviderUnavailable,
        format!("Provider returned an invalid answer: {why}"),
    )
}

/// A provider's answer as an object.
pub(crate) fn answer(body: &[u8]) -> Result<Object<'_>, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| broken("it is not valid UTF-8"))?;
    check_depth(body).map_err(|_| broken("it is nested too deep"))?;
    Object::parse(text).map_err(|_| broken("it is not a valid JSON object"))
}

/// Whether an answer that should have been good tells of an error. Bug 11
pub(crate) fn tells_error(answer: &Object<'_>) -> bool {
    let told = |name| {
        answer.peek(name).is_some_and(|raw| !matches!(raw.get(), "null" | "{}" | "[]" | "\"\""))
    };
    told("error") || answer.peek_str("object").as_deref() == Some("error")
}

/// A provider's object at a path of members.
pub(crate) fn inner<'a>(object: &Object<'a>, path: &[&str]) -> Option<Object<'a>> {
    let (first, rest) = path.split_first()?;
    let raw = object.peek(first).filter(|raw| raw.get().starts_with('{'))?;
    let found = Object::of(raw).ok()?;
    if rest.is_empty() { Some(found) } else { inner(&found, rest) }
}

/// A provider's count, be it in a string; `None` if it is absent or none.
pub(crate) fn count(object: &Object<'_>, name: &str) -> Option<u64> {
    let raw = object.peek(name)?;
    if is_string(raw) {
        return lenient::tokens(Some(raw));
    }
    match serde_json::from_str::<u64>(raw.get()) {
        Ok(value) => Some(value),
        Err(_) => match serde_json::from_str::<f64>(raw.get()) {
            // Cohere writes `1.0`. The cast saturates.
            Ok(value) if value >= 0.0 => Some(value as u64),
            _ => None,
        },
    }
}
