//! The token rule of the simulated vendors.
//!
//! Real tokenisers differ by model and would make expected usage hard to write down, so every
//! simulated vendor counts alike: one token for each four bytes of UTF-8, rounded up per piece
//! of text, and fixed prices for everything that is not text. A test can predict the usage of
//! an exchange with [`count`] and the constants here.

/// Tokens charged for each message (turn) besides its content; a system prompt is one message.
pub const MESSAGE_TOKENS: u64 = 4;
/// Tokens charged for one image, whatever its size.
pub const IMAGE_TOKENS: u64 = 256;
/// Tokens charged for one document (PDF, file, video), whatever its size.
pub const DOCUMENT_TOKENS: u64 = 1024;
/// Tokens charged for one audio clip, whatever its length.
pub const AUDIO_TOKENS: u64 = 128;

/// Tokens of the template around each prompt, which the simulated Cohere counts but does not bill.
pub const COHERE_TEMPLATE_TOKENS: u64 = 68;

/// Tokens in a piece of text: its length in bytes divided by four, rounded up.
pub fn count(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

/// The longest prefix of `text` that counts as at most `limit` tokens, cut between characters.
pub(crate) fn prefix(text: &str, limit: u64) -> &str {
    if count(text) <= limit {
        return text;
    }
    let mut end = usize::try_from(limit.saturating_mul(4)).unwrap_or(usize::MAX).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bytes_are_one_token_rounded_up() {
        for (text, expected) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("äöü", 2)] {
            assert_eq!(count(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_prefix_never_cuts_a_character() {
        assert_eq!(prefix("abcäbc", 1), "abc");
        assert_eq!(prefix("abcdef", 1), "abcd");
        assert_eq!(prefix("ab", 1), "ab");
        assert_eq!(prefix("ab", 0), "");
    }
}
