//! The private key of a service account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rsa::KeyPair;
use ring::{rand as chance, signature};
use zeroize::Zeroizing;

use crate::Invalid;

const FIELD: &str = "private_key";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
const NOT_WHOLE: &str = "is not a whole RSA key in PKCS#8: copy it again";

/// An RSA key in PKCS#8. It is kept as bytes, which are wiped when dropped, and read anew for each
/// of its signatures, of which there is one an hour.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Reads the PEM text of a service account's JSON. Line breaks may be written as `\n`, as they
    /// are where the JSON has been through a shell or a form.
    pub(super) fn parse(pem: &str) -> Result<Self, Invalid> {
        let Some((_, rest)) = pem.split_once(BEGIN) else {
            return Err(Invalid::new(FIELD, other_form(pem)));
        };
        let Some((body, _)) = rest.split_once(END) else {
            return Err(Invalid::new(FIELD, "has no END line: part of it was not copied"));
        };
        let mut digits = Zeroizing::new(String::with_capacity(body.len()));
        for line in body.split("\\n") {
            digits.extend(line.chars().filter(|letter| !letter.is_whitespace()));
        }
        let mut bytes = Zeroizing::new(vec![0; digits.len()]);
        let length = STANDARD
            .decode_slice(digits.as_bytes(), &mut bytes)
            .map_err(|_| Invalid::new(FIELD, "is not base64 between its BEGIN and END lines"))?;
        bytes.truncate(length);
        KeyPair::from_pkcs8(&bytes).map_err(|reason| {
            Invalid::new(
                FIELD,
                match reason.to_string().as_str() {
                    "TooSmall" | "TooLarge" => "is not an RSA key of 2048 to 4096 bits",
                    "WrongAlgorithm" => "is not an RSA key",
                    _ => NOT_WHOLE,
                },
            )
        })?;
        // Some parts of a key are looked at only when it signs. Better to say so now than when the
        // first token is needed.
        let key = Self(bytes);
        match key.sign(b"") {
            Some(_) => Ok(key),
            None => Err(Invalid::new(FIELD, NOT_WHOLE)),
        }
    }

    /// Signs with RSASSA-PKCS1-v1_5 over SHA-256: RS256. RFC 7518 3.3
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let pair = KeyPair::from_pkcs8(&self.0).ok()?;
        let mut signature = vec![0; pair.public().modulus_len()];
        // This padding has nothing of chance in it: ring asks for a source and does not draw.
        let unused = chance::SystemRandom::new();
        pair.sign(&signature::RSA_PKCS1_SHA256, &unused, message, &mut signature).ok()?;
        Some(signature)
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PrivateKey(***)")
    }
}

/// What a text without the right BEGIN line seems to be.
fn other_form(pem: &str) -> &'static str {
    if pem.contains("BEGIN RSA PRIVATE KEY") {
        "is in PKCS#1: convert it with `openssl pkcs8 -topk8 -nocrypt`"
    } else if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        "is encrypted: give it as Google's JSON has it, in the clear"
    } else if pem.contains("BEGIN EC PRIVATE KEY") {
        "is not an RSA key"
    } else if pem.contains("BEGIN PUBLIC KEY") || pem.contains("BEGIN CERTIFICATE") {
        "is public: give the private key"
    } else {
        "is not PEM: it begins with `-----BEGIN PRIVATE KEY-----` in Google's JSON"
    }
}
