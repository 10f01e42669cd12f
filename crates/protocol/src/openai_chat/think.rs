//! Takes the reasoning that some hosts leave in the content, between `<think>` and `</think>`, out
//! of it. wire-formats 12.4

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The most white space that is held back before a tag that may still come.
const MAX_BLANK: usize = 1_024;

/// Where an answer is: thoughts can only stand at its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Everything is content.
    #[default]
    Content,
    /// Nothing but white space, or a part of the tag, has come.
    Beginning,
    /// Between the tags.
    Thought,
    /// Behind the closing tag, where white space means nothing.
    Behind,
}

/// A content that arrives in pieces of any size, taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThinkTags {
    state: State,
    held: String,
}

/// A piece of an answer, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) thought: String,
    pub(crate) text: String,
}

impl ThinkTags {
    /// Watches for tags if the host leaves them in the content.
    pub(crate) fn new(expected: bool) -> Self {
        let state = if expected { State::Beginning } else { State::Content };
        Self { state, held: String::new() }
    }

    /// Whether pieces still have to be looked at.
    pub(crate) fn is_watching(&self) -> bool {
        self.state != State::Content
    }

    /// Takes one piece apart. What could be the beginning of a tag is held back.
    pub(crate) fn take(&mut self, piece: &str) -> Split {
        let mut split = Split::default();
        self.held.push_str(piece);
        loop {
            match self.state {
                State::Content => {
                    split.text.push_str(&std::mem::take(&mut self.held));
                    return split;
                }
                State::Beginning => {
                    let begun = self.held.trim_start();
                    if let Some(rest) = begun.strip_prefix(OPEN) {
                        self.held = rest.to_owned();
                        self.state = State::Thought;
                    } else if OPEN.starts_with(begun) && self.held.len() <= MAX_BLANK {
                        return split;
                    } else {
                        self.state = State::Content;
                    }
                }
                State::Thought => match self.held.find(CLOSE) {
                    Some(at) => {
                        split.thought.push_str(&self.held[..at]);
                        self.held.drain(..at + CLOSE.len());
                        self.state = State::Behind;
                    }
                    None => {
                        let kept = unfinished(&self.held);
                        split.thought.extend(self.held.drain(..self.held.len() - kept));
                        return split;
                    }
                },
                State::Behind => {
                    let rest = self.held.trim_start().to_owned();
                    self.held = rest;
                    if self.held.is_empty() {
                        return split;
                    }
                    self.state = State::Content;
                }
            }
        }
    }

    /// What was held back for a tag that never came.
    pub(crate) fn release(&mut self) -> Split {
        let held = std::mem::take(&mut self.held);
        match std::mem::take(&mut self.state) {
            State::Thought => Split { thought: held, text: String::new() },
            State::Content | State::Beginning | State::Behind => {
                Split { thought: String::new(), text: held }
            }
        }
    }
}

/// How many bytes at the end could be the beginning of the closing tag.
fn unfinished(text: &str) -> usize {
    (1..CLOSE.len()).rev().find(|length| text.ends_with(&CLOSE[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(pieces: &[&str]) -> (String, String) {
        let mut tags = ThinkTags::new(true);
        let mut all = Split::default();
        let splits: Vec<Split> = pieces.iter().map(|piece| tags.take(piece)).collect();
        for split in splits.into_iter().chain([tags.release()]) {
            all.thought.push_str(&split.thought);
            all.text.push_str(&split.text);
        }
        (all.thought, all.text)
    }

    #[test]
    fn only_a_thought_at_the_beginning_is_taken_out() {
        for (given, thought, text) in [
            ("<think>hm</think>\n\nyes", "hm", "yes"),
            ("\n <think>hm</think>yes <think>x</think>", "hm", "yes <think>x</think>"),
            ("yes <think>x</think>", "", "yes <think>x</think>"),
            ("<thinking>", "", "<thinking>"),
            ("<thi", "", "<thi"),
            ("<think>a < b </thi", "a < b </thi", ""),
            ("<think></think>", "", ""),
            ("<think>é</think>🎉", "é", "🎉"),
            (" x", "", " x"),
            ("", "", ""),
        ] {
            assert_eq!(run(&[given]), (thought.to_owned(), text.to_owned()), "{given}");
        }
    }

    #[test]
    fn blanks_are_held_only_so_long() {
        let mut tags = ThinkTags::new(true);
        assert_eq!(tags.take(&" ".repeat(MAX_BLANK + 1)).text.len(), MAX_BLANK + 1);
        assert!(!tags.is_watching());
    }

    proptest! {
        #[test]
        fn splitting_anywhere_changes_nothing(
            text in "[ \n]{0,2}(<think>)?[a-z<>/é]{0,8}(</think>)?[ \n]{0,2}[a-z<>é]{0,6}",
            cut in 0_usize..40,
            other in 0_usize..40,
        ) {
            let mut cuts = [cut.min(text.len()), other.min(text.len())];
            cuts.sort_unstable();
            for cut in &mut cuts {
                while !text.is_char_boundary(*cut) {
                    *cut -= 1;
                }
            }
            let pieces = [&text[..cuts[0]], &text[cuts[0]..cuts[1]], &text[cuts[1]..]];
            prop_assert_eq!(run(&pieces), run(&[text.as_str()]));
        }
    }
}
