//! Step 6, beside it: what an answer says of its use is read while it passes. The bytes are
//! neither held back nor changed, and what is kept of them has a bound.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use memchr::memmem;
use protocol::event_stream::{FrameError, FrameKind, Splitter as Messages};
use protocol::exchange::Usage;
use protocol::json::Object;
use serde::de::IgnoredAny;

use super::peek::{begins_with_json, is_json};
use super::reading::Reading;
use super::sieve::Sieve;
use super::skim::Skim;
use super::texts::Texts;

/// The longest answer that is kept to be read at its end, in bytes. Of a longer one only the
/// members that tell its use are kept.
const MOST_JSON: usize = 4 * 1024 * 1024;
/// The longest event that is read, in bytes.
const MOST_EVENT: usize = 4 * 1024 * 1024;
/// Where an event says what it is, in bytes from its beginning.
const KIND_WITHIN: usize = 256;

/// Reads an answer beside its way.
pub enum Tap {
    /// Nothing is read: nothing in it would be priced.
    Shut,
    /// It is no text: nothing in it tells anything.
    Binary,
    /// It would be read, but it is compressed.
    Sealed,
    /// Its beginning will show what it is: providers' types are not always right.
    Unseen {
        /// What headers told.
        reading: Box<Reading>,
        /// By its type it may be a text of some kind.
        is_text: bool,
    },
    /// A whole JSON, to be read at its end.
    Json(Vec<u8>, Box<(Reading, Texts)>),
    /// A JSON too long for that.
    Long(Box<(Skim, Reading, Texts)>),
    /// Events, read as they pass.
    Events(Box<Sieve>, Box<Events>),
    /// Events of Amazon's.
    Messages(Box<Messages>, Box<Events>),
    /// A text of so many bytes, all of it written by a model.
    Plain(u64),
}

/// Events as far as they were read.
#[derive(Debug, Default)]
pub struct Events {
    reading: Reading,
    texts: Texts,
    is_finished: bool,
    is_failed: bool,
    /// One was too long to be read.
    given_up: bool,
}

/// What was read of an answer.
#[derive(Debug, Default)]
pub struct Told {
    /// What it said.
    pub reading: Reading,
    /// What several answers said together.
    pub counted: Option<Usage>,
    /// Bytes of text that a model wrote.
    pub written: u64,
    /// Pictures.
    pub pictures: u64,
    /// It said why it ended: what it counted is all.
    pub is_finished: bool,
    /// It is an error.
    pub is_failed: bool,
    /// It may have said what it used where it could not be read.
    pub is_unread: bool,
    /// It is no text.
    pub is_binary: bool,
}

/// An event told too much; what was told before stands.
struct GivenUp;

impl From<FrameError> for GivenUp {
    fn from(_: FrameError) -> Self {
        Self
    }
}

impl Told {
    /// The counts, if there were any.
    pub fn usage(&self) -> Option<Usage> {
        self.counted.or_else(|| self.reading.usage())
    }
}

impl Tap {
    /// For an answer with these headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let encoded = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let is_of = |start: &[u8]| {
            kind.trim_ascii_start()
                .get(..start.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(start))
        };
        let reading = Reading::of_headers(headers);
        match () {
            () if [&b"audio/"[..], b"image/", b"video/"].into_iter().any(is_of) => Self::Binary,
            () if encoded => Self::Sealed,
            () if is_json(kind) => Self::Json(Vec::new(), Box::new((reading, Texts::default()))),
            () if is_events(kind) => Self::events(reading),
            () if is_of(b"application/vnd.amazon.eventstream") => {
                let events = Events { reading, ..Events::default() };
                Self::Messages(Box::new(Messages::with_limit(MOST_EVENT)), Box::new(events))
            }
            () => Self::Unseen {
                reading: Box::new(reading),
                is_text: kind.is_empty() || is_of(b"text/"),
            },
        }
    }

    fn events(reading: Reading) -> Self {
        let events = Events { reading, ..Events::default() };
        Self::Events(Box::new(Sieve::new(MOST_EVENT)), Box::new(events))
    }

    /// Whether anything is read.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Shut | Self::Binary | Self::Sealed)
    }

    /// Bytes pass.
    pub fn see(&mut self, bytes: &[u8]) {
        match self {
            Self::Shut | Self::Binary | Self::Sealed => {}
            Self::Unseen { reading, is_text } => {
                let Some(begin) = beginning(bytes) else { return };
                let reading = std::mem::take(&mut **reading);
                *self = match begin {
                    _ if begins_with_json(begin) || begins_with_list(begin) => {
                        Self::Json(Vec::new(), Box::new((reading, Texts::default())))
                    }
                    _ if begins_with_event(begin) => Self::events(reading),
                    _ if *is_text => Self::Plain(0),
                    _ => Self::Binary,
                };
                self.see(bytes);
            }
            Self::Json(kept, rest) if kept.len() + bytes.len() > MOST_JSON => {
                let (reading, mut texts) = std::mem::take(&mut **rest);
                let mut skim = Skim::of_answer();
                skim.see(kept);
                skim.see(bytes);
                texts.see(bytes);
                *self = Self::Long(Box::new((skim, reading, texts)));
            }
            Self::Json(kept, rest) => {
                kept.extend_from_slice(bytes);
                rest.1.see(bytes);
            }
            Self::Long(long) => {
                long.0.see(bytes);
                long.2.see(bytes);
            }
            Self::Events(sieve, events) => {
                let are_all = sieve.push(bytes, |data| events.read(data));
                events.given_up |= !are_all;
            }
            Self::Messages(splitter, events) => {
                let read = splitter.push(bytes, |frame| {
                    events.is_failed |=
                        matches!(frame.kind(), FrameKind::Exception(_) | FrameKind::Error { .. });
                    events.read_message(frame.payload);
                    Ok::<_, GivenUp>(())
                });
                events.given_up |= read.is_err();
            }
            Self::Plain(written) => *written = written.saturating_add(bytes.len() as u64),
        }
    }

    /// What was read, at the end of the answer, or where it broke off.
    pub fn end(&mut self, came_whole: bool) -> Told {
        match std::mem::replace(self, Self::Shut) {
            Self::Shut => Told::default(),
            Self::Unseen { reading, .. } => Told { reading: *reading, ..Told::default() },
            Self::Binary => Told { is_binary: true, ..Told::default() },
            Self::Sealed => Told { is_unread: true, ..Told::default() },
            Self::Plain(written) => Told { written, ..Told::default() },
            Self::Json(kept, rest) => {
                let (mut reading, texts) = *rest;
                reading.read(&kept);
                if reading.usage().is_none() && !kept.is_empty() {
                    // A member that occurs twice makes it no JSON for the one, but not for the
                    // other; and several may follow each other.
                    let mut skim = Skim::of_answer();
                    skim.see(&kept);
                    skim.read_into(&mut reading);
                }
                let is_unread = came_whole && !kept.is_empty() && !are_json(&kept);
                told(reading, texts, is_unread)
            }
            Self::Long(long) => {
                let (skim, mut reading, texts) = *long;
                skim.read_into(&mut reading);
                told(reading, texts, came_whole)
            }
            Self::Events(mut sieve, mut events) => {
                // An event whose end never came may be torn: it tells nothing then.
                sieve.finish(|data| events.read(data));
                events.told()
            }
            Self::Messages(_, events) => events.told(),
        }
    }
}

impl Events {
    /// Most events are text; only those that speak of use are read further.
    pub fn read(&mut self, data: &[u8]) {
        if memmem::find(data, b"\"usage").is_some()
            || memmem::find(data, b"\"meta\"").is_some()
            || memmem::find(data, b"invocationMetrics").is_some()
        {
            self.reading.read(data);
        }
        let kind = kind_of(data);
        // OpenAI's say again at the end of each piece what it was, and all of it at last. What is no
        // text is no smaller for that.
        if !kind.starts_with(b"response.")
            || kind.ends_with(b".delta") && !kind.ends_with(b"audio.delta")
        {
            self.texts.begin();
            self.texts.see(data);
        }
        self.is_failed |= kind == b"response.failed";
        self.is_finished |= matches!(
            kind,
            b"response.completed" | b"response.incomplete" | b"response.failed" | b"response.done"
        );
    }

    /// Amazon's put the events of other protocols into theirs.
    fn read_message(&mut self, payload: &[u8]) {
        let inner = || {
            let object = Object::parse(std::str::from_utf8(payload).ok()?).ok()?;
            STANDARD.decode(object.peek_str("bytes")?.as_bytes()).ok()
        };
        match inner() {
            Some(inner) => self.read(&inner),
            None => self.read(payload),
        }
    }

    /// What was read, at the end.
    pub fn told(self) -> Told {
        let Self { reading, texts, is_finished, is_failed, given_up } = self;
        let told = told(reading, texts, given_up);
        Told {
            is_finished: told.is_finished || is_finished,
            is_failed: told.is_failed || is_failed,
            ..told
        }
    }
}

/// What an event is, if it says so at its beginning.
pub fn kind_of(data: &[u8]) -> &[u8] {
    let head = &data[..data.len().min(KIND_WITHIN)];
    let named = memmem::find(head, b"\"type\"").map(|at| head[at + 6..].trim_ascii_start());
    named
        .and_then(|rest| rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\""))
        .and_then(|kind| kind.split(|byte| *byte == b'"').next())
        .unwrap_or_default()
}

/// Where the use was told, nothing else was missed.
fn told(reading: Reading, mut texts: Texts, is_unread: bool) -> Told {
    texts.abort();
    Told {
        is_unread: is_unread && reading.usage().is_none(),
        written: texts.written,
        pictures: texts.pictures,
        is_finished: texts.is_finished,
        is_failed: texts.is_failed,
        is_binary: false,
        counted: None,
        reading,
    }
}

/// What comes after blanks; `None` if there is nothing yet.
fn beginning(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    (!bytes.is_empty()).then_some(bytes)
}

/// A list of answers, as Google streams them; not a text with something in brackets.
fn begins_with_list(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"[").is_some_and(|rest| beginning(rest).is_none_or(|it| it[0] == b'{'))
}

fn begins_with_event(bytes: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"]
        .iter()
        .any(|name| bytes.starts_with(name) || name.starts_with(bytes))
}

/// Whether this is one JSON, or several after each other.
fn are_json(bytes: &[u8]) -> bool {
    let mut values =
        serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>().peekable();
    values.peek().is_some() && values.all(|value| value.is_ok())
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
            assert_eq!(tap.end(true).reading.usage().map(|usage: Usage| usage.output), Some(4));
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
            assert!(matches!(tap, Tap::Long(..)), "nothing but members is kept");
            tap.see(end.as_bytes());
            let told = tap.end(true);
            assert_eq!(told.reading.usage().map(|usage| usage.input), Some(3));
            assert!(!told.is_unread);
        }
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_nothing() {
        let unread = |kind, answer: &[u8], times| {
            let mut tap = tap(kind);
            (0..times).for_each(|_| tap.see(answer));
            tap.end(true).is_unread
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
        assert_eq!(tap.end(true).reading.usage().map(|usage| usage.input), Some(3));
    }

    #[test]
    fn events_are_read_as_they_pass_but_for_one_too_long() {
        let mut tap = tap("text/event-stream; charset=utf-8");
        tap.see(
            b"data: {\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        );
        for _ in 0..5 {
            tap.see(&[b'x'; 1024 * 1024]);
        }
        tap.see(b"\n\ndata: {\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n");
        let told = tap.end(true);
        assert_eq!(told.reading.usage().map(|usage| usage.input), Some(9));
        assert!(!told.is_unread);
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut sealed = Tap::of(&headers);
        assert!(!sealed.is_open());
        assert!(sealed.end(true).is_unread);
        assert!(!tap("audio/mpeg").is_open());
    }

    /// Providers' types are not always right, and some say none.
    #[test]
    fn what_an_answer_is_shows_at_its_beginning() {
        let answer = b" {\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
        let untyped = || Tap::of(&HeaderMap::new());
        let kinds = ["text/plain", "application/x-ndjson", "application/octet-stream"];
        for mut tap in kinds.into_iter().map(tap).chain([untyped()]) {
            answer.chunks(9).for_each(|piece| tap.see(piece));
            assert_eq!(tap.end(true).reading.usage().map(|usage| usage.output), Some(4));
        }
        let mut events = untyped();
        events.see(b"data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n");
        assert_eq!(events.end(true).reading.usage().map(|usage| usage.output), Some(4));
        let mut lines = tap("application/x-ndjson");
        lines.see(b"{\"response\":\"ab\"}\n{\"response\":\"c\",\"done\":true}\n");
        let told = lines.end(true);
        assert_eq!((told.written, told.is_unread), (3, false));
        let mut text = tap("text/plain");
        text.see(b"Dear all");
        assert_eq!(text.end(true).written, 8);
        let mut sound = tap("application/octet-stream");
        sound.see(b"RIFF");
        assert!(sound.end(true).is_binary);
    }

    #[test]
    fn what_was_written_is_counted_once() {
        let mut tap = tap("text/event-stream");
        for event in [
            r#"{"type":"response.created","response":{"output":[]}}"#,
            r#"{"type":"response.output_text.delta","delta":"hello"}"#,
            r#"{"type":"response.output_audio.delta","delta":"AAAAAAAA"}"#,
            r#"{"type":"response.output_text.done","text":"hello"}"#,
            r#"{"type":"response.incomplete","response":{"output":[{"content":[{"text":"hello"}]}]}}"#,
        ] {
            tap.see(format!("data: {event}\n\n").as_bytes());
        }
        let told = tap.end(false);
        assert_eq!((told.written, told.is_finished, told.is_unread), (5, true, false));
    }

    #[test]
    fn what_broke_off_is_read_as_far_as_it_came() {
        let mut tap = tap("application/json");
        tap.see(br#"{"choices":[{"message":{"content":"half of"#);
        let told = tap.end(false);
        assert_eq!((told.written, told.is_unread), (7, false));
    }

    #[test]
    fn amazons_events_are_read_and_what_is_in_them() {
        let kind = "application/vnd.amazon.eventstream";
        let mut converse = tap(kind);
        let mut bytes = Vec::new();
        let write = protocol::event_stream::write_event;
        write(&mut bytes, "contentBlockDelta", br#"{"delta":{"text":"hello"}}"#);
        write(&mut bytes, "messageStop", br#"{"stopReason":"end_turn"}"#);
        write(&mut bytes, "metadata", br#"{"usage":{"inputTokens":3,"outputTokens":4}}"#);
        bytes.chunks(11).for_each(|piece| converse.see(piece));
        let told = converse.end(true);
        assert_eq!(told.reading.usage().map(|usage| (usage.input, usage.output)), Some((3, 4)));
        assert_eq!((told.written, told.is_finished), (5, true));
        let (mut invoke, mut bytes) = (tap(kind), Vec::new());
        for event in [
            r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#,
            r#"{"type":"content_block_delta","delta":{"text":"hi"}}"#,
            r#"{"type":"message_delta","usage":{"output_tokens":6}}"#,
        ] {
            let chunk = format!(r#"{{"bytes":"{}"}}"#, STANDARD.encode(event));
            write(&mut bytes, "chunk", chunk.as_bytes());
        }
        invoke.see(&bytes);
        let told = invoke.end(true);
        assert_eq!(told.reading.usage().map(|usage| (usage.input, usage.output)), Some((9, 6)));
        assert_eq!(told.written, 2);
    }
}
