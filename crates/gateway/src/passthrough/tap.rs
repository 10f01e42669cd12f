//! Step 6, beside it: what an answer says of its use is read while it passes. The bytes are
//! neither held back nor changed, and what is kept of them has a bound.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use memchr::memmem;
use protocol::report::Report;
use protocol::sse::{FrameTooLong, Splitter};

use super::peek::is_json;

/// The longest answer that is kept to be read at its end, in bytes.
const MOST_JSON: usize = 4 * 1024 * 1024;
/// The longest event that is read, in bytes.
const MOST_EVENT: usize = 4 * 1024 * 1024;

/// Reads an answer beside its way.
pub enum Tap {
    /// Nothing is read: nothing in it would be priced, or it cannot be read.
    Shut,
    /// A whole JSON, to be read at its end.
    Json(Vec<u8>),
    /// Events, read as they pass.
    Events(Box<(Splitter, Report)>),
}

/// An event told too much; what was told before stands.
struct GivenUp;

impl From<FrameTooLong> for GivenUp {
    fn from(_: FrameTooLong) -> Self {
        Self
    }
}

impl Tap {
    /// For an answer with these headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let encoded = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let Some(kind) = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()) else {
            return Self::Shut;
        };
        match () {
            () if encoded => Self::Shut,
            () if is_json(kind) => Self::Json(Vec::new()),
            () if is_events(kind) => {
                Self::Events(Box::new((Splitter::with_limit(MOST_EVENT), Report::default())))
            }
            () => Self::Shut,
        }
    }

    /// Whether anything is read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Shut)
    }

    /// Bytes pass.
    pub fn see(&mut self, bytes: &[u8]) {
        match self {
            Self::Shut => {}
            Self::Json(kept) if kept.len() + bytes.len() > MOST_JSON => *self = Self::Shut,
            Self::Json(kept) => kept.extend_from_slice(bytes),
            Self::Events(events) => {
                let (splitter, report) = events.as_mut();
                let read = splitter.push(bytes, |frame| {
                    read_event(frame.data, report);
                    Ok::<_, GivenUp>(())
                });
                if read.is_err() {
                    *splitter = Splitter::with_limit(0);
                }
            }
        }
    }

    /// What was read, at the end of the answer.
    pub fn end(&mut self) -> Report {
        match std::mem::replace(self, Self::Shut) {
            Self::Shut => Report::default(),
            Self::Json(kept) => {
                let mut report = Report::default();
                report.read(&kept);
                report
            }
            Self::Events(events) => {
                let (mut splitter, mut report) = *events;
                // An event whose end never came may be torn: it tells nothing then.
                let _ = splitter.finish(|frame| {
                    read_event(frame.data, &mut report);
                    Ok::<_, GivenUp>(())
                });
                report
            }
        }
    }
}

/// Most events are text; only those that speak of use are read.
fn read_event(data: &[u8], report: &mut Report) {
    if memmem::find(data, b"\"usage").is_some() {
        report.read(data);
    }
}

/// Whether a media type is that of events.
pub fn is_events(kind: &[u8]) -> bool {
    kind.trim_ascii_start()
        .get(..17)
        .is_some_and(|it| it.eq_ignore_ascii_case(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use protocol::exchange::Usage;

    use super::*;

    fn tap(kind: &'static str) -> Tap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Tap::of(&headers)
    }

    #[test]
    fn a_json_answer_is_read_at_its_end_whatever_its_pieces() {
        let answer = br#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
        for size in 1..answer.len() {
            let mut tap = tap("application/json");
            answer.chunks(size).for_each(|piece| tap.see(piece));
            assert_eq!(tap.end().usage().map(|usage: Usage| usage.output), Some(4));
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut tap = tap("application/json");
        for _ in 0..5 {
            tap.see(&[b' '; 1024 * 1024]);
        }
        assert!(!tap.is_open());
        assert_eq!(tap.end().usage(), None);
    }

    #[test]
    fn events_are_read_as_they_pass_and_one_too_long_ends_it() {
        let mut tap = tap("text/event-stream; charset=utf-8");
        tap.see(
            b"data: {\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        );
        for _ in 0..5 {
            tap.see(&[b'x'; 1024 * 1024]);
        }
        tap.see(b"\n\ndata: {\"usage\":{\"prompt_tokens\":9}}\n\n");
        assert_eq!(tap.end().usage().map(|usage| usage.input), Some(3));
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!Tap::of(&headers).is_open());
        assert!(!tap("audio/mpeg").is_open());
    }
}
