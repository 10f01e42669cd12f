//! Writing JSON straight into the output buffer.

use std::borrow::Cow;

use crate::json::RawJson;
use crate::json::envelope::{write_name, write_string};
use crate::json::special;

/// Writes one JSON object member by member. The closing brace is written by [`Self::end`].
#[derive(Debug)]
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Goes on with an object of which something is written already.
    pub(crate) fn resume(out: &'o mut Vec<u8>) -> Self {
        let first = out.last() == Some(&b'{');
        Self { out, first }
    }

    /// Writes the name of the next member and gives the buffer for its value. Names in the code have
    /// nothing to escape.
    pub(crate) fn value(&mut self, name: &'static str) -> &mut Vec<u8> {
        debug_assert!(special::find(name.as_bytes(), 0).is_none(), "{name}");
        self.out.reserve(name.len() + 4);
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// The same with a name that somebody else gave.
    pub(crate) fn value_of(&mut self, name: &str) -> &mut Vec<u8> {
        self.comma();
        write_string(self.out, name);
        self.out.push(b':');
        self.out
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    pub(crate) fn raw(&mut self, name: &'static str, json: &str) {
        self.value(name).extend_from_slice(json.as_bytes());
    }

    /// A member of which somebody else gave the name.
    pub(crate) fn raw_of(&mut self, name: &str, json: &str) {
        self.value_of(name).extend_from_slice(json.as_bytes());
    }

    /// A member of which an object has the name.
    #[expect(clippy::ptr_arg, reason = "whether it is borrowed says whether it is plain")]
    pub(crate) fn entry(&mut self, name: &Cow<'_, str>, json: &str) {
        self.value_of_entry(name).extend_from_slice(json.as_bytes());
    }

    /// Writes the name an object has for a member and gives the buffer for its value.
    #[expect(clippy::ptr_arg, reason = "whether it is borrowed says whether it is plain")]
    pub(crate) fn value_of_entry(&mut self, name: &Cow<'_, str>) -> &mut Vec<u8> {
        self.comma();
        write_name(self.out, name);
        self.out
    }

    pub(crate) fn string(&mut self, name: &'static str, text: &str) {
        write_string(self.value(name), text);
    }

    pub(crate) fn string_or_null(&mut self, name: &'static str, text: Option<&str>) {
        match text {
            Some(text) => self.string(name, text),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn float(&mut self, name: &'static str, number: f64) {
        let _ = serde_json::to_writer(self.value(name), &number);
    }

    pub(crate) fn number(&mut self, name: &'static str, number: u64) {
        let _ = serde_json::to_writer(self.value(name), &number);
    }

    pub(crate) fn boolean(&mut self, name: &'static str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    pub(crate) fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        object(self.value(name), fill);
    }

    pub(crate) fn array<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.value(name), items, write);
    }

    pub(crate) fn members(&mut self, members: &[(String, RawJson)]) {
        for (name, raw) in members {
            self.raw_of(name, raw.get());
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes one whole object.
pub(crate) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
    let mut writer = ObjectWriter::begin(out);
    fill(&mut writer);
    writer.end();
}

/// Writes one whole array.
pub(crate) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// The text of a string as JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    into_text(out)
}

/// JSON that was written by this module as text.
pub(crate) fn into_text(out: Vec<u8>) -> String {
    // Everything written here is made of `str`s, so nothing is ever replaced.
    String::from_utf8(out).unwrap_or_default()
}
