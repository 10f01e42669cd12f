//! What a translation could not carry, as data.

use super::turn::{Block, BlockKind, Turn};
use crate::Dialect;

/// One thing a translation could not carry.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Loss {
    /// Where it was, in the names of the caller's dialect, e.g. `messages[2].name` or `logit_bias`.
    pub path: String,
    /// Why it was dropped or changed, in words.
    pub why: &'static str,
}

/// The losses of one translation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Losses(pub Vec<Loss>);

impl Losses {
    /// Records a loss.
    pub fn record(&mut self, path: impl Into<String>, why: &'static str) {
        self.0.push(Loss { path: path.into(), why });
    }

    /// Records the members of a turn's blocks that only another protocol than `here` knows.
    pub(crate) fn record_members(
        &mut self,
        at: usize,
        turn: &Turn,
        here: Dialect,
        why: &'static str,
    ) {
        for (part, block) in turn.blocks.iter().enumerate() {
            if block.extras.origin.is_some_and(|origin| origin != here) {
                let members = block.extras.members.iter();
                for (name, _) in members.filter(|(name, _)| !UNMISSED.contains(&name.as_str())) {
                    self.record(format!("{}.{name}", block.place(at, part)), why);
                }
            }
        }
    }

    /// Records the citations of earlier answers, for a protocol that has no place for them: what
    /// was said is sent, what it rested on is not.
    pub(crate) fn record_citations(&mut self, turns: &[Turn]) {
        let cited = |block: &Block| matches!(&block.kind, BlockKind::Text { annotations, .. } if !annotations.is_empty());
        for (at, turn) in turns.iter().enumerate() {
            if turn.blocks.iter().any(cited) {
                self.record(format!("messages[{at}].annotations"), CITATIONS);
            }
        }
    }
}

/// Members of blocks that nobody misses: the word for a kind that is translated, and what Gemini's
/// callers tell of a file beside its address.
const UNMISSED: [&str; 2] = ["type", "fileData"];

/// Why citations are dropped.
pub(crate) const CITATIONS: &str = "citations of earlier answers are not replayed";
