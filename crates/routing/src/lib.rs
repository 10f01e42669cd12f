//! Which endpoints to try, in which order, and why.
//!
//! [`plan()`] turns a [`Situation`] (what a request asks for, what its caller prefers, what its
//! account allows, what exists and how it has been doing) into a [`Plan`]: attempts in order, and
//! a reason for everything that is not tried. Explaining a route and serving a request use the
//! same function. After the attempts, [`verdict()`] says what their failures mean together.
//!
//! Pure: no I/O, no clock, no randomness of its own. Time is an argument, chance is [`Rng`].

pub mod availability;
pub mod explain;
pub mod facts;
pub mod health;
pub mod no_route;
pub mod pattern;
pub mod plan;
pub mod policy;
pub mod preferences;
pub mod price;
pub mod random;
pub mod reason;
pub mod situation;
pub mod verdict;

mod candidate;
mod filter;
mod group;
mod order;
mod resolve;
mod route;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;

pub use availability::{AvailabilityCode, Constraint, ErrorAvailability};
pub use explain::Explanation;
pub use facts::{Facts, Session, Speed, StructuredOutput, Surface, TierAsked};
pub use health::{EndpointHealth, HealthTable, HealthView, Observation, Outcome};
pub use no_route::NoRoute;
pub use order::{STICKY_TTL_MS, is_remembered};
pub use pattern::ProviderPattern;
pub use plan::{
    Attempt, Credential, Exclusion, Note, Notes, Placement, Plan, Resolved, StickyFate, StickyUse,
    Strategy, Subject, Via, Why,
};
pub use policy::{AllowedProviders, DataRegion, Policy, Source, ZdrScopes};
pub use preferences::{
    Cutoffs, MaxPrice, Partition, Preferences, PreferencesError, Quantizations, Sort,
};
pub use random::Rng;
pub use reason::Reason;
pub use route::plan;
pub use situation::{Available, Situation};
pub use verdict::{AttemptFailure, Verdict, is_geographic, verdict};
