//! Rates: how many requests may begin in a minute or a day, and how many may run at once.
//!
//! A *rule* is data, a *counter* is two numbers, and time is an argument. Two rules over the same
//! span share a counter, whatever their shapes. What a counter belongs to is the caller's choice:
//! an account and `:free` (RATE-2), a key and a model variant, a key alone.

mod concurrency;
mod counter;
mod counters;
mod free;
mod rule;

pub use concurrency::Concurrency;
pub use counter::{RateCounter, check};
pub use counters::{RateCounters, verdict};
pub use free::FreeTier;
pub use rule::{RateRule, RateVerdict, Shape, Span};
