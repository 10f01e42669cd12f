//! Money: what an answer costs, whether it is affordable, and what is left.
//!
//! - [`cost()`] prices what was used; [`upper_bound`] and [`affordable_output_tokens`] what will be.
//! - [`limits`] reserves before a request and settles after it; [`Window`] says over what time.
//! - [`rate`] bounds how many requests begin or run.
//!
//! Amounts are integers of nano-dollars, prices integers of pico-dollars; products are 128 bits
//! wide and rounded once, half to even, at the end. Pure: no I/O, no clock.

mod afford;
mod amount;
mod cost;
mod estimate;
mod fee;
pub mod limits;
mod policy;
pub mod rate;
mod usage;
mod window;

pub use afford::{affordable_output_tokens, affordable_output_tokens_beside, upper_bound};
pub use amount::NanoUsd;
pub use cost::{Cost, CostDetails, CostLine, WaivedReason, cost, cost_details, waived};
pub use estimate::{Estimate, estimate};
pub use fee::{BasisPoints, Markup, PurchaseFee};
pub use limits::{
    Counters, Expired, Granted, Limit, LimitKind, PerWindow, Refused, ReservationId,
    ReservationRequest, Settlement, Spend, SpenderId, SpenderKind, Spenders, Spent,
};
pub use policy::{PaidBy, PricePolicy, PriceVerdict, UnknownPrice};
pub use usage::{MeteredUsage, Quantity};
pub use window::{Day, Micros, Window, day_of};
