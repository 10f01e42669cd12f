//! Counts tokens as models do whose vocabularies are public. A vocabulary is read when something is
//! counted with it for the first time, then kept for all: four to seven megabytes for each.
//!
//! Counting a mebibyte takes half a second, so only that pays for it whose answer turns on it: who
//! asks for a count, and what would be refused or sent elsewhere for a prompt that may be shorter than
//! its bytes say. See `inference/count.rs`.

mod bound;
mod family;
mod merge;
mod pieces;
mod template;
mod vocabulary;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::OnceLock;

use catalog::Model;
use protocol::exchange::Request;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::is_nfc_quick;

use self::merge::Merger;
use self::pieces::Splitter;
use self::template::Template;
use self::vocabulary::Vocabulary;

/// The most bytes of a prompt that are counted, of all its texts together.
const MAX_COUNTED: usize = 1024 * 1024;

/// Whose the vocabularies are, and under which licences they are passed on.
pub const ATTRIBUTION: &str = include_str!("../../data/ATTRIBUTION");

/// How prompts of a model are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    encoding: Encoding,
    template: Template,
}

impl Counting {
    /// The vocabulary and the template of a model; `None` where one of them is not public, or not
    /// here.
    pub fn of(model: &Model) -> Option<Self> {
        let (encoding, template) = family::of(model)?;
        Some(Self { encoding, template })
    }

    /// The tokens of a prompt, with what the model's template writes around its texts. Media are
    /// left out: how many tokens they have depends on what is in them. `None` only where the
    /// vocabulary cannot be read.
    pub fn count_prompt(self, request: &Request) -> Option<u64> {
        Some(self.template.count(self.encoding.counter()?, request))
    }

    /// The most tokens of the members of a body, given as their JSON. `None` where there is too much
    /// to count, or the vocabulary cannot be read.
    pub fn bound<'j>(self, members: impl Iterator<Item = &'j str>) -> Option<u64> {
        bound::tokens(self.encoding, members)
    }
}

/// A way of making tokens of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// GPT-4o and later, and the models that reason.
    O200k,
    /// GPT-4 and GPT-3.5.
    Cl100k,
    /// Qwen 1.5 to 3.
    Qwen,
    /// Mistral's since NeMo: Tekken.
    Tekken,
    /// DeepSeek since V3.
    DeepSeek,
}

/// The vocabulary and the rules of an encoding.
struct Tokenizer {
    splitter: Splitter,
    vocabulary: Vocabulary,
    /// Letters and their marks are made one, where they can be, before anything else.
    composes: bool,
}

/// Tokenizers that were asked for, in the order of [`Encoding`].
static READ: [OnceLock<Option<Tokenizer>>; 5] = [const { OnceLock::new() }; 5];

const O200K_DATA: &[u8] = include_bytes!("../../data/o200k_base.deflate");
const CL100K_DATA: &[u8] = include_bytes!("../../data/cl100k_base.deflate");
const QWEN_DATA: &[u8] = include_bytes!("../../data/qwen.deflate");
const TEKKEN_DATA: &[u8] = include_bytes!("../../data/tekken.deflate");
const DEEPSEEK_DATA: &[u8] = include_bytes!("../../data/deepseek_v3.deflate");

impl Encoding {
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
        READ.get(self as usize)?.get_or_init(|| self.read()).as_ref()
    }

    fn read(self) -> Option<Tokenizer> {
        let (data, splitter): (_, fn() -> Option<Splitter>) = match self {
            Self::O200k => (O200K_DATA, Splitter::o200k),
            Self::Cl100k => (CL100K_DATA, Splitter::cl100k),
            Self::Qwen => (QWEN_DATA, Splitter::qwen),
            Self::Tekken => (TEKKEN_DATA, Splitter::tekken),
            Self::DeepSeek => (DEEPSEEK_DATA, Splitter::deepseek),
        };
        let vocabulary = Vocabulary::read(data)?;
        Some(Tokenizer { splitter: splitter()?, vocabulary, composes: self == Self::Qwen })
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
        let vocabulary = &self.tokenizer.vocabulary;
        let mut tokens = 0;
        self.tokenizer.splitter.split(&self.tokenizer.written(counted), &mut |piece| {
            tokens += self.merger.count(piece.as_bytes(), vocabulary);
        });
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

impl Tokenizer {
    /// A text as it is before it is cut.
    fn written<'t>(&self, text: &'t str) -> Cow<'t, str> {
        use unicode_normalization::IsNormalized;
        if !self.composes || is_nfc_quick(text.chars()) == IsNormalized::Yes {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.nfc().collect())
    }
}
