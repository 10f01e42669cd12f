//! Signature Version 4: the request in one canonical form, signed with a key that is good for a
//! day, a region and a service.

use ring::digest::{self, Digest};
use ring::hmac;
use zeroize::Zeroizing;

use super::AwsCredentials;
use super::canonical::canonical;
use super::clock::basic_time;
use crate::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The SHA-256 of a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyHash(Digest);

impl BodyHash {
    /// The hash of a body's bytes, which may come in parts.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        Self(context.finish())
    }

    /// In lower-case hex, 64 digits.
    pub fn hex(&self) -> String {
        hex(self.0.as_ref())
    }
}

/// A request that is to be signed, exactly as it will be sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The value of the `Host` header; with the port, if it is there.
    pub host: &'a str,
    /// The path in the form in which it is sent, percent-encoded once.
    pub path: &'a str,
    /// The query in the form in which it is sent, without `?`; empty for none.
    pub query: &'a str,
    /// Further headers that are signed, such as `content-type`. Only what arrives unchanged may be
    /// among them: nothing a client library or a proxy writes. `Host` and headers that signing
    /// sets are passed over.
    pub headers: &'a [(&'a str, &'a str)],
    /// The hash of the body, of all bytes that are sent.
    pub body: BodyHash,
    /// Whether the hash is sent as a header too. S3 and a few others ask for it; Bedrock does not.
    pub sends_body_hash: bool,
}

/// Headers to add to a request that was signed.
#[derive(Clone, Debug)]
pub struct SignedHeaders {
    /// `Authorization`. Not a key, but good for this request for a few minutes.
    pub authorization: Secret,
    /// `x-amz-date`.
    pub x_amz_date: String,
    /// `x-amz-security-token`, with temporary keys.
    pub x_amz_security_token: Option<Secret>,
    /// `x-amz-content-sha256`, if it was asked for.
    pub x_amz_content_sha256: Option<String>,
}

impl SignedHeaders {
    /// Names in lower case, with values, secret ones among them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.x_amz_security_token.as_ref().map(Secret::expose);
        [
            Some(("authorization", self.authorization.expose())),
            Some(("x-amz-date", self.x_amz_date.as_str())),
            token.map(|token| ("x-amz-security-token", token)),
            self.x_amz_content_sha256.as_deref().map(|hash| ("x-amz-content-sha256", hash)),
        ]
        .into_iter()
        .flatten()
    }
}

/// Signs a request at a time in seconds since 1970; servers allow five minutes of difference. The
/// region is an argument, whatever the credentials say.
pub fn sign(
    credentials: &AwsCredentials,
    region: &str,
    service: &str,
    request: &Request<'_>,
    at: u64,
) -> SignedHeaders {
    let x_amz_date = basic_time(at);
    let x_amz_content_sha256 = request.sends_body_hash.then(|| request.body.hex());
    let mut own = vec![("x-amz-date", x_amz_date.as_str())];
    if let Some(token) = &credentials.session_token {
        own.push(("x-amz-security-token", token.expose()));
    }
    if let Some(hash) = &x_amz_content_sha256 {
        own.push(("x-amz-content-sha256", hash));
    }
    let canonical = canonical(request, &own);
    // Eight digits and more are there by construction.
    let day = x_amz_date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let hash = BodyHash::of([canonical.text.as_bytes()]).hex();
    let signed = format!("{ALGORITHM}\n{x_amz_date}\n{scope}\n{hash}");
    let key = signing_key(&credentials.secret_access_key, day, region, service);
    let signature = hex(keyed(key.as_ref(), &signed).as_ref());
    let authorization = Secret::new(format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id, canonical.signed_headers
    ));
    SignedHeaders {
        authorization,
        x_amz_date,
        x_amz_security_token: credentials.session_token.clone(),
        x_amz_content_sha256,
    }
}

/// What the key for a day, a region and a service is made of.
pub(super) fn signing_key(secret: &Secret, day: &str, region: &str, service: &str) -> hmac::Tag {
    let mut first = Zeroizing::new(Vec::with_capacity(4 + secret.expose().len()));
    first.extend_from_slice(b"AWS4");
    first.extend_from_slice(secret.expose().as_bytes());
    let mut tag = keyed(&first, day);
    for part in [region, service, "aws4_request"] {
        tag = keyed(tag.as_ref(), part);
    }
    tag
}

fn keyed(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0f)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}
