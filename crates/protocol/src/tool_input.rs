//! Inputs of tool calls, which some protocols demand as objects and others tell as texts.

use serde_json::value::RawValue;

use crate::json::compact;
use crate::json::envelope::write_string;

/// Writes a call's input: always an object. Says whether the arguments were one (or empty).
pub(crate) fn write_input(out: &mut Vec<u8>, arguments: &str) -> bool {
    let text = arguments.trim();
    if text.is_empty() {
        out.extend_from_slice(b"{}");
        return true;
    }
    if is_json_object(text) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    // Some models encode their arguments twice.
    if let Ok(inner) = serde_json::from_str::<String>(text)
        && is_json_object(inner.trim())
    {
        out.extend_from_slice(inner.trim().as_bytes());
        return true;
    }
    out.extend_from_slice(b"{\"arguments\":");
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) => out.extend_from_slice(value.get().as_bytes()),
        Err(_) => write_string(out, arguments),
    }
    out.push(b'}');
    false
}

fn is_json_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The text of a call's input: `{}` where there is none. Bug 3
pub(crate) fn input_text(input: Option<&RawValue>) -> String {
    match input.map(RawValue::get) {
        None | Some("null" | "\"\"") => "{}".to_owned(),
        Some(text) => compact(text),
    }
}
