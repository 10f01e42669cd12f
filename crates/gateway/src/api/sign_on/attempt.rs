//! One attempt to sign on, as the browser keeps it: a random text, from which state, nonce and the
//! verifier of PKCE are derived, and the page to come back to. Whoever has not the cookie can make
//! none of them, and the service sees no two that are the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use protocol::exchange::Fault;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::api::session::cookie::is_secure;
use crate::error::internal;
use crate::settings::Settings;

const NAME: &str = "trunkline_sign_on";

/// How long one may take at the service, in seconds.
const LIFE: u32 = 600;

/// The longest page to come back to, in bytes; a longer one is forgotten.
const LONGEST_PAGE: usize = 1000;

/// What a page may not have in a cookie or in an address as it is.
const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b';').add(b',').add(b'\\');

/// An attempt to sign on.
pub struct Attempt {
    secret: String,
    /// Where to come back to, below the gateway's address.
    pub return_to: String,
}

impl Attempt {
    /// A new one.
    pub fn new(return_to: Option<&str>) -> Result<Self, Fault> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(internal)?;
        Ok(Self { secret: URL_SAFE_NO_PAD.encode(bytes), return_to: page(return_to) })
    }

    /// The one that a browser comes back with.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
        let mut pairs = cookies.flat_map(|header| header.split(';'));
        let value = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
        let (secret, return_to) = value.split_once('.')?;
        Some(Self { secret: secret.to_owned(), return_to: page(Some(return_to)) })
    }

    /// What the service sends back as it came.
    pub fn state(&self) -> String {
        self.derived("state")
    }

    /// Whether what the service sent back is of this attempt.
    pub fn is_state(&self, state: &str) -> bool {
        bool::from(self.state().as_bytes().ct_eq(state.as_bytes()))
    }

    /// What the service puts into the token.
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What proves that who exchanges the code has asked for it. RFC 7636
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// What the service is told of the verifier.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derived(&self, purpose: &str) -> String {
        let digest = Sha256::new().chain_update(purpose).chain_update([0]);
        URL_SAFE_NO_PAD.encode(digest.chain_update(&self.secret).finalize())
    }

    /// The header that makes a browser keep it.
    pub fn keep(&self, settings: &Settings, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
        header(&format!("{}.{}", self.secret, self.return_to), LIFE, settings, headers)
    }
}

/// The header that makes a browser forget the attempt.
pub fn forget(settings: &Settings, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
    header("", 0, settings, headers)
}

fn header(
    value: &str,
    seconds: u32,
    settings: &Settings,
    headers: &HeaderMap,
) -> Result<HeaderValue, Fault> {
    let path = settings.base_path.folder();
    // Lax: the browser comes from another site.
    let mut text = format!(
        "{NAME}={value}; Path={path}api/internal/oidc/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    );
    if is_secure(settings, headers) {
        text.push_str("; Secure");
    }
    HeaderValue::from_str(&text).map_err(internal)
}

/// A page of ours: whatever is said, it stands behind our own address and a slash. What is escaped
/// already stays as it is.
fn page(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().trim_start_matches(['/', '\\']);
    if text.len() > LONGEST_PAGE {
        return String::new();
    }
    utf8_percent_encode(text, UNSAFE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_comes_back_as_it_was_and_tells_no_other() {
        let settings = Settings::default();
        let attempt = Attempt::new(Some("/logs?status=failed&x=a;b")).unwrap();
        let cookie = attempt.keep(&settings, &HeaderMap::new()).unwrap();
        let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
        assert!(rest.contains("Path=/api/internal/oidc/") && rest.contains("HttpOnly"), "{rest}");
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(&format!("a=b; {pair}")).unwrap());
        let back = Attempt::of(&headers).unwrap();
        assert_eq!(back.return_to, "logs?status=failed&x=a%3Bb");
        assert!(back.is_state(&attempt.state()) && !back.is_state(&attempt.nonce()));
        assert_eq!((back.nonce(), back.verifier()), (attempt.nonce(), attempt.verifier()));
        // RFC 7636: 43 to 128 characters.
        assert_eq!((attempt.verifier().len(), attempt.challenge().len()), (43, 43));
        let other = Attempt::new(None).unwrap();
        assert!(!other.is_state(&attempt.state()));
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (given, kept) in [
            ("//evil.example/x", "evil.example/x"),
            ("/\\evil.example", "evil.example"),
            ("https://evil.example", "https://evil.example"),
            ("a b\r\nSet-Cookie: x", "a%20b%0D%0ASet-Cookie:%20x"),
            ("ä", "%C3%A4"),
        ] {
            // All of them stand behind the gateway's own address and a slash.
            assert_eq!(page(Some(given)), kept);
        }
        assert_eq!(page(Some(&"x".repeat(LONGEST_PAGE + 1))), "");
    }
}
