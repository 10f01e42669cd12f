//! What is wrong with a credential or a part of an address.

use std::borrow::Cow;

/// A part of a credential or of an address that cannot be used: which one, and what is wrong with
/// it or how to put it right. It never contains any of the text it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct Invalid {
    /// The member's name, as the operator writes it; `credential` for the text as a whole.
    pub field: &'static str,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: Cow<'static, str>,
}

impl Invalid {
    pub(crate) const fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem: Cow::Borrowed(problem) }
    }
}
