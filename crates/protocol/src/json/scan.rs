//! Reading once more what was checked before. A raw value was read as valid JSON when it was made,
//! so its members and elements are found by looking for where they end, without checking them
//! again: a body is looked at several times on its way, and a prompt is long.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use super::object::CowStr;
use super::{MAX_MEMBERS, special};

/// The elements of an array in their order; `None` for anything else.
pub fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    let mut scan = Scan::within(raw, b'[')?;
    let mut found = Vec::with_capacity(4);
    while scan.more(b']') {
        found.push(scan.value()?);
    }
    Some(found)
}

/// The most members of an object that are looked for here.
pub(super) const FEW: usize = 63;

/// The members of an object in their order, duplicates included; `None` for anything else, and for
/// an object of many members, which is not worth a second way of reading.
pub fn members(raw: &RawValue) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    members_up_to(raw, FEW)
}

/// The members of an object as [`members`] finds them, as many as are read of any.
pub(super) fn all_members(raw: &RawValue) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    members_up_to(raw, MAX_MEMBERS)
}

fn members_up_to(raw: &RawValue, most: usize) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let mut scan = Scan::within(raw, b'{')?;
    let mut found = Vec::with_capacity(8);
    while scan.more(b'}') {
        if found.len() >= most {
            return None;
        }
        let name = scan.name()?;
        scan.pass(b':');
        found.push((name, scan.value()?));
    }
    Some(found)
}

/// The text of a string, borrowed if nothing in it is escaped; `None` for anything else, and for
/// half a surrogate pair: for what callers send, who are told of it.
pub fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    text(raw.get())
}

/// The text of a string, as [`string`] reads it.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Some(Cow::Borrowed(inner)),
        Some(_) => serde_json::from_str::<CowStr<'_>>(json).ok().map(|text| text.0),
    }
}

/// How many bytes the text of a string has; `None` for anything else. Half a surrogate pair counts
/// half a character.
pub fn text_len(raw: &RawValue) -> Option<usize> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let (mut at, mut length) = (0, inner.len());
    while let Some(found) = memchr::memchr(b'\\', inner.get(at..)?) {
        at += found + 2;
        if inner.get(at - 1) != Some(&b'u') {
            length -= 1;
            continue;
        }
        let digits = inner.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or(0);
        length -= match unit {
            0..=0x7f => 5,
            0x80..=0x7ff | 0xd800..=0xdfff => 4,
            _ => 3,
        };
        at += 4;
    }
    Some(length)
}

/// A place within valid JSON.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Behind the opening bracket, if that is how the value begins.
    fn within(raw: &'a RawValue, open: u8) -> Option<Self> {
        let text = raw.get();
        (text.as_bytes().first() == Some(&open)).then_some(Self { text, at: 1 })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes a byte with the blanks around it, if it is there.
    fn pass(&mut self, byte: u8) {
        self.blank();
        if self.byte() == Some(byte) {
            self.at += 1;
            self.blank();
        }
    }

    /// Whether another value follows before the closing bracket.
    fn more(&mut self, close: u8) -> bool {
        self.pass(b',');
        self.byte().is_some_and(|byte| byte != close)
    }

    fn name(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.byte().filter(|byte| *byte == b'"')?;
        let is_plain = self.skip_string();
        let json = self.text.get(start..self.at)?;
        if is_plain { json.get(1..json.len() - 1).map(Cow::Borrowed) } else { text(json) }
    }

    fn value(&mut self) -> Option<&'a RawValue> {
        let start = self.at;
        match self.byte()? {
            b'"' => {
                self.skip_string();
            }
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_literal(),
        }
        raw_of(self.text.get(start..self.at)?)
    }

    /// Whether nothing in it is escaped.
    fn skip_string(&mut self) -> bool {
        self.at += 1;
        let bytes = self.text.as_bytes();
        let mut is_plain = true;
        while let Some(found) = special::end_of_plain(bytes, self.at) {
            self.at = found + 1;
            if bytes[found] == b'"' {
                return is_plain;
            }
            is_plain = false;
            self.at += 1;
        }
        self.at = bytes.len();
        false
    }

    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_literal(&mut self) {
        // At least one byte, whatever it is: a scan always goes on.
        self.at += 1;
        while let Some(byte) = self.byte() {
            if matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
                return;
            }
            self.at += 1;
        }
    }
}

/// A part of valid JSON as a raw value, without checking it once more.
pub(super) fn raw_of(text: &str) -> Option<&RawValue> {
    <&RawValue>::deserialize(Checked(text)).ok()
}

/// Answers the way in which a raw value asks for its text, which is a map of one member whose name
/// it says itself.
struct Checked<'a>(&'a str);

impl<'de> Deserializer<'de> for Checked<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Only { name, text: self.0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Only<'a> {
    name: &'static str,
    text: &'a str,
}

impl<'de> MapAccess<'de> for Only<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    fn texts<'a>(found: impl IntoIterator<Item = &'a RawValue>) -> Vec<&'a str> {
        found.into_iter().map(RawValue::get).collect()
    }

    #[test]
    fn members_and_elements_keep_their_text() {
        let long = format!("\"{}\\\" x\"", "a".repeat(100));
        let text = format!(
            "{{ \"a\" : 1.0e2 ,\n\"b\\u0022\":[ 1,{{\"]\":\"}}\"}} ],\"\":null, \"c\":{long}}}"
        );
        let found = members(raw(&text)).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["a", "b\"", "", "c"]);
        let values = texts(found.iter().map(|(_, value)| *value));
        assert_eq!(values, ["1.0e2", "[ 1,{\"]\":\"}\"} ]", "null", &long]);
        assert_eq!(texts(elements(found[1].1).unwrap()), ["1", "{\"]\":\"}\"}"]);
    }

    #[test]
    fn what_is_empty_or_of_another_kind_is_told_apart() {
        assert_eq!(elements(raw("[ ]")).map(|found| found.len()), Some(0));
        assert_eq!(members(raw("{}")).map(|found| found.len()), Some(0));
        assert!(elements(raw("{}")).is_none() && members(raw("[]")).is_none());
        assert!(elements(raw("1")).is_none() && string(raw("1")).is_none());
    }

    #[test]
    fn strings_are_borrowed_where_they_can_be() {
        assert!(matches!(string(raw(r#""plain""#)), Some(Cow::Borrowed("plain"))));
        assert_eq!(string(raw(r#""a\n\\""#)).as_deref(), Some("a\n\\"));
        assert_eq!(string(raw(r#""\ud800""#)), None, "half a pair");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            "[\\x20\"\\\\{}\\[\\],:\\né𝕊a-z]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[\"\\\\{}é,:a-z]{0,30}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_a_full_reader_finds(value in json(), pretty in any::<bool>()) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let raw = raw(&text);
            match &value {
                Value::Array(_) => {
                    let all: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(texts(elements(raw).unwrap()), texts(all));
                }
                Value::Object(object) => {
                    let found = members(raw).unwrap();
                    prop_assert_eq!(found.len(), object.len());
                    for ((name, found), (expected, value)) in found.iter().zip(object) {
                        prop_assert_eq!(name.as_ref(), expected);
                        let read: Value = serde_json::from_str(found.get()).unwrap();
                        prop_assert_eq!(&read, value);
                    }
                }
                Value::String(expected) => {
                    let read = string(raw);
                    prop_assert_eq!(read.as_deref(), Some(expected.as_str()));
                    prop_assert_eq!(text_len(raw), Some(expected.len()));
                    let escaped: String =
                        expected.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                    let escaped = format!("\"{escaped}\"");
                    prop_assert_eq!(text_len(self::raw(&escaped)), Some(expected.len()));
                }
                _ => prop_assert!(members(raw).is_none() && elements(raw).is_none()),
            }
        }
    }
}
