//! How many tokens a prompt has, without asking a provider: `POST /messages/count_tokens` and
//! Google's `…:countTokens`. With the model's own vocabulary where that is public, else estimated by
//! what providers counted before.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Uri;
use protocol::Surface;
use protocol::exchange::{ErrorType, Fault};
use protocol::json::{Envelope, Object};
use protocol::surface::Addressed;
use serde_json::json;

use super::catalogue::known;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::limits::Limited;
use crate::error::{respond_on, unauthorized};
use crate::inference::address::decoded;
use crate::inference::admit::{admit, enter, key_of_address, may_infer};
use crate::inference::count::asked_for;
use crate::inference::receive::{MAX_OF_UNKNOWN, discard, receive};
use crate::tokenizer::Counting;

/// `POST /messages/count_tokens`. MSG-1
pub async fn messages(State(app): State<Arc<App>>, request: Request) -> Response {
    let surface = Surface::Messages;
    match counted(&app, surface, Addressed::default(), request).await {
        Ok(tokens) => Json(json!({ "input_tokens": tokens })).into_response(),
        Err(refusal) => told(surface, &refusal),
    }
}

/// `POST /v1beta/models/{model}:countTokens`, and with `v1`.
pub async fn gemini(State(app): State<Arc<App>>, uri: OriginalUri, request: Request) -> Response {
    let surface = Surface::Gemini;
    let OriginalUri(uri) = uri;
    let Some(model) = counted_model(&uri) else {
        let message = "models answer generateContent, streamGenerateContent and countTokens";
        return told(surface, &Fault::new(ErrorType::NotFound, message).into());
    };
    let addressed = Addressed { model: Some(model), stream: false };
    match counted(&app, surface, addressed, request).await {
        Ok(tokens) => Json(json!({ "totalTokens": tokens })).into_response(),
        Err(refusal) => told(surface, &refusal),
    }
}

fn counted_model(uri: &Uri) -> Option<String> {
    let (_, rest) = uri.path().split_once("/models/")?;
    Some(decoded(rest.strip_suffix(":countTokens")?)?.into_owned())
}

/// Why nothing was counted.
struct Refusal {
    fault: Fault,
    /// It came too early. RATE-5
    limited: Option<Box<Limited>>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, limited: None }
    }
}

fn told(surface: Surface, refusal: &Refusal) -> Response {
    let mut response = respond_on(surface, &refusal.fault, None, &[]).map(Body::new);
    if let Some(limited) = &refusal.limited {
        limited.tell(response.headers_mut());
    }
    response
}

async fn counted(
    app: &App,
    surface: Surface,
    addressed: Addressed,
    request: Request,
) -> Result<u64, Refusal> {
    let (mut parts, mut body) = request.into_parts();
    key_of_address(&parts.uri, &mut parts.headers);
    let admitted = admit(app, &parts.method, &parts.headers, &mut app.snapshot())
        .await
        .map_err(|fault| unauthorized(&fault.message))
        .and_then(|caller| may_infer(&caller).map(|()| caller));
    let caller = match admitted {
        Ok(caller) => caller,
        Err(fault) => {
            discard(&mut body, &parts.headers, MAX_OF_UNKNOWN).await;
            return Err(fault.into());
        }
    };
    // Reading a body is work, whether a model is asked or not: it has a place among those of its
    // key until it is done. RATE-5
    let place = match enter(app, &caller, now_micros()).await {
        Ok(place) => place,
        Err(limited) => {
            discard(&mut body, &parts.headers, app.settings.max_body_bytes).await;
            return Err(Refusal { fault: limited.fault.clone(), limited: Some(Box::new(limited)) });
        }
    };
    let body = match receive(&mut body, &parts.headers, &app.settings, &app.bodies).await {
        Ok(received) => received,
        Err(fault) => {
            if matches!(fault.status, 413 | 415 | 503) {
                discard(&mut body, &parts.headers, app.settings.max_body_bytes).await;
            }
            return Err(fault.into());
        }
    };
    let body = match surface {
        Surface::Gemini => generate_content_request(body)?,
        _ => body,
    };
    let (facts, _) = surface.read(&body, &addressed)?;
    let snapshot = app.snapshot();
    let catalog = &snapshot.catalog;
    let named = facts.model.as_deref().or_else(|| snapshot.default_text_model(&caller));
    let named = named.ok_or_else(|| Fault::invalid("model: is missing; name a model"))?;
    let model = known(&snapshot, named).ok_or_else(|| {
        let shown: String = named.chars().take(200).collect();
        Fault::new(ErrorType::NotFound, format!("model: {shown} is not found"))
    })?;
    let model = catalog.model(model);
    let estimated = app.estimates.tokens(model, &facts);
    let Some(counting) = Counting::of(model) else { return Ok(estimated) };
    // The work goes on if the caller leaves: so does its place among those of the key.
    let count = move || {
        let _held = place;
        let request = surface.decode(&body, &addressed).ok()?;
        counting.count_prompt(&request)
    };
    // What cannot be read in neutral form is estimated like any other.
    Ok(asked_for(count).await.unwrap_or(estimated))
}

/// Google's other form of the question wraps the request that would be made.
fn generate_content_request(body: Bytes) -> Result<Bytes, Fault> {
    let envelope = Envelope::parse(&body).map_err(|error| Fault::invalid(error.to_string()))?;
    match envelope.raw("generateContentRequest") {
        Some(raw) if Object::of(raw).is_ok() => Ok(Bytes::copy_from_slice(raw.get().as_bytes())),
        Some(_) => Err(Fault::invalid("generateContentRequest: must be an object")),
        None => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_between_the_path_and_the_method() {
        let of = |path: &'static str| counted_model(&Uri::from_static(path));
        assert_eq!(of("/v1beta/models/a/b:countTokens"), Some("a/b".into()));
        assert_eq!(of("/v1beta/models/a%2Fb:free:countTokens?key=1"), Some("a/b:free".into()));
        assert_eq!(of("/v1beta/models/a/b"), None);
        assert_eq!(of("/v1beta/models/a/b:embedContent"), None);
    }
}
