//! Members a decoder did not consume.

use crate::Dialect;
use crate::json::RawJson;

/// Members a decoder did not consume, in their order, tagged with the dialect they came in.
/// Encoding to the same dialect writes them back; to another drops them as a loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// The dialect the members belong to; `None` when there are none.
    pub origin: Option<Dialect>,
    /// The members.
    pub members: Vec<(String, RawJson)>,
}

impl Extras {
    /// Keeps what is left of an object.
    pub fn of(origin: Dialect, members: Vec<(String, RawJson)>) -> Self {
        if members.is_empty() { Self::default() } else { Self { origin: Some(origin), members } }
    }

    /// The members, if they belong to `dialect`.
    pub fn for_dialect(&self, dialect: Dialect) -> &[(String, RawJson)] {
        if self.origin == Some(dialect) { &self.members } else { &[] }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
