//! The response body as a list of steps: bytes, pauses and the ways a connection can die.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::calls::Recorder;
use crate::socket::Line;

/// A scripted end of the connection, told to hyper as an error of the body or the service.
#[derive(Debug, thiserror::Error)]
#[error("the script ended the connection")]
pub(crate) struct Interrupted;

/// One step of a response body.
#[derive(Debug)]
pub(crate) enum Step {
    /// Bytes to send, at most `size` at a time. `output` is the number of generated tokens sent
    /// once all of these are out.
    Bytes { bytes: Bytes, size: usize, output: u64, content: bool },
    /// The same bytes again and again, at a steady pace.
    Repeat { bytes: Bytes, left: u32, interval: Duration },
    /// A pause.
    Wait(Duration),
    /// Lets what was sent so far reach the wire before the next step.
    Flush,
    /// Silence until the client leaves.
    Hang,
    /// Ends the TCP connection with a reset.
    Reset,
    /// Ends the TCP connection without ending the HTTP message.
    Close,
}

/// A response body that plays its steps.
#[derive(Debug)]
pub(crate) struct ScriptedBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When the next repeated chunk is due; kept so that pauses do not add up their lateness.
    due: Option<Instant>,
    flushing: bool,
    recorder: Option<Recorder>,
    line: Arc<Line>,
}

impl ScriptedBody {
    pub(crate) fn new(steps: VecDeque<Step>, recorder: Option<Recorder>, line: Arc<Line>) -> Self {
        let mut body = Self { steps, sleep: None, due: None, flushing: false, recorder, line };
        if body.steps.is_empty() {
            body.complete();
        }
        body
    }

    /// A body sent in one piece.
    pub(crate) fn whole(bytes: Bytes, recorder: Option<Recorder>, line: Arc<Line>) -> Self {
        let steps = if bytes.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([Step::Bytes { bytes, size: usize::MAX, output: 0, content: false }])
        };
        Self::new(steps, recorder, line)
    }

    fn complete(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.complete();
        }
    }

    /// Whether a pause is over; arms the wake-up otherwise.
    fn rested(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
        Poll::Ready(())
    }

    fn repeat(
        &mut self,
        context: &mut Context<'_>,
        bytes: Bytes,
        left: u32,
        interval: Duration,
    ) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        if left > 1 {
            self.steps.push_front(Step::Repeat { bytes: bytes.clone(), left: left - 1, interval });
            if !interval.is_zero() {
                let due = self.due.unwrap_or_else(Instant::now) + interval;
                self.due = Some(due);
                let mut sleep = Box::pin(tokio::time::sleep_until(due));
                // Polled now so that it is registered while this frame is being written.
                if sleep.as_mut().poll(context).is_pending() {
                    self.sleep = Some(sleep);
                }
            }
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        let body = self.get_mut();
        loop {
            if body.rested(context).is_pending() {
                return Poll::Pending;
            }
            let Some(step) = body.steps.pop_front() else {
                body.complete();
                return Poll::Ready(None);
            };
            match step {
                Step::Bytes { mut bytes, size, output, content } => {
                    if bytes.len() > size.max(1) {
                        let head = bytes.split_to(size.max(1));
                        body.steps.push_front(Step::Bytes { bytes, size, output, content });
                        body.steps.push_front(Step::Flush);
                        return Poll::Ready(Some(Ok(Frame::data(head))));
                    }
                    if let Some(recorder) = &mut body.recorder {
                        recorder.progress(output, content);
                    }
                    // With a known length hyper never asks for the end, so it is noted here.
                    if body.steps.is_empty() {
                        body.complete();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Step::Repeat { bytes, left, interval } => {
                    return body.repeat(context, bytes, left, interval);
                }
                Step::Wait(pause) => body.sleep = Some(Box::pin(tokio::time::sleep(pause))),
                Step::Flush if body.flushing => body.flushing = false,
                Step::Flush => {
                    // Hyper flushes its buffer whenever the body has nothing to give.
                    body.flushing = true;
                    body.steps.push_front(Step::Flush);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Hang => {
                    body.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Step::Reset => {
                    body.line.reset();
                    body.complete();
                    return Poll::Ready(Some(Err(Interrupted)));
                }
                Step::Close => {
                    body.complete();
                    return Poll::Ready(Some(Err(Interrupted)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
