//! Same protocol in and out: bodies and frames are passed on as they are, with a tap for what the
//! gateway must know.

mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use request::{RequestPatch, patch_request};
pub use stream::PatchStream;

use super::decode::decode_response;
use crate::exchange::{Fault, Response};
use crate::target::ResponseContext;

/// Reads a whole answer that is passed on as it is: usage, finish reasons, or the fault inside.
pub fn patch_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    decode_response(body, context)
}
