//! Identities of generations.

use std::fmt::Write as _;

use crate::Micros;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MICROS_PER_SECOND: u32 = 1_000_000;

/// Makes an identity: `gen-<unix seconds>-<20 alphanumerics>` (GEN-3). Four of the twenty tell the
/// moment within the second, so that identities made one after the other also sort so: rows go to
/// the end of the table's index instead of all over it, which halves the cost of writing them.
/// The other sixteen are taken from `random`, some 95 bits of it.
pub fn generation_id(now: Micros, random: [u8; 16]) -> String {
    let seconds = now.div_euclid(i64::from(MICROS_PER_SECOND));
    let micros = now.rem_euclid(i64::from(MICROS_PER_SECOND));
    // Room for the seconds of some centuries.
    let mut text = String::with_capacity(4 + 11 + 1 + 20);
    // Writing to a string does not fail.
    let _ = write!(text, "gen-{seconds}-");
    push_digits::<4>(&mut text, micros.unsigned_abs());
    let (low, high) = random.split_at(8);
    for half in [low, high] {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(half);
        push_digits::<8>(&mut text, u64::from_le_bytes(bytes));
    }
    text
}

/// Appends the lowest digits of a number in base 62, highest first.
fn push_digits<const COUNT: usize>(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    // Digits are ASCII, so this never fails.
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_identity_has_the_documented_form() {
        let id = generation_id(1_700_000_000_999_999, [0xff; 16]);
        let digits = id.strip_prefix("gen-1700000000-").unwrap();
        assert_eq!(digits.len(), 20);
        assert!(digits.bytes().all(|digit| digit.is_ascii_alphanumeric()));
        assert_eq!(generation_id(0, [0; 16]), "gen-0-00000000000000000000");
    }

    proptest! {
        #[test]
        fn later_identities_sort_later(
            now in 1_000_000_000_000_000..9_000_000_000_000_000_i64,
            later in 1..10_000_000_i64,
            first: [u8; 16],
            second: [u8; 16],
        ) {
            prop_assert!(generation_id(now, first) < generation_id(now + later, second));
        }
    }
}
