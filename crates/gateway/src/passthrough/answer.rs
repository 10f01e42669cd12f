//! Step 6: the provider's bytes on their way to the caller, as they are. No more of them is read
//! than the caller takes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;
use protocol::exchange::{ErrorType, Fault};
use store::Committed;
use tokio::time::{Instant, Sleep};

use super::books::Books;
use crate::app::App;
use crate::inference::live::stopping;
use crate::inference::stream::report_commit;
use crate::settings::PassthroughLimits;
use crate::upstream::{Driving, Masking};

/// A provider's answer.
pub struct PassedAnswer {
    app: Arc<App>,
    generation_id: String,
    phase: Phase,
    size: SizeHint,
}

enum Phase {
    Flowing(Box<Flowing>),
    /// The row is being committed; then what is held back is let go.
    Settling {
        committed: Committed,
        last: Option<Bytes>,
    },
    Last(Bytes),
    Done,
}

struct Flowing {
    body: Incoming,
    books: Books,
    /// Of an error: takes out of it what was sent as a secret.
    masking: Option<Masking>,
    /// The connection, which is for this call alone. Dropped, it is closed.
    _driving: Driving,
    deadline: Instant,
    /// Wakes at the end of patience. Moved when a pause begins, not for each piece.
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The provider's connection broke.
    #[error("the provider's answer broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// Nothing came for too long, or it took too long altogether.
    #[error("the provider's answer took too long")]
    TooLate,
    /// More came than is allowed.
    #[error("the provider's answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The gateway stops.
    #[error("the gateway stops")]
    Stopping,
}

impl Interrupted {
    fn fault(&self) -> Fault {
        match self {
            Self::Broken(_) | Self::TooLarge(_) => {
                Fault::new(ErrorType::ProviderUnavailable, self.to_string())
            }
            Self::TooLate => Fault::new(ErrorType::Timeout, self.to_string()),
            Self::Stopping => stopping(),
        }
    }
}

impl PassedAnswer {
    /// An answer that must be over at `deadline`.
    pub fn new(
        app: &Arc<App>,
        generation_id: &str,
        (body, books, masking): (Incoming, Books, Option<Masking>),
        driving: Driving,
        deadline: Instant,
    ) -> Self {
        let size = body.size_hint();
        let timer = Box::pin(tokio::time::sleep_until(deadline));
        let flowing =
            Flowing { body, books, masking, _driving: driving, deadline, timer, is_waiting: false };
        Self {
            app: Arc::clone(app),
            generation_id: generation_id.to_owned(),
            phase: Phase::Flowing(Box::new(flowing)),
            size,
        }
    }

    /// How long it is, as far as that was told.
    pub fn size_hint(&self) -> SizeHint {
        self.size
    }

    /// The next bytes for the caller.
    pub fn poll_bytes(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Interrupted>>> {
        loop {
            match &mut self.phase {
                Phase::Done => return Poll::Ready(None),
                Phase::Last(_) => {
                    let Phase::Last(last) = std::mem::replace(&mut self.phase, Phase::Done) else {
                        continue;
                    };
                    return Poll::Ready(Some(Ok(last)));
                }
                Phase::Settling { committed, last } => {
                    let result = std::task::ready!(Pin::new(committed).poll(context));
                    report_commit(&self.generation_id, result);
                    self.phase = last.take().map_or(Phase::Done, Phase::Last);
                }
                Phase::Flowing(flowing) => {
                    let piece = match self.app.is_cut_off() {
                        true => Err(Interrupted::Stopping),
                        false => {
                            let limits = &self.app.settings.passthrough;
                            std::task::ready!(flowing.poll_piece(context, limits))
                        }
                    };
                    match piece {
                        // What ends with these bytes is in the books before they are let go.
                        Ok(Some(data)) if !flowing.body.is_end_stream() => {
                            return Poll::Ready(Some(Ok(data)));
                        }
                        Ok(last) => {
                            self.phase = match flowing.books.end() {
                                Some(committed) => Phase::Settling { committed, last },
                                None => last.map_or(Phase::Done, Phase::Last),
                            };
                        }
                        Err(interrupted) => {
                            // The writer has the row; a torn answer is no end to be waited for.
                            drop(flowing.books.fail(&interrupted.fault()));
                            self.phase = Phase::Done;
                            return Poll::Ready(Some(Err(interrupted)));
                        }
                    }
                }
            }
        }
    }
}

impl Flowing {
    /// The next piece; `None` at the end.
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limits: &PassthroughLimits,
    ) -> Poll<Result<Option<Bytes>, Interrupted>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.is_waiting = false;
                    // Trailers belong to one connection.
                    let Ok(data) = frame.into_data() else { continue };
                    self.books.see(&data);
                    if self.books.response_bytes() > limits.max_bytes {
                        return Poll::Ready(Err(Interrupted::TooLarge(limits.max_bytes)));
                    }
                    let data = match &mut self.masking {
                        None => data,
                        Some(masking) => {
                            let passed = masking.pass(data);
                            match self.body.is_end_stream() {
                                true => [passed, masking.rest()].concat().into(),
                                false if passed.is_empty() => continue,
                                false => passed,
                            }
                        }
                    };
                    return Poll::Ready(Ok(Some(data)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => {
                    let rest = self.masking.as_mut().map(Masking::rest);
                    return Poll::Ready(Ok(rest.filter(|rest| !rest.is_empty())));
                }
                Poll::Pending => {
                    // The provider's time runs only while it is waited for, not while the caller
                    // takes nothing.
                    if !self.is_waiting {
                        self.is_waiting = true;
                        let end = (Instant::now() + limits.idle).min(self.deadline);
                        self.timer.as_mut().reset(end);
                    }
                    return self.timer.as_mut().poll(context).map(|()| Err(Interrupted::TooLate));
                }
            }
        }
    }
}
