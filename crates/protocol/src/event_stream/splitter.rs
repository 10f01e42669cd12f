//! Splits a byte stream into messages at any byte boundary, within bounds.

use super::headers::{self, Header, HeaderValue};
use super::{OVERHEAD, PRELUDE};

/// The longest headers accepted, in bytes. wire-formats 5.4
pub const MAX_HEADERS: usize = 128 * 1024;

/// The longest payload accepted, in bytes. wire-formats 5.4
pub const MAX_PAYLOAD: usize = 24 * 1024 * 1024;

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// A message is longer than what is accepted.
    #[error("a message of the event stream is too long")]
    TooLong,
    /// The lengths contradict each other.
    #[error("a message of the event stream has impossible lengths")]
    Lengths,
    /// A checksum is wrong: bytes were lost or changed on the way.
    #[error("a message of the event stream has a wrong checksum")]
    Checksum,
    /// The headers cannot be read.
    #[error("a message of the event stream has unreadable headers")]
    Headers,
    /// The stream ended in the middle of a message. Bug 16
    #[error("the event stream ended in the middle of a message")]
    Truncated,
}

/// One message, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// Its headers, each name once.
    pub headers: Vec<Header<'a>>,
    /// Its payload: JSON for the events of this protocol.
    pub payload: &'a [u8],
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind<'a> {
    /// An event, by its type.
    Event(&'a str),
    /// A failure that the service describes in the payload, by its type.
    Exception(&'a str),
    /// A failure that has no description but these.
    Error {
        /// The code.
        code: &'a str,
        /// The message.
        message: &'a str,
    },
    /// None of these.
    Unknown,
}

impl<'a> Frame<'a> {
    /// The text of a header; `None` if there is none or it is no text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|header| header.name == name).and_then(|header| {
            match header.value {
                HeaderValue::Text(text) => Some(text),
                _ => None,
            }
        })
    }

    /// What the message is. A message without `:message-type` is an event.
    pub fn kind(&self) -> FrameKind<'a> {
        match self.text(":message-type") {
            Some("event") | None => {
                self.text(":event-type").map_or(FrameKind::Unknown, FrameKind::Event)
            }
            Some("exception") => {
                FrameKind::Exception(self.text(":exception-type").unwrap_or_default())
            }
            Some("error") => FrameKind::Error {
                code: self.text(":error-code").unwrap_or_default(),
                message: self.text(":error-message").unwrap_or_default(),
            },
            Some(_) => FrameKind::Unknown,
        }
    }
}

/// Splits bytes into messages; splitting the input anywhere changes nothing. Once it has refused
/// something it refuses everything: where the next message begins is not known any more.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a message whose end has not come.
    begun: Vec<u8>,
    /// Its length, once its prelude has come and was checked.
    length: Option<usize>,
    failed: Option<FrameError>,
    limit: Option<usize>,
}

impl Splitter {
    /// A splitter with the protocol's bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// A splitter with a smaller bound on payloads, for tests and for narrow uses.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// Feeds bytes; calls `frame` for each message completed by them.
    pub fn push<E: From<FrameError>>(
        &mut self,
        mut bytes: &[u8],
        mut frame: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        loop {
            let read = if self.begun.is_empty() {
                // Whole messages are read where they are.
                self.split(bytes).map(|found| {
                    found.map(|length| {
                        let (message, rest) = bytes.split_at(length);
                        bytes = rest;
                        message
                    })
                })
            } else {
                self.grow(&mut bytes).map(|whole| whole.then_some(self.begun.as_slice()))
            };
            let message = match read {
                Ok(Some(message)) => message,
                Ok(None) => {
                    self.begun.extend_from_slice(bytes);
                    return Ok(());
                }
                Err(error) => {
                    self.failed = Some(error);
                    return Err(error.into());
                }
            };
            let outcome = match open(message) {
                Ok(found) => frame(found),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(error.into());
                }
            };
            self.begun.clear();
            self.length = None;
            outcome?;
        }
    }

    /// Ends the stream. Bytes that are left belong to a message that was cut. Bug 16
    pub fn finish(&mut self) -> Result<(), FrameError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.begun.is_empty() => Ok(()),
            None => {
                self.failed = Some(FrameError::Truncated);
                Err(FrameError::Truncated)
            }
        }
    }

    /// Takes of `bytes` what the begun message lacks, as far as that is known, and says whether it
    /// is whole.
    fn grow(&mut self, bytes: &mut &[u8]) -> Result<bool, FrameError> {
        if self.length.is_none() {
            self.take(bytes, PRELUDE);
            self.length = self.length(&self.begun)?;
        }
        if let Some(length) = self.length {
            self.take(bytes, length);
        }
        Ok(self.length.is_some_and(|length| self.begun.len() >= length))
    }

    fn take(&mut self, bytes: &mut &[u8], until: usize) {
        let lacking = until.saturating_sub(self.begun.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(lacking);
        self.begun.extend_from_slice(taken);
        *bytes = rest;
    }

    /// The length of the message at the beginning, if all of it is there.
    fn split(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok(self.length(bytes)?.filter(|length| bytes.len() >= *length))
    }

    /// The length of a message by its prelude, which is checked; `None` if that is not whole.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(prelude) = bytes.first_chunk::<PRELUDE>() else { return Ok(None) };
        let (total, headers) = (number(prelude, 0), number(prelude, 4));
        if crc32fast::hash(&prelude[..8]) as usize != number(prelude, 8) {
            return Err(FrameError::Checksum);
        }
        let rest = total.checked_sub(OVERHEAD).ok_or(FrameError::Lengths)?;
        let payload = rest.checked_sub(headers).ok_or(FrameError::Lengths)?;
        if headers > MAX_HEADERS || payload > self.limit.unwrap_or(MAX_PAYLOAD) {
            return Err(FrameError::TooLong);
        }
        Ok(Some(total))
    }
}

/// The big-endian number of four bytes at a place; 0 beyond the end.
fn number(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk::<4>)
        .map_or(0, |found| u32::from_be_bytes(*found) as usize)
}

/// Opens a whole message whose prelude was checked.
fn open(message: &[u8]) -> Result<Frame<'_>, FrameError> {
    let (checked, checksum) = message.split_last_chunk::<4>().ok_or(FrameError::Lengths)?;
    if crc32fast::hash(checked) != u32::from_be_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    let (headers, payload) = checked
        .get(PRELUDE..)
        .and_then(|rest| rest.split_at_checked(number(message, 4)))
        .ok_or(FrameError::Lengths)?;
    Ok(Frame { headers: headers::read(headers)?, payload })
}
