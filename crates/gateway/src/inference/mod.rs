//! The way of one request, a file per step:
//!
//! 0. `address`: which surface?
//! 1. `admit`: who calls?
//! 2. `prepare`: read the body, gather facts.
//! 3. `plan`: which endpoints, in which order, and why?
//! 4. `reserve`: hold what it may cost, under all limits.
//! 5. `dispatch`, `attempt`, `write`: try them until content flows.
//! 6. `live`, `stream`: bring the answer to the caller, by way of the protocol's relay.
//! 7. `settle`: one row in the books, on every way out, before the last frame.
//!
//! `turn` says whose request is begun next.
//! `count` tells how long a prompt is where steps 3 and 4 would refuse or avoid it for its length.
//! `stored` is for workspaces that keep conversations: it makes them whole before step 2, and keeps
//! them before the last frame.

pub mod address;
pub mod admit;
pub mod attempt;
pub mod bound;
pub mod count;
pub mod dispatch;
mod echo;
pub mod estimate;
pub mod handle;
pub mod live;
pub mod metadata;
pub mod pace;
pub mod plan;
pub mod prepare;
pub mod provenance;
pub mod read_on;
pub mod receive;
pub mod refusal;
pub mod reserve;
mod retry_hint;
pub mod room;
pub mod settle;
pub mod sticky;
pub mod stored;
pub mod stream;
pub mod turn;
mod unserved;
pub mod vectors;
pub mod write;

pub use handle::handle;
pub use prepare::Call;
