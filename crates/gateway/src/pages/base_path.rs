//! The path below which everything is served, where a proxy gives the gateway a part of a host.

use std::str::FromStr;

use http::Uri;
use http::uri::PathAndQuery;

/// A path such as `/gw` or `/team/llm`; empty: the root. It is written into the page, so it has
/// only letters, digits, `-`, `_`, `.` and `~` between its slashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A text that is no base path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no base path: expected one such as /gw or /team/llm, of letters, digits, `-`, `_`, \
     `.` and `~`"
)]
pub struct NotAPath(String);

impl FromStr for BasePath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let inner = text.trim_matches('/');
        if inner.is_empty() {
            return Ok(Self::default());
        }
        let is_plain = |part: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            !matches!(part, "" | "." | "..") && part.bytes().all(known)
        };
        if !inner.split('/').all(is_plain) || inner.len() > 200 {
            return Err(NotAPath(text.chars().take(80).collect()));
        }
        Ok(Self(format!("/{inner}")))
    }
}

impl BasePath {
    /// Without a slash at its end; empty: the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With a slash at its end: what relative addresses are relative to, and a cookie's path.
    pub fn folder(&self) -> String {
        format!("{}/", self.0)
    }

    /// The address without this path in front; `None` if it is not below it.
    pub fn strip(&self, uri: &Uri) -> Option<Uri> {
        if self.0.is_empty() {
            return None;
        }
        let rest = uri.path_and_query()?.as_str().strip_prefix(&self.0)?;
        if !rest.starts_with('/') {
            return None;
        }
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Whether this is the address of the folder without the slash, which browsers have to add.
    pub fn lacks_slash(&self, uri: &Uri) -> bool {
        !self.0.is_empty() && uri.path() == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_around_a_path_mean_nothing() {
        for (text, path) in [
            ("", ""),
            ("/", ""),
            ("gw", "/gw"),
            ("/gw/", "/gw"),
            ("/team/llm", "/team/llm"),
            ("/v1.2/~me", "/v1.2/~me"),
        ] {
            assert_eq!(text.parse::<BasePath>().unwrap().as_str(), path, "{text}");
        }
        for bad in ["/a b", "/a\"", "/<b>", "/a//b", "/../x", "/a/.", "/ä", "/a?b", "/a%20b"] {
            assert!(bad.parse::<BasePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_below_the_path_is_shortened() {
        let base: BasePath = "/gw".parse().unwrap();
        for (address, inner) in [
            ("/gw/", Some("/")),
            ("/gw/api/v1/models?q=a/b", Some("/api/v1/models?q=a/b")),
            ("http://host:80/gw/keys", Some("http://host:80/keys")),
            ("/gw//x", Some("//x")),
            ("/gw", None),
            ("/gw?x", None),
            ("/gwx/keys", None),
            ("/api/v1/models", None),
            ("*", None),
        ] {
            let found = base.strip(&Uri::try_from(address).unwrap());
            assert_eq!(found.map(|uri| uri.to_string()).as_deref(), inner, "{address}");
        }
        assert!(base.lacks_slash(&Uri::from_static("/gw?x=1")));
        assert!(!BasePath::default().lacks_slash(&Uri::from_static("/")));
        assert_eq!(BasePath::default().strip(&Uri::from_static("/x")), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_stripped_is_what_was_in_front(rest in "/[a-z0-9./%:?&=-]{0,30}", base in "/[a-z]{1,5}(/[a-z]{1,5})?") {
            let path: BasePath = base.parse().unwrap();
            let uri = Uri::try_from(format!("{base}{rest}")).unwrap();
            let whole = Uri::try_from(rest.as_str()).unwrap();
            proptest::prop_assert_eq!(path.strip(&uri), Some(whole));
        }
    }
}
