//! Writing messages, as the service does: for tests and for simulated providers.

use super::{OVERHEAD, PRELUDE, STRING};

/// Appends a message with text headers. Names longer than 255 bytes and values longer than 65535
/// are cut.
pub fn write_message(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut block = Vec::new();
    for (name, value) in headers {
        let (name, value) = (at_most(name, 255), at_most(value, 65_535));
        block.push(name.len() as u8);
        block.extend_from_slice(name.as_bytes());
        block.push(STRING);
        block.extend_from_slice(&(value.len() as u16).to_be_bytes());
        block.extend_from_slice(value.as_bytes());
    }
    let from = out.len();
    let total = OVERHEAD + block.len() + payload.len();
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(block.len() as u32).to_be_bytes());
    let prelude = crc32fast::hash(&out[from..from + PRELUDE - 4]);
    out.extend_from_slice(&prelude.to_be_bytes());
    out.extend_from_slice(&block);
    out.extend_from_slice(payload);
    let whole = crc32fast::hash(&out[from..]);
    out.extend_from_slice(&whole.to_be_bytes());
}

/// The beginning of a text, in bytes, without half a character.
fn at_most(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Appends an event with a JSON payload.
pub fn write_event(out: &mut Vec<u8>, event_type: &str, json: &[u8]) {
    let headers = [
        (":event-type", event_type),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    write_message(out, &headers, json);
}

/// Appends an exception with a JSON payload.
pub fn write_exception(out: &mut Vec<u8>, exception_type: &str, json: &[u8]) {
    let headers = [
        (":exception-type", exception_type),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    write_message(out, &headers, json);
}
