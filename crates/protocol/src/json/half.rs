//! Strings of providers, read so that nothing is lost. JSON can say half of a surrogate pair, which
//! is no character: whoever cuts a text between two UTF-16 units sends it, in two chunks of a stream
//! as a rule.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use super::object::CowStr;

/// The half of a pair that ended a piece of a text, while the next piece may begin with the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Half(Option<u16>);

/// The text of a string; `None` for anything else. Half a pair is a replacement character.
pub(crate) fn lossy(json: &str) -> Option<Cow<'_, str>> {
    let mut half = Half::default();
    let text = half.join(json)?;
    Some(match half.end() {
        None => text,
        Some(end) => Cow::Owned(text.into_owned() + &end),
    })
}

impl Half {
    /// The text of the next piece, a JSON string; `None` for anything else. Half a pair at its end
    /// waits for the piece that follows.
    pub(crate) fn join<'a>(&mut self, json: &'a str) -> Option<Cow<'a, str>> {
        let inside = json.strip_prefix('"')?.strip_suffix('"')?;
        if self.0.is_none() {
            if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
                return Some(Cow::Borrowed(inside));
            }
            if let Ok(CowStr(text)) = serde_json::from_str(json) {
                return Some(text);
            }
        }
        let mut text = String::with_capacity(inside.len() + 4);
        let mut rest = inside;
        while let Some(found) = memchr::memchr(b'\\', rest.as_bytes()) {
            self.plain(&rest[..found], &mut text);
            rest = self.escape(&rest[found + 1..], &mut text);
        }
        self.plain(rest, &mut text);
        Some(Cow::Owned(text))
    }

    /// What stands for the half that waited, when nothing follows.
    pub(crate) fn end(&mut self) -> Option<String> {
        self.0.take().map(|_| char::REPLACEMENT_CHARACTER.to_string())
    }

    fn plain(&mut self, plain: &str, text: &mut String) {
        if !plain.is_empty() {
            self.give_up(text);
            text.push_str(plain);
        }
    }

    fn give_up(&mut self, text: &mut String) {
        if self.0.take().is_some() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Reads an escape, behind its backslash; gives what follows it.
    fn escape<'a>(&mut self, escaped: &'a str, text: &mut String) -> &'a str {
        let mut letters = escaped.chars();
        let meant = match letters.next() {
            Some('u') => {
                let digits = escaped.get(1..5);
                let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                self.unit(unit.unwrap_or(0xfffd), text);
                return escaped.get(5..).unwrap_or_default();
            }
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(itself) => itself,
            None => return "",
        };
        self.give_up(text);
        text.push(meant);
        letters.as_str()
    }

    fn unit(&mut self, unit: u16, text: &mut String) {
        let pair = self.0.map(|high| char::decode_utf16([high, unit]).next());
        if let Some(Some(Ok(whole))) = pair {
            self.0 = None;
            text.push(whole);
            return;
        }
        self.give_up(text);
        match unit {
            0xd800..=0xdbff => self.0 = Some(unit),
            unit => {
                let letter = char::from_u32(u32::from(unit));
                text.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }
}

/// A provider's string as it came, with its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a>(&'a str);

impl Default for Quoted<'_> {
    fn default() -> Self {
        Self("\"\"")
    }
}

impl<'a> Quoted<'a> {
    /// The JSON text.
    pub(crate) fn json(self) -> &'a str {
        self.0
    }

    /// Its text, with replacement characters for halves of pairs.
    pub(crate) fn text(self) -> Cow<'a, str> {
        lossy(self.0).unwrap_or_default()
    }

    /// Its text as a piece of a longer one.
    pub(crate) fn join(self, half: &mut Half) -> Cow<'a, str> {
        half.join(self.0).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Quoted<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            Ok(Self(raw.get()))
        } else {
            Err(D::Error::custom("expected a string"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_pair_is_a_replacement_character_and_the_rest_is_kept() {
        for (json, text) in [
            (r#""hello \ud83d world""#, "hello \u{fffd} world"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00a""#, "\u{fffd}a"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n\u00e9""#, "\u{fffd}\n\u{e9}"),
            (r#""\"\\\/\b\f\n\r\t\ud83d""#, "\"\\/\u{8}\u{c}\n\r\t\u{fffd}"),
            (r#""plain""#, "plain"),
        ] {
            assert_eq!(lossy(json).as_deref(), Some(text), "{json}");
        }
        assert_eq!(lossy("1"), None);
        assert_eq!(lossy("\""), None);
    }

    #[test]
    fn the_halves_of_a_character_in_two_pieces_are_joined() {
        let mut half = Half::default();
        assert_eq!(half.join(r#""a\ud83d""#).as_deref(), Some("a"));
        assert_eq!(half.join(r#""""#).as_deref(), Some(""));
        assert_eq!(half.join(r#""\ude00b\ud83d""#).as_deref(), Some("😀b"));
        assert_eq!(half.join(r#""c""#).as_deref(), Some("\u{fffd}c"));
        assert_eq!(half.end(), None);
        assert_eq!(half.join(r#""\ud83d""#).as_deref(), Some(""));
        assert_eq!(half.end().as_deref(), Some("\u{fffd}"));
        assert_eq!(half.end(), None);
    }

    proptest! {
        /// Cut between any two UTF-16 units, a text is the same.
        #[test]
        fn cutting_anywhere_changes_nothing(
            text in "[a-z\"\\\\\n é€😀🎉]{0,12}",
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(units.len() + 1)).collect();
            at.sort_unstable();
            let (mut half, mut read, mut from) = (Half::default(), String::new(), 0);
            for to in at.into_iter().chain([units.len()]) {
                let escaped: String =
                    units[from..to].iter().map(|unit| format!("\\u{unit:04x}")).collect();
                let json = format!("\"{escaped}\"");
                read.push_str(&half.join(&json).unwrap());
                from = to;
            }
            prop_assert_eq!(read, text);
            prop_assert_eq!(half.end(), None);
        }
    }
}
