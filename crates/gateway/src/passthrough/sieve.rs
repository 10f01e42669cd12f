//! Step 6, beside it: events of any length, of which those that are too long are left out.

use memchr::memchr2_iter;
use protocol::sse::{FrameTooLong, Splitter};

/// Splits events, and goes on after one that is too long.
#[derive(Debug)]
pub struct Sieve {
    splitter: Splitter,
    most: usize,
    /// Bytes of the event under way.
    length: usize,
    /// The event under way is too long.
    is_left_out: bool,
    /// The line under way has something in it.
    in_line: bool,
    /// A line ended with a carriage return, and a line feed may belong to it.
    after_carriage_return: bool,
}

impl Sieve {
    /// For events of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            splitter: Splitter::with_limit(most),
            most,
            length: 0,
            is_left_out: false,
            in_line: false,
            after_carriage_return: false,
        }
    }

    /// Bytes pass; `read` is told the data of each event. Tells whether none was left out.
    pub fn push(&mut self, bytes: &[u8], mut read: impl FnMut(&[u8])) -> bool {
        let mut are_all = true;
        // Where the line under way begins, and what was not taken yet.
        let (mut line, mut from) = (0, 0);
        for at in memchr2_iter(b'\n', b'\r', bytes) {
            let belongs = std::mem::take(&mut self.after_carriage_return)
                && bytes[at] == b'\n'
                && at == line
                && !self.in_line;
            self.after_carriage_return = bytes[at] == b'\r';
            let is_blank = at == line && !self.in_line && !belongs;
            (self.in_line, line) = (false, at + 1);
            if is_blank {
                are_all &= self.take(&bytes[from..=at], &mut read);
                (self.length, self.is_left_out, from) = (0, false, at + 1);
            }
        }
        self.in_line |= line < bytes.len();
        are_all & self.take(&bytes[from..], &mut read)
    }

    /// The end, maybe in the middle of an event.
    pub fn finish(&mut self, mut read: impl FnMut(&[u8])) {
        let _ = self.splitter.finish(|frame| {
            read(frame.data);
            Ok::<_, FrameTooLong>(())
        });
    }

    /// Bytes of one event.
    fn take(&mut self, bytes: &[u8], read: &mut impl FnMut(&[u8])) -> bool {
        if self.is_left_out {
            return true;
        }
        self.length = self.length.saturating_add(bytes.len());
        let read = self.length <= self.most
            && self
                .splitter
                .push(bytes, |frame| {
                    read(frame.data);
                    Ok::<_, FrameTooLong>(())
                })
                .is_ok();
        if !read {
            self.splitter = Splitter::with_limit(self.most);
            self.is_left_out = true;
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], most: usize, size: usize) -> (Vec<String>, bool) {
        let (mut sieve, mut events, mut are_all) = (Sieve::new(most), Vec::new(), true);
        let mut keep = |data: &[u8]| events.push(String::from_utf8_lossy(data).into_owned());
        for piece in bytes.chunks(size) {
            are_all &= sieve.push(piece, &mut keep);
        }
        sieve.finish(&mut keep);
        (events, are_all)
    }

    #[test]
    fn what_is_too_long_is_left_out_and_nothing_else() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = ["data: 1", "", "data: 0123456789", "data: 0123456789", "", "data: 2", ""];
            let events = lines.join(end) + end + "data: 3";
            for size in 1..events.len() {
                let (all, are_all) = read(events.as_bytes(), 100, size);
                assert_eq!((all.len(), are_all), (4, true), "{end:?} {size}");
                let (some, are_all) = read(events.as_bytes(), 24, size);
                assert_eq!((some, are_all), (["1", "2", "3"].map(str::to_owned).to_vec(), false));
            }
        }
    }
}
