//! What is said with a page or a file: how long it may be kept, and what it may do.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use xxhash_rust::xxh3::xxh3_128;

use crate::answer::AnswerBody;

/// What pages may do: no script or style but our own files, no other host, no frame around them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; base-uri 'self'; form-action 'self'; \
    frame-ancestors 'none'";

/// How long a browser may keep what it got.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// Its name has a digest of the content in it.
    ForEver,
    /// It is asked for each time, and sent only if it has changed.
    Checked,
}

/// What is sent.
pub struct Content {
    media_type: &'static str,
    digest: String,
    raw: Cow<'static, [u8]>,
    brotli: Option<&'static [u8]>,
}

impl Content {
    /// A file of the dashboard.
    pub fn of(file: dashboard::File) -> Self {
        let digest = match &*file.digest {
            "" => digest(&file.raw),
            known => known.to_owned(),
        };
        Self { media_type: file.media_type, digest, raw: file.raw, brotli: file.brotli }
    }

    /// The page, filled in.
    pub fn page(text: String) -> Self {
        let raw = text.into_bytes();
        let digest = digest(&raw);
        Self { media_type: "text/html; charset=utf-8", digest, raw: Cow::Owned(raw), brotli: None }
    }
}

fn digest(raw: &[u8]) -> String {
    format!("{:032x}", xxh3_128(raw))
}

/// The content, compressed if the caller takes that, or that it has not changed.
pub fn content(asked: &HeaderMap, content: Content, cached: Cached) -> Response<AnswerBody> {
    let varies = content.brotli.is_some();
    let small = content.brotli.filter(|_| takes_brotli(asked));
    // Two forms of one file are two things to a cache.
    let form = if small.is_some() { "-br" } else { "" };
    let tag = format!("\"{}{form}\"", content.digest);
    let unchanged = has(asked, &tag);
    let body = match (unchanged, small) {
        (true, _) => Bytes::new(),
        (false, Some(small)) => Bytes::from_static(small),
        (false, None) => match content.raw {
            Cow::Borrowed(raw) => Bytes::from_static(raw),
            Cow::Owned(raw) => Bytes::from(raw),
        },
    };
    let mut response = Response::new(AnswerBody::whole(body));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    let keep = match cached {
        Cached::ForEver => "public, max-age=31536000, immutable",
        Cached::Checked => "no-cache",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.media_type));
    if varies {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if small.is_some() && !unchanged {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    guard(headers);
    response
}

/// An answer that is its status alone.
pub fn plain(status: StatusCode) -> Response<AnswerBody> {
    let text = format!("{}\n", status.canonical_reason().unwrap_or_default());
    let mut response = Response::new(AnswerBody::whole(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    guard(headers);
    response
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

/// The parts of a header that is a list.
fn parts<'a>(asked: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = asked.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether the caller has what the tag stands for. RFC 9110, 13.1.2
fn has(asked: &HeaderMap, tag: &str) -> bool {
    parts(asked, &IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Whether the caller takes brotli. RFC 9110, 12.5.3
fn takes_brotli(asked: &HeaderMap) -> bool {
    parts(asked, &ACCEPT_ENCODING).any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
        let refused = words.any(|word| {
            let weight = word.strip_prefix("q=").or_else(|| word.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn file() -> Content {
        Content::of(dashboard::File {
            media_type: "text/css; charset=utf-8",
            digest: Cow::Borrowed("0a1b"),
            raw: Cow::Borrowed(b"body { color: red }"),
            brotli: Some(b"small"),
        })
    }

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        for (accepted, takes) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("gzip;q=1.0, BR;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.000", false),
            ("brotli", false),
            ("gzip", false),
            ("", false),
        ] {
            let response = content(&asking(ACCEPT_ENCODING, accepted), file(), Cached::ForEver);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), takes, "{accepted}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        for known in ["\"0a1b\"", "W/\"0a1b\"", "\"x\", \"0a1b\"", "*"] {
            let response = content(&asking(IF_NONE_MATCH, known), file(), Cached::Checked);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
        }
        for other in ["\"0a1b-br\"", "\"0a\"", "0a1b"] {
            let response = content(&asking(IF_NONE_MATCH, other), file(), Cached::Checked);
            assert_eq!(response.status(), StatusCode::OK, "{other}");
        }
    }

    #[test]
    fn a_page_may_run_nothing_but_our_files() {
        let response = content(&HeaderMap::new(), Content::page("<p>".into()), Cached::Checked);
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
