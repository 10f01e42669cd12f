//! An attempt at an endpoint that makes vectors or ranks documents. One request may become several
//! calls, where the provider takes few inputs a call. EMB, RERANK

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use protocol::embeddings::{self, Form};
use protocol::exchange::{ErrorType, Fault, Losses, Usage};
use protocol::relay::Answer;
use protocol::rerank;

use super::attempt::{AttemptError, Completed, accept, body_fault, collect, send};
use super::dispatch::{Begun, Dispatch};
use super::plan::Candidate;
use super::settle::Settlement;
use super::write::authorised;
use crate::upstream::{BodyError, address};

/// So many calls of one request are under way at once.
const AT_ONCE: usize = 4;

/// What is asked for if it is no conversation.
pub enum Vectors {
    /// Embeddings. EMB-1
    Embeddings(Box<embeddings::Request>),
    /// A ranking. RERANK-2
    Rerank(Box<rerank::Request>),
}

/// Asks one endpoint.
pub(super) async fn ask_for_vectors(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    vectors: &Vectors,
    settlement: &mut Settlement,
    began: Instant,
) -> Result<Begun, AttemptError> {
    let answer = match vectors {
        Vectors::Embeddings(request) => embed(dispatch, candidate, request, settlement).await?,
        Vectors::Rerank(request) => rank(dispatch, candidate, request).await?,
    };
    Ok(Begun::Whole(Box::new(Completed { answer, candidate: candidate.clone(), began })))
}

async fn embed(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    request: &embeddings::Request,
    settlement: &mut Settlement,
) -> Result<Answer, AttemptError> {
    let catalog = &dispatch.call.snapshot.catalog;
    let endpoint = catalog.endpoint(candidate.endpoint);
    let provider = catalog.provider_of(candidate.endpoint);
    let model = endpoint.upstream_model.as_str();
    let form = provider.embeddings_form(model).ok_or_else(no_form)?;
    let told = |fault: Fault| AttemptError::told(fault, 200, candidate.access.is_byok());
    let room = room(dispatch);
    // A raw name of an end user never leaves, so a body that has one is written anew. USERT-1
    let as_it_came = !dispatch.envelope.has("user") && !request.has_texts_in_parts();
    let unsupported = &catalog.quirks_of(candidate.endpoint).unsupported_parameters;
    if form == Form::OpenAi && as_it_came {
        let body = embeddings::patch_request(dispatch.envelope, model, unsupported);
        let path = form.path(model).map_err(AttemptError::unwritable)?;
        let (body, _) = ask(dispatch, candidate, &path, body, &room).await?;
        let identity = dispatch.identity(candidate);
        let (format, expected) = (request.format(), request.expected());
        let patched =
            embeddings::patch_response(&body, &identity, format, expected).map_err(told)?;
        return Ok(Answer::of_patched_embeddings(patched));
    }
    let spared = if form == Form::OpenAi { request.without(unsupported) } else { None };
    let plan = embeddings::encode_request(form, spared.as_ref().unwrap_or(request), model)?;
    note(dispatch, &plan.losses);
    let mut answers: Vec<Option<embeddings::Response>> = vec![None; plan.calls.len()];
    for first in (0..plan.calls.len()).step_by(AT_ONCE) {
        let last = (first + AT_ONCE).min(plan.calls.len());
        let mut asked: FuturesUnordered<_> = (first..last)
            .map(|at| (at, &plan.calls[at], &room))
            .map(async |(at, call, room)| {
                let asked = ask(dispatch, candidate, &call.path, call.body.clone(), room);
                let (body, counted) = asked.await?;
                let answer = embeddings::decode_response(form, &body, call.expected);
                let mut answer = answer.map_err(told)?;
                answer.usage = answer.usage.or(counted);
                Ok::<_, AttemptError>((at, answer))
            })
            .collect();
        // Where one fails, the others under way are waited for: they are billed in any case.
        let mut failed = None;
        while let Some(answered) = asked.next().await {
            match answered {
                Ok((at, answer)) => {
                    settlement.in_vain(&answer.usage.unwrap_or_default(), true);
                    answers[at] = Some(answer);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    let answers = answers.into_iter().flatten().collect();
    let response = embeddings::join(&plan, answers).map_err(told)?;
    settlement.not_in_vain();
    Ok(Answer::of_embeddings(response, request.format()))
}

async fn rank(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    request: &rerank::Request,
) -> Result<Answer, AttemptError> {
    let catalog = &dispatch.call.snapshot.catalog;
    let model = catalog.endpoint(candidate.endpoint).upstream_model.as_str();
    let provider = catalog.provider_of(candidate.endpoint);
    let form = provider.rerank_form(model).ok_or_else(no_form)?;
    let encoded = rerank::encode_request(form, request, model)?;
    note(dispatch, &encoded.losses);
    let room = room(dispatch);
    let (body, _) = ask(dispatch, candidate, &encoded.path, encoded.body, &room).await?;
    let response = rerank::decode_response(form, &body, request)
        .map_err(|fault| AttemptError::told(fault, 200, candidate.access.is_byok()))?;
    Ok(Answer::of_rerank(request.clone(), response))
}

/// How many bytes all answers to one request may have together.
fn room(dispatch: &Dispatch<'_>) -> AtomicUsize {
    AtomicUsize::new(dispatch.worker.app.settings.upstream.max_answer_bytes)
}

/// The header in which Bedrock tells the tokens of what it invokes; of Cohere nowhere else.
const COUNT: &str = "x-amzn-bedrock-input-token-count";

/// Makes one call, whose answer takes of the room of all. Gives the body, and what was counted beside
/// it.
async fn ask(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    path: &str,
    body: Vec<u8>,
    room: &AtomicUsize,
) -> Result<(Bytes, Option<Usage>), AttemptError> {
    let catalog = &dispatch.call.snapshot.catalog;
    let model = &catalog.endpoint(candidate.endpoint).upstream_model;
    let style = &catalog.provider_of(candidate.endpoint).path_style;
    let path = address::other_path(style, &candidate.access.origin, model, path)
        .map_err(AttemptError::unwritable)?;
    let request = authorised(dispatch, candidate, &path, body, &[]).await?;
    let response = send(dispatch, candidate, request.request).await?;
    let response = accept(response, candidate, request.grant.as_ref(), dispatch).await?;
    let counted = response.headers().get(COUNT);
    let counted = counted.and_then(|count| count.to_str().ok()?.parse().ok());
    let counted = counted.map(|input| Usage { input, ..Usage::default() });
    let counted = counted.filter(Usage::is_believable);
    let body = collect(dispatch, response, room.load(Ordering::Relaxed)).await?;
    let too_large = |most| AttemptError::of(body_fault(&BodyError::TooLarge(most)));
    room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(body.len()))
        .map_err(too_large)?;
    Ok((body, counted))
}

/// The catalogue has a model at a provider that is not known to make vectors.
fn no_form() -> AttemptError {
    AttemptError::unwritable(
        Fault::new(
            ErrorType::ProviderUnavailable,
            "the provider has no protocol for vectors that is known here",
        )
        .message,
    )
}

fn note(dispatch: &Dispatch<'_>, losses: &Losses) {
    for loss in &losses.0 {
        tracing::debug!(
            generation = dispatch.call.generation_id,
            path = loss.path,
            why = loss.why,
            "a member of the request has no counterpart at this provider"
        );
    }
}
