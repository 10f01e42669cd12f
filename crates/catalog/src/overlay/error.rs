//! What is wrong with a document.

use crate::facts::FactsError;
use crate::index::CatalogError;

/// A document that cannot be read or laid over a catalogue. Each message names the entry, the field
/// and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// It is not of the form.
    #[error("the document cannot be read: {0}")]
    Document(String),
    /// A field is missing or wrong.
    #[error("{entry}: `{field}`: {fix}")]
    Field {
        /// The entry, e.g. ``endpoint `acme/fast` of `acme/big` ``.
        entry: String,
        /// The field.
        field: &'static str,
        /// What to write.
        fix: String,
    },
    /// The changed parts do not fit together.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The shipped tables cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
}
