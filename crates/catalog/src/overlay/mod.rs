//! Changes laid over a catalogue: an operator's own providers, models, endpoints and prices, and
//! what a synchronisation found.
//!
//! A document names only what differs. An entry whose name exists changes the fields it names; any
//! other adds something new. Documents are laid over each other in order, the later one wins, so an
//! operator's document that comes after a synchronisation always stands. Applying a document twice
//! is the same as applying it once.

mod apply;
mod document;
mod error;
mod local;
mod reasoning;
mod request;

pub use apply::{apply, compose};
pub use document::{
    Disabled, DisabledEndpoint, EndpointChange, ModelChange, Overlay, PolicyChange, PriceChange,
    ProviderChange,
};
pub use error::OverlayError;
pub use local::{LocalServer, LocalServerKind, is_model_name, local_server};

#[cfg(test)]
mod tests;
