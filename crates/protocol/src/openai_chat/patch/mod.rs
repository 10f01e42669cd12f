//! The same protocol on both sides: only what must change is changed, everything else passes
//! byte for byte.

mod call;
pub(crate) mod changes;
mod choice;
mod messages;
mod request;
mod response;
mod stream;
mod template;
#[cfg(test)]
mod tests;

pub use request::{RequestPatch, patch_request};
pub use response::{PatchedResponse, patch_response};
pub use stream::PatchStream;

pub(super) use choice::{MAX_CHOICES, read_parts};
pub(super) use messages::BETWEEN;
