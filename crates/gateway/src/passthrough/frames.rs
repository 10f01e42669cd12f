//! Where the frames of a WebSocket begin and end, so that a farewell can be put between two of
//! them, and what a provider says in them can be read. RFC 6455, 5.2

/// The way of frames in one direction.
#[derive(Debug, Default)]
pub struct Frames {
    /// The header of the frame that is under way, as far as it came.
    header: [u8; 14],
    /// How much of it came.
    have: usize,
    /// Bytes of payload that are still to come.
    left: u64,
    /// All bytes that passed.
    passed: u64,
    /// A frame that closes the connection has passed.
    closing: bool,
}

/// The opcode of a frame that closes the connection.
const CLOSE: u8 = 8;

/// How a server says that it goes away: unmasked, status 1001.
pub const GOING_AWAY_TO_CALLER: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];
/// The same as a client says it: masked, with a mask that changes nothing.
pub const GOING_AWAY_TO_PROVIDER: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

/// The most that the reason of a frame may have which closes the connection, in bytes.
const LONGEST_REASON: usize = 123;

/// How a server says that it does not take what was said, and why: status 1008.
pub fn refused_to_caller(reason: &str) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
    // It is shorter than a byte can tell.
    let length = u8::try_from(reason.len() + 2).unwrap_or(2);
    [&[0x88, length, 0x03, 0xf0], reason.as_bytes()].concat()
}

/// A piece of what is in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'p> {
    /// What kind of frame it is: 0 goes on with the one before.
    pub opcode: u8,
    /// It can be read as it is: neither masked nor changed by an extension.
    pub is_plain: bool,
    /// What the bytes are masked with, the first of them first.
    pub mask: Option<[u8; 4]>,
    /// The message ends with this frame.
    pub is_last: bool,
    /// The frame ends with this piece.
    pub ends: bool,
    /// The bytes.
    pub bytes: &'p [u8],
}

impl Frames {
    /// Bytes passed; `piece` is told what is in the frames.
    pub fn pass(&mut self, mut bytes: &[u8], mut piece: impl FnMut(Piece<'_>)) {
        self.passed = self.passed.saturating_add(bytes.len() as u64);
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= length as u64;
                piece(self.piece(&bytes[..length]));
                bytes = &bytes[length..];
                continue;
            }
            self.header[self.have] = *first;
            self.have += 1;
            bytes = rest;
            if self.have == self.header_length() {
                self.closing |= self.header[0] & 0x0f == CLOSE;
                self.left = self.payload_length();
                self.have = 0;
                if self.left == 0 {
                    piece(self.piece(&[]));
                }
            }
        }
    }

    fn piece<'p>(&self, bytes: &'p [u8]) -> Piece<'p> {
        let [first, second, ..] = self.header;
        Piece {
            opcode: first & 0x0f,
            is_plain: first & 0x70 == 0 && second & 0x80 == 0,
            mask: (second & 0x80 != 0).then(|| self.mask(bytes.len())),
            is_last: first & 0x80 != 0,
            ends: self.left == 0,
            bytes,
        }
    }

    /// The mask of the bytes that passed last, so many of them.
    fn mask(&self, length: usize) -> [u8; 4] {
        let before = self.payload_length() - self.left - length as u64;
        let from = 2 + self.extended_length();
        std::array::from_fn(|at| self.header[from + (before % 4 + at as u64) as usize % 4])
    }

    /// Whether the last frame is complete, and another may follow.
    pub fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0 && !self.closing
    }

    /// How many bytes passed.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// How long the header is that is under way; as far as that is known yet.
    fn header_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        2 + self.extended_length() + mask
    }

    /// How much longer it is because of the length in it.
    fn extended_length(&self) -> usize {
        match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn payload_length(&self) -> u64 {
        let number = |bytes: &[u8]| {
            bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        match self.header[1] & 0x7f {
            126 => number(&self.header[2..4]),
            127 => number(&self.header[2..10]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, payload: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match payload {
            0..126 => frame.push(mask | payload as u8),
            126..65_536 => {
                frame.push(mask | 126);
                frame.extend_from_slice(&(payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend_from_slice(&(payload as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend_from_slice(&[1, 2, 3, 4]);
        }
        frame.resize(frame.len() + payload, b'x');
        frame
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut frames = Frames::default();
        assert!(frames.is_between());
        frames.pass(&GOING_AWAY_TO_CALLER, |_| {});
        assert!(!frames.is_between());
    }

    proptest! {
        #[test]
        fn boundaries_are_found_wherever_the_bytes_are_cut(
            sizes in proptest::collection::vec(
                (prop_oneof![0_usize..130, 65_000_usize..66_000], any::<bool>()), 1..5),
            cut in 1_usize..5_000,
        ) {
            let mut frames = Frames::default();
            let mut total = 0;
            for (size, masked) in sizes {
                let bytes = frame(2, size, masked);
                total += bytes.len() as u64;
                frames.pass(&bytes[..bytes.len() - 1], |_| {});
                prop_assert!(!frames.is_between());
                frames.pass(&bytes[bytes.len() - 1..], |_| {});
                prop_assert!(frames.is_between());
                let (mut pieces, mut seen, mut ends) = (Frames::default(), 0, 0);
                for piece in bytes.chunks(cut) {
                    pieces.pass(piece, |piece| {
                        let first = (seen % 4) as u8 + 1;
                        assert_eq!(piece.mask.map(|mask| mask[0]), masked.then_some(first));
                        assert_eq!((piece.opcode, piece.is_plain, piece.is_last), (2, !masked, true));
                        (seen, ends) = (seen + piece.bytes.len(), ends + usize::from(piece.ends));
                    });
                }
                prop_assert!(pieces.is_between());
                prop_assert_eq!((seen, ends), (size, 1));
            }
            prop_assert_eq!(frames.passed(), total);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut frames = Frames::default();
            bytes.chunks(7).for_each(|piece| frames.pass(piece, |_| {}));
        }
    }
}
