//! Splits a byte stream into frames at any byte boundary, within bounds.

use memchr::memchr2;

/// The longest frame accepted, in bytes. Images inside chunks make frames of tens of megabytes; beyond
/// this a provider is broken or hostile.
pub const MAX_FRAME: usize = 64 * 1024 * 1024;

/// One frame: an optional event name and the data lines joined by line feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The `event:` field, if there was one.
    pub event: Option<&'a str>,
    /// The `data:` field; several lines are joined by `\n`. Invalid UTF-8 is the reader's error.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Whether this is the `[DONE]` frame that ends an OpenAI stream.
    pub fn is_done(&self) -> bool {
        self.data.trim_ascii() == b"[DONE]"
    }
}

/// A frame outgrew [`MAX_FRAME`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frame of the event stream is longer than {MAX_FRAME} bytes")]
pub struct FrameTooLong;

/// Splits bytes into frames. Accepts LF, CRLF and CR line ends, comments, several data lines, a
/// missing space after the colon and a byte-order mark; splitting the input anywhere changes
/// nothing.
#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    data: Vec<u8>,
    event: String,
    has_data: bool,
    has_event: bool,
    /// The last line ended in CR at the end of a chunk: a following LF belongs to it.
    after_carriage_return: bool,
    started: bool,
    limit: Option<usize>,
}

impl Splitter {
    /// A splitter with the default bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// A splitter with a smaller bound, for tests and for narrow uses.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// Feeds bytes; calls `frame` for each frame completed by them.
    pub fn push<E: From<FrameTooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut frame: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.after_carriage_return
            && let [first, rest @ ..] = bytes
        {
            self.after_carriage_return = false;
            if *first == b'\n' {
                bytes = rest;
            }
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(end);
            if self.line.is_empty() {
                self.take_line(line, &mut frame)?;
            } else {
                self.grow(line)?;
                let whole = std::mem::take(&mut self.line);
                self.take_line(&whole, &mut frame)?;
                self.line = whole;
                self.line.clear();
            }
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_carriage_return = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.grow(bytes)?;
        Ok(())
    }

    /// Ends the stream: a frame whose blank line never came is delivered, as lenient clients do.
    pub fn finish<E: From<FrameTooLong>>(
        &mut self,
        mut frame: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.take_line(&line, &mut frame)?;
        }
        self.dispatch(&mut frame)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(MAX_FRAME)
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), FrameTooLong> {
        if self.line.len() + self.data.len() + bytes.len() > self.limit() {
            return Err(FrameTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn take_line<E: From<FrameTooLong>>(
        &mut self,
        line: &[u8],
        frame: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = if self.started {
            line
        } else {
            self.started = true;
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            return self.dispatch(frame);
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match name {
            b"data" => {
                if self.data.len() + value.len() + 1 > self.limit() {
                    return Err(FrameTooLong.into());
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => {
                self.event.clear();
                self.event.push_str(std::str::from_utf8(value).unwrap_or_default());
                self.has_event = true;
            }
            // Comments, `id` and `retry` mean nothing here.
            _ => {}
        }
        Ok(())
    }

    fn dispatch<E>(&mut self, frame: &mut impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let result = if self.has_data {
            frame(Frame { event: self.has_event.then_some(self.event.as_str()), data: &self.data })
        } else {
            Ok(())
        };
        self.data.clear();
        self.has_data = false;
        self.has_event = false;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(chunks: &[&[u8]]) -> Vec<(Option<String>, Vec<u8>)> {
        let mut splitter = Splitter::new();
        let mut found = Vec::new();
        let mut keep = |frame: Frame<'_>| {
            found.push((frame.event.map(str::to_owned), frame.data.to_vec()));
            Ok::<(), FrameTooLong>(())
        };
        for chunk in chunks {
            splitter.push(chunk, &mut keep).unwrap();
        }
        splitter.finish(&mut keep).unwrap();
        found
    }

    #[test]
    fn line_ends_comments_events_and_missing_spaces_are_understood() {
        let input =
            b"\xef\xbb\xbf: hi\n\nevent: x\r\ndata:1\r\ndata: 2\r\n\r\ndata: 3\r\rdata: [DONE]\n\n";
        assert_eq!(
            frames(&[input]),
            vec![
                (Some("x".into()), b"1\n2".to_vec()),
                (None, b"3".to_vec()),
                (None, b"[DONE]".to_vec()),
            ]
        );
    }

    #[test]
    fn a_frame_without_its_blank_line_is_delivered_at_the_end() {
        assert_eq!(frames(&[b"data: 1"]), vec![(None, b"1".to_vec())]);
        assert_eq!(frames(&[b"event: x\n\n"]), vec![]);
    }

    #[test]
    fn a_frame_beyond_the_bound_is_refused() {
        let mut splitter = Splitter::with_limit(16);
        let keep = |_: Frame<'_>| Ok::<(), FrameTooLong>(());
        assert_eq!(splitter.push(b"data: 0123456789abcdef0123", keep), Err(FrameTooLong));
        let mut splitter = Splitter::with_limit(16);
        assert_eq!(splitter.push(b"data: 01234567\ndata: 01234567\n", keep), Err(FrameTooLong));
    }

    proptest! {
        #[test]
        fn splitting_anywhere_changes_nothing(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("data: {\"a\":\"é\"}".to_owned()), Just("event: m".to_owned()),
                    Just(": c".to_owned()), Just(String::new()), Just("data:".to_owned()),
                    "[a-z: ]{0,8}".prop_map(|text| text),
                ], 0..20),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 20),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut input = Vec::new();
            for (part, end) in parts.iter().zip(&ends) {
                input.extend_from_slice(part.as_bytes());
                input.extend_from_slice(end.as_bytes());
            }
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
            at.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in at {
                chunks.push(&input[from..cut]);
                from = cut;
            }
            chunks.push(&input[from..]);
            prop_assert_eq!(frames(&chunks), frames(&[&input]));
        }
    }
}
