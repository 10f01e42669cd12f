//! Splits a byte stream into lines at any byte boundary, within bounds.

/// The longest line accepted, in bytes. Beyond this a provider is broken or hostile.
pub const MAX_LINE: usize = 64 * 1024 * 1024;

/// A line outgrew [`MAX_LINE`].
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a line of the stream is longer than {MAX_LINE} bytes")]
pub struct LineTooLong;

/// Splits bytes into lines. Accepts LF and CRLF line ends, blank lines, which are no lines, and a
/// byte-order mark; splitting the input anywhere changes nothing. A CR alone is white space of
/// JSON.
#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    started: bool,
    failed: bool,
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

    /// Feeds bytes; calls `line` for each line completed by them, without its end.
    pub fn push<E: From<LineTooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (piece, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            self.check(piece)?;
            if self.line.is_empty() {
                deliver(&mut self.started, piece, &mut line)?;
            } else {
                self.line.extend_from_slice(piece);
                let whole = std::mem::take(&mut self.line);
                let outcome = deliver(&mut self.started, &whole, &mut line);
                self.line = whole;
                self.line.clear();
                outcome?;
            }
        }
        self.check(bytes)?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the stream: a line whose end never came is delivered; whether it is whole its reader
    /// finds out.
    pub fn finish<E: From<LineTooLong>>(
        &mut self,
        mut line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(&[])?;
        let whole = std::mem::take(&mut self.line);
        deliver(&mut self.started, &whole, &mut line)
    }

    fn check(&mut self, more: &[u8]) -> Result<(), LineTooLong> {
        let limit = self.limit.unwrap_or(MAX_LINE);
        self.failed |= self.line.len() + more.len() > limit;
        if self.failed { Err(LineTooLong) } else { Ok(()) }
    }
}

fn deliver<E>(
    started: &mut bool,
    line: &[u8],
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let line = if std::mem::replace(started, true) {
        line
    } else {
        line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
    };
    match line.trim_ascii() {
        [] => Ok(()),
        line => take(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(splitter: &mut Splitter, chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), LineTooLong>) {
        let mut found = Vec::new();
        let mut keep = |line: &[u8]| {
            found.push(line.to_vec());
            Ok::<(), LineTooLong>(())
        };
        let mut outcome = Ok(());
        for chunk in chunks {
            outcome = outcome.and_then(|()| splitter.push(chunk, &mut keep));
        }
        let outcome = outcome.and_then(|()| splitter.finish(&mut keep));
        (found, outcome)
    }

    #[test]
    fn line_ends_blank_lines_and_a_missing_last_end_are_understood() {
        let input = b"\xef\xbb\xbf{\"a\":1}\n\r\n  \n{\"b\":\"\xc3\xa9\"}\r\n{\"c\"";
        let (found, outcome) = lines(&mut Splitter::new(), &[input]);
        assert_eq!(outcome, Ok(()));
        let expected: [&[u8]; 3] = [b"{\"a\":1}", b"{\"b\":\"\xc3\xa9\"}", b"{\"c\""];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_beyond_the_bound_is_refused_and_everything_after_it() {
        let mut splitter = Splitter::with_limit(4);
        let (found, outcome) = lines(&mut splitter, &[b"1234\n12345"]);
        assert_eq!((found.len(), outcome), (1, Err(LineTooLong)));
        assert_eq!(lines(&mut splitter, &[b"1\n"]), (vec![], Err(LineTooLong)));
        let (found, outcome) = lines(&mut Splitter::with_limit(4), &[b"123", b"45\n"]);
        assert_eq!((found.len(), outcome), (0, Err(LineTooLong)));
    }

    proptest! {
        #[test]
        fn splitting_anywhere_changes_nothing(
            input in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), Just(0xef), Just(0xbb),
                    Just(0xbf), any::<u8>()], 0..60),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
            at.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in at {
                chunks.push(&input[from..cut]);
                from = cut;
            }
            chunks.push(&input[from..]);
            let whole = lines(&mut Splitter::with_limit(16), &[&input]);
            prop_assert_eq!(lines(&mut Splitter::with_limit(16), &chunks), whole);
        }
    }
}
