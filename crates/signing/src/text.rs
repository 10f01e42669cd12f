//! Checks of texts that go into headers, hosts and paths.

use crate::Invalid;

/// Checks that a text can be the value of a header, or a part of one, with no white space in it.
pub(crate) fn visible(field: &'static str, text: &str, most: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    if text.len() > most {
        return Err(Invalid::new(field, "is longer than any such value: paste it again"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::new(
            field,
            "has white space or other characters that no header can carry: paste it again without \
             line breaks, quotes of a word processor, or a prefix such as `Bearer`",
        ));
    }
    Ok(())
}

/// Whether a text may be one label of a host's name: lower-case letters, digits and dashes inside.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Checks that a text can be one segment of a path, once encoded: `.` and `..` are ways, not names.
pub(crate) fn segment(field: &'static str, text: &str) -> Result<(), Invalid> {
    match text {
        "" => Err(Invalid::new(field, "is empty")),
        "." | ".." => Err(Invalid::new(field, "is a step in a path, not a name")),
        _ if text.len() > 2048 => Err(Invalid::new(field, "is longer than 2048 bytes")),
        _ => Ok(()),
    }
}
