//! Strict reading of what callers send: every refusal names the place and what was expected.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::exchange::{Fault, Origin};
use crate::json::{Object, half, lenient, scan};

/// Why a caller's string is refused that JSON allows.
pub(crate) const HALF_A_PAIR: &str =
    "the string contains half of a surrogate pair, which is no character";

/// Where in a body a value stands. Costs nothing until it is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'p> {
    /// A top-level member.
    Top(&'p str),
    /// A member of an object.
    Member(&'p Place<'p>, &'p str),
    /// An element of an array.
    Element(&'p Place<'p>, usize),
}

impl Place<'_> {
    pub(crate) fn member<'p>(&'p self, name: &'p str) -> Place<'p> {
        Place::Member(self, name)
    }

    pub(crate) fn element(&self, index: usize) -> Place<'_> {
        Place::Element(self, index)
    }

    /// The place as that of a block.
    pub(crate) fn origin(&self) -> Origin {
        let position = Origin::position;
        match self {
            Place::Element(Place::Top("input"), item) => Origin::Item(position(*item)),
            Place::Element(Place::Member(Place::Element(Place::Top(list), at), member), part) => {
                let (at, part) = (position(*at), position(*part));
                match (*list, *member) {
                    ("messages", "content") => Origin::Content(at, part),
                    ("input", "content") => Origin::ItemContent(at, part),
                    ("input", "output") => Origin::ItemOutput(at, part),
                    ("input", "tools") => Origin::ItemTool(at, part),
                    _ => Origin::Unknown,
                }
            }
            _ => Origin::Unknown,
        }
    }

    /// The refusal of a value of the wrong kind.
    pub(crate) fn expected(&self, what: &str, found: &RawValue) -> Fault {
        Fault::invalid(format!("{self}: expected {what}, got {}", kind_of(found)))
    }

    /// The refusal of a value for another reason.
    pub(crate) fn refuse(&self, why: impl fmt::Display) -> Fault {
        Fault::invalid(format!("{self}: {why}"))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

fn kind_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Whether the value is the literal `null`.
pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// Whether the value is a JSON string.
pub(crate) fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

/// Whether the value is a JSON array.
pub(crate) fn is_array(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

/// Whether the value is a JSON object.
pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

pub(crate) fn string<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Cow<'a, str>, Fault> {
    if !is_string(raw) {
        return Err(place.expected("a string", raw));
    }
    // A string token that cannot be read has a lone surrogate.
    scan::string(raw).ok_or_else(|| place.refuse(HALF_A_PAIR))
}

pub(crate) fn boolean(raw: &RawValue, place: &Place<'_>) -> Result<bool, Fault> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(place.expected("a boolean", raw)),
    }
}

/// A number within `low..=high`.
pub(crate) fn number(raw: &RawValue, low: f64, high: f64, place: &Place<'_>) -> Result<f64, Fault> {
    let value: f64 =
        serde_json::from_str(raw.get()).map_err(|_| place.expected("a number", raw))?;
    if value.is_finite() && (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(place.refuse(format_args!("must be between {low} and {high}, got {}", raw.get())))
    }
}

/// A number above zero and at most `high`.
pub(crate) fn positive(raw: &RawValue, high: f64, place: &Place<'_>) -> Result<f64, Fault> {
    let value = number(raw, 0.0, high, place)?;
    if value > 0.0 { Ok(value) } else { Err(place.refuse("must be greater than 0")) }
}

/// An integer within `low..=high`; `3.0` counts as one.
pub(crate) fn unsigned(
    raw: &RawValue,
    low: u64,
    high: u64,
    place: &Place<'_>,
) -> Result<u64, Fault> {
    let value = match serde_json::from_str::<u64>(raw.get()) {
        Ok(value) => value,
        Err(_) => {
            let float: f64 =
                serde_json::from_str(raw.get()).map_err(|_| place.expected("an integer", raw))?;
            if float < 0.0 {
                return Err(place.refuse(format_args!("must be at least {low}, got {}", raw.get())));
            }
            if float.fract() != 0.0 {
                return Err(place.refuse(format_args!("expected an integer, got {}", raw.get())));
            }
            // A cast saturates; what is too large is refused below.
            float as u64
        }
    };
    if value < low {
        return Err(place.refuse(format_args!("must be at least {low}, got {value}")));
    }
    if value > high {
        return Err(place.refuse(format_args!("must be at most {high}, got {value}")));
    }
    Ok(value)
}

pub(crate) fn object<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Object<'a>, Fault> {
    if !is_object(raw) {
        return Err(place.expected("an object", raw));
    }
    Object::of(raw).map_err(|error| place.refuse(error))
}

pub(crate) fn array<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Vec<&'a RawValue>, Fault> {
    scan::elements(raw).ok_or_else(|| place.expected("an array", raw))
}

/// A string that must be one of `names`.
pub(crate) fn one_of<'a>(
    raw: &'a RawValue,
    names: &[&str],
    place: &Place<'_>,
) -> Result<Cow<'a, str>, Fault> {
    let text = string(raw, place)?;
    if names.contains(&text.as_ref()) {
        Ok(text)
    } else {
        let shown: String = text.chars().take(64).collect();
        let why = format_args!("must be one of {}, got `{shown}`", names.join(", "));
        Err(place.refuse(why).of_unknown())
    }
}

/// A provider's string; `None` for anything else. Half a surrogate pair in it is a replacement
/// character.
pub(crate) fn lenient_string(raw: &RawValue) -> Option<Cow<'_, str>> {
    half::lossy(raw.get())
}

/// A provider's count, be it in a string; anything but a finite positive number is 0.
pub(crate) fn lenient_count(raw: &RawValue) -> u64 {
    lenient::tokens(Some(raw)).unwrap_or(0)
}

/// The elements of a provider's array; nothing for anything else.
pub(crate) fn lenient_array(raw: &RawValue) -> Vec<&RawValue> {
    scan::elements(raw).unwrap_or_default()
}

/// A provider's object; `None` for anything else.
pub(crate) fn lenient_object(raw: &RawValue) -> Option<Object<'_>> {
    if is_object(raw) { Object::of(raw).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_refusal_names_the_place_and_what_was_expected() {
        let messages = Place::Top("messages");
        let third = messages.element(2);
        let content = third.member("content");
        assert_eq!(
            string(&raw("1"), &content).unwrap_err().message,
            "messages[2].content: expected a string, got a number"
        );
        assert_eq!(
            unsigned(&raw("0"), 1, 9, &content).unwrap_err().message,
            "messages[2].content: must be at least 1, got 0"
        );
        assert!(unsigned(&raw("-1"), 0, 9, &content).is_err());
        assert!(unsigned(&raw("1e300"), 0, 9, &content).is_err());
        assert_eq!(unsigned(&raw("3.0"), 0, 9, &content).unwrap(), 3);
        let half = string(&raw(r#""\ud800""#), &content).unwrap_err().message;
        assert!(half.starts_with("messages[2].content: the string contains half"), "{half}");
        let kept = raw(r#""hello \ud83d world""#);
        assert_eq!(lenient_string(&kept).as_deref(), Some("hello \u{fffd} world"));
    }

    #[test]
    fn wrong_counts_of_a_provider_are_zero() {
        for (text, count) in
            [("-5", 0), ("null", 0), ("\"x\"", 0), ("7.9", 7), ("1e400", 0), ("12", 12)]
        {
            assert_eq!(lenient_count(&raw(text)), count, "{text}");
        }
        for (text, count) in [("\"1000\"", 1_000), ("\" 7.9 \"", 7), ("\"-5\"", 0)] {
            assert_eq!(lenient_count(&raw(text)), count, "{text}");
        }
    }
}
