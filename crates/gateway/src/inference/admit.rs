//! Step 1: who calls? Answered before the body is read. AUTH

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use protocol::exchange::{ErrorType, Fault};
use sha2::{Digest, Sha256};
use store::{Actor, ActorKind};
use subtle::ConstantTimeEq;

use crate::api::change::{put_in_force, refused};
use crate::api::session::cookie;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::limits::{Limited, Place};
use crate::control::{Caller, SignedIn, Snapshot};
use crate::error::{internal, unauthorized};

/// Finds the caller by the key in `Authorization: Bearer …` or, for Anthropic's clients,
/// `x-api-key`, for Google's `x-goog-api-key`. AUTH-1, AUTH-6, AUTH-8
pub fn authenticate(
    headers: &HeaderMap,
    snapshot: &Snapshot,
    now: store::Micros,
) -> Result<Arc<Caller>, Fault> {
    let Some(key) = presented_key(headers) else {
        return Err(unauthorized("Missing Authentication header"));
    };
    let hash: [u8; 32] = Sha256::digest(key).into();
    // The map is asked by a hash of a secret with 256 random bits, so its timing tells nothing;
    // the comparison that admits is in constant time all the same.
    let caller = snapshot
        .keys
        .get_key_value(&hash)
        .filter(|(known, _)| bool::from(known.ct_eq(&hash)))
        .map(|(_, caller)| caller)
        .ok_or_else(|| unauthorized("No auth credentials found: the API key is not valid"))?;
    is_usable(caller, now)?;
    Ok(Arc::clone(caller))
}

/// Refuses keys that are switched off or have ended. AUTH-6
fn is_usable(caller: &Caller, now: store::Micros) -> Result<(), Fault> {
    if caller.disabled {
        return Err(unauthorized("This API key is disabled"));
    }
    if caller.expires_at.is_some_and(|end| end <= now) {
        return Err(unauthorized("This API key has expired"));
    }
    Ok(())
}

/// Refuses a caller whose key was taken away, switched off, or has ended since it was let in.
pub fn still_admitted(
    caller: &Caller,
    snapshot: &Snapshot,
    now: store::Micros,
) -> Result<(), Fault> {
    let known = snapshot.keys.get(&caller.secret);
    is_usable(known.ok_or_else(|| unauthorized("This API key is not valid any more"))?, now)
}

/// Finds the caller by its key, and without one the member of the session, who calls as a key of its own. That one
/// is made when it is needed first; `snapshot` is then the one that has it.
pub async fn admit(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    snapshot: &mut Arc<Snapshot>,
) -> Result<Arc<Caller>, Fault> {
    let now = now_micros();
    if names_key(headers) || !cookie::is_there(headers) {
        return authenticate(headers, snapshot, now);
    }
    let signed_in = cookie::signed_in(headers, snapshot, now)?;
    cookie::check_source(method, headers)?;
    app.session_seen(&signed_in, now);
    let caller = match snapshot.people.playground.get(&signed_in.member.id) {
        Some(caller) => Arc::clone(caller),
        // Boxed: it is once in the life of a member, and would make every request larger.
        None => Box::pin(make_playground_key(app, &signed_in, snapshot)).await?,
    };
    // The session is good, so that this is no 401, which would tell the page that it has ended.
    is_usable(&caller, now).map_err(|fault| {
        let message = "The key that your requests run as, \"Playground\", is not usable";
        Fault::new(ErrorType::PermissionDenied, format!("{message}: {}", fault.message))
    })?;
    Ok(caller)
}

async fn make_playground_key(
    app: &App,
    signed_in: &SignedIn,
    snapshot: &mut Arc<Snapshot>,
) -> Result<Arc<Caller>, Fault> {
    let id = &signed_in.member.id;
    let origin = signed_in.session.address.clone();
    let actor = Actor { kind: ActorKind::Member, id: id.clone(), origin };
    app.store.playground_key(id, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(app).await?;
    *snapshot = app.snapshot();
    let made = snapshot.people.playground.get(id).cloned();
    made.ok_or_else(|| internal("the key of the playground is not in force"))
}

/// Whether a request names a key, be it an empty one: then nothing else says who calls.
pub fn names_key(headers: &HeaderMap) -> bool {
    let is_bearer = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(u8::is_ascii_whitespace).next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.get(AUTHORIZATION).is_some_and(is_bearer) || presented_key(headers).is_some()
}

/// Refuses keys that may not ask models. AUTH-7
pub fn may_infer(caller: &Caller) -> Result<(), Fault> {
    if caller.is_management {
        return Err(Fault::new(
            ErrorType::PermissionDenied,
            "Management keys cannot be used for inference; create an API key instead",
        ));
    }
    Ok(())
}

/// Counts a request of a caller, and gives it a place among those that run: both as far as the
/// caller's rates allow.
pub async fn enter(
    app: &App,
    caller: &Caller,
    now: store::Micros,
) -> Result<Option<Place>, Limited> {
    let limits = &app.settings.limits;
    let (per_minute, per_day) = (limits.key_per_minute, limits.key_per_day);
    app.rates.admit_key(&caller.terms, per_minute, per_day, now).await?;
    app.rates.enter_key(&caller.terms, limits.key_concurrency, now).await
}

/// What refuses a request where too many answers wait to be recorded.
pub fn no_slot() -> Fault {
    let mut fault = Fault::new(
        ErrorType::ProviderOverloaded,
        "The gateway is at capacity: too many answers wait to be recorded",
    );
    fault.retry_after = Some(1);
    fault
}

fn presented_key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let value = value.as_bytes();
        if let Some((scheme, key)) = value.split_at_checked(7)
            && scheme.eq_ignore_ascii_case(b"bearer ")
        {
            return Some(key.trim_ascii()).filter(|key| !key.is_empty());
        }
        // Another scheme is a proxy's own; the key may stand in the other header.
    }
    ["x-api-key", "x-goog-api-key"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| value.as_bytes())
        .filter(|key| !key.is_empty())
}

/// What browsers fetch for a script, or to be looked at or heard: nothing that acts in the name of
/// this host.
const FETCHED: [&str; 5] = ["empty", "websocket", "image", "audio", "video"];

/// Whether a browser goes to an address or loads a part of a page from it, which would act with the
/// rights of our own pages. Without TLS browsers do not say so, but for the last header.
fn is_page(headers: &HeaderMap) -> bool {
    let is =
        |name: &str, value: &[u8]| headers.get_all(name).iter().any(|it| it.as_bytes() == value);
    let kinds = headers.get_all("sec-fetch-dest");
    is("sec-fetch-mode", b"navigate")
        || kinds.iter().any(|kind| !FETCHED.iter().any(|fetched| kind == fetched))
        || is("upgrade-insecure-requests", b"1")
}

/// Puts the key of an address (`?key=…`), where clients of Google's put it, into the headers; of
/// what a browser goes to it is none: whoever made a link would say what is fetched with it.
pub fn key_of_address(uri: &Uri, headers: &mut HeaderMap) {
    if is_page(headers) {
        return;
    }
    let Some(query) = uri.query() else { return };
    let key = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key");
    if let Some(value) = key.and_then(|(_, key)| HeaderValue::from_str(&key).ok())
        && presented_key(headers).is_none()
    {
        headers.insert("x-goog-api-key", value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_both_headers_whatever_the_case() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented_key(&headers), None);
        headers.insert("x-api-key", HeaderValue::from_static("k"));
        assert_eq!(presented_key(&headers), Some(&b"k"[..]));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer  abc "));
        assert_eq!(presented_key(&headers), Some(&b"abc"[..]));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(presented_key(&headers), Some(&b"k"[..]));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer "));
        assert_eq!(presented_key(&headers), None);
    }

    #[test]
    fn clients_of_googles_have_places_of_their_own() {
        let mut headers = HeaderMap::new();
        key_of_address(&Uri::from_static("/v1beta/models?alt=sse&key=sk%2D1"), &mut headers);
        assert_eq!(presented_key(&headers), Some(&b"sk-1"[..]));
        key_of_address(&Uri::from_static("/v1beta/models?key=other"), &mut headers);
        assert_eq!(presented_key(&headers), Some(&b"sk-1"[..]), "headers go first");
    }

    #[test]
    fn a_link_has_no_key() {
        let uri = Uri::from_static("/v1beta/models?key=sk-1");
        for (name, value, is_taken) in [
            ("sec-fetch-mode", "navigate", false),
            ("sec-fetch-mode", "cors", true),
            ("sec-fetch-dest", "document", false),
            ("sec-fetch-dest", "iframe", false),
            ("sec-fetch-dest", "script", false),
            ("sec-fetch-dest", "serviceworker", false),
            ("sec-fetch-dest", "empty", true),
            ("sec-fetch-dest", "image", true),
            ("upgrade-insecure-requests", "1", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            key_of_address(&uri, &mut headers);
            assert_eq!(presented_key(&headers).is_some(), is_taken, "{name}: {value}");
        }
    }
}
