//! Stamps that come back with a request.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{HEAD, STAMP_LENGTH, StampBytes, parse};
use crate::anthropic::unwrapped_proof;

/// A request whose stamps were taken off.
#[derive(Debug)]
pub struct Taken<M> {
    /// The body without the stamps.
    pub body: Vec<u8>,
    /// The opaque texts that had one, as their makers wrote them, with what the stamp says; in the
    /// order of the body, so that the latest come last.
    pub made: Vec<(String, M)>,
}

/// The members that hold what only its maker can read, in all protocols.
const MEMBERS: [&[u8]; 5] =
    [b"signature", b"data", b"encrypted_content", b"thoughtSignature", b"thought_signature"];

/// Looks for stamps: made once, since each request is looked through.
static STAMPS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(HEAD));

/// Takes the stamps off a body; `None` if there is none. `open` says what a stamp means, or that it
/// is not genuine: then it is no stamp, and stays. A search is all it costs where there is none.
pub fn take<M>(body: &[u8], mut open: impl FnMut(&StampBytes) -> Option<M>) -> Option<Taken<M>> {
    let mut taken: Option<Taken<M>> = None;
    let mut copied = 0;
    for at in STAMPS.find_iter(body) {
        let Some(made) = parse(&body[at..]).filter(|_| holds_proof(&body[..at])) else { continue };
        let Some(made) = open(&made) else { continue };
        let rest = at + STAMP_LENGTH;
        let Some(content) = content(&body[rest..]) else { continue };
        let taken = taken.get_or_insert_with(|| Taken {
            body: Vec::with_capacity(body.len()),
            made: Vec::new(),
        });
        taken.body.extend_from_slice(&body[copied..at]);
        copied = rest;
        taken.made.push((content, made));
    }
    let mut taken = taken?;
    taken.body.extend_from_slice(&body[copied..]);
    Some(taken)
}

/// Whether what ends here is the quote of a string that stands in one of the members, wherever that
/// is. A text that quotes one is never touched, since its quotes are escaped; a member of the same
/// name in the arguments of a tool, if given as an object, loses a genuine stamp like any other.
fn holds_proof(before: &[u8]) -> bool {
    let Some(before) = before.strip_suffix(b"\"") else { return false };
    let Some(before) = before.trim_ascii_end().strip_suffix(b":") else { return false };
    let Some(before) = before.trim_ascii_end().strip_suffix(b"\"") else { return false };
    MEMBERS
        .iter()
        .any(|member| before.strip_suffix(*member).is_some_and(|before| before.ends_with(b"\"")))
}

/// The rest of a JSON string, read; of another vendor's proof that travelled in a wrapping, what
/// that vendor wrote.
fn content(rest: &[u8]) -> Option<String> {
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', rest.get(end..)?)?;
        if rest[end] == b'"' {
            break;
        }
        end += 2;
    }
    let plain = std::str::from_utf8(&rest[..end]).ok()?;
    let text = match plain.contains('\\') {
        true => serde_json::from_str(&format!("\"{plain}\"")).ok()?,
        false => plain.to_owned(),
    };
    Some(unwrapped_proof(&text).unwrap_or(text))
}
