//! The gateway in-process, against simulated providers that misbehave on purpose.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod bad_input;
mod books;
mod bounds;
mod chat;
mod cloud_models;
mod clouds;
mod connections;
mod counting;
mod events;
mod failures;
mod fault_matrix;
mod hidden_costs;
mod http2;
mod leaving;
mod lenient;
mod limits;
mod management;
mod pages;
mod passthrough;
mod provenance;
mod rates;
mod raw;
mod resilience;
mod resources;
mod routing;
mod sign_in;
mod stored;
mod support;
mod surfaces;
mod told_tools;
mod vectors;
