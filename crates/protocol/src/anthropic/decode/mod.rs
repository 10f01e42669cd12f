//! Bytes → exchange.

pub(super) mod response;
