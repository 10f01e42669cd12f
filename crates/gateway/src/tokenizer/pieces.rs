//! Where a text is cut before bytes are paired: words, numbers, signs, blanks. The rules are those
//! that are published with each vocabulary, for an engine that takes linear time and knows no
//! look-ahead.

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

/// `cl100k`'s, but for digits: each is alone.
const QWEN: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+",
);

/// `o200k`'s, but for digits, each of which is alone, and what English leaves out with `'`.
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+",
);

/// What is cut out first, one after the other, and what then cuts all that there is. Alone among the
/// rules here these leave something out: controls, joiners, what is not assigned.
const DEEPSEEK_FIRST: [&str; 2] = [r"\p{N}{1,3}", r"[\x{4E00}-\x{9FA5}\x{3040}-\x{30FF}]+"];
const DEEPSEEK: &str = concat!(
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+",
);

/// What is left over: blanks. Of several the last belongs to what follows.
const BLANKS: &str = r"\s+";

/// Cuts texts.
pub struct Splitter {
    /// What is cut out of a text before the rules see what is between.
    first: Vec<Regex>,
    rules: Regex,
}

impl Splitter {
    pub fn o200k() -> Option<Self> {
        Self::of(&[], O200K)
    }

    pub fn cl100k() -> Option<Self> {
        Self::of(&[], CL100K)
    }

    pub fn qwen() -> Option<Self> {
        Self::of(&[], QWEN)
    }

    pub fn tekken() -> Option<Self> {
        Self::of(&[], TEKKEN)
    }

    pub fn deepseek() -> Option<Self> {
        Self::of(&DEEPSEEK_FIRST, DEEPSEEK)
    }

    fn of(first: &[&str], rules: &str) -> Option<Self> {
        Some(Self {
            first: first.iter().map(|rule| Regex::new(rule).ok()).collect::<Option<_>>()?,
            rules: Regex::new_many(&[rules, BLANKS]).ok()?,
        })
    }

    /// Hands out the pieces in order, which together are the text.
    pub fn split(&self, text: &str, piece: &mut dyn FnMut(&str)) {
        self.cut_out(&self.first, text, piece);
    }

    fn cut_out(&self, first: &[Regex], text: &str, piece: &mut dyn FnMut(&str)) {
        let Some((rule, then)) = first.split_first() else { return self.cut(text, piece) };
        let mut at = 0;
        for found in rule.find_iter(text) {
            self.cut_out(then, &text[at..found.start()], piece);
            self.cut_out(then, &text[found.range()], piece);
            at = found.end();
        }
        self.cut_out(then, &text[at..], piece);
    }

    fn cut(&self, text: &str, piece: &mut dyn FnMut(&str)) {
        let mut at = 0;
        while at < text.len() {
            let input = Input::new(text).range(at..).anchored(Anchored::Yes);
            let end = match self.rules.find(input) {
                Some(found) if found.pattern().as_usize() == 1 => {
                    let last = text[..found.end()].chars().next_back().map_or(0, char::len_utf8);
                    let several = found.len() > last && found.end() < text.len();
                    found.end() - if several { last } else { 0 }
                }
                Some(found) => found.end(),
                // What the rules leave out is a piece until something is found again.
                None => {
                    let next = self.rules.find(Input::new(text).range(at..));
                    next.map_or(text.len(), |next| next.start())
                }
            };
            // No rule finds nothing; a text is cut all the same if one did.
            let end = if end > at { end } else { text.len() };
            piece(&text[at..end]);
            at = end;
        }
    }
}
