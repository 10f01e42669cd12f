//! The prompt as a run of blocks: what it costs and where it may be cached.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Family;
use super::fields::{constraint, object};
use crate::prompt_cache::Mark;
use crate::rejection::Rejection;

/// Cache points allowed in one request.
const MOST_POINTS: usize = 4;

/// Adds up the blocks of a prompt in the order the cache sees them: tools, system, messages.
pub(super) struct Prompt {
    family: Family,
    digest: Sha256,
    pub tokens: u64,
    pub marks: Vec<Mark>,
    /// What stood just before, as the name of its member; none at the beginning of a list.
    before: Option<String>,
}

impl Prompt {
    pub(super) fn new(family: Family) -> Self {
        Self { family, digest: Sha256::new(), tokens: 0, marks: Vec::new(), before: None }
    }

    /// Begins a list of blocks.
    pub(super) fn begin(&mut self) {
        self.before = None;
    }

    /// Adds a block. `place` says where it stands, so that the same text elsewhere differs.
    pub(super) fn add(&mut self, place: &str, block: &Value, tokens: u64) {
        self.digest.update(place);
        self.digest.update(block.to_string());
        self.tokens = self.tokens.saturating_add(tokens);
        self.before = block.as_object().and_then(|block| block.keys().next()).cloned();
    }

    /// Marks the end of what was added so far (Bug 27).
    pub(super) fn point(&mut self, point: &Value, path: &str) -> Result<(), Rejection> {
        let members = object(point, path, &["type", "ttl"])?;
        if members.get("type") != Some(&Value::from("default")) {
            return Err(constraint(
                &format!("{path}.type"),
                &point["type"].to_string(),
                "Member must satisfy enum value set: [default]",
            ));
        }
        if !self.family.caches() {
            return Err(Rejection::new(
                403,
                "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.",
            )
            .kind("AccessDeniedException"));
        }
        let hour = match members.get("ttl").and_then(Value::as_str) {
            None | Some("5m") => false,
            Some("1h") if self.family == Family::Anthropic => true,
            Some(ttl) => {
                return Err(Rejection::invalid(format!(
                    "The ttl {ttl} at {path} is not supported by this model."
                )));
            }
        };
        let before = self.before.replace("cachePoint".to_owned());
        let misplaced = match before.as_deref() {
            None => "cannot be the first block",
            Some("cachePoint") => "cannot follow another cachePoint",
            Some("document" | "video") if self.family != Family::Anthropic => {
                "cannot follow a document or video block"
            }
            _ => "",
        };
        if !misplaced.is_empty() {
            return Err(Rejection::invalid(format!("The cachePoint at {path} {misplaced}.")));
        }
        if hour && self.marks.last().is_some_and(|last| !last.hour) {
            return Err(model_order());
        }
        let digest = self.digest.clone().finalize().into();
        self.marks.push(Mark { digest, tokens: self.tokens, hour });
        if self.marks.len() > MOST_POINTS {
            return Err(super::fields::model(&format!(
                "A maximum of {MOST_POINTS} blocks with cache_control may be provided. Found {}.",
                self.marks.len()
            )));
        }
        Ok(())
    }
}

fn model_order() -> Rejection {
    super::fields::model(
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    )
}
