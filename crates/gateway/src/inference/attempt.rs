//! One attempt at one endpoint: have the request written for it, send it, wait for content.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::Full;
use protocol::codec;
use protocol::exchange::{ErrorType, Fault, FinishReason, Usage};
use protocol::relay::{Answer, Relay};
use protocol::target::ResponseContext;

use super::dispatch::{Begun, Dispatch};
use super::plan::Candidate;
use super::provenance::Replay;
use super::receive::unmarked;
use super::retry_hint;
use super::settle::Settlement;
use super::vectors::ask_for_vectors;
use super::write::write_request;
use crate::clock::now_seconds;
use crate::upstream::{BodyError, Grant, SendError, Sent, UpstreamBody, UpstreamResponse};

/// The most of a provider's error body that is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// The most that is held back for the caller while no content came, in bytes.
const MAX_BEFORE_CONTENT: usize = 1024 * 1024;

const EMPTY: &str = "Provider returned error: an empty answer";

/// A stream whose first content is there.
pub struct Started {
    /// The rest of the provider's bytes.
    pub upstream: UpstreamBody,
    /// The way to the caller.
    pub relay: Relay,
    /// What was written for the caller so far.
    pub written: Vec<u8>,
    /// The provider said that it is done, or its bytes ended, within what was read.
    pub ended: bool,
    /// All choices have ended already.
    pub finished: bool,
    /// The candidate that serves.
    pub candidate: Candidate,
    /// When the attempt began.
    pub began: Instant,
    /// When the whole attempt must be over.
    pub deadline: Instant,
}

/// A whole answer.
pub struct Completed {
    /// The answer.
    pub answer: Answer,
    /// The candidate that served.
    pub candidate: Candidate,
    /// When the attempt began.
    pub began: Instant,
}

/// The longest name of a member of an event, in bytes, with its colon.
const LONGEST_FIELD: usize = 6;
/// So many blanks are no beginning, in bytes.
const MAX_BEGINNING: usize = 64 * 1024;

/// Why an attempt failed.
#[derive(Debug)]
pub struct AttemptError {
    /// The error as the caller would see it.
    pub fault: Fault,
    /// The status the provider gave, or meant where it told an error inside a 200; `None` if it
    /// gave none, or if what it gave broke off.
    pub upstream_status: Option<u16>,
    /// The status by what the error means, whatever the provider put on it: 402 for a 429 of one
    /// without credit. It decides about health and availability. LB-6, ERR-10
    pub meaning: Option<u16>,
    /// The provider does not serve the region this gateway calls from. ERR-10
    pub geographic: bool,
    /// The request could not be written for this endpoint, or there was no room here to send it: no
    /// provider has seen it.
    pub unsent: bool,
    /// What the provider counted and bills all the same.
    pub counted: Option<Box<Usage>>,
}

impl AttemptError {
    /// Trouble that no provider told of: no answer, or one that broke off.
    pub(super) fn of(fault: Fault) -> Self {
        Self {
            fault,
            upstream_status: None,
            meaning: None,
            geographic: false,
            unsent: false,
            counted: None,
        }
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::of(Fault::new(ErrorType::ProviderUnavailable, message))
    }

    /// The catalogue describes the endpoint in a way that no request can be written for.
    pub(super) fn unwritable(error: impl std::fmt::Display) -> Self {
        Self { unsent: true, ..Self::unavailable(error.to_string()) }
    }

    /// This process may open no further connection: nothing was sent, and no provider is at fault.
    fn no_room() -> Self {
        let mut fault = Fault::new(
            ErrorType::ProviderOverloaded,
            "The gateway is at capacity: it may open no further connection",
        );
        fault.retry_after = Some(1);
        Self { meaning: Some(fault.status), unsent: true, ..Self::of(fault) }
    }

    fn timeout() -> Self {
        Self::of(Fault::new(ErrorType::Timeout, "Request timed out. Please try again later."))
    }

    /// A fault that a provider told, with the status of its answer; `fault` as decoded, not yet
    /// made fit for the caller.
    pub(super) fn told(fault: Fault, status: u16, is_byok: bool) -> Self {
        let meaning = match (fault.error_type, status) {
            (
                ErrorType::Authentication
                | ErrorType::PaymentRequired
                | ErrorType::PermissionDenied
                | ErrorType::RateLimitExceeded,
                _,
            ) => Some(fault.error_type.status()),
            // Found here, not told: what came made no sense.
            (ErrorType::ProviderUnavailable, 200..=299) if fault.provider_code.is_none() => None,
            (_, 200..=299) => Some(fault.status),
            (_, status) => Some(status),
        };
        let geographic = routing::is_geographic(fault.provider_code.as_deref());
        Self {
            upstream_status: if status < 300 { meaning } else { Some(status) },
            meaning,
            geographic,
            ..Self::of(for_caller(fault, is_byok))
        }
    }

    /// The same without the secrets that the request sent.
    pub(super) fn withheld(self, sent: &Sent) -> Self {
        Self { fault: sent.withheld(self.fault), ..self }
    }
}

impl From<Fault> for AttemptError {
    /// A fault found while writing the request: the caller's, and no provider has seen it.
    fn from(fault: Fault) -> Self {
        Self { meaning: Some(fault.status), unsent: true, ..Self::of(fault) }
    }
}

/// Tries one candidate, for at most `most_output` tokens of each answer if money is short. Everything
/// before the first content may fail without the caller knowing.
pub async fn attempt(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    most_output: Option<u64>,
    replay: Replay,
    debug: &mut Vec<u8>,
    settlement: &mut Settlement,
    started: Instant,
) -> Result<Begun, AttemptError> {
    let limits = &dispatch.worker.app.settings.upstream;
    if let Some(vectors) = &dispatch.vectors {
        let asking = Box::pin(ask_for_vectors(dispatch, candidate, vectors, settlement, started));
        let begun = tokio::time::timeout(limits.total, asking)
            .await
            .map_err(|_| AttemptError::timeout())??;
        settlement.content_began();
        return Ok(begun);
    }
    let (request, context) = write_request(dispatch, candidate, most_output, replay, debug).await?;
    let stream = dispatch.call.facts.stream;
    let waiting = std::pin::pin!(async {
        // A future that is moved is copied: those of one step are made where they are awaited.
        let response = async {
            let response = send(dispatch, candidate, request.request).await?;
            accept(response, candidate, request.grant.as_ref(), dispatch).await
        };
        if stream {
            // In a stream headers must come soon; then every sign of life renews the patience for
            // the first content, since a model may think for minutes.
            let response = {
                let response = std::pin::pin!(response);
                tokio::time::timeout(limits.first_event, response)
                    .await
                    .map_err(|_| AttemptError::timeout())??
            };
            begin_stream(dispatch, candidate, context, response, started).await
        } else {
            // Headers may come only when all of it is generated: the total is their limit.
            let response = response.await?;
            let body = collect(dispatch, response, limits.max_answer_bytes).await?;
            whole_answer(dispatch, candidate, &context, &body, started)
        }
    });
    let mut begun = tokio::time::timeout(limits.total, waiting)
        .await
        .map_err(|_| AttemptError::timeout())??;
    if let Begun::Stream(stream) = &mut begun
        && !debug.is_empty()
    {
        debug.append(&mut stream.written);
        std::mem::swap(debug, &mut stream.written);
    }
    settlement.content_began();
    Ok(begun)
}

pub(super) async fn send(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    request: Request<Full<Bytes>>,
) -> Result<UpstreamResponse, AttemptError> {
    let origin = candidate.access.origin_for(dispatch.call.dialect(candidate.endpoint));
    dispatch.worker.pool.send(origin, request).await.map_err(|error| {
        // About addresses and certificates, and without it nobody knows what to mend.
        tracing::info!(
            generation = dispatch.call.generation_id,
            provider = %dispatch.call.snapshot.endpoint(candidate.endpoint).provider_name,
            %error,
            "a provider could not be reached"
        );
        match error {
            error if error.is_ours() => AttemptError::no_room(),
            SendError::ConnectTimeout(_) => AttemptError::timeout(),
            SendError::Connect(_) | SendError::Broken(_) => {
                AttemptError::unavailable("Provider returned error: no connection")
            }
        }
    })
}

/// Passes an answer with status 200; reads and classifies any other.
pub(super) async fn accept(
    response: UpstreamResponse,
    candidate: &Candidate,
    grant: Option<&Grant>,
    dispatch: &Dispatch<'_>,
) -> Result<UpstreamResponse, AttemptError> {
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED
        && let Some(grant) = grant
    {
        candidate.access.authorization.refused(grant);
    }
    // Compressed answers are never asked for; inflating one could fill the memory.
    let plain = response
        .headers()
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !plain {
        return Err(AttemptError::unavailable(
            "Provider returned error: a compressed answer that was not asked for",
        ));
    }
    if status == StatusCode::OK || status == StatusCode::CREATED {
        return Ok(response);
    }
    let told = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let retry_after = retry_hint::seconds(response.headers(), now_seconds());
    let error_type = told("x-amzn-errortype");
    let dialect = dispatch.call.dialect(candidate.endpoint);
    let body = response
        .into_body()
        .collect(MAX_ERROR_BODY, Duration::from_secs(5))
        .await
        .unwrap_or_default();
    // What is told of it further on may be cut within a secret.
    let body = candidate.access.authorization.sent().masked(body);
    let headers = codec::ErrorHeaders {
        retry_after: retry_after.as_deref(),
        error_type: error_type.as_deref(),
    };
    let fault = codec::decode_error(dialect, status.as_u16(), headers, &body);
    Err(AttemptError::told(fault, status.as_u16(), candidate.access.is_byok()))
}

/// Trouble between this gateway and a provider is not the caller's: a key of ours that is refused
/// or out of credit shows as an unavailable provider. wire-formats 12.5
pub fn for_caller(mut fault: Fault, is_byok: bool) -> Fault {
    let ours = matches!(
        fault.error_type,
        ErrorType::Authentication | ErrorType::PaymentRequired | ErrorType::PermissionDenied
    );
    if ours && !is_byok {
        fault.error_type = ErrorType::ProviderUnavailable;
        fault.status = ErrorType::ProviderUnavailable.status();
        fault.message = "Provider returned error".to_owned();
    }
    fault
}

async fn begin_stream(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    context: ResponseContext,
    response: UpstreamResponse,
    began: Instant,
) -> Result<Begun, AttemptError> {
    let limits = &dispatch.worker.app.settings.upstream;
    let dialect = dispatch.call.dialect(candidate.endpoint);
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim_start().starts_with(dialect.framing().media_type()));
    let mut upstream = response.into_body();
    let failed = |fault: Fault| AttemptError::told(fault, 200, candidate.access.is_byok());
    let (mut seen, mut whole) = (None, None);
    if !is_stream {
        // Some servers give events another type: what came first tells.
        let first = beginning(&mut upstream, limits.idle).await?;
        if dialect.framing().is_begun_by(&first) {
            seen = Some(first);
        } else {
            let body = Box::pin(in_place_of_stream(dispatch, &mut upstream, first)).await;
            let decoded = codec::decode_response(dialect, &body, &context).map_err(failed)?;
            whole = Some(Box::new(decoded));
        }
    }
    let answers = dispatch.call.facts.answers;
    let begin = if whole.is_some() { Relay::translating } else { Relay::new };
    let mut relay = begin(
        dialect,
        dispatch.call.surface,
        dispatch.identity(candidate),
        context,
        dispatch.call.echo.clone(),
    )
    .stamping(dispatch.stamp(candidate));
    let mut written = Vec::new();
    let mut refused = false;
    loop {
        let patience = if refused { limits.idle.min(limits.after_finish) } else { limits.idle };
        let data = match (seen.take(), &whole) {
            (Some(first), _) => Some(Ok(first)),
            (None, Some(_)) => None,
            (None, None) => upstream.data(patience).await,
        };
        let (step, ended) = match data {
            None if let Some(whole) = &whole => (relay.tell(whole, &mut written), true),
            Some(Ok(data)) => {
                let mut step = relay.push(&data, &mut written);
                let done = step.done;
                if done && step.fault.is_none() {
                    step.fault = relay.end(&mut written).fault;
                }
                (step, done)
            }
            Some(Err(_)) if refused => (relay.end(&mut written), true),
            Some(Err(error)) => {
                return Err(AttemptError::of(body_fault(&error)));
            }
            None => (relay.end(&mut written), true),
        };
        if let Some(fault) = step.fault.filter(|_| !refused) {
            return Err(failed(fault));
        }
        // Content may be as large as it likes: a picture comes whole.
        if !step.content && !step.finished && written.len() > MAX_BEFORE_CONTENT {
            return Err(AttemptError::unavailable(
                "Provider returned error: no content within the first chunks",
            ));
        }
        // A stream without a word is an answer only if the provider says why.
        let spoken = relay.text_bytes() > 0 || (step.content && !step.finished);
        if !spoken && (ended || step.finished) {
            match (relay.finish_reason(), relay.native_finish_reason()) {
                (Some(FinishReason::Error), native) => return Err(failed(failed_with(native))),
                (Some(FinishReason::ContentFilter), native)
                    if dispatch.has_further_model(candidate) =>
                {
                    if ended {
                        let counted = relay.usage().map(Box::new);
                        return Err(AttemptError { counted, ..failed(refusal(native)) });
                    }
                    // What it counted comes with the end, and is billed in any case.
                    refused = true;
                    continue;
                }
                (_, None) => return Err(AttemptError::unavailable(EMPTY)),
                _ => {}
            }
        }
        if step.content || step.finished || ended {
            let relay_finished = step.finished && relay.all_finished(answers);
            return Ok(Begun::Stream(Box::new(Started {
                upstream,
                relay,
                written,
                ended,
                finished: relay_finished,
                candidate: candidate.clone(),
                began,
                deadline: began + limits.total,
            })));
        }
    }
}

/// The provider's failure said as a finish reason. CHAT-11
pub fn failed_with(native: Option<&str>) -> Fault {
    let word: String = native.unwrap_or("error").chars().take(128).collect();
    let message = format!("Provider returned error: {word}");
    Fault::new(ErrorType::ProviderUnavailable, message).with_provider_code(word)
}

/// A model that refuses and says nothing, where another one may answer. FALL-2
fn refusal(native: Option<&str>) -> Fault {
    let word: String = native.unwrap_or("refusal").chars().take(128).collect();
    let message = format!("Provider returned error: the model gave no answer ({word})");
    Fault::new(ErrorType::Refusal, message).with_provider_code(word)
}

/// The first bytes of a body, as many as show what it is.
async fn beginning(upstream: &mut UpstreamBody, idle: Duration) -> Result<Bytes, AttemptError> {
    let mut read = Bytes::new();
    // A heartbeat may be a blank, and a server may flush each byte.
    while read.trim_ascii_start().len() < LONGEST_FIELD && read.len() < MAX_BEGINNING {
        let Some(data) = upstream.data(idle).await else { break };
        let data = data.map_err(|error| AttemptError::of(body_fault(&error)))?;
        read = if read.is_empty() { data } else { [read, data].concat().into() };
    }
    Ok(read)
}

/// What came where a stream was asked for: a whole answer of a server that has no streams, or an
/// error in a 200. Of what is no JSON, such as a page of a proxy, a little is read for the error's
/// sake.
async fn in_place_of_stream(
    dispatch: &Dispatch<'_>,
    upstream: &mut UpstreamBody,
    first: Bytes,
) -> Bytes {
    let limits = &dispatch.worker.app.settings.upstream;
    let is_json = first.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b'{' | b'['));
    let (most, patience) = match is_json {
        true => (limits.max_answer_bytes, limits.idle),
        false => (MAX_ERROR_BODY, Duration::from_secs(5)),
    };
    upstream.collect_after(first, most, patience).await.unwrap_or_default()
}

/// The fault of a body that broke off.
pub fn body_fault(error: &BodyError) -> Fault {
    match error {
        BodyError::Idle(_) => {
            Fault::new(ErrorType::Timeout, "Request timed out. Please try again later.")
        }
        BodyError::Broken(_) => Fault::new(
            ErrorType::ProviderUnavailable,
            "Provider returned error: the answer broke off",
        ),
        BodyError::TooLarge(_) => Fault::new(
            ErrorType::ProviderUnavailable,
            "Provider returned error: the answer is too large",
        ),
    }
}

/// A whole answer, of at most so many bytes.
pub(super) async fn collect(
    dispatch: &Dispatch<'_>,
    response: UpstreamResponse,
    most_bytes: usize,
) -> Result<Bytes, AttemptError> {
    let limits = &dispatch.worker.app.settings.upstream;
    response
        .into_body()
        .collect(most_bytes, limits.total)
        .await
        .map(unmarked)
        .map_err(|error| AttemptError::of(body_fault(&error)))
}

fn whole_answer(
    dispatch: &Dispatch<'_>,
    candidate: &Candidate,
    context: &ResponseContext,
    body: &Bytes,
    began: Instant,
) -> Result<Begun, AttemptError> {
    let dialect = dispatch.call.dialect(candidate.endpoint);
    let failed = |fault: Fault| AttemptError::told(fault, 200, candidate.access.is_byok());
    let identity = dispatch.identity(candidate);
    let surface = dispatch.call.surface;
    let stamp = dispatch.stamp(candidate);
    let answer =
        Answer::read(dialect, surface, body, &identity, context, stamp.as_ref()).map_err(failed)?;
    if !answer.has_content {
        // A blank finish reason is made `stop` for the caller; the provider said nothing.
        match answer.finishes.iter().find(|(_, native)| native.is_some()) {
            None => return Err(AttemptError::unavailable(EMPTY)),
            Some((Some(FinishReason::Error), native)) => {
                return Err(failed(failed_with(native.as_deref())));
            }
            Some((Some(FinishReason::ContentFilter), native))
                if dispatch.has_further_model(candidate) =>
            {
                let counted = answer.usage.map(Box::new);
                return Err(AttemptError { counted, ..failed(refusal(native.as_deref())) });
            }
            Some(_) => {}
        }
    }
    Ok(Begun::Whole(Box::new(Completed { answer, candidate: candidate.clone(), began })))
}
