//! Before step 2: whose stream is begun next?
//!
//! Requests that arrive together would all be begun before the first of their answers is looked at,
//! and each would wait for all the others. So a worker begins one at a time, until it waits for
//! something, and looks at what has arrived before it begins the next: what was begun goes first, and
//! the first content comes sooner. It costs some more time of the processor than to begin all at
//! once. Whole answers have no first content, and are begun as they come.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use memchr::memmem::Finder;
use tokio::task::yield_now;

/// How much of a body is looked at from its beginning, and from its end, in bytes.
const ENDS: usize = 4 * 1024;

thread_local! {
    /// Those of this worker.
    static TURNS: RefCell<Turns> = RefCell::default();
}

#[derive(Default)]
struct Turns {
    /// Somebody has the turn, or is called to it.
    is_taken: bool,
    /// Somebody had it since the worker last looked at what has arrived.
    is_recent: bool,
    /// Who is called.
    called: Option<u64>,
    waiting: VecDeque<(u64, Waker)>,
    last_ticket: u64,
}

impl Turns {
    /// Where in the line a ticket is; they rise.
    fn place_of(&self, ticket: u64) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&ticket, |(waiting, _)| *waiting)
    }

    /// Calls the next in the line, once what has arrived was looked at.
    fn call_next(&mut self) {
        let next = self.waiting.pop_front();
        self.called = next.as_ref().map(|(ticket, _)| *ticket);
        self.is_taken = next.is_some();
        if let Some((_, waker)) = next {
            // It wakes whoever polls it when the worker has looked, and not before.
            let _ = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        }
    }
}

/// The worker has looked at what has arrived, and had nothing to do before.
pub fn looked() {
    // At the thread's end there is nothing to be told.
    let _ = TURNS.try_with(|turns| turns.borrow_mut().is_recent = false);
}

/// The member that asks for a stream. Made once, since each request is looked through.
static STREAM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"stream\""));

/// Whether a body seems to ask for a stream, before it is read. What is missed is only begun sooner.
pub fn seems_streamed(body: &[u8]) -> bool {
    let name = &*STREAM;
    let asks = |part: &[u8]| {
        name.find_iter(part).any(|at| {
            let rest = part[at + name.needle().len()..].trim_ascii_start();
            rest.strip_prefix(b":").is_some_and(|it| it.trim_ascii_start().starts_with(b"true"))
        })
    };
    match body.len() > 2 * ENDS {
        true => asks(&body[..ENDS]) || asks(&body[body.len() - ENDS..]),
        false => asks(body),
    }
}

/// How far somebody is in the line.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    Waiting(u64),
    Inside,
}

/// A place in the line, and then the turn, until it is dropped.
#[must_use]
pub struct Turn(Place);

/// Resolves when it is one's turn.
pub async fn next() -> Turn {
    let mut turn = Turn(Place::Outside);
    std::future::poll_fn(|context| turn.poll(context)).await;
    turn
}

impl Turn {
    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        TURNS.with_borrow_mut(|turns| {
            match self.0 {
                Place::Inside => return Poll::Ready(()),
                Place::Outside if !turns.is_taken && !turns.is_recent => {
                    turns.is_taken = true;
                    self.0 = Place::Inside;
                    return Poll::Ready(());
                }
                Place::Outside => {
                    turns.last_ticket += 1;
                    turns.waiting.push_back((turns.last_ticket, context.waker().clone()));
                    self.0 = Place::Waiting(turns.last_ticket);
                    if !turns.is_taken {
                        turns.call_next();
                    }
                }
                Place::Waiting(ticket) if turns.called == Some(ticket) => {
                    turns.called = None;
                    self.0 = Place::Inside;
                    return Poll::Ready(());
                }
                Place::Waiting(ticket) => {
                    if let Ok(at) = turns.place_of(ticket) {
                        turns.waiting[at].1.clone_from(context.waker());
                    }
                }
            }
            Poll::Pending
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // At its thread's end nobody waits any more.
        let _ = TURNS.try_with(|turns| {
            let mut turns = turns.borrow_mut();
            match self.0 {
                Place::Outside => {}
                Place::Inside => {
                    turns.is_recent = true;
                    turns.call_next();
                }
                Place::Waiting(ticket) if turns.called == Some(ticket) => turns.call_next(),
                Place::Waiting(ticket) => {
                    if let Ok(at) = turns.place_of(ticket) {
                        turns.waiting.remove(at);
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;
    use tokio::spawn;

    use super::*;

    /// What happened, in order.
    type Told = Arc<Mutex<Vec<String>>>;

    #[tokio::test]
    async fn what_was_begun_goes_on_before_the_next_is_begun() {
        let told = Told::default();
        let tasks = ["a", "b", "c"].map(|name| {
            let told = Arc::clone(&told);
            spawn(async move {
                let turn = next().await;
                let (mut here, mut there) = UnixStream::pair().unwrap();
                told.lock().unwrap().push(format!("{name} begins"));
                here.write_all(b"x").await.unwrap();
                drop(turn);
                // It is there, and nobody has looked yet.
                there.read_u8().await.unwrap();
                told.lock().unwrap().push(format!("{name} ends"));
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        let told = told.lock().unwrap().join(", ");
        assert_eq!(told, "a begins, a ends, b begins, b ends, c begins, c ends");
    }

    #[tokio::test]
    async fn who_leaves_the_line_or_fails_holds_nobody_up() {
        let told = Told::default();
        let begin = |name: &'static str, waits: bool| {
            let told = Arc::clone(&told);
            spawn(async move {
                let turn = next().await;
                told.lock().unwrap().push(name.to_owned());
                if waits {
                    drop(turn);
                    std::future::pending::<()>().await;
                }
                assert!(name != "fails");
            })
        };
        let waits = begin("waits", true);
        let (leaves, fails) = (begin("leaves", false), begin("fails", false));
        leaves.abort();
        assert!(fails.await.is_err());
        begin("comes later", false).await.unwrap();
        waits.abort();
        assert_eq!(told.lock().unwrap().join(", "), "waits, fails, comes later");
        TURNS.with_borrow(|turns| assert!(!turns.is_taken && turns.waiting.is_empty()));
    }

    #[test]
    fn streams_are_told_by_their_bodies() {
        let long = format!(r#"{{"messages":"{}","stream" : true}}"#, "x".repeat(3 * ENDS));
        for (body, expected) in [
            (r#"{"stream":true}"#, true),
            (r#"{"text":"\"stream\": false","stream": true}"#, true),
            (long.as_str(), true),
            (r#"{"stream":false,"stream_options":true}"#, false),
            (r#"{"stream"#, false),
            ("", false),
        ] {
            assert_eq!(seems_streamed(body.as_bytes()), expected, "{body}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_where_nobody_was_begun_before() {
        let poll = |turn: &mut Turn| turn.poll(&Context::from_waker(Waker::noop()));
        let [mut first, mut second] = [Turn(Place::Outside), Turn(Place::Outside)];
        assert!(poll(&mut first).is_ready());
        drop(first);
        looked();
        assert!(poll(&mut second).is_ready());
        drop(second);
        assert!(poll(&mut Turn(Place::Outside)).is_pending());
    }

    #[tokio::test]
    async fn a_turn_that_nobody_takes_is_passed_on() {
        let poll = |turn: &mut Turn| turn.poll(&Context::from_waker(Waker::noop()));
        let [mut first, mut second, mut third] = [(); 3].map(|()| Turn(Place::Outside));
        assert!(poll(&mut first).is_ready());
        assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
        assert!(poll(&mut second).is_pending());
        drop(first);
        drop(second);
        assert!(poll(&mut third).is_ready());
    }

    #[tokio::test]
    async fn who_leaves_the_line_is_not_called() {
        let poll = |turn: &mut Turn| turn.poll(&Context::from_waker(Waker::noop()));
        let [mut first, mut second, mut third] = [(); 3].map(|()| Turn(Place::Outside));
        assert!(poll(&mut first).is_ready());
        assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
        drop(second);
        assert!(poll(&mut third).is_pending());
        drop(first);
        assert!(poll(&mut third).is_ready());
    }
}
