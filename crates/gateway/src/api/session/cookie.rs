//! The cookie that a browser is known by.

use std::sync::Arc;

use http::header::{COOKIE, HOST, ORIGIN};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Uri};
use protocol::exchange::{ErrorType, Fault};
use sha2::{Digest as _, Sha256};
use store::{Micros, SESSION_LIFE};
use subtle::ConstantTimeEq as _;

use crate::control::{SignedIn, Snapshot};
use crate::error::{internal, unauthorized};
use crate::settings::Settings;

/// The cookie's name.
const NAME: &str = "trunkline_session";

/// Whether a request has the cookie.
pub fn is_there(headers: &HeaderMap) -> bool {
    values(headers).next().is_some()
}

/// Every value the cookie has: a browser may keep one for each path.
fn values(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// Who is signed in.
pub fn signed_in(
    headers: &HeaderMap,
    snapshot: &Snapshot,
    now: Micros,
) -> Result<Arc<SignedIn>, Fault> {
    if !is_there(headers) {
        return Err(unauthorized("You are not signed in"));
    }
    let found = values(headers).find_map(|token| {
        let hash: [u8; 32] = Sha256::digest(token).into();
        // As with keys: the hash of 256 random bits tells nothing by the time it takes to find.
        let (known, signed_in) = snapshot.people.sessions.get_key_value(&hash)?;
        Some(signed_in).filter(|_| bool::from(known.ct_eq(&hash)))
    });
    found
        .filter(|signed_in| signed_in.is_live(now))
        .cloned()
        .ok_or_else(|| unauthorized("Your session has ended; sign in again"))
}

/// Refuses what would change something and may come from a page that is not ours: a browser sends
/// the cookie along from other ports and names of the same site.
pub fn check_source(method: &Method, headers: &HeaderMap) -> Result<(), Fault> {
    // What does not change anything cannot be read by other pages either.
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    let is_same = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if is_same || is_marked(headers) {
        return Ok(());
    }
    Err(Fault::new(
        ErrorType::PermissionDenied,
        "This may come from another site: changes by session must come from the gateway's own \
         pages, or with the header X-Trunkline-Request: 1",
    ))
}

/// Refuses to sign somebody in from a page that is not ours: the person would work in another's
/// name. Programs, which name no page, may.
pub fn check_sign_in(settings: &Settings, headers: &HeaderMap) -> Result<(), Fault> {
    let is_ours = match (headers.get("sec-fetch-site"), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        // Browsers tell no site over plain http, but of each page that sends something its origin.
        (None, Some(origin)) => {
            is_marked(headers)
                || origin.to_str().is_ok_and(|origin| is_own_origin(origin, settings, headers))
        }
        (None, None) => true,
    };
    match is_ours {
        true => Ok(()),
        false => Err(Fault::new(
            ErrorType::PermissionDenied,
            "This comes from another site: sign in on the gateway's own pages",
        )),
    }
}

/// Whether our own pages have put their header on it: another origin would have to be allowed to.
fn is_marked(headers: &HeaderMap) -> bool {
    headers.get("x-trunkline-request").is_some_and(|mark| mark == "1")
}

/// Whether pages of an origin are ours: it is the public address, or the host that was asked.
fn is_own_origin(origin: &str, settings: &Settings, headers: &HeaderMap) -> bool {
    // That of a page without an origin is `null`, which is nobody's.
    let Some(origin) = Place::of(origin) else { return false };
    let public = Place::of(&settings.public_url);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    // Whether it was asked by https only a proxy knows, which need not tell.
    let asked = host.and_then(|host| Place::of(&format!("{}://{host}", origin.scheme)));
    [public, asked].into_iter().flatten().any(|own| own == origin)
}

/// An origin, with its port said.
#[derive(PartialEq)]
struct Place {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Place {
    /// The origin of an address; `None` if it has none.
    fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme().cloned()?;
        let default = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let host = uri.host()?.to_ascii_lowercase();
        Some(Self { host, port: uri.port_u16().unwrap_or(default), scheme })
    }
}

/// The header that makes a browser keep a session.
pub fn keep(token: &str, settings: &Settings, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
    header(token, SESSION_LIFE / 1_000_000, settings, headers)
}

/// The header that makes a browser forget its session.
pub fn forget(settings: &Settings, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
    header("", 0, settings, headers)
}

fn header(
    token: &str,
    seconds: i64,
    settings: &Settings,
    headers: &HeaderMap,
) -> Result<HeaderValue, Fault> {
    let path = settings.base_path.folder();
    let mut text =
        format!("{NAME}={token}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    if is_secure(settings, headers) {
        text.push_str("; Secure");
    }
    HeaderValue::from_str(&text).map_err(internal)
}

/// Whether the browser speaks https, to the gateway or to a proxy before it.
pub fn is_secure(settings: &Settings, headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let first = forwarded.and_then(|value| value.split(',').next());
    settings.public_url.starts_with("https://")
        || first.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert!(!is_there(&headers));
        headers.append(COOKIE, HeaderValue::from_static("a=b; trunkline_sessions=no"));
        assert!(!is_there(&headers));
        headers.append(COOKIE, HeaderValue::from_static("x=y;trunkline_session=1; c"));
        headers.append(COOKIE, HeaderValue::from_static("trunkline_session=2"));
        assert_eq!(values(&headers).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn the_cookie_is_for_our_pages_and_for_nobody_who_listens() {
        let shown = |url: &str, forwarded: Option<&'static str>| {
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            let base_path = path.parse().unwrap();
            let settings =
                Settings { public_url: url.to_owned(), base_path, ..Settings::default() };
            let mut headers = HeaderMap::new();
            if let Some(scheme) = forwarded {
                headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
            }
            keep("t", &settings, &headers).unwrap().to_str().unwrap().to_owned()
        };
        let plain = shown("http://127.0.0.1:8080", None);
        let expected = "trunkline_session=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax";
        assert_eq!(plain, expected);
        assert_eq!(shown("http://127.0.0.1:8080", Some("https")), format!("{expected}; Secure"));
        assert_eq!(shown("http://127.0.0.1:8080", Some("http, https")), expected);
        let below = shown("https://example.org/team/llm", None);
        assert!(below.contains("Path=/team/llm/;") && below.ends_with("; Secure"), "{below}");
    }

    #[test]
    fn changes_come_from_our_own_pages() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        assert!(check_source(&Method::GET, &HeaderMap::new()).is_ok());
        assert!(check_source(&Method::POST, &HeaderMap::new()).is_err());
        for site in ["cross-site", "same-site", "none"] {
            assert!(check_source(&Method::DELETE, &with("sec-fetch-site", site)).is_err());
        }
        assert!(check_source(&Method::POST, &with("sec-fetch-site", "same-origin")).is_ok());
        assert!(check_source(&Method::POST, &with("x-trunkline-request", "1")).is_ok());
        assert!(check_source(&Method::POST, &with("x-trunkline-request", "0")).is_err());
    }

    #[test]
    fn who_signs_in_does_so_on_our_own_pages_or_without_any() {
        let settings =
            Settings { public_url: "https://llm.example/gw".to_owned(), ..Settings::default() };
        let check = |headers: &[(&'static str, &'static str)]| {
            let named = headers.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            check_sign_in(&settings, &named.collect()).is_ok()
        };
        assert!(check(&[]));
        for (site, may) in
            [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)]
        {
            assert_eq!(check(&[("sec-fetch-site", site), ("origin", "http://evil")]), may);
        }
        for (origin, may) in [
            ("https://llm.example", true),
            ("https://LLM.example:443", true),
            ("http://llm.example", false),
            ("http://inside:8080", true),
            ("https://inside:8080", true),
            ("http://inside", false),
            ("http://inside:8081", false),
            ("http://evil.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(check(&[("origin", origin), ("host", "inside:8080")]), may, "{origin}");
        }
        assert!(!check(&[("origin", "http://inside")]), "no host is anybody's");
        assert!(check(&[("origin", "http://evil.example"), ("x-trunkline-request", "1")]));
    }
}
