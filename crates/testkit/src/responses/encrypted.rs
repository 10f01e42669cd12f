//! Encrypted reasoning, which a stateless caller sends back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::rejection::Rejection;
use crate::signature;

/// How the vendor's encrypted content begins.
const HEAD: &str = "gAAAAAB";
const PURPOSE: &str = "encrypted reasoning";

/// The content of a finished item. It is not secret, but it cannot be altered or made up.
pub(super) fn seal(id: &str, reasoning: &str) -> String {
    let inside = format!("{id}\n{reasoning}");
    let signed = format!("{}\n{inside}", signature::sign(PURPOSE, &inside));
    format!("{HEAD}{}", URL_SAFE.encode(signed))
}

/// What a stream shows when an item begins: content that does not open.
pub(super) fn unfinished() -> String {
    format!("{HEAD}{}", URL_SAFE.encode("unfinished"))
}

/// Opens the content of an item and returns the reasoning. `id` may be left out by the caller.
pub(super) fn open(content: &str, id: Option<&str>) -> Result<String, Rejection> {
    let refused = |reason: &str| {
        Rejection::invalid(format!(
            "The encrypted content for item {} could not be verified. Reason: {reason}",
            id.unwrap_or("(no id)")
        ))
        .kind("invalid_encrypted_content")
    };
    let opened = content
        .strip_prefix(HEAD)
        .and_then(|packed| URL_SAFE.decode(packed).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let opened = opened.as_deref().and_then(|text| text.split_once('\n'));
    let Some((_, inside)) = opened.filter(|(sign, inside)| signature::fits(sign, PURPOSE, inside))
    else {
        return Err(refused("Encrypted content could not be decrypted or parsed."));
    };
    let (issued, reasoning) = inside.split_once('\n').unwrap_or_default();
    match id {
        Some(id) if id != issued => {
            Err(refused("Encrypted content item_id did not match the target item id."))
        }
        _ => Ok(reasoning.to_owned()),
    }
}
