//! Identities of things that have none of their own.

use sha2::{Digest as _, Sha256};

/// A UUID (version 8: by a hash) that stays the same for the same parts.
pub fn derived_uuid(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        // Parts are never taken for others that read the same one after the other.
        digest.update([0]);
    }
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// A number of at most 31 bits that stays the same for the same text.
pub fn derived_number(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_stable_and_tell_parts_apart() {
        let id = derived_uuid(&["a", "b"]);
        assert_eq!(id, derived_uuid(&["a", "b"]));
        assert_ne!(id, derived_uuid(&["ab", ""]));
        assert_eq!((id.len(), &id[14..15]), (36, "8"));
        assert_ne!(derived_number("a"), derived_number("b"));
    }
}
