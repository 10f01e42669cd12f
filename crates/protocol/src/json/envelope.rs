//! The top-level members of a body, indexed in one validating pass, and edits spliced into it.
//!
//! Routing needs a handful of top-level members; a provider that speaks the caller's protocol
//! gets the rest byte for byte. So a body is indexed once, edited at the top level, and copied.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::object::{Object, ObjectError};
use super::{MAX_DEPTH, RawJson, special};

/// Why a body was refused before anything was read from it.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not UTF-8.
    #[error("the request body is not valid UTF-8")]
    NotUtf8,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the request body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Not a JSON object, or a member occurs twice.
    #[error("the request body is not a valid JSON object: {0}")]
    Syntax(ObjectError),
}

/// The index of a body: its top-level members, borrowed.
#[derive(Debug)]
pub struct Envelope<'a> {
    object: Object<'a>,
    size: usize,
    is_plain: bool,
}

impl<'a> Envelope<'a> {
    /// Indexes a body. Checks UTF-8, depth, syntax of the whole, and that no member occurs twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        let text = simdutf8::basic::from_utf8(body).map_err(|_| EnvelopeError::NotUtf8)?;
        let (object, is_plain) = match Object::quick(text) {
            Some(found) => found,
            None => {
                check_depth(body)?;
                (Object::full(text).map_err(EnvelopeError::Syntax)?, false)
            }
        };
        Ok(Self { object, size: body.len(), is_plain })
    }

    /// Whether all objects within members have `role` and `content` alone: there are no media, calls,
    /// reasoning or tools in it, and nothing of that kind need be looked for. It may be `false` of
    /// such a body too.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The raw value of a member.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.object.peek(name)
    }

    /// Whether a member is there and not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|raw| raw.get() != "null")
    }

    /// Reads a member as `T`; absent and `null` give `None`.
    pub fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, ObjectError> {
        match self.raw(name) {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            Some(raw) => serde_json::from_str(raw.get())
                .map(Some)
                .map_err(|source| ObjectError::Member { member: name.to_owned(), source }),
        }
    }

    /// All members in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.object.iter()
    }

    /// The members as an object to take from.
    pub fn into_object(self) -> Object<'a> {
        self.object
    }

    /// Starts a list of edits.
    pub fn edit(&self) -> Edit<'_, 'a> {
        Edit { envelope: self, changes: Vec::new() }
    }
}

/// Edits of top-level members: everything that is not named stays byte for byte.
#[derive(Debug)]
pub struct Edit<'e, 'a> {
    envelope: &'e Envelope<'a>,
    changes: Vec<(Cow<'static, str>, Option<Cow<'a, str>>)>,
}

impl<'a> Edit<'_, 'a> {
    /// Sets a member to a JSON text, in its place, or at the end when it is new.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, json: impl Into<Cow<'a, str>>) {
        self.change(name.into(), Some(json.into()));
    }

    /// Sets a member to a value that was read elsewhere.
    pub fn set_raw(&mut self, name: impl Into<Cow<'static, str>>, raw: &RawJson) {
        self.change(name.into(), Some(Cow::Owned(raw.get().to_owned())));
    }

    /// Whether the written body would hold a member.
    pub fn holds(&self, name: &str) -> bool {
        match self.changes.iter().find(|(changed, _)| changed == name) {
            Some((_, value)) => value.is_some(),
            None => self.envelope.raw(name).is_some(),
        }
    }

    /// Removes a member.
    pub fn remove(&mut self, name: impl Into<Cow<'static, str>>) {
        self.change(name.into(), None);
    }

    fn change(&mut self, name: Cow<'static, str>, value: Option<Cow<'a, str>>) {
        match self.changes.iter_mut().find(|(changed, _)| *changed == name) {
            Some(change) => change.1 = value,
            None => self.changes.push((name, value)),
        }
    }

    /// Writes the edited body.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.envelope.size + 128);
        out.push(b'{');
        for (name, raw) in self.envelope.object.entries() {
            let value = match self.changes.iter().find(|(changed, _)| changed == name) {
                None => raw.get(),
                Some((_, Some(json))) => json.as_ref(),
                Some((_, None)) => continue,
            };
            if out.len() > 1 {
                out.push(b',');
            }
            write_name(&mut out, name);
            out.extend_from_slice(value.as_bytes());
        }
        for (name, value) in &self.changes {
            if let Some(json) = value
                && self.envelope.raw(name).is_none()
            {
                write_member(&mut out, name, json);
            }
        }
        out.push(b'}');
        out
    }
}

/// Appends `"name":value`, with a comma unless it is the first member.
pub fn write_member(out: &mut Vec<u8>, name: &str, value: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

/// Appends a member's name as an object has it, and the colon. One that was borrowed from JSON has
/// nothing to escape.
#[expect(clippy::ptr_arg, reason = "whether it is borrowed says whether it is plain")]
pub(crate) fn write_name(out: &mut Vec<u8>, name: &Cow<'_, str>) {
    match name {
        Cow::Borrowed(plain) => {
            debug_assert!(special::find(plain.as_bytes(), 0).is_none(), "{plain}");
            out.reserve(plain.len() + 3);
            out.push(b'"');
            out.extend_from_slice(plain.as_bytes());
            out.push(b'"');
        }
        Cow::Owned(name) => write_string(out, name),
    }
    out.push(b':');
}

/// Appends a JSON string with its quotes.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Names, identities and many texts have nothing to escape.
    if special::find(text.as_bytes(), 0).is_none() {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing a `&str` into a `Vec` cannot fail; there is no error to lose.
    let _ = serde_json::to_writer(out, text);
}

/// Refuses nesting deeper than [`MAX_DEPTH`] before any recursive reader sees the body.
pub fn check_depth(body: &[u8]) -> Result<(), EnvelopeError> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => {
                // Skip the string: to the next quote that is not escaped.
                at += 1;
                while let Some(found) = memchr::memchr2(b'"', b'\\', &body[at.min(body.len())..]) {
                    at += found;
                    if body[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
                if at >= body.len() {
                    return Ok(());
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(EnvelopeError::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_edit_leaves_everything_else_byte_for_byte() {
        let body = br#"{ "model" : "a", "temperature": 1.0e0, "x":{"y":[1, 2]}, "stream":true}"#;
        let envelope = Envelope::parse(body).unwrap();
        let mut edit = envelope.edit();
        edit.set("model", "\"b\"");
        edit.remove("stream");
        edit.set("new", "1");
        assert_eq!(
            String::from_utf8(edit.finish()).unwrap(),
            r#"{"model":"b","temperature":1.0e0,"x":{"y":[1, 2]},"new":1}"#
        );
    }

    #[test]
    fn duplicates_depth_encoding_and_syntax_are_refused() {
        assert!(matches!(
            Envelope::parse(br#"{"model":"a","\u006dodel":"b"}"#),
            Err(EnvelopeError::Syntax(_))
        ));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        assert!(matches!(Envelope::parse(deep.as_bytes()), Err(EnvelopeError::TooDeep)));
        assert!(matches!(Envelope::parse(b"{\"a\":\"\xff\"}"), Err(EnvelopeError::NotUtf8)));
        for bad in ["", "[]", "null", "{", "{\"a\"}", "{\"a\":\"\\", "{}x"] {
            assert!(Envelope::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_of_texts_alone_is_told_apart() {
        for (body, expected) in [
            (
                r#"{"model":"a","messages":[{"role":"user","content":"\"url\""}],"stop":["x"]}"#,
                true,
            ),
            (r#"{"messages":[{"role":"user","content":["x",{"content":1}]}]}"#, true),
            (r#"{"system":"x","role":{},"data":"y"}"#, true),
            (r#"{"messages":[{"role":"user","content":"x","name":"y"}]}"#, false),
            (r#"{"messages":[{"role":"user","content":[{"role":{"":1}}]}]}"#, false),
            // Right, but spelled oddly.
            (r#"{"messages":[{"rol\u0065":"user"}]}"#, false),
        ] {
            assert_eq!(Envelope::parse(body.as_bytes()).unwrap().is_plain(), expected, "{body}");
        }
        let many: String = (0..100).map(|n| format!(",\"k{n}\":0")).collect();
        let many = format!("{{\"model\":\"a\"{many}}}");
        assert!(!Envelope::parse(many.as_bytes()).unwrap().is_plain(), "it was read otherwise");
    }

    #[test]
    fn brackets_inside_strings_do_not_count_as_depth() {
        let body = format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(300), "{".repeat(300));
        assert!(Envelope::parse(body.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn the_index_never_panics_on_any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::parse(&body);
        }

        #[test]
        fn setting_a_member_is_seen_by_a_second_reader(name in "[a-z]{1,6}", value in 0_u32..1000) {
            let body = br#"{"model":"a","b":[true]}"#;
            let envelope = Envelope::parse(body).unwrap();
            let mut edit = envelope.edit();
            edit.set(name.clone(), value.to_string());
            let edited = edit.finish();
            let again = Envelope::parse(&edited).unwrap();
            prop_assert_eq!(again.get::<u32>(&name).unwrap(), Some(value));
        }
    }
}
