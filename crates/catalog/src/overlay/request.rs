//! What requests to a provider are made of, as far as an operator says it: addresses and headers
//! that can be sent. What cannot would fail with the first request only.

use std::net::Ipv6Addr;

use crate::provider::{AuthStyle, Provider, Variable};

/// Headers that say how a request is sent, which is the gateway's to know: another value would
/// break the connection, or the answer.
const OWN_HEADERS: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is wrong with a field: its name, and what to write.
pub(super) type Wrong = (&'static str, String);

/// Whether requests can be sent to an address, once its variables are filled in.
pub(super) fn check_base_url(url: &str) -> Result<(), Wrong> {
    let wrong = |fix: &str| Err(("base_url", fix.to_owned()));
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return wrong("begin with `https://` or `http://`");
    };
    let Some(filled) = filled(rest) else {
        return wrong(
            "write what is to be filled in as `{NAME}`, `{NAME|OTHER}` or `{NAME=value}`",
        );
    };
    if filled.contains(['?', '#']) {
        return wrong("leave out the query and the fragment, from `?` or `#` on");
    }
    let (authority, path) = filled.split_once('/').unwrap_or((&filled, ""));
    if authority.contains('@') {
        return wrong("leave out user and password, and store a credential instead");
    }
    if !is_authority(authority) {
        return wrong("write a host, and a port if there is one: `https://host:8443/v1`");
    }
    if !is_path(path) {
        return wrong("write other letters than those of paths as `%20` and so on");
    }
    Ok(())
}

/// An address with a digit in the place of each variable, which may be a port; `None` if a brace stands alone, or what
/// is between two is no variable.
fn filled(text: &str) -> Option<String> {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}')?;
        if !Variable::is_written(inside) {
            return None;
        }
        filled.push_str(before);
        filled.push('1');
        rest = after;
    }
    filled.push_str(rest);
    (!filled.contains('}')).then_some(filled)
}

fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_port = match port.strip_prefix(':') {
        Some(number) => {
            number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u16>().is_ok()
        }
        None => port.is_empty(),
    };
    is_host && is_port
}

fn is_path(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte))
}

/// Whether a provider's headers can be sent, and do not stand in each other's place.
pub(super) fn check_headers(provider: &Provider) -> Result<(), Wrong> {
    if let AuthStyle::Header(name) = &provider.auth {
        check_name(name).map_err(|fix| ("auth.header", fix))?;
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in &provider.headers {
        let refuse = |fix: String| Err(("headers", fix));
        if let Err(fix) = check_name(name) {
            return refuse(fix);
        }
        let lower = name.to_ascii_lowercase();
        if authorizing(&provider.auth).any(|own| own.eq_ignore_ascii_case(name)) {
            return refuse(format!("leave out `{name}`: the credential is sent there"));
        }
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return refuse(format!(
                "write the value of `{name}` without line breaks, and of ASCII letters only"
            ));
        }
        if seen.contains(&lower) {
            return refuse(format!("write `{name}` once, in whichever case"));
        }
        seen.push(lower);
    }
    Ok(())
}

/// Whether a header may be set, and what to write if not.
fn check_name(name: &str) -> Result<(), String> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_name {
        let shown = name.escape_debug();
        return Err(format!("`{shown}` is no name of a header: write one such as `X-Team`"));
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(format!("leave out `{name}`: the gateway sets it itself"));
    }
    Ok(())
}

/// The headers by which a credential is sent.
fn authorizing(auth: &AuthStyle) -> impl Iterator<Item = &str> {
    let names: &[&str] = match auth {
        AuthStyle::Bearer | AuthStyle::Google => &["authorization"],
        AuthStyle::Aws => &["authorization", "x-amz-date", "x-amz-security-token"],
        AuthStyle::Azure => &["authorization", "api-key"],
        AuthStyle::XApiKey => &["x-api-key"],
        AuthStyle::XGoogApiKey => &["x-goog-api-key"],
        AuthStyle::ApiKey => &["api-key"],
        AuthStyle::Header(_) | AuthStyle::None => &[],
    };
    let own = match auth {
        AuthStyle::Header(name) => Some(name.as_str()),
        _ => None,
    };
    names.iter().copied().chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Catalog;

    #[test]
    fn addresses_are_taken_or_refused() {
        for good in [
            "https://api.example.com/v1/",
            "http://localhost:11434",
            "http://[::1]:8080/v1",
            "http://my_host/a%20b",
            "https://{NAME}.example.com:{PORT=443}/{OTHER|THIRD=global}/v1",
        ] {
            assert_eq!(check_base_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ftp://a",
            "https://",
            "https:///v1",
            "https://a/v1?key=1",
            "https://a/v1#top",
            "https://user:password@a/v1",
            "https://a b/v1",
            "https://a/v 1",
            "https://a/v1\n",
            "https://a:port/v1",
            "https://a:99999/v1",
            "https://[::x]/v1",
            "https://{NAME.example.com",
            "https://NAME}.example.com",
            "https://{}.example.com",
            "https://{A{B}}.example.com",
            "https://{A=/x?y}.example.com",
        ] {
            assert!(check_base_url(bad).is_err_and(|(field, _)| field == "base_url"), "{bad}");
        }
    }

    #[test]
    fn shipped_addresses_and_headers_are_such_as_operators_may_write() {
        for (_, provider) in Catalog::embedded().unwrap().providers() {
            assert_eq!(check_base_url(&provider.base_url), Ok(()), "{}", provider.slug);
            assert_eq!(check_headers(provider), Ok(()), "{}", provider.slug);
        }
    }
}
