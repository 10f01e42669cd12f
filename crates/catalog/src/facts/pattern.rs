//! Patterns of model ids.

use serde::Deserialize;

/// A pattern: `*` stands for anything but a slash, `#` for a version number (`5`, `4.5`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern of that text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether an id matches as a whole. Linear in the pattern times the id.
    pub fn matches(&self, id: &str) -> bool {
        let id = id.as_bytes();
        // The set of positions in `id` that the pattern read so far can end at.
        let mut reached = vec![false; id.len() + 1];
        reached[0] = true;
        for symbol in self.0.bytes() {
            let mut next = vec![false; id.len() + 1];
            for start in (0..=id.len()).filter(|at| reached[*at]) {
                match symbol {
                    b'*' => {
                        for (at, slot) in next.iter_mut().enumerate().skip(start) {
                            *slot = true;
                            if id.get(at).is_none_or(|byte| *byte == b'/') {
                                break;
                            }
                        }
                    }
                    b'#' => next[version_end(id, start)] |= version_end(id, start) > start,
                    _ if id.get(start) == Some(&symbol) => next[start + 1] = true,
                    _ => {}
                }
            }
            reached = next;
        }
        reached[id.len()]
    }
}

/// Where the version number that begins at `start` ends: digits, with points between digits. Eight
/// digits are a date, not a version.
fn version_end(id: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(byte) = id.get(end) {
        let digit_after = id.get(end + 1).is_some_and(u8::is_ascii_digit);
        if byte.is_ascii_digit() || (*byte == b'.' && end > start && digit_after) {
            end += 1;
        } else {
            break;
        }
    }
    if end - start > 5 { start } else { end }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_versions_match_what_they_stand_for() {
        for (pattern, id, expected) in [
            ("a/claude-opus-#", "a/claude-opus-4.5", true),
            ("a/claude-opus-#", "a/claude-opus-5", true),
            ("a/claude-opus-#", "a/claude-opus-5-fast", false),
            ("a/claude-opus-#", "a/claude-opus-", false),
            ("a/claude-opus-#", "a/claude-opus-4.", false),
            ("a/claude-opus-#", "a/claude-opus-20250101", false),
            ("a/gpt-#-mini", "a/gpt-5.4-mini", true),
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("*/x*", "anything/xy", true),
            ("", "", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(id), expected, "{pattern} {id}");
        }
    }

    proptest! {
        #[test]
        fn a_text_without_wildcards_matches_only_itself(id in "[a-z/.-]{0,20}", other in "[a-z/.-]{0,20}") {
            prop_assert!(Pattern::new(&id).matches(&id));
            prop_assert_eq!(Pattern::new(&id).matches(&other), id == other);
        }
    }
}
