//! What many nodes share in a Valkey or Redis server: what spenders have used and hold, rates,
//! concurrency, and which endpoint a conversation stays with. Nothing here is the truth about
//! money; the books are. Changes of the control plane do not go this way, nor does anything else.
//!
//! # What operations mean
//!
//! [`SharedCounters`] means what [`ledger::Counters`] means, [`SharedRates`] what [`ledger::rate`]
//! does; tests hold one against the other. Each operation is one script, which nothing comes in
//! between of. All money is in one hash, so that it is there or lost as a whole, and all keys have
//! the same hash tag, so that they lie on one primary of a cluster. The server has to be set up
//! with `maxmemory-policy noeviction`. Moments are compared exactly until the year 2255.
//!
//! Numbers of Lua are doubles. Amounts are therefore two of them, high and low (`lua/figures.lua`),
//! exact far beyond 64 bits. Times are the callers': nodes may be up to a day apart, which the
//! semantics of the ledger allow for.
//!
//! Scripts may be run twice, because their answers may be lost: reserving and settling go by the
//! request's id. A settlement whose answer was lost is told [`NotHeld`](ledger::Settlement::NotHeld)
//! when it is repeated. Only [`SharedCounters::load`] must not be repeated, and is not.
//!
//! # When the server is away
//!
//! Then everything is [`Unavailable`], after 100 ms at most, and at once when that is known. It is
//! for the caller to refuse or to go on. Who goes on says so with [`SharedCounters::note`], so that
//! the settlement counts later. What was settled or released meanwhile is kept by this node, and
//! [`SharedCounters::tend`] delivers it. What may have been reserved without anyone having heard is
//! given back.
//!
//! # When the server has lost its data
//!
//! The figures have an *epoch*, whose name begins with the run of the server process it began in.
//! It is over if the server has none (it is empty), or if the server is another run of the process
//! (it came back with data, but perhaps without the last of it; or a replica has taken over). In
//! an epoch that is over nobody reserves or settles: scripts compare the epoch before anything
//! else. One node, by a lock with a life, then begins the next:
//!
//! 1. It reads the usage of all spenders from the books, as of one moment `T`, and keeps `T` open
//!    for questions ([`Books::read`]).
//! 2. It empties the server and sets the new epoch to *gathering*. So whoever sees that knows that
//!    `T` has passed. It writes the usage that it read.
//! 3. Each node, when it sees this, tells the server of its requests. Those *running* are in no
//!    books at `T`, because [`SharedCounters::settle`] is called before the row is handed in: they
//!    are held again, and will be settled. Those *settled* that it keeps may be in the books at
//!    `T` or not: they are told with their generation, and hold nothing.
//! 4. After a second the epoch is *closing*: no more is told. The node asks the reading which of
//!    these generations it includes, and takes those out. Settling them changes nothing then.
//! 5. The epoch is *ready*. Nodes settle what they keep: what was not included counts now.
//!
//! So each settlement counts once: by the usage that was read if its row was in the books at `T`,
//! else by its own. Nodes keep a settlement for that until three things were true in this order:
//! the server has counted it, its row is in the books ([`SharedCounters::confirm`], or the books
//! say so), and after that the server was seen in the same epoch, with nobody at rebuilding. Any
//! later `T` has the row.
//!
//! A node that comes too late to be told of in step 3 joins a *ready* epoch. What runs there is in
//! no books. If rows of what it keeps are not in the books even now, they were not at `T`. If some
//! are, nobody can say whether they were: then it begins the next epoch itself, at which it is
//! present. That costs the others a second, once for each such node.
//!
//! If the node that rebuilds dies, its lock ends after ten seconds, and another begins anew. Its
//! own late steps change nothing: they compare the lock and the epoch. If the books cannot be read
//! either, requests stay [`Unavailable`].
//!
//! What nobody can tell the server: settlements of a node that died before it delivered them. Their
//! rows come into the books when its journal is replayed, and into the figures with the next
//! [`SharedCounters::rebuild`], which is to be called after that.
//!
//! # Whose clock
//!
//! The server's: it is asked whenever a node tends, and goes on from there by the time that passes. A
//! node whose own clock is ahead would else begin the next day for all, and end the leases of others.
//! The moments that callers give are believed only where the server does not tell.

mod books;
mod clock;
mod counters;
mod link;
mod rate;
mod rebuild;
mod requests;
mod script;
mod sticky;
mod store_books;
#[cfg(test)]
mod tests;
mod wire;

pub use books::{Answer, Books, BooksError, Reading, Usage};
pub use counters::{NotReserved, SharedCounters};
pub use link::{InvalidAddress, Unavailable, Valkey};
pub use rate::SharedRates;
pub use rebuild::{TendError, Tended};
pub use sticky::SharedSticky;
pub use store_books::StoreBooks;
