//! JSON on the wire: raw values, member lists, the top-level index of a body.

mod check;
mod compact;
pub(crate) mod complete;
pub mod envelope;
pub(crate) mod half;
pub(crate) mod lenient;
pub mod object;
pub(crate) mod object_writer;
pub mod raw;
pub mod scan;
pub(crate) mod single;
mod special;
pub(crate) mod template;
pub(crate) mod write;

pub(crate) use check::is_number;
pub use compact::compact;
pub use envelope::{Envelope, EnvelopeError};
pub use object::{Object, ObjectError};
pub use raw::RawJson;

/// The deepest nesting of arrays and objects accepted in a body.
pub const MAX_DEPTH: usize = 100;

/// The most members accepted in one object that is read member by member.
pub const MAX_MEMBERS: usize = 10_000;
