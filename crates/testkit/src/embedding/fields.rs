//! Reading bodies, with refusals that each vendor words its own way.

use serde_json::{Map, Value};

use crate::rejection::Rejection;

/// How a vendor refuses.
pub(super) type Refuse = fn(&str, &str) -> Rejection;

/// The members of a body, all of them known.
pub(super) fn object<'a>(
    body: &'a Value,
    known: &[&str],
    refuse: Refuse,
    extra: fn(&str) -> Rejection,
) -> Result<&'a Map<String, Value>, Rejection> {
    let fields = body.as_object().ok_or_else(|| refuse("body", "must be a JSON object"))?;
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(extra(key)),
        None => Ok(fields),
    }
}

/// A member that is there and not null.
pub(super) fn given<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    fields.get(key).filter(|value| !value.is_null())
}

/// A required text.
pub(super) fn text<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    refuse: Refuse,
) -> Result<&'a str, Rejection> {
    match given(fields, key) {
        None => Err(refuse(key, "is required")),
        Some(value) => value.as_str().ok_or_else(|| refuse(key, "must be a string")),
    }
}

/// One of a few words, if given.
pub(super) fn word<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    allowed: &[&str],
    refuse: Refuse,
) -> Result<Option<&'a str>, Rejection> {
    let Some(value) = given(fields, key) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(word) if allowed.contains(&word) => Ok(Some(word)),
        _ => Err(refuse(key, &format!("must be one of: {}", allowed.join(", ")))),
    }
}

/// A whole number within a range, if given.
pub(super) fn number(
    fields: &Map<String, Value>,
    key: &str,
    range: std::ops::RangeInclusive<u64>,
    refuse: Refuse,
) -> Result<Option<usize>, Rejection> {
    let Some(value) = given(fields, key) else {
        return Ok(None);
    };
    match value.as_u64().filter(|number| range.contains(number)) {
        Some(number) => Ok(usize::try_from(number).ok()),
        None => Err(refuse(
            key,
            &format!("must be an integer from {} to {}", range.start(), range.end()),
        )),
    }
}

/// Texts given as one or as a list of at most `most`.
pub(super) fn texts(
    fields: &Map<String, Value>,
    key: &str,
    most: usize,
    refuse: Refuse,
) -> Result<Vec<String>, Rejection> {
    match given(fields, key) {
        None => Err(refuse(key, "is required")),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(texts)) if texts.is_empty() => Err(refuse(key, "cannot be empty")),
        Some(Value::Array(texts)) if texts.len() > most => {
            Err(refuse(key, &format!("has {} entries; at most {most} are allowed", texts.len())))
        }
        Some(Value::Array(texts)) => texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| refuse(key, "must be a list of strings")),
        Some(_) => Err(refuse(key, "must be a string or a list of strings")),
    }
}
