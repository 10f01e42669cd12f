//! The headers of a message.

use super::STRING;
use super::splitter::FrameError;

/// The most headers of one message: the protocol uses four.
const MOST: usize = 128;

/// One header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header<'a> {
    /// Its name, e.g. `:event-type`.
    pub name: &'a str,
    /// Its value.
    pub value: HeaderValue<'a>,
}

/// The value of a header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeaderValue<'a> {
    /// A boolean.
    Boolean(bool),
    /// A whole number of one, two, four or eight bytes.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A string.
    Text(&'a str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// A UUID.
    Uuid(&'a [u8]),
}

/// Reads all headers of a message. A name that occurs twice is refused, as are bytes that do not
/// end with a header.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Header<'_>>, FrameError> {
    let mut rest = Rest(bytes);
    let mut headers: Vec<Header<'_>> = Vec::new();
    while !rest.0.is_empty() {
        let header = rest.header().ok_or(FrameError::Headers)?;
        if headers.len() >= MOST || headers.iter().any(|known| known.name == header.name) {
            return Err(FrameError::Headers);
        }
        headers.push(header);
    }
    Ok(headers)
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn header(&mut self) -> Option<Header<'a>> {
        let length = usize::from(self.byte()?);
        let name = std::str::from_utf8(self.take(length)?).ok().filter(|name| !name.is_empty())?;
        Some(Header { name, value: self.value()? })
    }

    fn value(&mut self) -> Option<HeaderValue<'a>> {
        Some(match self.byte()? {
            0 => HeaderValue::Boolean(true),
            1 => HeaderValue::Boolean(false),
            2 => HeaderValue::Integer(i8::from_be_bytes(self.array()?).into()),
            3 => HeaderValue::Integer(i16::from_be_bytes(self.array()?).into()),
            4 => HeaderValue::Integer(i32::from_be_bytes(self.array()?).into()),
            5 => HeaderValue::Integer(i64::from_be_bytes(self.array()?)),
            6 => HeaderValue::Bytes(self.counted()?),
            STRING => HeaderValue::Text(std::str::from_utf8(self.counted()?).ok()?),
            8 => HeaderValue::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => HeaderValue::Uuid(self.take(16)?),
            _ => return None,
        })
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
