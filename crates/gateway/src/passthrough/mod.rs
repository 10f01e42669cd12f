//! A provider's own API, for what no surface covers: any method below `/{provider}/` goes to the
//! provider as it came, with a credential of ours in place of the caller's key. What passes is
//! authenticated, limited, recorded, and priced where the answer tells what can be priced. A file
//! per step:
//!
//! 0. `address`: which provider, and where there?
//! 1. `peek`, `form`, `named`, `work`: which model, if a short body or the address names one?
//! 2. `credential`: whose credential may be used?
//! 3. `hold`: is its price known, and is there money left?
//! 4. `request`, `headers`, `body`: what the provider gets.
//! 5. `handle`: all of it in order; a connection for the call alone.
//! 6. `answer`: the provider's bytes to the caller, with `tap`, `reading` and others beside.
//! 7. `tunnel`, `frames`, `guard`, `spoken`, `standing`, `further`: a WebSocket in place of an answer.
//! 8. `books`: one row, on every way out.

pub mod address;
pub mod answer;
pub mod body;
pub mod books;
pub mod credential;
mod form;
mod frames;
mod further;
mod guard;
pub mod handle;
mod headers;
mod hold;
mod named;
pub mod peek;
mod reading;
mod request;
mod sieve;
mod skim;
mod spoken;
mod standing;
mod tap;
mod texts;
pub mod tunnel;
mod work;

pub use address::addressed;
pub use handle::handle;
