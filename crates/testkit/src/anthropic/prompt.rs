//! The prompt as a run of blocks: what it costs and where it may be cached.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::prompt_cache::Mark;
use crate::rejection::Rejection;

/// Cache marks allowed in one request.
const MOST_MARKS: usize = 4;

/// Adds up the blocks of a prompt in the order the cache sees them: tools, system, messages.
#[derive(Default)]
pub(super) struct Prompt {
    digest: Sha256,
    pub tokens: u64,
    pub marks: Vec<Mark>,
    /// Marks set by blocks; the automatic one does not count.
    stated: usize,
}

impl Prompt {
    /// Adds a block. `place` says where it stands, so that the same text elsewhere differs.
    pub(super) fn add(&mut self, place: &str, block: &Value, tokens: u64) -> Result<(), Rejection> {
        let mark = block.get("cache_control").filter(|mark| !mark.is_null());
        let mut bare = block.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("cache_control");
        }
        self.digest.update(place);
        self.digest.update(bare.to_string());
        self.tokens = self.tokens.saturating_add(tokens);
        if let Some(mark) = mark {
            self.mark(mark)?;
            self.stated += 1;
            if self.stated > MOST_MARKS {
                return Err(Rejection::invalid(format!(
                    "A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {}.",
                    self.stated
                )));
            }
        }
        Ok(())
    }

    /// Marks the end of what was added so far.
    pub(super) fn mark(&mut self, mark: &Value) -> Result<(), Rejection> {
        if mark["type"] != "ephemeral" {
            return Err(Rejection::invalid("cache_control.type: Input should be 'ephemeral'"));
        }
        let hour = match mark.get("ttl").and_then(Value::as_str) {
            None | Some("5m") => false,
            Some("1h") => true,
            Some(_) => {
                return Err(Rejection::invalid("cache_control.ttl: Input should be '5m' or '1h'"));
            }
        };
        if hour && self.marks.last().is_some_and(|last| !last.hour) {
            return Err(Rejection::invalid(
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
            ));
        }
        let digest = self.digest.clone().finalize().into();
        self.marks.push(Mark { digest, tokens: self.tokens, hour });
        Ok(())
    }
}
