//! The dashboard's pages: files of the `dashboard` crate, and one page for every other address.
//!
//! The page finds its way by the address alone, so every address that is not the API's is answered
//! with it, dots and colons included (`/models/openai/gpt-4.1`).

mod base_path;
mod headers;
mod secret_link;

use http::header::{ACCEPT, ALLOW, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

pub use base_path::{BasePath, NotAPath};
pub use secret_link::secret_link;

use crate::answer::AnswerBody;
use headers::{Cached, Content};

/// First segments of the dashboard's own addresses: a provider of such a name is passed through at
/// the long address only.
pub const SECTIONS: [&str; 21] = [
    "activity",
    "audit",
    "auth",
    "byok",
    "credits",
    "favicon.svg",
    "invite",
    "keys",
    "login",
    "logs",
    "members",
    "models",
    "playground",
    "privacy",
    "profile",
    "rankings",
    "reset",
    "settings",
    "setup",
    "status",
    "workspaces",
];

/// First segments of addresses where programs call: what is not there is an error in JSON.
const OF_PROGRAMS: [&str; 4] = ["api", "v1", "v1beta", "anthropic"];

/// What the dashboard answers; `None` where the caller is no browser, or the address the API's.
pub fn answer(
    method: &Method,
    uri: &Uri,
    asked: &HeaderMap,
    base: &BasePath,
) -> Option<Response<AnswerBody>> {
    let path = uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if OF_PROGRAMS.contains(&first) {
        return None;
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if let Some(file) = dashboard::find(path) {
        let cached = if first == "assets" { Cached::ForEver } else { Cached::Checked };
        return Some(if reads {
            headers::content(asked, Content::of(file), cached)
        } else {
            only_get()
        });
    }
    if first == "assets" {
        // Never the page: a script of an older version would be a page that is run.
        return Some(if reads { headers::plain(StatusCode::NOT_FOUND) } else { only_get() });
    }
    if !wants_page(asked, path) {
        return None;
    }
    if !reads {
        return Some(only_get());
    }
    let page = dashboard::index().unwrap_or_else(|| dashboard::NOTICE.to_owned());
    let tag = format!("<base href=\"{}\" />", base.folder());
    let page = page.replacen(dashboard::BASE, &tag, 1);
    Some(headers::content(asked, Content::page(page), Cached::Checked))
}

/// Whether a caller is a browser that shows what it gets. Those who take anything, as curl does,
/// get the page at the root alone: elsewhere they have mistaken an address of the API.
fn wants_page(asked: &HeaderMap, path: &str) -> bool {
    let mut kinds = asked
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| {
        kind.eq_ignore_ascii_case("text/html")
            || (path.is_empty() && matches!(kind, "*/*" | "text/*"))
    })
}

/// Sends a browser on to the folder: what is relative would be looked for beside it otherwise.
pub fn with_slash(base: &BasePath) -> Response<AnswerBody> {
    let mut response = headers::plain(StatusCode::PERMANENT_REDIRECT);
    if let Ok(place) = HeaderValue::try_from(base.folder()) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

fn only_get() -> Response<AnswerBody> {
    let mut response = headers::plain(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests;
