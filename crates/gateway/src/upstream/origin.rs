//! Where a provider listens, taken apart once so that a request only joins texts.

use std::hash::{Hash, Hasher};

use http::Uri;
use http::uri::{Authority, Scheme};

/// A provider's address: scheme, authority and the path below which its API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// The path prefix, without a trailing slash; may be empty.
    pub prefix: String,
}

/// By the length of host and port and by their end alone: providers are few, and each request looks
/// for its own twice. What is equal but for its case has the same hash.
impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let host = self.authority.as_str().as_bytes();
        let mut end = 0_u64;
        for byte in host.iter().rev().take(16) {
            end = end.rotate_left(7) ^ u64::from(byte.to_ascii_lowercase());
        }
        state.write_u64(end ^ ((host.len() as u64) << 32));
    }
}

/// A base URL that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a usable base URL: expected http://host[:port][/path] or https://…")]
pub struct OriginError(pub String);

impl Origin {
    /// Reads a base URL. Credentials inside it, queries and fragments are refused.
    pub fn parse(base_url: &str) -> Result<Self, OriginError> {
        let fail = || OriginError(base_url.chars().take(200).collect());
        if base_url.contains(['?', '#']) {
            return Err(fail());
        }
        let parts = base_url.parse::<Uri>().map_err(|_| fail())?.into_parts();
        let scheme = parts.scheme.ok_or_else(fail)?;
        let authority = parts.authority.ok_or_else(fail)?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS || authority.as_str().contains('@') {
            return Err(fail());
        }
        let path = parts.path_and_query.map(|path| path.path().to_owned()).unwrap_or_default();
        Ok(Self { scheme, authority, prefix: path.trim_end_matches('/').to_owned() })
    }

    /// The URI to connect to.
    pub fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use super::*;

    #[test]
    fn what_is_equal_has_the_same_hash() {
        let hash =
            |url| foldhash::fast::FixedState::default().hash_one(Origin::parse(url).unwrap());
        let (one, other) = ("https://API.example.com:8443/v1", "https://api.EXAMPLE.com:8443/v1");
        assert_eq!(Origin::parse(one), Origin::parse(other));
        assert_eq!(hash(one), hash(other));
        assert_ne!(hash(one), hash("https://api.example.org:8443/v1"));
    }

    #[test]
    fn base_urls_are_taken_apart_or_refused() {
        let origin = Origin::parse("https://api.example.com/v1/").unwrap();
        assert_eq!(origin.authority.as_str(), "api.example.com");
        assert_eq!(origin.prefix, "/v1");
        assert_eq!(Origin::parse("http://127.0.0.1:8080").unwrap().prefix, "");
        for bad in
            ["", "api.example.com", "ftp://a", "https://a?b=c", "https://user:pw@a/", "http://"]
        {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
