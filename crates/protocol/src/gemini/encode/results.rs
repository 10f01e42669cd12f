//! Arguments and results of functions, which must be JSON objects.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::wire::{Part, PartBody, check_object, string_member};
use crate::exchange::{Block, BlockKind};
use crate::json::object::CowStr;

/// The arguments as the text of a JSON object, and whether they were one.
pub(super) fn arguments(text: &str) -> (Cow<'_, str>, bool) {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        // Bug 3: no arguments are an empty object.
        return (Cow::Borrowed("{}"), true);
    }
    if check_object(trimmed) {
        return (Cow::Borrowed(trimmed), true);
    }
    (Cow::Owned(wrapped("arguments", text)), false)
}

/// A result as the text of a JSON object: itself if it is one, else under a name. A key that the
/// service reads as a reference makes the whole result a string. Bug 9
pub(super) fn response<'a>(content: &'a [Block], is_error: bool) -> Cow<'a, str> {
    let mut texts = content.iter().filter_map(|block| match &block.kind {
        BlockKind::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text: Cow<'a, str> = match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        (Some(first), Some(second)) => {
            let mut joined = format!("{first}\n{second}");
            for more in texts {
                joined.push('\n');
                joined.push_str(more);
            }
            Cow::Owned(joined)
        }
    };
    if is_error {
        return Cow::Owned(wrapped("error", &text));
    }
    if text.trim_start().starts_with('{') && check_object(text.trim()) && !has_reference(&text) {
        return text;
    }
    Cow::Owned(wrapped("result", &text))
}

/// Whether a medium may stand inside a function's result.
pub(super) fn fits_inside(part: &Part<'_>) -> bool {
    matches!(&part.body, PartBody::InlineData { media_type, .. }
        if ["image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"]
            .contains(&media_type.as_ref()))
}

fn wrapped(name: &str, text: &str) -> String {
    let mut out = vec![b'{'];
    string_member(&mut out, name, text);
    out.push(b'}');
    String::from_utf8(out).unwrap_or_else(|_| "{}".to_owned())
}

/// Whether an object has, at any depth, a key that begins with `$`, however it is spelled. Text
/// that is nested too deeply to be read counts as having one.
fn has_reference(text: &str) -> bool {
    if !text.contains('$') && !text.contains("\\u") {
        return false;
    }
    serde_json::from_str::<Keys>(text).map_or(true, |keys| keys.0)
}

/// Whether there is such a key.
struct Keys(bool);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Keys;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
                Ok(Keys(false))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
                let mut found = false;
                while let Some(Keys(inside)) = list.next_element()? {
                    found |= inside;
                }
                Ok(Keys(found))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut found = false;
                while let Some(CowStr(key)) = map.next_key::<CowStr<'de>>()? {
                    if key.starts_with('$') {
                        found = true;
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        found |= map.next_value::<Keys>()?.0;
                    }
                }
                Ok(Keys(found))
            }
        }
        deserializer.deserialize_any(Walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<Block> {
        vec![Block::text(text)]
    }

    /// Bug 3
    #[test]
    fn arguments_become_an_object() {
        assert_eq!(arguments(""), (Cow::Borrowed("{}"), true));
        assert_eq!(arguments("null"), (Cow::Borrowed("{}"), true));
        assert_eq!(arguments(" {\"a\":1.0e3} "), (Cow::Borrowed("{\"a\":1.0e3}"), true));
        for bad in ["[1]", "{\"a\":", "nonsense", "3"] {
            let (wrapped, valid) = arguments(bad);
            assert!(!valid && check_object(&wrapped), "{bad}");
        }
    }

    #[test]
    fn a_result_is_itself_or_wrapped() {
        assert_eq!(response(&text("{\"a\":1}"), false), "{\"a\":1}");
        assert_eq!(response(&text("sunny"), false), "{\"result\":\"sunny\"}");
        assert_eq!(response(&text("[1]"), false), "{\"result\":\"[1]\"}");
        assert_eq!(response(&[], false), "{\"result\":\"\"}");
        assert_eq!(response(&text("no"), true), "{\"error\":\"no\"}");
        assert_eq!(response(&[Block::text("a"), Block::text("b")], false), r#"{"result":"a\nb"}"#);
    }

    /// Bug 9
    #[test]
    fn references_inside_a_result_are_never_seen_as_references() {
        for schema in [
            r##"{"properties":{"a":{"$ref":"#/$defs/a"}}}"##,
            r#"{"a":[{"\u0024ref":"x"}]}"#,
            r#"{"$defs":{}}"#,
        ] {
            let content = text(schema);
            let sent = response(&content, false);
            let value: serde_json::Value = serde_json::from_str(&sent).unwrap();
            assert_eq!(value["result"], schema);
        }
        assert_eq!(response(&text(r#"{"price":"$5"}"#), false), r#"{"price":"$5"}"#);
    }

    #[test]
    fn deep_results_do_not_overflow() {
        let deep = format!("{{\"$\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let content = text(&deep);
        let sent = response(&content, false);
        assert!(sent.starts_with("{\"result\""));
    }
}
