//! Rows that could not be written, kept until they can.

use std::collections::VecDeque;

use super::Place;
use crate::Generation;

/// A row held back. It keeps its place in the room: an outage that fills it stops admission.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) generation: Box<Generation>,
    pub(super) _place: Place,
}

/// Where rows wait for the database to come back. An implementation on disk may free a row's
/// place once it has it safe.
pub(super) trait Backlog: Send {
    /// Takes a row, behind the others.
    fn hold(&mut self, row: Held);
    /// The rows to be tried next, at most `limit`.
    fn head(&mut self, limit: usize) -> Vec<&Generation>;
    /// The first `count` rows are in the books.
    fn forget(&mut self, count: usize);
    /// The first `count` rows go behind the others, so that a row that can never be written does
    /// not stand in the way.
    fn defer(&mut self, count: usize);
    /// How many rows wait.
    fn len(&self) -> usize;
}

/// A backlog in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryBacklog(VecDeque<Held>);

impl Backlog for MemoryBacklog {
    fn hold(&mut self, row: Held) {
        self.0.push_back(row);
    }

    fn head(&mut self, limit: usize) -> Vec<&Generation> {
        self.0.iter().take(limit).map(|row| &*row.generation).collect()
    }

    fn forget(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    fn defer(&mut self, count: usize) {
        self.0.rotate_left(count.min(self.0.len()));
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
