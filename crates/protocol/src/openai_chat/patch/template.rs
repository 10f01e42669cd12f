//! Chunks that differ from the one before only in a string or two: most of a stream. The rest of
//! such a chunk is compared, not read, and what is written for it is known already.

use memchr::memchr2;
use serde_json::value::RawValue;

/// What stands for a varying string while a template is made. Escaped, so that no provider's
/// compact output holds it by chance; checked all the same.
const MARK: &str = r#""\u0001varying string\u0001""#;
const SECOND_MARK: &str = r#""\u0001second string\u0001""#;

/// A chunk with holes, and what is written for it.
#[derive(Debug)]
pub(super) struct Template {
    /// What stands before, between and after the holes.
    literals: Vec<Vec<u8>>,
    /// Which hole is the content.
    content: usize,
    output: Vec<(Vec<u8>, Option<usize>)>,
}

impl Template {
    /// Finds where `holes` (the content first) stand in a chunk; gives the chunk with marks in
    /// their places, for the reader to run over once more.
    pub(super) fn marked<'t>(
        text: &'t str,
        content: &'t RawValue,
        second: Option<&'t RawValue>,
    ) -> Option<Marked<'t>> {
        if text.contains(MARK) || text.contains(SECOND_MARK) {
            return None;
        }
        let mut holes = vec![(place(text, content)?, MARK)];
        if let Some(second) = second {
            holes.push((place(text, second)?, SECOND_MARK));
        }
        holes.sort_by_key(|(range, _)| range.start);
        let mut literals = Vec::new();
        let mut marked = String::with_capacity(text.len() + 64);
        let mut from = 0;
        for (range, mark) in &holes {
            let literal = text.get(from..range.start)?;
            literals.push(literal);
            marked.push_str(literal);
            marked.push_str(mark);
            from = range.end;
        }
        let tail = text.get(from..)?;
        literals.push(tail);
        marked.push_str(tail);
        let content = holes.iter().position(|(_, mark)| *mark == MARK)?;
        Some(Marked { text: marked, literals, content })
    }

    /// Writes the answer to `chunk` if it fits; gives the length of its content in bytes.
    pub(super) fn apply(&self, chunk: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut holes: [&[u8]; 2] = [&[], &[]];
        let mut rest = chunk;
        for (at, literal) in self.literals.iter().enumerate() {
            rest = rest.strip_prefix(literal.as_slice())?;
            if at + 1 < self.literals.len() {
                let length = string_length(rest)?;
                let (hole, after) = rest.split_at(length);
                *holes.get_mut(at)? = hole;
                rest = after;
            }
        }
        // An empty content is not content: that is for the reader to see.
        if !rest.is_empty() || holes[self.content].len() <= 2 {
            return None;
        }
        for (literal, hole) in &self.output {
            out.extend_from_slice(literal);
            if let Some(hole) = hole {
                out.extend_from_slice(holes[*hole]);
            }
        }
        Some(holes[self.content].len() - 2)
    }
}

/// A chunk with marks in the places of its varying strings.
pub(super) struct Marked<'t> {
    pub(super) text: String,
    literals: Vec<&'t str>,
    content: usize,
}

impl Marked<'_> {
    /// The template, from what was written for the marked chunk.
    pub(super) fn learn(self, written: &[u8]) -> Option<Template> {
        let mut rest = std::str::from_utf8(written).ok()?;
        let mut output = Vec::new();
        let second = 1 - self.content;
        loop {
            let next = [(MARK, self.content), (SECOND_MARK, second)]
                .into_iter()
                .filter_map(|(mark, hole)| rest.find(mark).map(|at| (at, mark, hole)))
                .min();
            let Some((at, mark, hole)) = next else { break };
            let (literal, after) = rest.split_at(at);
            output.push((literal.as_bytes().to_vec(), Some(hole)));
            rest = after.strip_prefix(mark)?;
        }
        output.push((rest.as_bytes().to_vec(), None));
        let literals = self.literals.iter().map(|text| text.as_bytes().to_vec()).collect();
        Some(Template { literals, content: self.content, output })
    }
}

/// Where a raw value that was read from `text` stands in it.
fn place(text: &str, raw: &RawValue) -> Option<std::ops::Range<usize>> {
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
}
