//! Gemini `generateContent` and `streamGenerateContent`, at the Gemini API and at Vertex AI.

mod decode;
mod encode;
mod error;
mod finish;
mod lenient;
mod names;
mod patch;
mod schema;
mod stream;
mod tree;
pub(crate) mod usage;
mod wire;

pub use decode::{decode_request, decode_response};
pub use encode::{encode_request, encode_response};
pub use error::{decode_error, encode_error};
pub use patch::{PatchStream, RequestPatch, patch_request, patch_response};
pub use stream::{StreamDecoder, StreamEncoder};
pub(crate) use wire::media_type_of;
