//! Metrics. Labels are few and bounded: endpoint-level detail is in the health statistics, keys
//! and models are in the books.

mod metrics;

pub use metrics::{Metrics, OutcomeLabel, SignInFailure, Trouble};
