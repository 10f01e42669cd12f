//! The compiled control state: keys, providers' credentials, the catalogue. Immutable, swapped
//! whole; a request holds one snapshot from its first to its last step.

mod compile;
pub mod data_policy;
pub mod key_use;
pub mod limits;
mod people;
mod refresh;
mod rules;
mod snapshot;
mod ways;

pub use compile::{CatalogSource, CompileError, ControlSources, compile};
pub use people::{People, SignedIn};
pub use refresh::refresh_while_open;
pub use snapshot::{Access, Caller, EndpointState, Snapshot};
pub use ways::{AccessError, Reach, reach, reach_stored};
