//! Signatures over what a model said, so that altered history is caught when it comes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The simulator's own key. It guards nothing: it only makes signatures of others not fit.
const KEY: &[u8] = b"trunkline simulated provider signature";

/// The signature of a piece of content, as base64 text.
pub(crate) fn sign(purpose: &str, content: &str) -> String {
    let digest = Sha256::new()
        .chain_update(KEY)
        .chain_update(purpose)
        .chain_update([0])
        .chain_update(content)
        .finalize();
    // Real signatures are longer than a digest; carriers must not truncate them.
    STANDARD.encode([&digest[..], &digest[..], &digest[..]].concat())
}

/// Whether a signature was made by [`sign`] for just this content.
pub(crate) fn fits(signature: &str, purpose: &str, content: &str) -> bool {
    signature == sign(purpose, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_only_its_own_content_and_purpose() {
        let signature = sign("thinking", "text");
        assert!(fits(&signature, "thinking", "text"));
        assert!(!fits(&signature, "thinking", "Text"));
        assert!(!fits(&signature, "call", "text"));
        assert!(!fits("", "thinking", "text"));
    }
}
