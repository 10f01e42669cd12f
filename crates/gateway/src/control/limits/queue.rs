//! Calls that wait for running ones to end: they could be paid for if nothing were held.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ledger::{Counters, Micros, SpenderId};
use tokio::sync::oneshot;

use super::counters::{Ask, Limits};
use super::local::Outcome;
use super::reservation::Reservation;

/// One that waits.
pub(super) struct Waiter {
    pub ticket: u64,
    pub ask: Ask,
    pub limits: Arc<Limits>,
    pub answer: oneshot::Sender<Outcome>,
}

/// All that wait, by the spender whose limit keeps them, in the order in which they came. Only
/// the first of a queue is tried: whoever needs much is not passed by those who need little.
#[derive(Default)]
pub(super) struct Queues {
    queues: HashMap<SpenderId, VecDeque<Waiter>>,
    tickets: u64,
}

impl Queues {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The first of these spenders at whose limit somebody waits.
    pub fn any_of(&self, spenders: impl Iterator<Item = SpenderId>) -> Option<SpenderId> {
        if self.queues.is_empty() {
            return None;
        }
        spenders.into_iter().find(|spender| self.queues.contains_key(spender))
    }

    /// A number for the next one.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Puts one at the end.
    pub fn enter(&mut self, spender: SpenderId, waiter: Waiter) {
        self.queues.entry(spender).or_default().push_back(waiter);
    }

    /// Takes one out, wherever it waits; tells where it was.
    pub fn leave(&mut self, ticket: u64) -> Option<SpenderId> {
        let mut found = None;
        for (spender, queue) in &mut self.queues {
            if let Some(at) = queue.iter().position(|waiter| waiter.ticket == ticket) {
                queue.remove(at);
                found = Some(*spender);
                break;
            }
        }
        self.forget_empty(found);
        found
    }

    /// Tries those who wait at these spenders' limits.
    pub fn serve(&mut self, now: Micros, counters: &mut Counters, spenders: &[SpenderId]) {
        for spender in spenders {
            self.serve_one(now, counters, *spender);
        }
    }

    /// Tries all who wait.
    pub fn serve_all(&mut self, now: Micros, counters: &mut Counters) {
        let spenders: Vec<SpenderId> = self.queues.keys().copied().collect();
        self.serve(now, counters, &spenders);
    }

    fn serve_one(&mut self, now: Micros, counters: &mut Counters, spender: SpenderId) {
        while let Some(waiter) = self.queues.get_mut(&spender).and_then(VecDeque::pop_front) {
            if waiter.answer.is_closed() {
                continue;
            }
            match counters.reserve(now, &waiter.ask.request()) {
                Ok(granted) => {
                    let Waiter { ask, limits, answer, .. } = waiter;
                    let id = ask.id;
                    let reservation = Reservation::new(limits, ask.caller, id, granted.amount);
                    if let Err(Ok(unwanted)) = answer.send(Ok(reservation)) {
                        // It left this moment: freed here, since the lock is held.
                        counters.release(unwanted.disarm());
                    }
                }
                Err(refused) if refused.blocked_by_holds => {
                    let blocking = refused.limit.spender;
                    let queue = self.queues.entry(blocking).or_default();
                    if blocking == spender {
                        queue.push_front(waiter);
                        return;
                    }
                    // Another limit keeps it now: it waits there, with those who were before it.
                    queue.push_back(waiter);
                }
                Err(refused) => {
                    // Whoever left does not want to know.
                    let _ = waiter.answer.send(Err(refused));
                }
            }
        }
        self.forget_empty(Some(spender));
    }

    fn forget_empty(&mut self, spender: Option<SpenderId>) {
        if let Some(spender) = spender
            && self.queues.get(&spender).is_some_and(VecDeque::is_empty)
        {
            self.queues.remove(&spender);
        }
    }
}
