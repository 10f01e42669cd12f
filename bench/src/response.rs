//! Reading an HTTP/1.1 answer as it arrives, without keeping it.

use anyhow::{Context as _, Result, bail};
use memchr::memmem;

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// How the body's end is found.
    pub framing: Framing,
    /// Bytes of the head, the empty line included.
    pub length: usize,
}

/// How the end of a body is found.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks with a length each.
    Chunked(Chunks),
}

impl Head {
    /// Reads a head, if `bytes` holds all of it.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).context("a head that is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .context("a status line that makes no sense")?;
        let mut framing = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                framing = Some(Framing::Length(value.trim().parse()?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked(Chunks::default()));
            }
        }
        let Some(framing) = framing else { bail!("an answer without a length: {text}") };
        Ok(Some(Self { status, framing, length: end + 4 }))
    }
}

impl Framing {
    /// Hands the body's bytes within `bytes` to `take` and says whether the body has ended.
    pub fn feed(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) -> Result<bool> {
        match self {
            Self::Length(left) => {
                *left = left
                    .checked_sub(bytes.len() as u64)
                    .context("more bytes than the answer's length")?;
                take(bytes);
                Ok(*left == 0)
            }
            Self::Chunked(chunks) => chunks.feed(bytes, take),
        }
    }
}

/// Where a chunked body stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    state: State,
    size: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Extension,
    Data,
    DataEnd,
    /// Within the trailer; whether the line so far is empty.
    Trailer(bool),
}

impl Chunks {
    fn feed(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&[u8])) -> Result<bool> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == State::Data {
                let here = bytes.len().min(usize::try_from(self.size).unwrap_or(usize::MAX));
                let (data, after) = bytes.split_at(here);
                take(data);
                self.size -= here as u64;
                bytes = after;
                if self.size == 0 {
                    self.state = State::DataEnd;
                }
                continue;
            }
            bytes = rest;
            match (&self.state, byte) {
                (State::Size | State::Extension, b'\n') => {
                    self.state = if self.size == 0 { State::Trailer(true) } else { State::Data };
                }
                (State::Size, b'\r' | b';') => self.state = State::Extension,
                (State::Size, digit) => {
                    let digit = (digit as char).to_digit(16).context("not a chunk size")?;
                    self.size = (self.size.checked_mul(16).context("a chunk too large")?)
                        | u64::from(digit);
                }
                (State::DataEnd, b'\n') => self.state = State::Size,
                (State::Trailer(true), b'\n') => return Ok(true),
                (State::Trailer(false), b'\n') => self.state = State::Trailer(true),
                (State::Trailer(_), byte) if byte != b'\r' => self.state = State::Trailer(false),
                _ => {}
            }
        }
        Ok(false)
    }
}

/// The text every content chunk holds exactly once.
const MARK: &[u8] = b"simulated text";

/// Counts content chunks in a body that arrives in pieces.
#[derive(Debug, Default)]
pub struct ContentChunks {
    tail: Vec<u8>,
}

impl ContentChunks {
    /// How many more chunks there are with `bytes`.
    pub fn feed(&mut self, bytes: &[u8]) -> u64 {
        let mut found = 0;
        if !self.tail.is_empty() {
            // Only what spans the two pieces: the head is too short to hold a mark of its own.
            let head = &bytes[..bytes.len().min(MARK.len() - 1)];
            self.tail.extend_from_slice(head);
            found += memmem::find_iter(&self.tail, MARK).count() as u64;
        }
        found += memmem::find_iter(bytes, MARK).count() as u64;
        let keep = MARK.len() - 1;
        if bytes.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - keep..]);
        } else {
            if self.tail.is_empty() {
                self.tail.extend_from_slice(bytes);
            }
            self.tail.drain(..self.tail.len().saturating_sub(keep));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut chunks = Framing::Chunked(Chunks::default());
        let mut body = Vec::new();
        let mut ended = false;
        for piece in pieces {
            ended = chunks.feed(piece, &mut |data| body.extend_from_slice(data)).unwrap();
        }
        (body, ended)
    }

    #[test]
    fn a_chunked_body_is_the_same_however_it_is_cut() {
        let wire = b"5;x=y\r\nhello\r\nA\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\n";
        for cut in 0..wire.len() {
            let (body, ended) = read_all(&[&wire[..cut], &wire[cut..]]);
            assert_eq!(body, b"hello, world!!!");
            assert!(ended);
        }
        assert!(!read_all(&[&wire[..wire.len() - 1]]).1);
    }

    #[test]
    fn content_chunks_are_counted_once_however_they_are_cut() {
        let text = br#"data: {"content":"simulated text "}  data: {"content":"simulated text "}"#;
        for first in 0..text.len() {
            for second in first..text.len() {
                let mut counter = ContentChunks::default();
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let found: u64 = pieces.iter().map(|piece| counter.feed(piece)).sum();
                assert_eq!(found, 2, "{first} {second}");
            }
        }
        let mut counter = ContentChunks::default();
        assert_eq!(text.iter().map(|byte| counter.feed(&[*byte])).sum::<u64>(), 2);
    }

    #[test]
    fn a_head_tells_status_and_framing() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 12\r\n\r\n";
        assert!(Head::read(&head[..20]).unwrap().is_none());
        let head = Head::read(head).unwrap().unwrap();
        assert_eq!((head.status, head.framing), (200, Framing::Length(12)));
        let chunked = Head::read(b"HTTP/1.1 429 X\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(chunked.unwrap().unwrap().framing, Framing::Chunked(Chunks::default()));
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
