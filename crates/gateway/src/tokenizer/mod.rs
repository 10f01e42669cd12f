//! Counts tokens as OpenAI's models do, whose vocabularies are public. Read when something is counted
//! for the first time, then kept for all: about six megabytes for each of the two.
//!
//! Only what asks for a count pays for it. What a request may cost is bounded by its bytes, and what
//! it may need is estimated from them: see `inference/estimate.rs`.

mod merge;
mod pieces;
mod prompt;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use catalog::Model;

use self::merge::Merger;
use self::pieces::Splitter;
use self::vocabulary::Vocabulary;

/// The most bytes of a prompt that are counted, of all its texts together.
const MAX_COUNTED: usize = 1024 * 1024;

/// A way of making tokens of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// GPT-4o and later, and the models that reason.
    O200k,
    /// GPT-4 and GPT-3.5.
    Cl100k,
}

/// The vocabulary and the rules of an encoding.
struct Tokenizer {
    splitter: Splitter,
    vocabulary: Vocabulary,
}

static O200K: OnceLock<Option<Tokenizer>> = OnceLock::new();
static CL100K: OnceLock<Option<Tokenizer>> = OnceLock::new();

const O200K_DATA: &[u8] = include_bytes!("../../data/o200k_base.deflate");
const CL100K_DATA: &[u8] = include_bytes!("../../data/cl100k_base.deflate");

impl Encoding {
    /// The encoding of a model; `None` where its vocabulary is not public, or not here.
    pub fn of(model: &Model) -> Option<Self> {
        let (author, name) = model.id.split_once('/')?;
        if author.trim_start_matches('~') != "openai" {
            return None;
        }
        let begins = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
        if begins(&["gpt-4o", "gpt-4.", "gpt-5", "gpt-oss", "chatgpt-", "codex-", "o1", "o3", "o4"])
        {
            Some(Self::O200k)
        } else if begins(&["gpt-4", "gpt-3.5"]) {
            Some(Self::Cl100k)
        } else {
            None
        }
    }

    /// How many tokens a text has. Special tokens written out in it are ordinary text. `None` only
    /// where the vocabulary cannot be read.
    pub fn count(self, text: &str) -> Option<u64> {
        Some(self.counter()?.count(text))
    }

    fn counter(self) -> Option<Counter> {
        let tokenizer = self.tokenizer()?;
        Some(Counter { tokenizer, merger: Merger::default(), bytes: 0, tokens: 0 })
    }

    fn tokenizer(self) -> Option<&'static Tokenizer> {
        let (cell, data, splitter): (_, _, fn() -> Option<Splitter>) = match self {
            Self::O200k => (&O200K, O200K_DATA, Splitter::o200k),
            Self::Cl100k => (&CL100K, CL100K_DATA, Splitter::cl100k),
        };
        let made =
            || Some(Tokenizer { splitter: splitter()?, vocabulary: Vocabulary::read(data)? });
        cell.get_or_init(made).as_ref()
    }
}

/// Counts the texts of one prompt. What is counted is bounded: beyond it the rest is taken to have as
/// many tokens for its bytes as what was counted.
struct Counter {
    tokenizer: &'static Tokenizer,
    merger: Merger,
    /// What was counted so far, in bytes and in tokens.
    bytes: usize,
    tokens: u64,
}

impl Counter {
    fn count(&mut self, text: &str) -> u64 {
        let mut end = text.len().min(MAX_COUNTED - self.bytes);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (counted, rest) = text.split_at(end);
        let pieces = self.tokenizer.splitter.split(counted);
        let vocabulary = &self.tokenizer.vocabulary;
        let tokens: u64 = pieces.map(|piece| self.merger.count(piece.as_bytes(), vocabulary)).sum();
        self.bytes += counted.len();
        self.tokens += tokens;
        tokens + self.estimate(rest.len())
    }

    /// Never nothing for something: the share is rounded up.
    fn estimate(&self, bytes: usize) -> u64 {
        let share = (bytes as u128 * u128::from(self.tokens)).div_ceil(self.bytes.max(1) as u128);
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}
