//! Reading an object whose text nobody has checked yet, in one quick pass.
//!
//! This accepts less than the full reader and never more: whatever it does not like, it leaves to
//! that one, which says what is wrong. Bodies are as a rule right.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::MAX_DEPTH;
use super::scan::{FEW, raw_of, text};
use super::special;

/// What was found in a text.
pub(super) struct Checked<'a> {
    /// The members of the object, in their order, duplicates included.
    pub members: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// Whether no object within a member has other members than those of a text.
    pub is_plain: bool,
}

/// Whether it is the name of a member of a message that is a text and nothing else.
fn is_of_text(name: &[u8]) -> bool {
    matches!(name, b"role" | b"content")
}

/// The one object that `text` is; `None` if it is no valid JSON, is nested deeper than
/// [`MAX_DEPTH`], or has many members.
pub(super) fn object(text: &str) -> Option<Checked<'_>> {
    let mut check = Check { text, bytes: text.as_bytes(), at: 0, is_plain: true };
    check.blank();
    check.take(b'{')?;
    let mut found = Vec::with_capacity(12);
    check.list(b'}', |check| {
        if found.len() >= FEW {
            return None;
        }
        found.push(check.member()?);
        Some(())
    })?;
    check.blank();
    (check.at == text.len()).then_some(Checked { members: found, is_plain: check.is_plain })
}

/// Whether the text is a JSON number and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let mut check = Check { text, bytes: text.as_bytes(), at: 0, is_plain: true };
    let starts = matches!(check.byte(), Some(b'-' | b'0'..=b'9'));
    starts && check.value(1).is_some() && check.at == text.len()
}

struct Check<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// See [`Checked::is_plain`].
    is_plain: bool,
}

impl<'a> Check<'a> {
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn passes(&mut self, byte: u8) -> bool {
        let there = self.byte() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.passes(byte).then_some(())
    }

    /// A member of the outermost object.
    fn member(&mut self) -> Option<(Cow<'a, str>, &'a RawValue)> {
        let start = self.at;
        self.take(b'"')?;
        let is_plain = self.string()?;
        let json = self.text.get(start..self.at)?;
        let name = if is_plain { Cow::Borrowed(json.get(1..json.len() - 1)?) } else { text(json)? };
        self.colon()?;
        let start = self.at;
        self.value(2)?;
        Some((name, raw_of(self.text.get(start..self.at)?)?))
    }

    fn colon(&mut self) -> Option<()> {
        self.blank();
        self.take(b':')?;
        self.blank();
        Some(())
    }

    /// Any value. `depth`: the level it is at, if it is an object or an array.
    fn value(&mut self, depth: usize) -> Option<()> {
        let first = self.byte()?;
        self.at += 1;
        match first {
            b'"' => self.string().map(|_| ()),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'-' => {
                let digit = self.byte()?;
                self.at += 1;
                self.number(digit)
            }
            b'0'..=b'9' => self.number(first),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            _ => None,
        }
    }

    /// The rest of a string, behind its first quote: whether nothing in it is escaped.
    fn string(&mut self) -> Option<bool> {
        let mut is_plain = true;
        loop {
            self.at = special::find(self.bytes, self.at)?;
            match self.bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    return Some(is_plain);
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
            is_plain = false;
        }
    }

    fn escape(&mut self) -> Option<()> {
        let escaped = *self.bytes.get(self.at + 1)?;
        self.at += 2;
        match escaped {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.list(b'}', |check| {
            check.take(b'"')?;
            let start = check.at;
            check.string()?;
            if check.is_plain {
                // With an escape in it, it is not looked into.
                check.is_plain = is_of_text(check.bytes.get(start..check.at - 1)?);
            }
            check.colon()?;
            check.value(depth + 1)
        })
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.list(b']', |check| check.value(depth + 1))
    }

    /// What stands between commas, up to the closing bracket.
    fn list(&mut self, close: u8, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.blank();
        if self.passes(close) {
            return Some(());
        }
        loop {
            each(self)?;
            self.blank();
            if self.passes(close) {
                return Some(());
            }
            self.take(b',')?;
            self.blank();
        }
    }

    /// The rest of a number, behind its first digit.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.passes(b'.') {
            self.some_digits()?;
        }
        if self.passes(b'e') || self.passes(b'E') {
            let _sign = self.passes(b'+') || self.passes(b'-');
            self.some_digits()?;
        }
        Some(())
    }

    fn digits(&mut self) {
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Option<()> {
        let start = self.at;
        self.digits();
        (self.at > start).then_some(())
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let there = self.bytes.get(self.at..)?.starts_with(rest);
        self.at += rest.len();
        there.then_some(())
    }
}

#[cfg(test)]
mod tests;
