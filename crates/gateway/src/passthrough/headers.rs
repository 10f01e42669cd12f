//! Step 4: which headers pass, in either direction. All but those that belong to one connection,
//! to this gateway, or to whom a caller shows itself.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_PROTOCOL, X_CONTENT_TYPE_OPTIONS,
};

use super::address::{Addressed, target};
use crate::upstream::Origin;

/// Of one connection, not of a message.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Between the caller and this gateway: how it is authenticated, whence it came, which page or
/// application it is. What puts another method or address in place of those that were looked at
/// does not pass. The length is told anew by whoever writes the body.
const OF_CALLER: [&str; 30] = [
    "host",
    "content-length",
    "expect",
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "cookie",
    "origin",
    "referer",
    "http-referer",
    "x-title",
    "x-session-id",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "cf-connecting-ip",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "cdn-loop",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-host",
    "x-http-host-override",
    "x-script-name",
];

/// Families of the same.
const OF_CALLER_BY_PREFIX: [&str; 6] =
    ["x-openrouter-", "x-forwarded-", "x-original-", "x-rewrite-", "x-envoy-", "sec-fetch-"];

/// Which of a credential's accounts is charged and reached. Of a shared credential that is the
/// operator's to say.
const OF_ACCOUNT: [&str; 3] = ["openai-organization", "openai-project", "x-goog-user-project"];

/// The same where pages put it, among the protocols of a WebSocket.
const OF_ACCOUNT_IN_PROTOCOLS: [&str; 2] = ["openai-organization.", "openai-project."];

/// About the provider's host, which is not this one, or what a browser is to do: on this host that
/// would be with the rights of our own pages.
const OF_HOST: [&str; 35] = [
    "set-cookie",
    "set-cookie2",
    "set-login",
    "clear-site-data",
    "alt-svc",
    "strict-transport-security",
    "expect-ct",
    "public-key-pins",
    "public-key-pins-report-only",
    "service-worker-allowed",
    "service-worker-navigation-preload",
    "refresh",
    "link",
    "report-to",
    "reporting-endpoints",
    "nel",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "x-permitted-cross-domain-policies",
    "x-dns-prefetch-control",
    "referrer-policy",
    "permissions-policy",
    "permissions-policy-report-only",
    "feature-policy",
    "origin-agent-cluster",
    "origin-trial",
    "speculation-rules",
    "supports-loading-mode",
    "activate-storage-access",
    "timing-allow-origin",
    "sourcemap",
    "x-sourcemap",
    "accept-ch",
    "critical-ch",
];

/// Families of the same. Pages of any origin may call: that is said once, by the listener.
const OF_HOST_BY_PREFIX: [&str; 6] = [
    "access-control-",
    "attribution-reporting-",
    "content-security-policy",
    "cross-origin-",
    "document-policy",
    "require-document-policy",
];

/// What a page may do that a provider answered with: nothing, and it is of no origin. Whatever
/// shows it, what was said in our name has none of our rights.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");

/// Where an answer names an address that the next request goes to.
const ADDRESSES: [HeaderName; 4] = [
    http::header::LOCATION,
    http::header::CONTENT_LOCATION,
    HeaderName::from_static("x-goog-upload-url"),
    HeaderName::from_static("x-goog-upload-control-url"),
];

/// The caller's headers as the provider gets them. Which account is meant goes along only with a
/// credential of the caller's own.
pub fn to_provider(headers: &HeaderMap, is_byok: bool) -> HeaderMap {
    let mut kept = kept(headers, |name| {
        !OF_CALLER.contains(&name)
            && !OF_CALLER_BY_PREFIX.iter().any(|prefix| name.starts_with(prefix))
            && (is_byok || !OF_ACCOUNT.contains(&name))
    });
    if !is_byok {
        without_account_in_protocols(&mut kept);
    }
    kept
}

fn without_account_in_protocols(headers: &mut HeaderMap) {
    let of_account = |offer: &str| {
        let offer = offer.trim_start().as_bytes();
        OF_ACCOUNT_IN_PROTOCOLS.iter().any(|prefix| {
            offer.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix.as_bytes()))
        })
    };
    let offered: Vec<HeaderValue> =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    for value in offered {
        // What is no text is no list of protocols either.
        let Ok(text) = value.to_str() else { continue };
        if !text.split(',').any(of_account) {
            headers.append(SEC_WEBSOCKET_PROTOCOL, value);
            continue;
        }
        let others = text.split(',').filter(|offer| !of_account(offer)).map(str::trim);
        let others = others.collect::<Vec<_>>().join(", ");
        if let Ok(others) = HeaderValue::from_str(&others)
            && !others.is_empty()
        {
            headers.append(SEC_WEBSOCKET_PROTOCOL, others);
        }
    }
}

/// The provider's headers as the caller gets them. Addresses at the provider become addresses
/// here, so that an upload goes on the way on which it began. Shown by a browser, the answer is a
/// page without rights.
pub fn to_caller(
    headers: &HeaderMap,
    origin: &Origin,
    addressed: &Addressed,
    public_url: &str,
) -> HeaderMap {
    let mut kept = kept(headers, |name| {
        !OF_HOST.contains(&name) && !OF_HOST_BY_PREFIX.iter().any(|prefix| name.starts_with(prefix))
    });
    kept.insert(CONTENT_SECURITY_POLICY, POLICY);
    kept.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for name in &ADDRESSES {
        let Some(value) = kept.get(name).and_then(|value| value.to_str().ok()) else { continue };
        let here = here(value, origin, addressed, public_url);
        if let Some(Ok(here)) = here.as_deref().map(HeaderValue::from_str) {
            kept.insert(name, here);
        }
    }
    kept
}

/// An address at the provider as one at this gateway.
fn here(address: &str, origin: &Origin, addressed: &Addressed, public_url: &str) -> Option<String> {
    let scheme = format!("{}://", origin.scheme);
    let host = address.get(..scheme.len()).filter(|it| it.eq_ignore_ascii_case(&scheme))?.len();
    let authority = origin.authority.as_str();
    let rest = &address[host..];
    rest.get(..authority.len()).filter(|it| it.eq_ignore_ascii_case(authority))?;
    let address = &rest[authority.len()..];
    let path = address.split(['?', '#']).next().unwrap_or_default();
    // The authority ends there, and asked here the same place is found again.
    let begins = path.starts_with('/');
    if !begins || target(&origin.prefix, path).ok().as_deref() != Some(path) {
        return None;
    }
    let public_url = public_url.trim_end_matches('/');
    Some(format!("{public_url}/api/v1/passthrough/{}{address}", addressed.provider))
}

fn kept(headers: &HeaderMap, passes: impl Fn(&str) -> bool) -> HeaderMap {
    let listed: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let text = name.as_str();
        if passes(text) && !OF_CONNECTION.contains(&text) && !listed.iter().any(|it| it == text) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// An answer's length is told by its body; only where there is none for it does the header say
/// what there would be.
pub fn without_length(headers: &mut HeaderMap, is_head: bool) {
    if !is_head {
        headers.remove(CONTENT_LENGTH);
    }
}

/// Whose account a shared credential is of is not the callers' to know.
pub fn without_owner(headers: &mut HeaderMap) {
    for name in ["openai-organization", "openai-project", "anthropic-organization-id"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_the_callers_own_stays_here() {
        let sent = map(&[
            ("host", "gateway"),
            ("authorization", "Bearer ours"),
            ("x-api-key", "ours"),
            ("cookie", "a=b"),
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-openrouter-title", "app"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/v1/files"),
            ("x-rewrite-url", "/v1/files"),
            ("content-type", "application/json"),
            ("openai-beta", "assistants=v2"),
            ("content-length", "5"),
            ("x-stainless-lang", "python"),
        ]);
        let passed = to_provider(&sent, true);
        assert_eq!(names(&passed), ["content-type", "openai-beta", "x-stainless-lang"]);
    }

    #[test]
    fn the_account_of_a_shared_credential_is_not_the_callers_to_choose() {
        let sent = map(&[
            ("openai-organization", "org-1"),
            ("openai-project", "proj_1"),
            ("x-goog-user-project", "billed"),
            ("sec-websocket-protocol", "realtime, OpenAI-Organization.org-1"),
            ("sec-websocket-protocol", "openai-project.proj_1"),
            ("content-type", "application/json"),
        ]);
        let shared = to_provider(&sent, false);
        assert_eq!(names(&shared), ["content-type", "sec-websocket-protocol"]);
        let offered: Vec<_> = shared.get_all(SEC_WEBSOCKET_PROTOCOL).iter().collect();
        assert_eq!(offered, ["realtime"]);
        assert_eq!(to_provider(&sent, true), sent, "their own credential is theirs to use");
    }

    #[test]
    fn addresses_at_the_provider_become_addresses_here() {
        let origin = Origin::parse("https://api.example.com/v1beta").unwrap();
        let addressed = Addressed { provider: "p".into(), rest: String::new() };
        let answered = map(&[
            ("set-cookie", "a=b"),
            ("x-goog-upload-url", "https://api.example.com/upload/v1beta/files?upload_id=1"),
            ("location", "https://elsewhere.example/file"),
            ("access-control-allow-origin", "https://page.example"),
            ("x-request-id", "r"),
        ]);
        let passed = to_caller(&answered, &origin, &addressed, "http://here/");
        let expected = [
            "content-security-policy",
            "location",
            "x-content-type-options",
            "x-goog-upload-url",
            "x-request-id",
        ];
        assert_eq!(names(&passed), expected);
        let address = "http://here/api/v1/passthrough/p/upload/v1beta/files?upload_id=1";
        assert_eq!(passed["x-goog-upload-url"], address);
        assert_eq!(passed["location"], "https://elsewhere.example/file");
        let outside = "https://api.example.com/console";
        assert_eq!(here(outside, &origin, &addressed, "http://here"), None, "not reached by us");
        let lookalike = "https://api.example.com.evil.example/x";
        assert_eq!(here(lookalike, &origin, &addressed, "http://here"), None);
    }

    #[test]
    fn a_page_of_a_providers_has_no_rights_here() {
        let origin = Origin::parse("https://api.example.com/v1").unwrap();
        let addressed = Addressed { provider: "p".into(), rest: String::new() };
        let answered = map(&[
            ("content-type", "text/html"),
            ("content-security-policy", "default-src *"),
            ("content-security-policy-report-only", "default-src *; report-uri /x"),
            ("x-content-type-options", "none"),
            ("service-worker-allowed", "/"),
            ("refresh", "0; url=https://elsewhere.example/"),
            ("link", "</x>; rel=preload"),
            ("report-to", "{}"),
            ("reporting-endpoints", "a=\"https://elsewhere.example/\""),
            ("nel", "{}"),
            ("clear-site-data", "\"*\""),
            ("cross-origin-opener-policy", "unsafe-none"),
            ("access-control-allow-credentials", "true"),
            ("strict-transport-security", "max-age=1"),
        ]);
        let passed = to_caller(&answered, &origin, &addressed, "http://here/");
        let kept = ["content-security-policy", "content-type", "x-content-type-options"];
        assert_eq!(names(&passed), kept);
        let policies: Vec<_> = passed.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["sandbox; default-src 'none'"]);
        assert_eq!(passed["x-content-type-options"], "nosniff");
    }
}
