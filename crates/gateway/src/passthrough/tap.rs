//! Step 6, beside it: what an answer says of its use is read while it passes. The bytes are
//! neither held back nor changed, and what is kept of them has a bound.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use memchr::memmem;
use protocol::report::Report;
use protocol::sse::{FrameTooLong, Splitter};
use serde::de::IgnoredAny;

use super::peek::is_json;
use super::skim::Skim;

/// The longest answer that is kept to be read at its end, in bytes. Of a longer one only the
/// members that tell its use are kept.
const MOST_JSON: usize = 4 * 1024 * 1024;
/// The longest event that is read, in bytes.
const MOST_EVENT: usize = 4 * 1024 * 1024;

/// Reads an answer beside its way.
pub enum Tap {
    /// Nothing is read: nothing in it would be priced.
    Shut,
    /// It would be read, but it is compressed.
    Sealed,
    /// A whole JSON, to be read at its end.
    Json(Vec<u8>),
    /// A JSON too long for that.
    Long(Box<Skim>),
    /// Events, read as they pass.
    Events(Box<Events>),
}

/// Events as far as they were read.
pub struct Events {
    splitter: Splitter,
    report: Report,
    /// One was too long, and none after it is read.
    given_up: bool,
}

/// What was read of an answer.
#[derive(Debug, Default)]
pub struct Told {
    /// What it said.
    pub report: Report,
    /// It may have said what it used where it could not be read.
    pub is_unread: bool,
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
            () if !is_json(kind) && !is_events(kind) => Self::Shut,
            () if encoded => Self::Sealed,
            () if is_json(kind) => Self::Json(Vec::new()),
            () => Self::Events(Box::new(Events {
                splitter: Splitter::with_limit(MOST_EVENT),
                report: Report::default(),
                given_up: false,
            })),
        }
    }

    /// Whether anything is read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Shut | Self::Sealed)
    }

    /// Bytes pass.
    pub fn see(&mut self, bytes: &[u8]) {
        match self {
            Self::Shut | Self::Sealed => {}
            Self::Json(kept) if kept.len() + bytes.len() > MOST_JSON => {
                let mut skim = Box::<Skim>::default();
                skim.see(kept);
                skim.see(bytes);
                *self = Self::Long(skim);
            }
            Self::Json(kept) => kept.extend_from_slice(bytes),
            Self::Long(skim) => skim.see(bytes),
            Self::Events(events) => {
                let Events { splitter, report, given_up } = events.as_mut();
                let read = splitter.push(bytes, |frame| {
                    read_event(frame.data, report);
                    Ok::<_, GivenUp>(())
                });
                if read.is_err() {
                    *splitter = Splitter::with_limit(0);
                    *given_up = true;
                }
            }
        }
    }

    /// What was read, at the end of the answer.
    pub fn end(&mut self) -> Told {
        match std::mem::replace(self, Self::Shut) {
            Self::Shut => Told::default(),
            Self::Sealed => Told { is_unread: true, ..Told::default() },
            Self::Json(kept) => {
                let mut report = Report::default();
                report.read(&kept);
                if report.usage().is_some() || kept.is_empty() {
                    return Told { report, is_unread: false };
                }
                // A member that occurs twice makes it no JSON for the one, but not for the other.
                let mut skim = Skim::default();
                skim.see(&kept);
                let is_unread = serde_json::from_slice::<IgnoredAny>(&kept).is_err();
                told(skim.report(), is_unread)
            }
            Self::Long(skim) => told(skim.report(), true),
            Self::Events(events) => {
                let Events { mut splitter, mut report, given_up } = *events;
                // An event whose end never came may be torn: it tells nothing then.
                let _ = splitter.finish(|frame| {
                    read_event(frame.data, &mut report);
                    Ok::<_, GivenUp>(())
                });
                told(report, given_up)
            }
        }
    }
}

/// Where the use was told, nothing else was missed.
fn told(report: Report, is_unread: bool) -> Told {
    let is_unread = is_unread && report.usage().is_none();
    Told { report, is_unread }
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
            assert_eq!(tap.end().report.usage().map(|usage: Usage| usage.output), Some(4));
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept_and_read_all_the_same() {
        for (begin, end) in [
            (
                "{\"data\":\"",
                "\",\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}",
            ),
            ("{\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3},\"data\":\"", "\"}"),
        ] {
            let mut tap = tap("application/json");
            tap.see(begin.as_bytes());
            (0..5).for_each(|_| tap.see(&[b'x'; 1024 * 1024]));
            assert!(matches!(tap, Tap::Long(_)), "nothing but members is kept");
            tap.see(end.as_bytes());
            let told = tap.end();
            assert_eq!(told.report.usage().map(|usage| usage.input), Some(3));
            assert!(!told.is_unread);
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_nothing() {
        let unread = |kind, answer: &[u8], times| {
            let mut tap = tap(kind);
            (0..times).for_each(|_| tap.see(answer));
            tap.end().is_unread
        };
        assert!(!unread("application/json", b"{\"id\":\"x\"}", 1), "it tells nothing");
        assert!(!unread("application/json", b"", 1));
        assert!(unread("application/json", b"{\"id\":", 1));
        assert!(unread("application/json", &[b' '; 1024 * 1024], 5));
        assert!(!unread("text/event-stream", b"data: {}\n\n", 3));
        assert!(unread("text/event-stream", &[b'x'; 1024 * 1024], 5));
        assert!(!unread("audio/mpeg", b"sound", 1), "nothing in it would be priced");
        let twice = b"{\"a\":1,\"a\":2,\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}";
        let mut tap = tap("application/json");
        tap.see(twice);
        assert_eq!(tap.end().report.usage().map(|usage| usage.input), Some(3));
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
        assert_eq!(tap.end().report.usage().map(|usage| usage.input), Some(3));
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut sealed = Tap::of(&headers);
        assert!(!sealed.is_open());
        assert!(sealed.end().is_unread);
        assert!(!tap("audio/mpeg").is_open());
    }
}
