//! Chunks of a stream that differ from those before only in a string or two: most of them do. The
//! rest of such a chunk is compared, not read; what it means is known already.

use std::ops::Range;

use memchr::memchr2;
use serde_json::value::RawValue;

/// How many shapes of chunks are remembered: text, reasoning, arguments, and some for several
/// choices.
const MOST_TEMPLATES: usize = 6;

/// The largest chunk that is learned from, in bytes. What was learned is kept.
const LARGEST_TEACHER: usize = 4 * 1024;

/// A chunk with one or two holes where strings stand.
#[derive(Debug)]
pub(crate) struct Template {
    /// What stands before, between and after the holes.
    literals: Vec<Vec<u8>>,
    /// Which hole is the content.
    content: usize,
}

/// The strings of a chunk that fits a template, with their quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holes<'c> {
    strings: [&'c [u8]; 2],
    content: usize,
}

impl<'c> Holes<'c> {
    /// The string that stands in a hole.
    pub(crate) fn get(&self, hole: usize) -> &'c [u8] {
        self.strings.get(hole).copied().unwrap_or_default()
    }

    /// How many bytes stand between the quotes of the content.
    pub(crate) fn content_bytes(&self) -> usize {
        self.get(self.content).len().saturating_sub(2)
    }

    /// The JSON string that is the content.
    pub(crate) fn content(&self) -> Option<&'c str> {
        std::str::from_utf8(self.get(self.content)).ok()
    }
}

impl Template {
    /// The template of a chunk in whose text `content` stands, and perhaps a second string that is
    /// another one each time.
    pub(crate) fn of<'t>(
        text: &'t str,
        content: &'t RawValue,
        second: Option<&'t RawValue>,
    ) -> Option<(Self, Vec<Range<usize>>)> {
        let content = place(text, content)?;
        let mut holes = vec![content.clone()];
        if let Some(second) = second {
            holes.push(place(text, second)?);
        }
        holes.sort_by_key(|range| range.start);
        let mut literals = Vec::with_capacity(holes.len() + 1);
        let mut from = 0;
        for range in &holes {
            literals.push(text.get(from..range.start)?.as_bytes().to_vec());
            from = range.end;
        }
        literals.push(text.get(from..)?.as_bytes().to_vec());
        let content = holes.iter().position(|range| *range == content)?;
        Some((Self { literals, content }, holes))
    }

    /// Which hole is the content.
    pub(crate) fn content(&self) -> usize {
        self.content
    }

    /// The strings of a chunk that fits. One without content is for the reader to see.
    fn holes<'c>(&self, chunk: &'c [u8]) -> Option<Holes<'c>> {
        let mut strings: [&[u8]; 2] = [&[], &[]];
        let mut rest = chunk;
        for (at, literal) in self.literals.iter().enumerate() {
            rest = rest.strip_prefix(literal.as_slice())?;
            if at + 1 < self.literals.len() {
                let (string, after) = rest.split_at(string_length(rest)?);
                *strings.get_mut(at)? = string;
                rest = after;
            }
        }
        let holes = Holes { strings, content: self.content };
        (rest.is_empty() && holes.content_bytes() > 0).then_some(holes)
    }
}

/// The templates of one stream, each with what it means.
#[derive(Debug)]
pub(crate) struct Templates<T> {
    known: Vec<(Template, T)>,
    learned: u64,
    applied: u64,
}

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self { known: Vec::new(), learned: 0, applied: 0 }
    }
}

impl<T> Templates<T> {
    /// What a chunk means, if it fits a template.
    pub(crate) fn find<'c>(&mut self, chunk: &'c [u8]) -> Option<(&T, Holes<'c>)> {
        let found = |(at, known): (usize, &(Template, T))| Some((at, known.0.holes(chunk)?));
        let (at, holes) = self.known.iter().enumerate().find_map(found)?;
        self.applied += 1;
        // What came last comes next.
        self.known.swap(0, at);
        self.known.first().map(|(_, meaning)| (meaning, holes))
    }

    /// Learning costs a second reading: it must have paid off before. What is learned is kept, so
    /// a large chunk is no teacher.
    pub(crate) fn may_learn(&self, chunk: &[u8]) -> bool {
        chunk.len() <= LARGEST_TEACHER && (self.learned < 8 || self.applied > self.learned * 4)
    }

    /// Takes what was learned, or that nothing was.
    pub(crate) fn learn(&mut self, template: Option<(Template, T)>) {
        self.learned += 1;
        if let Some(template) = template {
            self.known.truncate(MOST_TEMPLATES - 1);
            self.known.insert(0, template);
        }
    }

    /// Forgets what chunks mean: something has changed it.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// From now on every chunk is read.
    #[cfg(test)]
    pub(crate) fn forget_how_to_learn(&mut self) {
        self.learned = u64::MAX / 8;
    }

    /// How many shapes of chunks are remembered.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.known.len()
    }
}

/// Where a raw value that was read from `text` stands in it.
fn place(text: &str, raw: &RawValue) -> Option<Range<usize>> {
    let start = (raw.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = start..start.checked_add(raw.get().len())?;
    (text.get(range.clone())? == raw.get()).then_some(range)
}

/// The length of the valid JSON string, with its quotes, at the start of `bytes`.
fn string_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    let end = loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            break found;
        }
        at = match bytes.get(found + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => found + 2,
            b'u' if bytes.get(found + 2..found + 6)?.iter().all(u8::is_ascii_hexdigit) => found + 6,
            _ => return None,
        };
    };
    let inside = &bytes[1..end];
    if inside.iter().any(|byte| *byte < 0x20) || std::str::from_utf8(inside).is_err() {
        return None;
    }
    Some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_valid_strings_fit_a_hole() {
        assert_eq!(string_length(br#""ab"c"#), Some(4));
        assert_eq!(string_length(br#""a\"b\u00e9",1"#), Some(12));
        assert_eq!(string_length(br#""a\x""#), None);
        assert_eq!(string_length(br#""a\u12g4""#), None);
        assert_eq!(string_length(b"\"a\nb\""), None);
        assert_eq!(string_length(b"\"a\xff\""), None);
        assert_eq!(string_length(br#""a\""#), None);
        assert_eq!(string_length(b"\"a"), None);
        assert_eq!(string_length(b"1"), None);
    }

    #[test]
    fn what_stands_in_the_holes_is_found() {
        let text = r#"{"a":"one","b":{"c":"two"},"d":1}"#;
        let object = crate::json::Object::parse(text).unwrap();
        let inner = crate::json::Object::of(object.peek("b").unwrap()).unwrap();
        let template = || Template::of(text, inner.peek("c").unwrap(), object.peek("a")).unwrap().0;
        let mut templates = Templates::default();
        assert!(templates.may_learn(text.as_bytes()));
        templates.learn(Some((template(), 7)));
        let (meaning, holes) = templates.find(br#"{"a":"x","b":{"c":"a\n\u00e9"},"d":1}"#).unwrap();
        assert_eq!((*meaning, holes.content_bytes()), (7, 9));
        assert_eq!(holes.content(), Some(r#""a\n\u00e9""#));
        assert_eq!(holes.get(0), br#""x""#);
        for other in [
            r#"{"a":"x","b":{"c":""},"d":1}"#,
            r#"{"a":"x","b":{"c":"y"},"d":2}"#,
            r#"{"a":1,"b":{"c":"y"},"d":1}"#,
            r#"{"a":"x","b":{"c":"y"},"d":1} "#,
        ] {
            assert!(templates.find(other.as_bytes()).is_none(), "{other}");
        }
    }
}
