//! One JSON object as an ordered list of members whose values stay raw.
//!
//! Wire types do not use serde's `flatten`, `tag` or `untagged`: these buffer into a tree, lose
//! number spelling and do not work with raw values. Decoders take the members they know out of an
//! [`Object`]; what is left are the extras.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{MAX_MEMBERS, RawJson, check, half, scan};

/// Why an object could not be read. Carries the name of the member, for the caller's message.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The text is not a JSON object, or has a member twice.
    #[error("{0}")]
    Syntax(serde_json::Error),
    /// A member has a value of the wrong type.
    #[error("{member}: {source}")]
    Member {
        /// The member's name.
        member: String,
        /// What was wrong with it.
        source: serde_json::Error,
    },
}

/// One JSON object: members in their order, values raw and borrowed from the input.
#[derive(Debug, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    names: Names,
}

/// A member's name, with its value.
type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Which names may be among some: a bit for each, which other names share. Dozens of names are looked
/// for in each body, and nearly all of them are in few bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Names(u64);

impl Names {
    #[inline]
    fn bit(name: &str) -> u64 {
        let (first, last) = match name.as_bytes() {
            [] => (0, 0),
            [only] => (*only, *only),
            [first, .., last] => (*first, *last),
        };
        let mixed = usize::from(first).wrapping_mul(5) ^ usize::from(last).wrapping_mul(3);
        1 << (mixed.wrapping_add(name.len().wrapping_mul(11)) % 64)
    }

    /// Those of some members; `None` if two of them share a bit.
    fn apart(members: &[Member<'_>]) -> Option<Self> {
        let mut names = 0_u64;
        for (name, _) in members {
            let bit = Self::bit(name);
            if names & bit != 0 {
                return None;
            }
            names |= bit;
        }
        Some(Self(names))
    }

    fn of(members: &[Member<'_>]) -> Self {
        Self(members.iter().fold(0, |names, (name, _)| names | Self::bit(name)))
    }

    #[inline]
    fn may_have(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }
}

impl<'a> Object<'a> {
    /// Reads one object from its text. A duplicate member is an error: two readers that disagree
    /// on which of them counts are a way around every policy.
    pub fn parse(text: &'a str) -> Result<Self, ObjectError> {
        match Self::quick(text) {
            Some((object, _)) => Ok(object),
            None => Self::full(text),
        }
    }

    /// Reads an object with the full reader, which says what is wrong.
    pub(super) fn full(text: &'a str) -> Result<Self, ObjectError> {
        serde_json::from_str(text).map_err(ObjectError::Syntax)
    }

    /// Reads an object if nothing at all is wrong with it, and it is of few members and nested no
    /// deeper than [`MAX_DEPTH`](super::MAX_DEPTH). Says besides whether objects in it are plain, as
    /// [`Envelope::is_plain`](super::Envelope::is_plain) tells it.
    pub(super) fn quick(text: &'a str) -> Option<(Self, bool)> {
        let check::Checked { members, is_plain } = check::object(text)?;
        Some((Self::without_duplicates(members)?, is_plain))
    }

    /// The object of some members; `None` if a name is there twice.
    fn without_duplicates(members: Vec<Member<'a>>) -> Option<Self> {
        let names = match Names::apart(&members) {
            Some(names) => names,
            None if has_duplicate(&members) => return None,
            None => Names::of(&members),
        };
        Some(Self { members, names })
    }

    /// Reads an object out of a value that was checked when it was made: quicker than
    /// [`Self::parse`], with the same outcome.
    pub fn of(raw: &'a RawValue) -> Result<Self, ObjectError> {
        // Whatever is wrong, the full reader says it.
        scan::members(raw)
            .and_then(Self::without_duplicates)
            .map_or_else(|| Self::parse(raw.get()), Ok)
    }

    /// Takes a member out and reads it as `T`. Absent and `null` both give `None`.
    pub fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, ObjectError> {
        match self.take_raw(name) {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            Some(raw) => serde_json::from_str(raw.get())
                .map(Some)
                .map_err(|source| ObjectError::Member { member: name.to_owned(), source }),
        }
    }

    /// Takes a member out as it is, `null` included.
    pub fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        if !self.names.may_have(name) {
            return None;
        }
        let position = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.remove(position).1)
    }

    /// Looks at a member without taking it.
    #[inline]
    pub fn peek(&self, name: &str) -> Option<&'a RawValue> {
        if self.names.may_have(name) { self.find(name) } else { None }
    }

    fn find(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Reads a string member without taking it; `None` if absent or of another type. Half a
    /// surrogate pair in it is a replacement character.
    pub fn peek_str(&self, name: &str) -> Option<Cow<'a, str>> {
        half::lossy(self.peek(name)?.get())
    }

    /// The members that are left, in their order.
    pub fn into_members(self) -> Vec<(String, RawJson)> {
        self.members
            .into_iter()
            .map(|(key, value)| (key.into_owned(), RawJson::from_raw(value)))
            .collect()
    }

    /// The members that are left, borrowed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// The same, with names as [`write_name`](super::envelope::write_name) takes them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Cow<'a, str>, &'a RawValue)> {
        self.members.iter().map(|(key, value)| (key, *value))
    }

    /// How many members are left.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Whether a name occurs twice; for a few names, since each is compared with each.
fn has_duplicate(members: &[Member<'_>]) -> bool {
    let mut rest = members;
    while let Some(((name, _), others)) = rest.split_first() {
        if others.iter().any(|(other, _)| other == name) {
            return true;
        }
        rest = others;
    }
    false
}

/// A string that is borrowed when it has no escapes.
#[derive(Debug, Clone)]
pub struct CowStr<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for CowStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text))
            }
        }
        deserializer.deserialize_str(Text).map(CowStr)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members: Vec<Member<'de>> = Vec::new();
                while let Some(CowStr(key)) = map.next_key::<CowStr<'de>>()? {
                    if members.len() >= MAX_MEMBERS {
                        return Err(de::Error::custom("too many members in one object"));
                    }
                    // Small objects: a scan is quicker than a set. Large ones are bounded above.
                    if members.len() < 64 && members.iter().any(|(seen, _)| *seen == key) {
                        return Err(de::Error::custom(format!("duplicate member `{key}`")));
                    }
                    members.push((key, map.next_value()?));
                }
                if members.len() >= 64 {
                    let mut seen = std::collections::HashSet::with_capacity(members.len());
                    if let Some((key, _)) = members.iter().find(|(key, _)| !seen.insert(key)) {
                        return Err(de::Error::custom(format!("duplicate member `{key}`")));
                    }
                }
                Ok(Object { names: Names::of(&members), members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_taken_and_the_rest_stays_in_order() {
        let mut object = Object::parse(r#"{"a":1,"b":null,"c":1.0e2,"d":"x"}"#).unwrap();
        assert_eq!(object.take::<u8>("a").unwrap(), Some(1));
        assert_eq!(object.take::<u8>("b").unwrap(), None);
        assert_eq!(object.peek_str("d").as_deref(), Some("x"));
        let rest = object.into_members();
        assert_eq!(rest[0].0, "c");
        assert_eq!(rest[0].1.get(), "1.0e2", "the spelling of a number survives");
    }

    #[test]
    fn names_that_share_a_bit_are_told_apart() {
        let mut names = std::collections::HashMap::new();
        let (one, other) = (0..)
            .map(|n| format!("n{n}"))
            .find_map(|name| {
                let before = names.insert(Names::bit(&name), name.clone())?;
                Some((before, name))
            })
            .unwrap();
        let text = format!(r#"{{"{one}":1,"{other}":2,"":3}}"#);
        for raw in [Object::parse(&text).unwrap(), serde_json::from_str(&text).unwrap()] {
            let value = |name: &str| raw.peek(name).map(RawValue::get);
            assert_eq!((value(&one), value(&other)), (Some("1"), Some("2")));
            assert_eq!((value(""), value("x")), (Some("3"), None));
        }
        assert!(Object::parse(&format!(r#"{{"{one}":1,"{other}":2,"{one}":3}}"#)).is_err());
        let mut object = Object::parse(&text).unwrap();
        assert_eq!(object.take_raw(&other).map(RawValue::get), Some("2"));
        assert!(object.take_raw(&other).is_none() && object.peek(&one).is_some());
    }

    #[test]
    fn escaped_keys_are_compared_unescaped_and_duplicates_refused() {
        let object = Object::parse(r#"{"\u006dodel":"x"}"#).unwrap();
        assert_eq!(object.peek_str("model").as_deref(), Some("x"));
        assert!(Object::parse(r#"{"model":"x","\u006dodel":"y"}"#).is_err());
        let many: String = (0..100).map(|n| format!("\"k{n}\":0,")).collect();
        assert!(Object::parse(&format!("{{{many}\"k99\":1}}")).is_err());
    }
}
