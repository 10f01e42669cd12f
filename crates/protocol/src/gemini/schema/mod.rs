//! JSON Schema → the subset of OpenAPI that Gemini takes. One keyword it does not know fails the
//! whole request, so what cannot be said in the subset is said in the description. Bug 8

mod keywords;
mod restore;
mod rewrite;

#[cfg(test)]
mod corpus;

pub(super) use restore::to_json_schema;

use super::tree::Tree;
use crate::json::RawJson;
use rewrite::Rewriter;

/// A schema as it can be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sendable {
    /// An object without properties, or an answer of any kind: the member is left out.
    Nothing,
    /// In the subset.
    Subset(String),
    /// It refers to itself, or leaves open what an answer is, which the subset cannot say: it goes as
    /// JSON Schema into the member for that.
    JsonSchema(String),
}

/// What all schemas of a request may cost together, in nodes visited.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(400_000)
    }
}

/// Rewrites the schema of a function's parameters, which must be an object.
pub(super) fn parameters(schema: &RawJson, budget: &mut Budget) -> Sendable {
    let Ok(tree) = schema.read::<Tree>() else {
        return Sendable::JsonSchema(schema.get().to_owned());
    };
    let mut rewriter = Rewriter::new(&tree).within(budget.0);
    let rewritten = rewriter.object(&tree);
    budget.0 = budget.0.saturating_sub(rewriter.work());
    match rewritten {
        Ok(Tree::Map(members)) if has_no_properties(&members) => Sendable::Nothing,
        Ok(rewritten) => text(&rewritten, schema),
        Err(_) => Sendable::JsonSchema(schema.get().to_owned()),
    }
}

/// Rewrites the schema of an answer.
pub(super) fn answer(schema: &RawJson) -> Sendable {
    let Ok(tree) = schema.read::<Tree>() else {
        return Sendable::JsonSchema(schema.get().to_owned());
    };
    if tree.members().is_empty() {
        return Sendable::Nothing;
    }
    let mut rewriter = Rewriter::new(&tree);
    match rewriter.any(&tree) {
        // An answer is held to its schema, and what may be of any kind may be deep.
        Ok(rewritten) if !rewriter.untyped() => text(&rewritten, schema),
        _ => Sendable::JsonSchema(schema.get().to_owned()),
    }
}

fn has_no_properties(members: &[(String, Tree)]) -> bool {
    members.iter().all(|(name, value)| name != "properties" || value.members().is_empty())
}

fn text(rewritten: &Tree, schema: &RawJson) -> Sendable {
    match serde_json::to_string(rewritten) {
        Ok(text) => Sendable::Subset(text),
        Err(_) => Sendable::JsonSchema(schema.get().to_owned()),
    }
}
