//! Limits that hold: what a request may cost is reserved before it is made, and what it did cost
//! is settled after.
//!
//! # What is counted
//!
//! *Spenders* are counted: an account, a workspace, a member, a key. A request names all those it
//! is made by, and each keeps the same figures: what it has *used* in the current UTC day, week
//! and month and since ever, and what is *held* for requests under way; each apart for credits and
//! for own credentials (BYOK). A [`Limit`] is only a question about these figures, and comes with
//! each request. So a grant of credits, another amount, window or inclusion of BYOK take effect
//! with the next request, without anything to reload, while requests are under way.
//!
//! # What the operations mean
//!
//! Each is atomic. Another implementation, for many nodes, has to behave in the same way.
//!
//! - An amount *counts* toward a limit by its credits, and by its BYOK part where the limit
//!   includes that; toward an account balance by credits alone (KEYS-10). Negative parts are zero.
//! - *reserve* grants if for every limit `used + held + least ≤ amount`, else it refuses and
//!   changes nothing. What counts nothing toward a limit fits it even if it is exhausted, except
//!   that an account with `used > amount` refuses everything (CREDIT-4).
//! - The grant is the amount asked for, reduced to what all limits afford, never below `least`.
//!   Credits take first, the BYOK part gets what they leave. It is added to *held* of every
//!   spender named, and of every spender whose limit was named.
//! - A refusal names the broadest limit that does not fit (WS-7): account, workspace, member, key,
//!   guardrail; of one kind the longest window. Limits that would not fit even if nothing were
//!   held go first. If there is none, the refusal is *blocked by holds*: it is worth a second try
//!   when a reservation ends.
//! - Reserving an id that is held already grants what it holds, and holds nothing more.
//! - *settle* takes the grant out of *held* and adds the actual amount to *used*, in the windows
//!   that are current at that moment, whatever they were at the reservation. It may be more than
//!   was held: figures stay exact, and `left` may become negative. It works once; after that, and
//!   for ids never granted, nothing changes and the answer says so.
//! - *release* takes the grant out of *held* and forgets the reservation.
//! - *expire* does the same to reservations whose lease has run out (`now ≥ reserved + lease`),
//!   but remembers them for a day: settling one of them later still counts.
//! - A new period zeroes what was used in the one before, and nothing that is held. The clock of a
//!   spender does not go back by a day or less: what is spent then counts in the latest period it
//!   has seen. If it goes back further, the spender follows and keeps its figures, and to those of
//!   a period it comes back to are added those it was left with when the clock last went ahead by
//!   more than a day: both err on the side of the limit.

mod counters;
mod fit;
#[cfg(any(test, feature = "generators"))]
pub mod generators;
mod id;
mod limit;
#[cfg(test)]
mod properties;
mod reservation;
mod spender;
mod tally;
#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use id::ReservationId;
pub use limit::{Limit, LimitKind};
pub use reservation::{Expired, Granted, Refused, ReservationRequest, Settlement};
pub use spender::{PerWindow, Spend, SpenderId, SpenderKind, Spenders, Spent};
