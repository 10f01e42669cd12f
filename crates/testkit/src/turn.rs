//! What the wire formats share about one exchange, and the events a stream is made of.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::script::{Script, UsageMode};

/// One exchange being answered.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// Sequence number of the call; ids are derived from it.
    pub number: u64,
    /// Unix time in seconds.
    pub created: u64,
    pub usage: UsageMode,
    /// Number of content chunks wanted.
    pub chunks: Option<usize>,
}

impl Turn {
    pub(crate) fn new(number: u64, created: u64, script: &Script) -> Self {
        Self { number, created, usage: script.usage, chunks: script.chunks }
    }

    /// An id of `length` letters and digits, unique for the exchange and `purpose`.
    pub(crate) fn id(&self, purpose: &str, length: usize) -> String {
        const LETTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let digest = Sha256::new()
            .chain_update(self.created.to_le_bytes())
            .chain_update(self.number.to_le_bytes())
            .chain_update(purpose)
            .finalize();
        let letters = digest.iter().cycle().take(length);
        letters.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
    }
}

/// One frame of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub bytes: Bytes,
    /// Generated tokens sent once this event is out.
    pub output: u64,
    /// Whether the event carries content; scripted points count these.
    pub content: bool,
}
