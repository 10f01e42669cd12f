//! Percent-encoding (RFC 3986) as signatures, paths and forms need it.

use crate::Secret;

/// Bytes that are never encoded. RFC 3986 2.3
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Adds bytes to a text, all but unreserved ones and those of `kept` as `%XX`.
pub(crate) fn encode_into(text: &mut String, bytes: &[u8], kept: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if is_unreserved(byte) || kept.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
        }
    }
}

/// A text with all but unreserved bytes encoded.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    encode_into(&mut encoded, text.as_bytes(), b"");
    encoded
}

/// The bytes a text stands for. A `%` without two hex digits stands for itself, and so does `+`.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Fields as `application/x-www-form-urlencoded`.
pub(crate) fn form(fields: &[(&str, &str)]) -> Secret {
    // Room for the worst case, so that no grown-out copy is left behind in memory.
    let room = fields.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut text = String::with_capacity(room);
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        encode_into(&mut text, name.as_bytes(), b"");
        text.push('=');
        encode_into(&mut text, value.as_bytes(), b"");
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_percent_sign_and_a_plus_stand_for_themselves() {
        assert_eq!(decode("a%2Fb+c%"), b"a/b+c%");
        assert_eq!(decode("%zz%4"), b"%zz%4");
    }

    #[test]
    fn forms_separate_and_encode() {
        assert_eq!(form(&[("a", "1 2"), ("b", "&=+")]).expose(), "a=1%202&b=%26%3D%2B");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), text.as_bytes());
        }

        #[test]
        fn decoding_takes_anything(text in "[%0-9a-fA-F+]{0,40}") {
            prop_assert!(decode(&text).len() <= text.len());
        }
    }
}
