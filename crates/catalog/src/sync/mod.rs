//! Comparing the catalogue with models.dev's `api.json`, a list of models and prices by provider.
//!
//! The result is a report to read and a document of the accepted changes to store and lay over the
//! shipped catalogue, below the operator's own documents. What the operator has priced is never
//! changed. Prices that jump, zeros, what is beyond reason and what is no longer listed are held back
//! until somebody looks at them: in such lists a zero often means "unknown", and there are gaps.

mod compare;
mod guard;
mod report;
mod source;

pub use compare::{SyncError, sync};
pub use report::{
    AcceptError, AddedEndpoint, HeldBack, HeldBackEndpoint, PriceDifference, RemovedEndpoint,
    SyncReport,
};

#[cfg(test)]
mod tests;
