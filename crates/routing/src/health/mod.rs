//! How endpoints have been doing. LB-8
//!
//! [`EndpointHealth`] records outcomes without locks; [`HealthView`] is what routing asks;
//! [`HealthTable`] is one recorder per endpoint of a catalogue. Time is always an argument, in
//! milliseconds since 1970.

mod cell;
mod histogram;
mod outcome;
mod recorder;
mod table;
mod view;

pub use histogram::Percentiles;
pub use outcome::{Observation, Outcome};
pub use recorder::{EndpointHealth, Span};
pub use table::HealthTable;
pub use view::{Condition, HealthView, ToolRecord, UptimeTier};
