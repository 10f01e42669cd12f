//! Small writers for JSON that is put together member by member.

use super::RawJson;
use super::envelope::{write_member, write_string};

/// Appends a comma unless the object has just begun, the name and the colon.
pub(crate) fn key(out: &mut Vec<u8>, name: &str) {
    write_member(out, name, "");
}

/// Appends a string member.
pub(crate) fn string(out: &mut Vec<u8>, name: &str, text: &str) {
    key(out, name);
    write_string(out, text);
}

/// Appends a string member, or `null`.
pub(crate) fn string_or_null(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    match text {
        Some(text) => string(out, name, text),
        None => raw(out, name, "null"),
    }
}

/// Appends a member whose value is JSON text.
pub(crate) fn raw(out: &mut Vec<u8>, name: &str, json: &str) {
    write_member(out, name, json);
}

/// Appends an integer member.
pub(crate) fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    let _ = serde_json::to_writer(out, &value);
}

/// Appends a number member.
pub(crate) fn float(out: &mut Vec<u8>, name: &str, value: f64) {
    key(out, name);
    let _ = serde_json::to_writer(out, &value);
}

/// Appends members kept raw.
pub(crate) fn members(out: &mut Vec<u8>, members: &[(String, RawJson)]) {
    for (name, value) in members {
        raw(out, name, value.get());
    }
}

/// Appends the items of an array, with brackets and commas.
pub(crate) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// JSON written by these writers, as text.
pub(crate) fn into_text(out: Vec<u8>) -> String {
    // Everything written here is made of `str`s, so nothing is ever replaced.
    String::from_utf8(out).unwrap_or_default()
}
