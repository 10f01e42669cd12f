//! Persistence: the control plane (accounts, workspaces, keys, credentials, catalogue overlays,
//! settings) and the books (generations and their roll-ups).
//!
//! [`Store`] hides the database engine, SQLite or PostgreSQL; nothing of it shows in this
//! interface. Control-plane tables are small and read whole into a [`ControlState`]. Generations are written by one
//! settlement writer in group commits; see [`Settlements`].
//!
//! Times are [`Micros`] and always given by the caller: this crate reads no clock. Money is in
//! nano-dollars.

mod account;
mod api_key;
mod calendar;
mod control;
mod credential;
mod engine;
mod error;
mod files;
mod generation;
mod journal;
mod master_key;
mod overlay;
mod secret;
mod setting;
mod settlement;
mod store;
#[cfg(test)]
mod tests;
mod usage;

pub use account::{Account, DEFAULT_WORKSPACE_SLUG, Workspace};
pub use api_key::{ApiKey, ApiKeyChange, CreatedApiKey, LimitReset, NewApiKey, api_key_hash};
pub use control::ControlState;
pub use credential::{CredentialSource, NewProviderCredential, ProviderCredential};
pub use engine::Changes;
pub use error::StoreError;
pub use generation::{
    Attempt, Generation, GenerationCursor, GenerationFilter, GenerationPage, PriceState, SettledBy,
    generation_id,
};
pub use master_key::MasterKey;
pub use overlay::{Overlay, OverlayKind};
pub use secret::Secret;
pub use settlement::{AnswerRelay, Committed, Full, SettleError, Settlements, Slot};
pub use store::Store;
pub use usage::{KeyUsage, Windows};

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;
