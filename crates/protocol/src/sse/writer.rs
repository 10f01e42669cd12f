//! Writing frames.

/// The frame that ends an OpenAI stream. STREAM-1
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends `data: {json}` and the blank line. `json` must not contain line breaks, which compact
/// JSON never does.
pub fn write_data(out: &mut Vec<u8>, json: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(json);
    out.extend_from_slice(b"\n\n");
}

/// Appends `event: name`, `data: {json}` and the blank line, as Anthropic sends them.
pub fn write_event(out: &mut Vec<u8>, name: &str, json: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\n");
    write_data(out, json);
}

/// Appends a comment line that parsers must skip. STREAM-2
pub fn write_comment(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n\n");
}
