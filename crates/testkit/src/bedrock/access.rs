//! Who may ask: a signature (SigV4) or a bearer token (wire-formats 5.1).

use http::HeaderMap;

use crate::rejection::Rejection;

/// Refuses requests that carry neither. A signature must have all its parts, but it is not
/// recomputed: the simulator knows nobody's secret.
pub(crate) fn admit(headers: &HeaderMap) -> Result<(), Rejection> {
    let refused = |kind: &str, message: &str| Err(Rejection::new(403, message).kind(kind));
    let Some(value) = header(headers, "authorization") else {
        return refused("MissingAuthenticationTokenException", "Missing Authentication Token");
    };
    if value.strip_prefix("Bearer ").is_some_and(|token| !token.is_empty()) {
        return Ok(());
    }
    let Some(parts) = value.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return refused(
            "IncompleteSignatureException",
            "Authorization header is neither AWS4-HMAC-SHA256 nor Bearer.",
        );
    };
    for name in ["Credential", "SignedHeaders", "Signature"] {
        if part(parts, name).is_none_or(str::is_empty) {
            return refused(
                "IncompleteSignatureException",
                &format!("Authorization header requires '{name}' parameter."),
            );
        }
    }
    let scope: Vec<&str> = part(parts, "Credential").unwrap_or_default().split('/').collect();
    let [_, day, _, service, "aws4_request"] = scope[..] else {
        return refused(
            "InvalidSignatureException",
            "Credential should be scoped with a valid terminator: 'aws4_request'.",
        );
    };
    if service != "bedrock" {
        return refused(
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'bedrock'.",
        );
    }
    if !header(headers, "x-amz-date").is_some_and(|date| date.starts_with(day)) {
        return refused(
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        );
    }
    let signed: Vec<&str> = part(parts, "SignedHeaders").unwrap_or_default().split(';').collect();
    if !signed.contains(&"host") || !signed.contains(&"x-amz-date") {
        return refused(
            "InvalidSignatureException",
            "'Host' and 'X-Amz-Date' must be 'SignedHeader's in the AWS Authorization.",
        );
    }
    let signature = part(parts, "Signature").unwrap_or_default();
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        );
    }
    Ok(())
}

/// The bearer token, or the access key id of a signature.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    let value = header(headers, "authorization")?;
    if let Some(token) = value.strip_prefix("Bearer ") {
        return Some(token);
    }
    part(value.strip_prefix("AWS4-HMAC-SHA256 ")?, "Credential")?.split('/').next()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn part<'a>(parts: &'a str, name: &str) -> Option<&'a str> {
    parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}
