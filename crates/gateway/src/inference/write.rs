//! Writing a request for one endpoint: the caller's body edited or translated, and what authorises
//! it.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use protocol::exchange::{Effort, Fault, Reasoning};
use protocol::json::Envelope;
use protocol::target::{Abilities, Encoded, ReasoningReplay, ResponseContext, Target};
use protocol::{
    Dialect, Fetched, Surface, anthropic, codec, gemini, openai_chat, openai_responses,
};

use routing::{Preferences, Via};

use super::attempt::AttemptError;
use super::dispatch::Dispatch;
use super::echo::echo_chunk;
use super::plan::Candidate;
use super::provenance::Replay;
use crate::clock::now_seconds;
use crate::upstream::{Grant, TokenFailure, address};

/// The largest body that is echoed, in bytes: each attempt keeps its echo in memory. DEBUG-2
const MAX_ECHO: usize = 1024 * 1024;

/// The request for a candidate, for at most `most_output` tokens of each answer.
pub(super) async fn write_request(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    most_output: Option<u64>,
    replay: Replay,
    debug: &mut Vec<u8>,
) -> Result<(Authorised, ResponseContext), AttemptError> {
    let catalog = &dispatch.call.snapshot.catalog;
    let endpoint = catalog.endpoint(candidate.endpoint);
    let provider = catalog.provider_of(candidate.endpoint);
    let dialect = dispatch.call.dialect(candidate.endpoint);
    let quirks = catalog.quirks_of(candidate.endpoint);
    // What the money pays for is all that the model can, for whoever writes the request: then no
    // budget for reasoning is put on top of it.
    let cut = most_output.map(|most| Abilities {
        max_output_tokens: Some(endpoint.abilities.max_output_tokens.unwrap_or(most).min(most)),
        ..endpoint.abilities.clone()
    });
    let abilities = cut.as_ref().unwrap_or(&endpoint.abilities);
    let target = Target {
        model: &endpoint.upstream_model,
        quirks,
        abilities,
        parameters: endpoint.supported_parameters,
        tier: Some(candidate.tier.into()),
        keeps_nothing: keeps_nothing(dispatch, candidate),
    };
    let stream = dispatch.call.facts.stream;
    // Media that must come as bytes are fetched into a request that is written anew.
    let fetched = Fetched::by(dialect, quirks);
    let call = dispatch.call;
    let least_reasoning = least_reasoning(dispatch, candidate, abilities);
    let passes = least_reasoning.is_none()
        && !call.calls_as_function
        && call.surface.passes(dialect)
        && !fetched.is_some_and(|fetched| fetched.may_be_in(dispatch.envelope))
        && !must_be_downgraded(dispatch, candidate, replay)?;
    let encoded = match passes {
        true => pass(dispatch, &target, most_output)?,
        false => {
            let request = match fetched {
                Some(fetched) => Box::pin(dispatch.inlined_request(fetched)).await?,
                None => dispatch.request()?,
            };
            let downgraded = call.downgraded(request, candidate, replay);
            let request = downgraded.as_ref().unwrap_or(request);
            let shorter = most_output.map(|most| protocol::exchange::Request {
                max_output_tokens: Some(request.max_output_tokens.unwrap_or(most).min(most)),
                ..request.clone()
            });
            let request = shorter.as_ref().unwrap_or(request);
            let reasoning = least_reasoning.map(|reasoning| protocol::exchange::Request {
                reasoning: Some(reasoning),
                ..request.clone()
            });
            let request = reasoning.as_ref().unwrap_or(request);
            let betas = dispatch.call.anthropic_betas();
            let mut encoded = codec::encode_request(dialect, request, &target, &betas)?;
            encoded.context.rewritten = true;
            encoded.context.calls_as_function = call.calls_as_function;
            encoded
        }
    };
    for loss in &encoded.losses.0 {
        tracing::debug!(
            generation = dispatch.call.generation_id,
            path = loss.path,
            why = loss.why,
            "a member of the request has no counterpart at this provider"
        );
    }
    if dispatch.call.facts.echo_upstream_body && stream && encoded.body.len() <= MAX_ECHO {
        debug.extend_from_slice(&echo_chunk(&dispatch.identity(candidate), &encoded.body));
    }
    let style = &provider.path_style;
    let origin = candidate.access.origin_for(dialect);
    let path = address::path(style, dialect, origin, &endpoint.upstream_model, stream)
        .map_err(AttemptError::unwritable)?;
    let request = authorised(dispatch, candidate, &path, encoded.body, &encoded.headers).await?;
    Ok((request, encoded.context))
}

/// Whether zero retention is asked for, by the request or for the caller. Looked up only for what
/// it decides about. PROV-7, PRIV-4
fn keeps_nothing(dispatch: &Dispatch<'_>, candidate: &Candidate) -> bool {
    if !dispatch.envelope.has("prompt_cache_retention") {
        return false;
    }
    let call = dispatch.call;
    let catalog = &call.snapshot.catalog;
    let model = catalog.model_of(candidate.endpoint);
    let asked = || {
        let preferences = call.facts.provider.as_ref();
        preferences.is_some_and(|raw| Preferences::parse(raw.as_raw()).is_ok_and(|it| it.zdr))
    };
    call.caller.policy.zdr.covers(model) || asked()
}

/// What is asked of a model that cannot but reason, where reasoning is switched off and the caller
/// named an alias rather than that model: as little as it can. LATEST-4
fn least_reasoning(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    abilities: &Abilities,
) -> Option<Reasoning> {
    let asked = dispatch.call.facts.reasoning.as_ref()?;
    if !abilities.reasoning_mandatory
        || asked.wanted() != Some(false)
        || !matches!(dispatch.route.via(candidate), Some(Via::Alias | Via::Latest))
    {
        return None;
    }
    let known = abilities.efforts.iter().copied().filter(|effort| *effort != Effort::None);
    let effort = Some(known.min().unwrap_or(Effort::Low));
    Some(Reasoning { effort, enabled: None, max_tokens: None, ..asked.clone() })
}

/// Whether a body that could pass holds reasoning that its provider could not verify.
///
/// A body that cannot be read in neutral form passes as it is to whoever made some of the reasoning
/// in it; only those who made none are not asked with it.
fn must_be_downgraded(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    replay: Replay,
) -> Result<bool, Fault> {
    let call = dispatch.call;
    let is_concerned = match replay {
        Replay::Verifiable => call.has_foreign_reasoning(candidate),
        Replay::Unproven => true,
    };
    if !is_concerned || !takes_proofs(dispatch, candidate) {
        return Ok(false);
    }
    match dispatch.request() {
        Ok(request) => Ok(call.downgraded(request, candidate, replay).is_some()),
        Err(_) if replay == Replay::Verifiable && call.made_reasoning(candidate) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Whether proofs of reasoning reach the provider of a candidate at all. A host of OpenAI's dialect
/// that takes no details of reasoning gets none, but for what Google's puts beside calls.
pub(super) fn takes_proofs(dispatch: &Dispatch<'_>, candidate: &Candidate) -> bool {
    let call = dispatch.call;
    let quirks = call.snapshot.catalog.quirks_of(candidate.endpoint);
    match call.dialect(candidate.endpoint) {
        Dialect::OpenaiChat => {
            quirks.reasoning_replay == ReasoningReplay::ReasoningDetails
                || (call.surface == Surface::Chat && has_proofs_of_calls(dispatch.envelope))
        }
        Dialect::Cohere | Dialect::Ollama => false,
        Dialect::Anthropic | Dialect::Bedrock | Dialect::Gemini | Dialect::OpenaiResponses => true,
    }
}

/// Whether calls may have thought signatures beside them: `extra_content.google.thought_signature`.
fn has_proofs_of_calls(envelope: &Envelope<'_>) -> bool {
    let named =
        |raw: &str| memchr::memmem::find(raw.as_bytes(), b"\"thought_signature\"").is_some();
    envelope.raw("messages").is_some_and(|raw| named(raw.get()))
}

/// A request to a path at the provider's origin, with everything that authorises it.
pub(super) async fn authorised(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    path: &str,
    body: Vec<u8>,
    more: &[(&'static str, String)],
) -> Result<Authorised, AttemptError> {
    let catalog = &dispatch.call.snapshot.catalog;
    let provider = catalog.provider_of(candidate.endpoint);
    let dialect = dispatch.call.dialect(candidate.endpoint);
    let origin = candidate.access.origin_for(dialect);
    let uri = Uri::try_from(path).map_err(AttemptError::unwritable)?;
    let body = Bytes::from(body);
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.reserve(8);
    if let Ok(host) = HeaderValue::from_str(origin.authority.as_str()) {
        headers.insert(HOST, host);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let stream = dispatch.call.facts.stream;
    let accept = if stream { dialect.framing().media_type() } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("trunkline/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in &provider.headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            headers.insert(name, value);
        }
    }
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    // Last of all: a signature is one of the request as it is.
    let worker = dispatch.worker;
    let token_server = worker.app.settings.upstream.token_server.as_ref();
    let authorization = &candidate.access.authorization;
    let grant = authorization
        .apply(&mut request, &body, now_seconds, &worker.pool, token_server)
        .await
        .map_err(|failure| no_token(&failure, candidate.access.is_byok()))?;
    if dialect == Dialect::Anthropic {
        name_key_as_anthropic_does(request.headers_mut());
    }
    Ok(Authorised { request, grant })
}

/// Azure's key goes to its hosts of Claude under both names: as Azure's other APIs call it, and as
/// Anthropic does, for what stands between and knows one of them only. wire-formats 2.8
fn name_key_as_anthropic_does(headers: &mut HeaderMap) {
    if let Some(key) = headers.get("api-key").cloned() {
        headers.insert("x-api-key", key);
    }
}

/// A request that is ready to be sent.
pub(super) struct Authorised {
    pub request: Request<Full<Bytes>>,
    /// The token it carries, if it carries one.
    pub grant: Option<Grant>,
}

/// Trouble with a credential of the gateway's own is in the log; its owner is told of it.
fn no_token(failure: &TokenFailure, is_byok: bool) -> AttemptError {
    let message = "Provider returned error: no access token";
    match is_byok {
        true => AttemptError::unavailable(format!("{message}: {failure}")),
        false => AttemptError::unavailable(message),
    }
}

/// The caller's body for a provider that speaks the same: edited where it must be.
fn pass(
    dispatch: &Dispatch<'_>,
    target: &Target<'_>,
    max_output_tokens: Option<u64>,
) -> Result<Encoded, Fault> {
    let (call, envelope) = (dispatch.call, dispatch.envelope);
    let user_identity = call.user_identity.clone();
    match call.surface {
        Surface::Chat | Surface::Completions | Surface::Embeddings | Surface::Rerank => {
            let turns = call.facts.turns;
            let patch = openai_chat::RequestPatch { user_identity, max_output_tokens, turns };
            openai_chat::patch_request(envelope, target, &patch)
        }
        Surface::Responses => {
            let patch = openai_responses::RequestPatch { user_identity, max_output_tokens };
            openai_responses::patch_request(envelope, target, &patch)
        }
        Surface::Messages => {
            let betas = call.anthropic_betas().into_iter().map(str::to_owned).collect();
            let patch = anthropic::RequestPatch { user_identity, max_output_tokens, betas };
            anthropic::patch_request_with(envelope, target, &patch)
        }
        Surface::Gemini => {
            gemini::patch_request(envelope, target, &gemini::RequestPatch { max_output_tokens })
        }
    }
}
