//! What is written for chunks that fit a template: found by writing one with marks in its holes.

use std::ops::Range;

use serde_json::value::RawValue;

use crate::json::template::{Holes, Template};

/// What stands for a varying string while a template is made. Escaped, so that no provider's
/// compact output holds it by chance; checked all the same.
const MARK: &str = r#""\u0001varying string\u0001""#;
const SECOND_MARK: &str = r#""\u0001second string\u0001""#;

/// What is written: texts, each with the hole whose string follows.
#[derive(Debug)]
pub(super) struct Output(Vec<(Vec<u8>, Option<usize>)>);

impl Output {
    /// Writes the answer to a chunk with these strings.
    pub(super) fn write(&self, holes: &Holes<'_>, out: &mut Vec<u8>) {
        for (literal, hole) in &self.0 {
            out.extend_from_slice(literal);
            if let Some(hole) = hole {
                out.extend_from_slice(holes.get(*hole));
            }
        }
    }
}

/// A chunk with marks in the places of its varying strings.
pub(super) struct Marked {
    pub(super) text: String,
    template: Template,
}

impl Marked {
    /// Finds where the strings stand in a chunk; gives the chunk with marks in their places, for
    /// the reader to run over once more.
    pub(super) fn of<'t>(
        text: &'t str,
        content: &'t RawValue,
        second: Option<&'t RawValue>,
    ) -> Option<Self> {
        if text.contains(MARK) || text.contains(SECOND_MARK) {
            return None;
        }
        let (template, holes) = Template::of(text, content, second)?;
        let mut marked = String::with_capacity(text.len() + 64);
        let mut from = 0;
        for (hole, Range { start, end }) in holes.into_iter().enumerate() {
            marked.push_str(text.get(from..start)?);
            marked.push_str(if hole == template.content() { MARK } else { SECOND_MARK });
            from = end;
        }
        marked.push_str(text.get(from..)?);
        Some(Self { text: marked, template })
    }

    /// The template with its output, from what was written for the marked chunk.
    pub(super) fn learn(self, written: &[u8]) -> Option<(Template, Output)> {
        let mut rest = std::str::from_utf8(written).ok()?;
        let mut output = Vec::new();
        let content = self.template.content();
        let second = 1 - content;
        loop {
            let next = [(MARK, content), (SECOND_MARK, second)]
                .into_iter()
                .filter_map(|(mark, hole)| rest.find(mark).map(|at| (at, mark, hole)))
                .min();
            let Some((at, mark, hole)) = next else { break };
            let (literal, after) = rest.split_at(at);
            output.push((literal.as_bytes().to_vec(), Some(hole)));
            rest = after.strip_prefix(mark)?;
        }
        output.push((rest.as_bytes().to_vec(), None));
        Some((self.template, Output(output)))
    }
}
