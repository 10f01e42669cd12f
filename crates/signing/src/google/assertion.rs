//! The signed statement with which a service account asks for a token. RFC 7523 2.1

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{SCOPE, ServiceAccount};
use crate::{Secret, TokenError};

/// How long an assertion holds, in seconds: the longest Google takes.
const LIFE: u64 = 3600;

/// How far back an assertion is dated, in seconds: one from the future is refused, and clocks
/// differ.
const BACK: u64 = 10;

/// The assertion of an account, made at a time in seconds since 1970.
pub(super) fn assertion(account: &ServiceAccount, at: u64) -> Result<Secret, TokenError> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &account.private_key_id {
        header["kid"] = json!(id);
    }
    let issued = at.saturating_sub(BACK);
    let claims = json!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": issued,
        "exp": issued.saturating_add(LIFE),
    });
    let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
    let signature = account.private_key.sign(text.as_bytes()).ok_or(TokenError::Signature)?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(Secret::new(text))
}
