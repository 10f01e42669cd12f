//! Frames of an event stream (wire-formats 5.4).

use bytes::Bytes;
use serde_json::Value;

/// Bytes of a frame besides its headers and payload: two lengths and two checksums.
const FRAME: usize = 16;
/// The header type of texts.
const TEXT: u8 = 7;

/// A frame with a JSON payload: `kind` is `event` or `exception`, `header` says which header
/// names it, and `name` is its name.
pub(super) fn message(kind: &str, header: &str, name: &str, payload: &Value) -> Bytes {
    write(kind, header, name, payload.to_string().as_bytes())
}

/// A frame of an event.
pub(crate) fn event(name: &str, payload: &Value) -> Bytes {
    message("event", ":event-type", name, payload)
}

/// A whole frame whose payload is not JSON.
pub(crate) fn malformed() -> Bytes {
    write("event", ":event-type", "contentBlockDelta", b"{\"delta\": not json")
}

fn write(kind: &str, header: &str, name: &str, payload: &[u8]) -> Bytes {
    let mut headers = Vec::new();
    for (key, value) in
        [(header, name), (":content-type", "application/json"), (":message-type", kind)]
    {
        // Names are short constants; a longer one would be the simulator's own mistake.
        headers.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(key.as_bytes());
        headers.push(TEXT);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(FRAME + headers.len() + payload.len());
    frame.extend_from_slice(&length(FRAME + headers.len() + payload.len()));
    frame.extend_from_slice(&length(headers.len()));
    frame.extend_from_slice(&checksum(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&checksum(&frame).to_be_bytes());
    frame.into()
}

/// CRC-32 with the reflected polynomial of Ethernet and gzip, four bits at a time.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut at = 0;
        while at < 16 {
            let mut value = at as u32;
            let mut bit = 0;
            while bit < 4 {
                value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..2 {
            sum = sum >> 4 ^ TABLE[(sum & 15) as usize];
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
        let mut other = flate2::Crc::new();
        other.update(b"another check");
        assert_eq!(checksum(b"another check"), other.sum());
    }

    #[test]
    fn a_frame_has_lengths_and_checksums_where_they_belong() {
        let frame = message("event", ":event-type", "ping", &json!({}));
        let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) as usize, frame.len());
        assert_eq!(word(4) as usize, frame.len() - 16 - 2);
        assert_eq!(word(8), checksum(&frame[..8]));
        assert_eq!(word(frame.len() - 4), checksum(&frame[..frame.len() - 4]));
        assert_eq!(&frame[12..28], b"\x0b:event-type\x07\x00\x04p".as_slice().get(..16).unwrap());
    }
}
