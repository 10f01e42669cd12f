//! Step 4: the caller's body on its way to the provider, piece by piece: no more of it is read
//! than the provider takes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use protocol::exchange::{ErrorType, Fault};
use tokio::time::{Instant, Sleep};

use super::hold::PriceCheck;
use super::named::{output_of, respelled_fault, respelled_of};
use super::peek::{Looking, Peeked};
use crate::inference::room::Taken;

/// What whoever sends a body and whoever waits for the answer know of each other.
#[derive(Debug, Default)]
pub struct Passage {
    /// Bytes that were passed on.
    bytes: AtomicU64,
    /// Of a long body, how many bytes of media were seen.
    media: AtomicU64,
    /// All of it was.
    is_over: AtomicBool,
    trouble: OnceLock<BodyTrouble>,
    /// What a long body said, or the messages of a WebSocket.
    said: OnceLock<Said>,
}

/// What a body said that was too long to be looked into before it was sent, or the messages of a
/// WebSocket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The model.
    pub model: Option<String>,
    /// The answer comes later, when it is asked for.
    pub is_background: bool,
    /// How long the answer may be, in tokens, if that is said.
    pub most_output: Option<u64>,
    /// How many answers.
    pub answers: u64,
}

impl Passage {
    /// How many bytes were passed on.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How much of a long body is text, as far as it was passed on, in bytes.
    pub fn text(&self) -> u64 {
        self.bytes().saturating_sub(self.media.load(Ordering::Relaxed))
    }

    /// Whether all of the body was passed on: the provider works then.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// What a long body said, or the messages of a WebSocket.
    pub fn said(&self) -> Option<&Said> {
        self.said.get()
    }

    /// A message of a WebSocket named the model that all of them are for.
    pub fn set_model(&self, model: &str) {
        let said = Said { model: Some(model.to_owned()), answers: 1, ..Said::default() };
        // The first one stands.
        let _ = self.said.set(said);
    }

    /// Why the body ended before its end, if it did.
    pub fn trouble(&self) -> Option<&BodyTrouble> {
        self.trouble.get()
    }
}

/// Why a body ended before its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyTrouble {
    /// It is larger than allowed.
    #[error("Request payload too large: at most {0} bytes are passed through")]
    TooLarge(u64),
    /// Nothing came of it for too long.
    #[error("Operation timed out: nothing of the request body came for {0:?}")]
    Idle(Duration),
    /// The caller's connection broke.
    #[error("the request body broke off: {0}")]
    Broken(String),
    /// What it asks for is not sent.
    #[error("{}", .0.message)]
    Refused(Box<Fault>),
}

impl BodyTrouble {
    /// As the caller is told.
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooLarge(_) => Fault::new(ErrorType::PayloadTooLarge, self.to_string()),
            Self::Idle(_) => Fault::new(ErrorType::Timeout, self.to_string()).with_status(408),
            Self::Broken(_) => Fault::invalid(self.to_string()),
            Self::Refused(fault) => (**fault).clone(),
        }
    }
}

/// A caller's body.
pub struct PassedRequest {
    /// What was looked into.
    begun: VecDeque<Bytes>,
    /// The room that it takes.
    taken: Option<Taken>,
    rest: Option<Incoming>,
    passage: Arc<Passage>,
    left: u64,
    limit: u64,
    idle: Duration,
    /// Runs while nothing comes; made when that happens first.
    patience: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
    /// Of a long body: what looks at it, and has the last word.
    watched: Option<Box<Watched>>,
}

/// A long body is looked at while it passes. Its last piece is held back until it is known what it
/// asks for: without it the provider has no request.
struct Watched {
    looking: Looking,
    /// Bytes that were seen.
    seen: u64,
    /// `None` where the address names the model.
    check: Option<PriceCheck>,
    /// A model is asked, whatever the body says.
    is_plain: bool,
    last: Option<Bytes>,
}

impl Watched {
    fn judge(&self, said: &Said) -> Result<(), Fault> {
        if let Looking::Json(json) = &self.looking
            && (self.is_plain || said.model.is_some() || json.0.value("model").is_some())
        {
            let skim = &json.0;
            let within = ["generationConfig", "inferenceConfig"]
                .iter()
                .find_map(|name| respelled_of(name, std::str::from_utf8(skim.value(name)?).ok()?));
            if let Some(name) = within.or_else(|| skim.respelled().map(str::to_owned)) {
                return Err(respelled_fault(&name));
            }
        }
        match &self.check {
            Some(check) => check.judge(said.model.as_deref(), self.is_plain),
            None => Ok(()),
        }
    }

    fn see(&mut self, bytes: &[u8], passage: &Passage) {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let media = match &mut self.looking {
            Looking::Json(json) => {
                json.0.see(bytes);
                json.1.see(bytes);
                json.1.media
            }
            Looking::Form(form) => {
                form.see(bytes);
                self.seen.saturating_sub(form.text)
            }
        };
        passage.media.store(media, Ordering::Relaxed);
    }

    fn said(&mut self) -> Said {
        let skim = match &mut self.looking {
            Looking::Json(json) => &json.0,
            Looking::Form(form) => {
                form.end();
                let model = form.model().map(str::to_owned);
                return Said { model, answers: 1, ..Said::default() };
            }
        };
        let value = |name: &str| std::str::from_utf8(skim.value(name)?).ok();
        let (most_output, answers) = output_of(value);
        Said {
            model: value("model")
                .and_then(|value| serde_json::from_str::<String>(value).ok())
                // Who reads more of it than was read here may find another one.
                .filter(|name| name.len() <= 256 && !skim.is_doubtful()),
            is_background: value("background").is_some_and(|it| it.trim_ascii() == "true"),
            most_output: most_output.filter(|_| !skim.is_doubtful()),
            answers,
        }
    }
}

impl PassedRequest {
    /// A body of at most `limit` bytes, of which the beginning was read. Pauses of the caller are
    /// at most `idle` long; those of the provider, who takes it, do not count.
    pub fn new(
        (peeked, taken): (Peeked, Taken),
        rest: Incoming,
        (limit, idle): (u64, Duration),
        passage: Arc<Passage>,
    ) -> Result<Self, Fault> {
        let rest = (!peeked.is_whole).then_some(rest);
        let begun = VecDeque::from(peeked.pieces);
        let this = Self {
            begun,
            taken: Some(taken),
            rest,
            passage,
            left: limit,
            limit,
            idle,
            patience: None,
            is_waiting: false,
            watched: None,
        };
        if this.size_hint().lower() > limit {
            return Err(BodyTrouble::TooLarge(limit).fault());
        }
        Ok(this)
    }

    /// The same for a body that is too long to be looked into before it is sent: what it asks for is
    /// judged by `check` before its end is.
    #[must_use]
    pub fn watched(mut self, looking: Looking, check: Option<PriceCheck>, is_plain: bool) -> Self {
        let watched = Watched { looking, seen: 0, check, is_plain, last: None };
        self.watched = Some(Box::new(watched));
        self
    }

    fn fail(&mut self, trouble: BodyTrouble) -> Poll<Option<Result<Frame<Bytes>, BodyTrouble>>> {
        self.rest = None;
        let _ = self.passage.trouble.set(trouble.clone());
        Poll::Ready(Some(Err(trouble)))
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyTrouble>>> {
        loop {
            let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
            match Pin::new(rest).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.is_waiting = false;
                    // Trailers belong to one connection.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(BodyTrouble::Broken(error.to_string()))));
                }
                Poll::Ready(None) => {
                    self.rest = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let idle = self.idle;
                    let patience =
                        self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                    if !self.is_waiting {
                        self.is_waiting = true;
                        patience.as_mut().reset(Instant::now() + idle);
                    }
                    return patience
                        .as_mut()
                        .poll(context)
                        .map(|()| Some(Err(BodyTrouble::Idle(idle))));
                }
            }
        }
    }
}

impl Body for PassedRequest {
    type Data = Bytes;
    type Error = BodyTrouble;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyTrouble>>> {
        let this = self.get_mut();
        let data = loop {
            let next = match this.begun.pop_front() {
                Some(data) => Some(data),
                None => {
                    this.taken = None;
                    match std::task::ready!(this.poll_rest(context)) {
                        Some(Ok(data)) => Some(data),
                        Some(Err(trouble)) => return this.fail(trouble),
                        None => None,
                    }
                }
            };
            let Some(watched) = &mut this.watched else { break next };
            let Some(data) = next else {
                let said = watched.said();
                let (judged, last) = (watched.judge(&said), watched.last.take());
                let _ = this.passage.said.set(said);
                this.watched = None;
                match judged {
                    Ok(()) => break last,
                    Err(fault) => return this.fail(BodyTrouble::Refused(Box::new(fault))),
                }
            };
            watched.see(&data, &this.passage);
            // An empty piece would end nothing.
            if !data.is_empty()
                && let Some(before) = watched.last.replace(data)
            {
                break Some(before);
            }
        };
        let Some(data) = data else {
            this.passage.is_over.store(true, Ordering::Relaxed);
            return Poll::Ready(None);
        };
        match this.left.checked_sub(data.len() as u64) {
            Some(left) => this.left = left,
            None => return this.fail(BodyTrouble::TooLarge(this.limit)),
        }
        this.passage.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        this.passage.is_over.store(this.is_end_stream(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_empty()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
            && self.watched.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.watched.as_ref().and_then(|watched| watched.last.as_ref());
        let begun: u64 = self.begun.iter().chain(held).map(|piece| piece.len() as u64).sum();
        let rest = self.rest.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(begun.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper() {
            hint.set_upper(begun.saturating_add(upper));
        }
        hint
    }
}
