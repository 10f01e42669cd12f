//! Where a text is cut before bytes are paired: words, numbers, signs, blanks. The rules are those of
//! tiktoken, for an engine that takes linear time and knows no look-ahead.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+",
);

const CL100K: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+",
);

/// What is left over: blanks. Of several the last belongs to what follows.
const BLANKS: &str = r"\s+";

/// Cuts texts.
pub struct Splitter {
    rules: Regex,
}

impl Splitter {
    pub fn o200k() -> Option<Self> {
        Self::of(O200K)
    }

    pub fn cl100k() -> Option<Self> {
        Self::of(CL100K)
    }

    fn of(rules: &str) -> Option<Self> {
        Some(Self { rules: Regex::new_many(&[rules, BLANKS]).ok()? })
    }

    /// The pieces, which together are the text.
    pub fn split<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            let input = Input::new(text).range(at..).anchored(Anchored::Yes);
            let mut end = match self.rules.find(input) {
                Some(found) => {
                    let mut end = found.end();
                    let blanks = &text[at..end];
                    let last = blanks.chars().next_back().map_or(0, char::len_utf8);
                    if found.pattern().as_usize() == 1 && end < text.len() && blanks.len() > last {
                        end -= last;
                    }
                    end
                }
                // The rules leave nothing out; a text is cut all the same if they did.
                None => at,
            };
            if end == at {
                end = at + rest.chars().next().map_or(1, char::len_utf8);
            }
            let piece = &text[at..end];
            at = end;
            Some(piece)
        })
    }
}
