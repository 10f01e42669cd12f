//! What holds requests back: money, rates, numbers.
//!
//! - [`Terms`]: what of it concerns a key, compiled with the snapshot.
//! - [`Limits`]: the counters all requests share. Money is reserved before a call and settled
//!   after; the [`Reservation`] between belongs to the call's settlement and ends exactly once.
//! - [`Rates`]: how many requests may begin, and how many may run.
//!
//! The counters are those of this one node, in memory, rebuilt from the books at its start, or
//! those of many nodes ([`Nodes`]), in Valkey. What they do is said in [`ledger::limits`], and what
//! becomes of them while Valkey is away in [`store::shared`]. Nothing here holds a lock across an
//! await.

mod counters;
mod line;
mod local;
mod nodes;
mod queue;
mod rates;
mod rebuild;
mod reservation;
mod shared;
mod shared_rates;
mod skew;
mod tend;
mod terms;
#[cfg(test)]
mod tests;

pub use counters::{Ask, Limits};
pub use nodes::Nodes;
pub(crate) use nodes::Tables;
pub use rates::{Full, Limited, Place, Rates, Running, SharedPlace};
pub use rebuild::rebuild;
pub use reservation::Reservation;
pub use tend::tend_while_open;
pub use terms::{Terms, TermsSource, counts_byok, reset_window, window};
