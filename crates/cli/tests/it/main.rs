//! The binary, run as users run it.

mod catalogue;
mod configuration;
mod credentials;
mod doctor;
mod keys;
mod serve;
mod sim;
mod support;
