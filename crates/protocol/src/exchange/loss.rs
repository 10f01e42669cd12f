//! What a translation could not carry, as data.

use super::turn::{Block, BlockKind, Turn};

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

/// Why citations are dropped.
pub(crate) const CITATIONS: &str = "citations of earlier answers are not replayed";
