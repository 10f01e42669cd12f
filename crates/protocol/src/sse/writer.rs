//! Writing frames.

use memchr::memchr2;

/// The frame that ends an OpenAI stream. STREAM-1
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends `data: {json}` and the blank line. Line breaks, which JSON has only between its tokens,
/// become spaces: they would tear the frame, and models do write arguments over several lines.
pub fn write_data(out: &mut Vec<u8>, json: &[u8]) {
    out.extend_from_slice(b"data: ");
    let mut rest = json;
    while let Some(found) = memchr2(b'\n', b'\r', rest) {
        out.extend_from_slice(&rest[..found]);
        out.push(b' ');
        rest = &rest[found + 1..];
    }
    out.extend_from_slice(rest);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_between_tokens_does_not_tear_the_frame() {
        let mut out = Vec::new();
        write_event(&mut out, "x", b"{\n \"a\":\r\n1}\n");
        assert_eq!(out, b"event: x\ndata: {  \"a\":  1} \n\n");
    }
}
