//! The binary, run as users run it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]

mod catalogue;
mod configuration;
mod credentials;
mod database;
mod doctor;
mod keys;
mod people;
mod serve;
mod sim;
mod support;
