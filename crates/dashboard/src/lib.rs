//! The pages of the dashboard as a table of files: in the binary where it was built for release,
//! read from `dashboard/dist` in a development build.
//!
//! `build/main.rs` says when npm is run. Without pages there is [`NOTICE`].

#![forbid(unsafe_code)]

mod files;

pub use files::{BASE, File, NOTICE, find, index};
