//! Finding the bytes of a string that are not plain: a quote, a backslash, a control character.
//! Strings are most of what passes through here, and most of them are plain.

/// How far is looked eight bytes at a time: names and identities are short, and a vector search has
/// a price.
const NEAR: usize = 32;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Where the first quote or backslash is, from `at` on.
pub(super) fn end_of_plain(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let found = match near(rest, |word| equal(word, b'"') | equal(word, b'\\')) {
        Near::Found(found) => Some(found),
        Near::Nothing => None,
        Near::Beyond => memchr::memchr2(b'"', b'\\', &rest[NEAR..]).map(|found| NEAR + found),
    };
    found.map(|found| at + found)
}

/// Where the first byte is that may not stand in a string as it is, from `at` on.
pub(super) fn find(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let found = match near(rest, |word| equal(word, b'"') | equal(word, b'\\') | control(word)) {
        Near::Found(found) => Some(found),
        Near::Nothing => None,
        Near::Beyond => far(&rest[NEAR..]).map(|found| NEAR + found),
    };
    found.map(|found| at + found)
}

fn far(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'"', b'\\', bytes);
    let plain = &bytes[..end.unwrap_or(bytes.len())];
    // The least byte is found many at a time; where it is, is asked only when it matters.
    if plain.iter().fold(u8::MAX, |least, &byte| least.min(byte)) < 0x20 {
        return plain.iter().position(|&byte| byte < 0x20);
    }
    end
}

enum Near {
    Found(usize),
    /// There is none, and nothing further.
    Nothing,
    /// There is none within [`NEAR`].
    Beyond,
}

/// Looks at the first [`NEAR`] bytes. `marks`: gives the high bit of each byte that is looked for.
#[inline(always)]
fn near(bytes: &[u8], marks: impl Fn(u64) -> u64) -> Near {
    let (words, tail) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().take(NEAR / 8).enumerate() {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return Near::Found(place * 8 + first(found));
        }
    }
    if bytes.len() > NEAR {
        return Near::Beyond;
    }
    if tail.is_empty() {
        return Near::Nothing;
    }
    // The last eight bytes once more, with those behind them that are no whole word.
    if let Some(word) = bytes.last_chunk::<8>() {
        let found = marks(u64::from_le_bytes(*word));
        return if found == 0 {
            Near::Nothing
        } else {
            Near::Found(bytes.len() - 8 + first(found))
        };
    }
    let found = tail.iter().position(|&byte| marks(u64::from(byte) | (ONES << 8)) & 0x80 != 0);
    found.map_or(Near::Nothing, Near::Found)
}

/// The high bit of each byte that is `byte`; above the first of them, of others too.
fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (ONES * u64::from(byte));
    differs.wrapping_sub(ONES) & !differs & HIGHS
}

/// The high bit of each byte below 0x20; above the first of them, of others too.
fn control(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGHS
}

/// The place of the lowest byte whose high bit is set.
fn first(highs: u64) -> usize {
    (highs.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_looking_at_each_byte_finds(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..100),
                "[ -~]{0,90}[\"\\\\\\n]?[ -~é]{0,20}".prop_map(String::into_bytes),
                "[ !#-Z]{0,90}[\"\\\\\\x01]{0,2}[ -~é]{0,20}".prop_map(String::into_bytes),
            ],
            at in 0_usize..110,
        ) {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = |byte: &u8| matches!(byte, b'"' | b'\\');
            let expected = rest.iter().position(end).map(|found| at + found);
            prop_assert_eq!(end_of_plain(&bytes, at), expected);
            let special = |byte: &u8| end(byte) || *byte < 0x20;
            let expected = rest.iter().position(special).map(|found| at + found);
            prop_assert_eq!(find(&bytes, at), expected);
        }
    }
}
