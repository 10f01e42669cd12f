//! What rebuilding needs of the books.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ledger::{Micros, SpenderKind, Spent};

/// A future behind a pointer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BooksError>> + Send + 'a>>;

/// Why the books could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the books cannot be read")]
pub struct BooksError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What a spender has used, as the books say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What kind of spender.
    pub kind: SpenderKind,
    /// Its name, as in [`ledger::Spenders`].
    pub name: String,
    /// What it has used in the windows of the moment asked for, in nano-dollars.
    pub spent: Spent,
}

/// The books: the database with its generations and roll-ups.
pub trait Books: Send + Sync {
    /// Reads what all spenders have used, as of one moment which is not before the call, and keeps
    /// that moment open for questions: a transaction of *repeatable read*.
    fn read(&self, now: Micros) -> Answer<'_, (Vec<Usage>, Box<dyn Reading>)>;

    /// Which of these generations are in the books now.
    fn recorded<'a>(&'a self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>>;
}

/// A moment of the books.
pub trait Reading: Send {
    /// Which of these generations the usage that was read has in it.
    fn includes<'a>(&'a mut self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>>;
}
