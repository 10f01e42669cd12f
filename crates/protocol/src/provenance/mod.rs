//! Where reasoning was made, written before what only its maker can read.
//!
//! A signature, encrypted reasoning and a thought signature are opaque texts that only the service
//! that made them takes back. Such a text leaves with a *stamp* before it, which says where it was
//! made; when it comes back the stamp is taken off again, before a provider sees it: of requests that are
//! routed always, of calls that are passed through where the body is JSON and short. Ids are
//! left alone: clients drop them (stateless ones send none), and two protocols have none. A stamp
//! consists of letters and digits only, and of whole groups of base64, so that what follows is
//! base64 with a stamp exactly if it was without: client libraries decode it and encode it again.
//!
//! What the bytes of a stamp mean, and whether they are genuine, is the business of who makes them.
//! Bugs 7, 19, 20

mod answer;
mod downgrade;
mod refusal;
mod request;
#[cfg(test)]
mod tests;

pub use downgrade::without;
pub use refusal::is_refusal;
pub use request::{Taken, take};

pub(crate) use answer::{Stamper, stamp_answer, stamp_response};

use std::sync::Arc;

/// What every stamp begins with; the digit is the version of its form.
const HEAD: &str = "tlr1";

/// The length of a stamp, in bytes of text: eleven groups of base64.
pub const STAMP_LENGTH: usize = HEAD.len() + 2 * StampBytes::LENGTH;

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StampBytes(pub [u8; StampBytes::LENGTH]);

impl StampBytes {
    /// How many bytes there are.
    pub const LENGTH: usize = 20;

    /// The text that stands before opaque reasoning.
    pub fn stamp(&self) -> Stamp {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(STAMP_LENGTH);
        text.push_str(HEAD);
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 0x0f] {
                text.push(char::from(DIGITS[usize::from(nibble)]));
            }
        }
        Stamp(text.into())
    }

    fn parse(digits: &[u8]) -> Option<Self> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; Self::LENGTH];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

/// The text of a stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Arc<str>);

impl Stamp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What looks like a stamp at the beginning of a text, as it stands there, and the rest. Anybody's
/// may look like one.
pub(crate) fn split(text: &str) -> (&str, &str) {
    match parse(text.as_bytes()) {
        Some(_) => text.split_at(STAMP_LENGTH),
        None => ("", text),
    }
}

/// Some bytes without what looks like a stamp at their end.
pub(crate) fn without_stamp(bytes: &[u8]) -> &[u8] {
    match bytes.len().checked_sub(STAMP_LENGTH) {
        Some(at) if parse(&bytes[at..]).is_some() => &bytes[..at],
        _ => bytes,
    }
}

/// The stamp that some bytes begin with.
fn parse(bytes: &[u8]) -> Option<StampBytes> {
    let digits = bytes.get(HEAD.len()..STAMP_LENGTH)?;
    if bytes.starts_with(HEAD.as_bytes()) { StampBytes::parse(digits) } else { None }
}
