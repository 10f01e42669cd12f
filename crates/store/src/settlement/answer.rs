//! Answers to those who wait for their row.
//!
//! An answer from another thread wakes the waiting runtime with a system call. A worker that
//! settles many rows gives them a common mailbox instead: the writer fills it and wakes the
//! worker once for all of a batch.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

use super::SettleError;

pub(super) type Outcome = Result<(), SettleError>;

/// Where the outcome of one row is waited for.
#[derive(Debug)]
pub(super) struct Reply {
    sender: oneshot::Sender<Outcome>,
    mailbox: Option<Arc<Mailbox>>,
}

impl Reply {
    pub(super) fn new(mailbox: Option<Arc<Mailbox>>) -> (Reply, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Reply { sender, mailbox }, receiver)
    }
}

/// Sends answers, and wakes each mailbox once when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<Arc<Mailbox>>);

impl Answers {
    pub(super) fn send(&mut self, reply: Reply, outcome: Outcome) {
        let Reply { sender, mailbox } = reply;
        match mailbox {
            // Whoever waited may have left.
            None => drop(sender.send(outcome)),
            Some(mailbox) => {
                mailbox.lock().letters.push((sender, outcome));
                if !self.0.iter().any(|known| Arc::ptr_eq(known, &mailbox)) {
                    self.0.push(mailbox);
                }
            }
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for mailbox in self.0.drain(..) {
            let waker = mailbox.lock().waker.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// Answers on their way to one worker.
#[derive(Debug, Default)]
pub(super) struct Mailbox(Mutex<Post>);

#[derive(Debug, Default)]
struct Post {
    letters: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    waker: Option<Waker>,
}

impl Mailbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Post> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands the answers in a worker's mailbox to those who wait. It never ends: to be spawned on the
/// worker's runtime.
#[derive(Debug)]
#[must_use = "without it nobody learns of a commit"]
pub struct AnswerRelay(pub(super) Arc<Mailbox>);

impl Future for AnswerRelay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let letters = {
            let mut post = self.0.lock();
            if post.waker.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                post.waker = Some(context.waker().clone());
            }
            std::mem::take(&mut post.letters)
        };
        for (sender, outcome) in letters {
            // Whoever waited may have left.
            let _ = sender.send(outcome);
        }
        Poll::Pending
    }
}
