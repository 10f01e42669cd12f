//! The form of a request that is signed: the same for everybody who sees the request, whatever
//! they did to its spelling on the way.

use super::signature::Request;
use crate::percent;

/// A request in the form that is signed.
pub(super) struct Canonical {
    /// The whole text.
    pub(super) text: String,
    /// The names of its headers, in order, separated by semicolons.
    pub(super) signed_headers: String,
}

/// Names that only the signature itself may set.
const OWN: [&str; 5] =
    ["host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/// Brings a request into the form that is signed. `own` are headers the signature adds.
pub(super) fn canonical(request: &Request<'_>, own: &[(&str, &str)]) -> Canonical {
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), squeezed(value)))
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .collect();
    headers.push(("host".to_owned(), squeezed(request.host)));
    headers.extend(own.iter().map(|(name, value)| ((*name).to_owned(), squeezed(value))));
    // Values of the same name stay in the order in which they are sent.
    headers.sort_by(|one, other| one.0.cmp(&other.0));

    let mut lines = String::new();
    let mut signed_headers = String::new();
    let mut last: Option<&str> = None;
    for (name, value) in &headers {
        if last == Some(name) {
            lines.push(',');
        } else {
            if last.is_some() {
                lines.push('\n');
                signed_headers.push(';');
            }
            lines.push_str(name);
            lines.push(':');
            signed_headers.push_str(name);
        }
        lines.push_str(value);
        last = Some(name);
    }

    let text = [
        request.method,
        &path(request.path),
        &query(request.query),
        &lines,
        "",
        &signed_headers,
        &request.body.hex(),
    ]
    .join("\n");
    Canonical { text, signed_headers }
}

/// A value without white space around it, and one space for each run of it inside.
fn squeezed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The path as it is sent, without steps (`.`, `..`) and empty segments, each segment encoded once
/// more: `:` that is sent as `%3A` becomes `%253A`. Only S3 has it otherwise.
pub(super) fn path(sent: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let mut path = String::with_capacity(sent.len() + 16);
    for segment in &segments {
        path.push('/');
        percent::encode_into(&mut path, segment.as_bytes(), b"");
    }
    let ends_open = matches!(sent.rsplit('/').next(), Some("" | "." | ".."));
    if path.is_empty() || ends_open {
        path.push('/');
    }
    path
}

/// The query as it is sent, its names and values encoded in one way, and in order.
fn query(sent: &str) -> String {
    let once = |text: &str| {
        let mut encoded = String::with_capacity(text.len());
        percent::encode_into(&mut encoded, &percent::decode(text), b"");
        encoded
    };
    let mut fields: Vec<(String, String)> = sent
        .split('&')
        .filter(|field| !field.is_empty())
        .map(|field| field.split_once('=').unwrap_or((field, "")))
        .map(|(name, value)| (once(name), once(value)))
        .collect();
    fields.sort();
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}
