//! The same protocol on both sides: only what must change is changed, everything else passes byte
//! for byte, kinds of items and events that nobody here knows among it.

mod input;
mod names;
mod request;
mod response;
mod stream;

pub use request::{RequestPatch, patch_request};
pub use response::{PatchedResponse, patch_response};
pub use stream::PatchStream;
