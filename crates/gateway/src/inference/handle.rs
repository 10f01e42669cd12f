//! One request from its first byte to its answer.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use ledger::{PaidBy, PriceVerdict};
use protocol::Surface;
use protocol::exchange::{Additions, ErrorType, Fault, Identity};
use protocol::json::{Envelope, EnvelopeError, RawJson};
use protocol::openai_chat::{functions_as_tools, nest_tools};
use protocol::openai_responses::Echo;
use protocol::surface::{Addressed, Read};
use store::Slot;

use super::address::has_flat_tools;
use super::admit::{admit, enter, key_of_address, may_infer, no_slot};
use super::attempt::Completed;
use super::dispatch::{Begun, Dispatch, Exhausted};
use super::live::{Live, stopping};
use super::plan::{Route, plan};
use super::prepare::{Call, Served};
use super::provenance::Reasoning;
use super::read_on::{Lingering, Presence};
use super::receive::{MAX_OF_UNKNOWN, discard, receive};
use super::reserve::{Held, Unaffordable, reserve};
use super::settle::{Ending, Opening, Settlement};
use super::stored::recall;
use super::stream::{LateFailure, StreamBody, report_commit};
use super::turn::{self, Turn};
use super::vectors::Vectors;
use crate::answer::{AnswerBody, GENERATION_ID};
use crate::app::{App, Worker};
use crate::clock::{now_micros, now_seconds};
use crate::control::limits::{Limited, Place};
use crate::control::{Caller, Snapshot};
use crate::error::respond_on;

/// Answers one request.
pub async fn handle(
    worker: Worker,
    request: Request<Incoming>,
    route: (Surface, Addressed),
) -> Response<AnswerBody> {
    let generation_id = Call::new_id();
    let app = Arc::clone(&worker.app);
    let surface = route.0;
    match admitted(worker, request, route, &generation_id).await {
        Ok(response) => response,
        Err(refusal) => {
            refusal.count(&app);
            refusal.respond(surface, &generation_id)
        }
    }
}

/// A request that was refused or failed, with what goes beside the error.
struct Refusal {
    fault: Fault,
    members: Vec<(String, RawJson)>,
    /// The model and the provider of the last attempt.
    last: (String, String),
    /// It has a row, and with it a place in the metrics.
    settled: bool,
    /// It came too early. RATE-5
    limited: Option<Box<Limited>>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, members: Vec::new(), last: Default::default(), settled: false, limited: None }
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        let refusal = Self::from(limited.fault.clone());
        Self { limited: Some(Box::new(limited)), ..refusal }
    }
}

impl From<Unaffordable> for Refusal {
    fn from(unaffordable: Unaffordable) -> Self {
        match unaffordable {
            Unaffordable::Money(fault) => fault.into(),
            Unaffordable::Rate(limited) => limited.into(),
        }
    }
}

impl Refusal {
    /// Counts what no settlement counts.
    fn count(&self, app: &App) {
        if !self.settled {
            app.metrics.turned_away(self.fault.status);
        }
    }

    fn respond(&self, surface: Surface, generation_id: &str) -> Response<AnswerBody> {
        let mut response = respond_on(surface, &self.fault, Some(generation_id), &self.members);
        if let Some(limited) = &self.limited {
            limited.tell(response.headers_mut());
        }
        response
    }
}

async fn admitted(
    worker: Worker,
    request: Request<Incoming>,
    (surface, addressed): (Surface, Addressed),
    generation_id: &str,
) -> Result<Response<AnswerBody>, Refusal> {
    let app = Arc::clone(&worker.app);
    let mut snapshot = app.snapshot();
    let (mut parts, mut body) = request.into_parts();
    if surface == Surface::Gemini {
        key_of_address(&parts.uri, &mut parts.headers);
    }
    let admitted = admit(&app, &parts.method, &parts.headers, &mut snapshot)
        .await
        .and_then(|caller| may_infer(&caller).map(|()| caller));
    let caller = match admitted {
        Ok(caller) => caller,
        Err(fault) => {
            discard(&mut body, &parts.headers, MAX_OF_UNKNOWN).await;
            return Err(fault.into());
        }
    };
    let place = match enter(&app, &caller, now_micros()).await {
        Ok(place) => place,
        Err(limited) => {
            discard(&mut body, &parts.headers, app.settings.max_body_bytes).await;
            return Err(limited.into());
        }
    };
    let Ok(slot) = worker.settlements.reserve_slot() else {
        discard(&mut body, &parts.headers, app.settings.max_body_bytes).await;
        return Err(no_slot().into());
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
    let body = match has_flat_tools(&parts.uri) {
        true => nest_tools(&body).map_or(body, Bytes::from),
        false => body,
    };
    let turn = match addressed.stream || turn::seems_streamed(&body) {
        true => Some(turn::next().await),
        false => None,
    };
    let presence = Arc::new(Presence::default());
    let request = Box::new(Pending {
        worker,
        snapshot,
        caller,
        route: (surface, addressed),
        headers: parts.headers,
        body,
        slot,
        place,
        generation_id: generation_id.to_owned(),
        presence: Arc::clone(&presence),
    });
    let answering = Box::pin(answer(request));
    let mut answering = Lingering::new(Arc::clone(&app), Arc::clone(&presence), answering);
    if let Some(outcome) = until_heartbeat(&app, &presence, &mut answering, turn).await {
        return outcome.map(|answered| answered.respond(&app, surface));
    }
    // A caller that streams gets headers and a comment while attempts go on. STREAM-2
    let call_id = generation_id.to_owned();
    let counting = Arc::clone(&app);
    let waiting = Box::pin(async move {
        let outcome =
            std::future::poll_fn(|context| poll_unless_cut_off(&counting, &mut answering, context));
        match outcome.await {
            Ok(Answered::Stream { live, .. }) => Ok(live),
            // A caller that streams never gets a whole answer.
            Ok(Answered::Whole { .. }) => Err(LateFailure {
                fault: Fault::new(ErrorType::Server, "Internal Server Error"),
                members: Vec::new(),
                last: Default::default(),
            }),
            Err(refusal) => {
                refusal.count(&counting);
                let Refusal { fault, members, last, .. } = refusal;
                Err(LateFailure { fault, members, last })
            }
        }
    });
    let body = StreamBody::waiting(app, call_id, surface, waiting);
    Ok(stream_response(AnswerBody::Stream(Box::new(body)), generation_id))
}

/// The answer; `None` once a caller that streams is to be given a sign of life.
async fn until_heartbeat(
    app: &App,
    presence: &Presence,
    answering: &mut Lingering<impl Future<Output = Result<Answered, Refusal>> + Send + 'static>,
    mut turn: Option<Turn>,
) -> Option<Result<Answered, Refusal>> {
    let after = app.settings.heartbeat_after();
    let mut timer = std::pin::pin!(None::<tokio::time::Sleep>);
    std::future::poll_fn(|context| {
        if let Poll::Ready(outcome) = poll_unless_cut_off(app, answering, context) {
            return Poll::Ready(Some(outcome));
        }
        // Another one may begin while this one waits.
        turn = None;
        // Who waits for a whole answer gets no signs of life, and needs no timer.
        while !presence.is_whole() {
            if let Some(timer) = timer.as_mut().as_pin_mut() {
                std::task::ready!(timer.poll(context));
                if presence.is_streaming() {
                    return Poll::Ready(None);
                }
            }
            timer.set(Some(tokio::time::sleep(after)));
        }
        Poll::Pending
    })
    .await
}

/// The answer, or, when the gateway stops and cannot wait for it, an error. The order to stop polls
/// every connection, and with it this.
fn poll_unless_cut_off(
    app: &App,
    answering: &mut Lingering<impl Future<Output = Result<Answered, Refusal>> + Send + 'static>,
    context: &mut Context<'_>,
) -> Poll<Result<Answered, Refusal>> {
    if app.is_cut_off() {
        return Poll::Ready(Err(stopping().into()));
    }
    Pin::new(answering).poll(context)
}

/// A request whose body is read.
struct Pending {
    worker: Worker,
    snapshot: Arc<Snapshot>,
    caller: Arc<Caller>,
    route: (Surface, Addressed),
    headers: HeaderMap,
    body: Bytes,
    slot: Slot,
    place: Option<Place>,
    generation_id: String,
    presence: Arc<Presence>,
}

enum Answered {
    Stream { live: Box<Live>, generation_id: String },
    Whole { body: Vec<u8>, generation_id: String },
}

impl Answered {
    fn respond(self, app: &Arc<App>, surface: Surface) -> Response<AnswerBody> {
        match self {
            Self::Stream { live, generation_id } => {
                let body = StreamBody::live(Arc::clone(app), generation_id.clone(), surface, live);
                stream_response(AnswerBody::Stream(Box::new(body)), &generation_id)
            }
            Self::Whole { body, generation_id } => {
                let mut response = Response::new(AnswerBody::whole(Bytes::from(body)));
                let headers = response.headers_mut();
                // With what is added on the way out.
                headers.reserve(8);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                if let Ok(id) = HeaderValue::from_str(&generation_id) {
                    headers.insert(GENERATION_ID, id);
                }
                response
            }
        }
    }
}

fn stream_response(body: AnswerBody, generation_id: &str) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies in front must not hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Ok(id) = HeaderValue::from_str(generation_id) {
        headers.insert(GENERATION_ID, id);
    }
    response
}

/// What lives across an `await` here is moved with the whole when a request begins: what is large is
/// boxed, and what is made on the way is made in a scope of its own.
async fn answer(mut request: Box<Pending>) -> Result<Answered, Refusal> {
    let app = Arc::clone(&request.worker.app);
    let mut recalled = None;
    if request.route.0 == Surface::Responses && request.caller.stores_responses {
        // Boxed: few requests need it, and it would make every request larger.
        recalled = Box::pin(recall(&app, &request.caller, &request.body)).await?;
    }
    if let Some(recalled) = &mut recalled {
        request.body = std::mem::take(&mut recalled.body);
    }
    let (surface, addressed) = request.route;
    let unread = |error: EnvelopeError| Fault::invalid(error.to_string());
    let mut envelope = Envelope::parse(&request.body).map_err(unread)?;
    let mut reasoning = Reasoning::default();
    if !envelope.is_plain() {
        let (body, found) = app.provenance.read(request.body.clone());
        if found.is_some() {
            request.body = body;
            envelope = Envelope::parse(&request.body).map_err(unread)?;
            reasoning = found;
        }
    }
    if let Some(body) = surface.without_case_doubles(&envelope) {
        request.body = body.into();
        envelope = Envelope::parse(&request.body).map_err(unread)?;
    }
    let mut calls_as_function = false;
    if surface == Surface::Chat
        && let Some(read) = functions_as_tools(&envelope)
    {
        calls_as_function = read.calls_as_function;
        request.body = read.body.into();
        envelope = Envelope::parse(&request.body).map_err(unread)?;
    }
    let (facts, read) = surface.read_indexed(&envelope, &request.body, &addressed)?;
    let call = {
        let mut call = Call::new(
            Arc::clone(&app),
            request.snapshot,
            request.caller,
            (surface, addressed),
            request.generation_id,
            &request.headers,
            facts,
        )?;
        call.reasoning = reasoning;
        call.calls_as_function = calls_as_function;
        if let Some(recalled) = recalled {
            (call.echo, call.stored) = (Some(recalled.echo), Some(recalled.stored));
        } else if surface == Surface::Responses {
            call.echo = Some(Echo::read(&envelope));
        }
        Arc::new(call)
    };
    let mut route = match plan(&call, &request.body).await {
        Ok(route) => route,
        Err(no_route) => {
            let members = call.refused_metadata(&no_route);
            return Err(Refusal { members, ..no_route.fault.into() });
        }
    };
    leave_out_unknown_prices(&call, &mut route)?;
    let Held { reservation, budget } = reserve(&call, &mut route, &envelope, &request.body).await?;
    request.presence.asks(call.facts.stream);
    let mut settlement = {
        let mut generation = call.record();
        generation.router = route.router().map(Into::into);
        let opening = Opening {
            generation,
            estimated_prompt_tokens: estimated_prompt_tokens(&call, &route),
            images: call.facts.images,
            most_output: call.facts.most_output(),
            reservation,
            markup: call.caller.terms.markup,
            place: request.place,
        };
        Settlement::open(Arc::clone(&app), Arc::clone(&call.snapshot), request.slot, opening)
    };
    let vectors = match read {
        Read::Facts => None,
        Read::Embeddings(mut read) => {
            // The raw value never leaves. USERT-1
            read.user.clone_from(&call.user_identity);
            Some(Vectors::Embeddings(read))
        }
        Read::Rerank(read) => Some(Vectors::Rerank(read)),
    };
    let dispatch = Dispatch {
        worker: &request.worker,
        call: &call,
        body: &request.body,
        envelope: &envelope,
        route: &route,
        budget,
        presence: &request.presence,
        vectors,
        decoded: OnceLock::new(),
        inlined: Default::default(),
    };
    match dispatch.run(&mut settlement).await {
        Ok(Begun::Stream(started)) => {
            call.keep_route(route);
            let generation_id = call.generation_id.clone();
            let live = Box::new(Live::new(call, *started, settlement, &app));
            Ok(Answered::Stream { live, generation_id })
        }
        Ok(Begun::Whole(completed)) => {
            call.keep_route(route);
            let body = whole(&call, completed, settlement, request.presence.has_left()).await;
            Ok(Answered::Whole { body, generation_id: call.generation_id.clone() })
        }
        Err(exhausted) => {
            let left = request.presence.has_left();
            Err(failed(&call, route, exhausted, settlement, left).await)
        }
    }
}

/// The tokens of the prompt, for a provider that does not count them: by the model that is asked
/// first.
fn estimated_prompt_tokens(call: &Call, route: &Route) -> u64 {
    route.candidates.first().map_or(call.facts.estimated_prompt_tokens, |first| {
        call.prompt_tokens(call.snapshot.catalog.model_of(first.endpoint))
    })
}

/// A price that is not known is refused where the operator's policy says so. Promise 2
pub fn leave_out_unknown_prices(call: &Call, route: &mut Route) -> Result<(), Fault> {
    let (policy, catalog) = (call.app.settings.unknown_prices, &call.snapshot.catalog);
    route.candidates.retain(|candidate| {
        let paid_by = match candidate.access.is_byok() {
            true => PaidBy::OwnCredential,
            false => PaidBy::Credits,
        };
        let prices = &catalog.endpoint(candidate.endpoint).price;
        policy.judge(prices, paid_by) != PriceVerdict::Refused
    });
    if !route.candidates.is_empty() {
        return Ok(());
    }
    Err(Fault::new(
        ErrorType::Unprocessable,
        format!(
            "model: the price of {} is not known at any provider that could answer, and none of \
             them may be asked without one; enter a price, or allow it with \
             unknown_prices_on_credits or unknown_prices_on_own_credential",
            call.model_requested
        ),
    ))
}

/// The body of a whole answer, once its row is committed; `left`: nobody waits for it.
async fn whole(
    call: &Arc<Call>,
    completed: Box<Completed>,
    settlement: Box<Settlement>,
    left: bool,
) -> Vec<u8> {
    let Completed { mut answer, candidate, began } = *completed;
    let candidate = &candidate;
    let mut ending = Ending { status: 200, cancelled: left, read_on: left, ..Ending::default() };
    ending.usage = answer.usage;
    ending.text_bytes = answer.text_bytes;
    ending.images_out = answer.images;
    ending.search_units = answer.search_units;
    ending.as_told = answer.is_vectors;
    // One answer of several that is whole makes the call a good one, whichever it is. ZCI-1
    let failed = Some(protocol::exchange::FinishReason::Error);
    let whole = answer.finishes.iter().find(|(finish, _)| *finish != failed);
    if let Some((finish, native)) = whole.or(answer.finishes.first()) {
        ending.finish = *finish;
        ending.native_finish.clone_from(native);
    }
    ending.service_tier.clone_from(&answer.service_tier);
    ending.upstream_id.clone_from(&answer.upstream_id);
    let bill = settlement.bill(&ending);
    let members = call.metadata(settlement.generation());
    let completed = Some(now_seconds());
    let additions = Additions { charge: Some(&bill.charge), members: &members, completed };
    answer.usage = Some(bill.usage);
    let state = call.snapshot.endpoint(candidate.endpoint);
    let identity = Identity {
        id: call.generation_id.clone(),
        model: state.model.to_string(),
        provider: state.provider_name.to_string(),
        created: call.created(),
    };
    let body = answer.write(&identity, call.echo.as_ref(), additions);
    let served = Served {
        candidate,
        began,
        first_content: None,
        held_up: Duration::ZERO,
        finish: ending.finish,
        counted: ending.usage.map(|usage| usage.input),
    };
    call.served(&served, &bill.usage);
    if let Some(committed) = settlement.settle(ending, &bill) {
        report_commit(&call.generation_id, committed.await);
    }
    match &call.stored {
        // Nobody knows the id of an answer that nobody waited for.
        Some(stored) if !left => Box::pin(stored.keep_whole(call, body)).await,
        _ => body,
    }
}

async fn failed(
    call: &Arc<Call>,
    route: Route,
    exhausted: Exhausted,
    settlement: Box<Settlement>,
    left: bool,
) -> Refusal {
    call.keep_route(route);
    let fault = exhausted.fault;
    let members = call.failed_metadata(settlement.generation(), fault.status);
    let generation = settlement.generation();
    let last = (generation.model.to_string(), generation.provider_name.to_string());
    let ending = Ending {
        status: fault.status,
        error_type: Some(fault.error_type.name()),
        cancelled: left,
        ..Ending::default()
    };
    let bill = settlement.bill(&ending);
    if let Some(committed) = settlement.settle(ending, &bill) {
        report_commit(&call.generation_id, committed.await);
    }
    Refusal { fault, members, last, settled: true, limited: exhausted.limited }
}
