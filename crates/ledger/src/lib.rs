//! Money: what an answer costs.
//!
//! Amounts are integers of nano-dollars, prices integers of pico-dollars; products are 128 bits
//! wide and rounded once, half to even, at the end. Pure: no I/O, no clock.

mod amount;
mod cost;
mod estimate;
mod usage;

pub use amount::NanoUsd;
pub use cost::{Cost, CostDetails, CostLine, WaivedReason, cost, cost_details, waived};
pub use estimate::{Estimate, estimate};
pub use usage::{MeteredUsage, Quantity};
