//! Step 5: one call from its first byte to its answer.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use catalog::AuthStyle;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use protocol::Dialect;
use protocol::exchange::{ErrorType, Fault};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout, timeout_at};

use super::address::{self, Addressed, target};
use super::answer::PassedAnswer;
use super::body::PassedRequest;
use super::books::{Books, Known};
use super::credential::{authorise, choose, endpoint_of};
use super::guard::Guard;
use super::headers::{to_caller, without_length, without_owner};
use super::hold::{PriceCheck, hold};
use super::named::Address;
use super::peek::{Looking, Peeked, peek};
use super::request::Outward;
use super::standing::Standing;
use super::tap::is_events;
use super::tunnel::{self, Tunnel};
use crate::answer::{AnswerBody, GENERATION_ID};
use crate::app::{App, Worker};
use crate::clock::now_micros;
use crate::control::limits::Limited;
use crate::control::{Access, Caller, Snapshot};
use crate::error::respond;
use crate::inference::Call;
use crate::inference::admit::{authenticate, enter, key_of_address, may_infer, no_slot};
use crate::inference::live::stopping;
use crate::inference::receive::{MAX_OF_UNKNOWN, discard};
use crate::inference::room::Taken;
use crate::inference::stream::report_commit;
use crate::listener::Running;
use crate::upstream::{Driving, Masking, SendError};

/// What is not passed on: a provider that answers them repeats the request, and with it our
/// credential.
const ECHOING: [&str; 2] = ["TRACE", "TRACK"];

/// How often what is held for a call is kept while its provider is waited for.
const KEEPING: Duration = Duration::from_secs(60);

/// Answers one call of a provider's API.
pub async fn handle(
    worker: Worker,
    request: Request<Incoming>,
    meant: Addressed,
) -> Response<AnswerBody> {
    let generation_id = Call::new_id();
    let app = Arc::clone(&worker.app);
    let mut passing = std::pin::pin!(pass(worker, request, meant, generation_id.clone()));
    // The order to stop polls every connection, and with it this.
    let outcome = std::future::poll_fn(|context| match app.is_cut_off() {
        true => Poll::Ready(Err(stopping().into())),
        false => passing.as_mut().poll(context),
    });
    match outcome.await {
        Ok(response) => response,
        Err(refusal) => refusal.respond(&app, &generation_id),
    }
}

/// A call that was refused, or that no provider answered.
struct Refusal {
    fault: Fault,
    /// It has a row, and with it a place in the metrics.
    is_settled: bool,
    /// It came too early. RATE-5
    limited: Option<Box<Limited>>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, is_settled: false, limited: None }
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        let refusal = Self::from(limited.fault.clone());
        Self { limited: Some(Box::new(limited)), ..refusal }
    }
}

impl Refusal {
    fn respond(&self, app: &App, generation_id: &str) -> Response<AnswerBody> {
        if !self.is_settled {
            app.metrics.turned_away(self.fault.status);
        }
        let mut response = respond(&self.fault, Some(generation_id), &[]);
        if let Some(limited) = &self.limited {
            limited.tell(response.headers_mut());
        }
        if self.fault.status == StatusCode::METHOD_NOT_ALLOWED.as_u16() {
            let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

async fn pass(
    worker: Worker,
    mut request: Request<Incoming>,
    meant: Addressed,
    generation_id: String,
) -> Result<Response<AnswerBody>, Refusal> {
    let app = Arc::clone(&worker.app);
    let snapshot = app.snapshot();
    let deadline = Instant::now() + app.settings.passthrough.total;
    let upgrading = tunnel::is_asked(&request).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, mut body) = request.into_parts();
    key_of_address(&parts.uri, &mut parts.headers);
    key_of_azure(&mut parts.headers);
    if upgrading.is_some() {
        tunnel::key_of_protocols(&mut parts.headers);
    }
    let admitted = authenticate(&parts.headers, &snapshot, now_micros())
        .and_then(|caller| may_infer(&caller).map(|()| caller));
    let caller = match admitted {
        Ok(caller) => caller,
        Err(fault) => {
            discard(&mut body, &parts.headers, MAX_OF_UNKNOWN).await;
            return Err(fault.into());
        }
    };
    let is_socket = upgrading.is_some();
    let passing =
        Passing { app, worker, snapshot, caller, meant, generation_id, parts, deadline, is_socket };
    let prepared = match passing.prepare(&mut body).await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            let limit = passing.app.settings.max_body_bytes;
            discard(&mut body, &passing.parts.headers, limit).await;
            return Err(refusal);
        }
    };
    passing.run(prepared, body, upgrading).await
}

/// Clients of Azure's put their key into a header that is nobody else's.
fn key_of_azure(headers: &mut HeaderMap) {
    let key = headers.get("api-key").cloned();
    if let Some(key) = key.filter(|_| !headers.contains_key(AUTHORIZATION)) {
        headers.entry("x-api-key").or_insert(key);
    }
}

/// A call whose caller is known.
struct Passing {
    app: Arc<App>,
    worker: Worker,
    snapshot: Arc<Snapshot>,
    caller: Arc<Caller>,
    meant: Addressed,
    generation_id: String,
    parts: Parts,
    deadline: Instant,
    /// It asks for a WebSocket.
    is_socket: bool,
}

/// What was decided before the provider is asked.
struct Prepared {
    access: Arc<Access>,
    provider: catalog::ProviderId,
    /// The beginning of the body, and the room that it takes.
    peeked: (Peeked, Taken),
    /// The answer may tell what it used.
    is_read: bool,
    /// What judges a body at its end that is too long to be looked into before.
    watching: Option<Watching>,
    /// What judges the model that the first message of a WebSocket names.
    setup: Option<PriceCheck>,
    books: Books,
}

/// What is asked of a long body before its end is sent.
struct Watching {
    looking: Looking,
    /// `None` where the address names the model.
    check: Option<PriceCheck>,
    /// A model is asked, whatever the body says.
    is_plain: bool,
}

impl Passing {
    /// Decides all there is to decide before the provider is asked.
    async fn prepare(&self, body: &mut Incoming) -> Result<Prepared, Refusal> {
        let method = &self.parts.method;
        if ECHOING.iter().any(|echoing| method.as_str().eq_ignore_ascii_case(echoing)) {
            let message = format!("{method} is not passed through");
            let fault = Fault::new(ErrorType::InvalidRequest, message);
            return Err(fault.with_status(StatusCode::METHOD_NOT_ALLOWED.as_u16()).into());
        }
        let (app, snapshot, caller) = (&self.app, &self.snapshot, &self.caller);
        let place = enter(app, caller, now_micros()).await?;
        let slot = self.worker.settlements.reserve_slot().map_err(|_| no_slot())?;
        let catalog = &snapshot.catalog;
        let provider =
            catalog.find_provider(&self.meant.provider).ok_or_else(|| self.unknown_provider())?;
        let settings = &app.settings;
        let longest = settings.passthrough.total;
        let patience = (settings.body_idle_timeout, settings.body_timeout, longest);
        let query = self.parts.uri.query().unwrap_or_default();
        let is_live = self.is_socket
            && (catalog.provider(provider).dialect == Dialect::Gemini
                || address::is_live(&self.meant.rest));
        let is_socket = self.is_socket;
        let asked = Address { method, rest: &self.meant.rest, query, is_socket, is_live };
        let headers = &self.parts.headers;
        let (mut peeked, taken) = peek(body, headers, asked, patience, &app.bodies).await?;
        peeked.take_stamps(&app.provenance);
        let named = peeked.named(asked);
        named.judge_spelling()?;
        let find = |name: &str| endpoint_of(catalog, provider, name);
        let endpoint = named.model.as_deref().and_then(find);
        let permission = settings.passthrough.permission;
        let access = choose(permission, snapshot, caller, provider, &named, endpoint)?;
        let check = PriceCheck::of(app, snapshot, caller, &access, provider);
        check.judge_call(&named)?;
        let setup = is_live.then(|| check.clone());
        let is_watched = named.is_work && !self.is_socket;
        let watching = peeked.looking().filter(|_| is_watched).map(|looking| {
            // A form may name another model after the one that was seen.
            let may_differ = named.model.is_none() || matches!(looking, Looking::Form(_));
            let is_by_address = address::model(&self.meant.rest).is_some();
            let check = (may_differ && !is_by_address).then_some(check);
            Watching { looking, check, is_plain: named.is_plain }
        });
        // Before money is held for it.
        let origin = access.origin_of_path(&self.meant.rest);
        target(&origin.prefix, &self.meant.rest)?;
        let may_mean = named.may_mean.iter().filter_map(|name| find(name));
        let endpoints: Vec<_> = endpoint.into_iter().chain(may_mean).collect();
        let held = hold(app, snapshot, caller, &access, &named, (provider, &endpoints)).await?;
        let known = Known {
            caller,
            headers: &self.parts.headers,
            provider,
            access: &access,
            named: &named,
            // Of two the last: so most readers read.
            endpoint: endpoints.last().copied(),
            rest: &self.meant.rest,
            generation_id: &self.generation_id,
        };
        let books = Books::open(app, snapshot, &known, (slot, place, held));
        let peeked = (peeked, taken);
        Ok(Prepared { access, provider, peeked, is_read: named.is_read, watching, setup, books })
    }

    fn unknown_provider(&self) -> Fault {
        let name: String = self.meant.provider.chars().take(80).collect();
        let message = format!(
            "There is no provider `{name}` here; GET /api/v1/providers lists them by their slugs"
        );
        Fault::new(ErrorType::NotFound, message)
    }

    /// Asks the provider and passes its answer.
    async fn run(
        self,
        prepared: Prepared,
        body: Incoming,
        upgrading: Option<OnUpgrade>,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let Prepared { access, provider, peeked, is_read, watching, setup, mut books } = prepared;
        let asked = async {
            let (credential, grant) = authorise(&access, &self.worker).await?;
            let outward = Outward {
                parts: &self.parts,
                meant: &self.meant,
                provider: self.snapshot.catalog.provider(provider),
                access: &access,
                credential: &credential,
                is_read,
                is_upgrade: upgrading.is_some(),
            };
            let settings = &self.app.settings;
            let bounds = (settings.passthrough.max_bytes, settings.body_idle_timeout);
            let mut body = PassedRequest::new(peeked, body, bounds, Arc::clone(books.passage()))?;
            if let Some(Watching { looking, check, is_plain }) = watching {
                body = body.watched(looking, check, is_plain);
            }
            let request = outward.write(body, |key| self.is_ours(key, outward.provider))?;
            let answered = self.send(&access, request, &mut books).await?;
            if let (StatusCode::UNAUTHORIZED, Some(grant)) = (answered.0.status(), &grant) {
                access.authorization.refused(grant);
            }
            Ok::<_, Fault>(answered)
        };
        let answered = match asked.await {
            Ok((response, driving)) => {
                books.attempted(Some(response.status().as_u16()), None);
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    self.tunnel(&access, response, (upgrading, setup), driving, books).await
                } else {
                    self.answer(&access, response, driving, books).await
                }
            }
            Err(fault) => {
                books.attempted(None, Some(&fault));
                Err((fault, books))
            }
        };
        match answered {
            Ok(response) => Ok(response),
            Err((fault, mut books)) => {
                if let Some(committed) = books.fail(&fault) {
                    report_commit(&self.generation_id, committed.await);
                }
                Err(Refusal { fault, is_settled: true, limited: None })
            }
        }
    }

    /// Whether a key in the query is one for this gateway, not for the provider.
    fn is_ours(&self, key: &str, provider: &catalog::Provider) -> bool {
        let hash: [u8; 32] = Sha256::digest(key).into();
        provider.auth == AuthStyle::XGoogApiKey || self.snapshot.keys.contains_key(&hash)
    }

    /// Sends the request and waits for the answer's headers.
    async fn send(
        &self,
        access: &Access,
        request: Request<PassedRequest>,
        books: &mut Books,
    ) -> Result<(Response<Incoming>, Driving), Fault> {
        let passage = Arc::clone(books.passage());
        let origin = access.origin_of_path(&self.meant.rest);
        let direct = self.worker.pool.open(origin).await.map_err(|error| {
            tracing::debug!(%error, "a provider could not be reached");
            self.unreachable(&error)
        })?;
        let mut answering = std::pin::pin!(direct.send(request));
        loop {
            let next = self.deadline.min(Instant::now() + KEEPING);
            match timeout_at(next, &mut answering).await {
                Ok(Ok(answered)) => return Ok(answered),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a provider did not answer");
                    let own = passage.trouble().map(super::body::BodyTrouble::fault);
                    return Err(own.unwrap_or_else(|| self.unreachable(&error)));
                }
                Err(_) if Instant::now() >= self.deadline => {
                    let message = format!("{} did not answer in time", self.meant.provider);
                    return Err(Fault::new(ErrorType::Timeout, message));
                }
                Err(_) => books.keep(),
            }
        }
    }

    fn unreachable(&self, error: &SendError) -> Fault {
        let provider = &self.meant.provider;
        let message = match error {
            SendError::ConnectTimeout(_) => format!("{provider} did not take a connection in time"),
            SendError::Connect(_) => format!("{provider} could not be connected to"),
            SendError::Broken(_) => format!("{provider} closed the connection without an answer"),
        };
        Fault::new(ErrorType::ProviderUnavailable, message)
    }

    /// The headers for the caller.
    fn response(&self, access: &Access, response: &Response<Incoming>) -> Response<AnswerBody> {
        let mut passed = Response::new(AnswerBody::Whole(None));
        *passed.status_mut() = response.status();
        let public_url = &self.app.settings.public_url;
        let origin = access.origin_of_path(&self.meant.rest);
        let mut headers = to_caller(response.headers(), origin, &self.meant, public_url);
        without_length(&mut headers, self.parts.method == Method::HEAD);
        if !access.is_byok() {
            without_owner(&mut headers);
        }
        access.authorization.sent().leave_out(&mut headers);
        if let Ok(id) = HeaderValue::from_str(&self.generation_id) {
            headers.insert(GENERATION_ID, id);
        }
        *passed.headers_mut() = headers;
        passed
    }

    /// Passes the answer.
    async fn answer(
        &self,
        access: &Access,
        response: Response<Incoming>,
        driving: Driving,
        mut books: Books,
    ) -> Result<Response<AnswerBody>, (Fault, Books)> {
        let mut passed = self.response(access, &response);
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE);
        let streamed = kind.is_some_and(|kind| is_events(kind.as_bytes()));
        let most = self.app.settings.passthrough.max_bytes;
        if body.size_hint().lower() > most {
            let message = format!(
                "{} answered with more than the {most} bytes that are passed through",
                self.meant.provider
            );
            return Err((Fault::new(ErrorType::ProviderUnavailable, message), books));
        }
        books.begin(parts.status.as_u16(), &parts.headers, streamed);
        if body.is_end_stream() {
            if let Some(committed) = books.end() {
                report_commit(&self.generation_id, committed.await);
            }
            return Ok(passed);
        }
        let is_error = parts.status.is_client_error() || parts.status.is_server_error();
        let masking = is_error.then(|| Masking::new(access.authorization.sent()));
        let answer = PassedAnswer::new(
            &self.app,
            &self.generation_id,
            (body, books, masking),
            driving,
            self.deadline,
        );
        *passed.body_mut() = AnswerBody::Passed(Box::new(answer));
        Ok(passed)
    }

    /// Passes the answer that makes the connection a WebSocket.
    async fn tunnel(
        &self,
        access: &Access,
        response: Response<Incoming>,
        (upgrading, setup): (Option<OnUpgrade>, Option<PriceCheck>),
        driving: Driving,
        mut books: Books,
    ) -> Result<Response<AnswerBody>, (Fault, Books)> {
        let provider = &self.meant.provider;
        let unavailable =
            |what| Fault::new(ErrorType::ProviderUnavailable, format!("{provider} {what}"));
        let Some(caller) = upgrading else {
            return Err((unavailable("changed the protocol, which was not asked for"), books));
        };
        let mut passed = self.response(access, &response);
        tunnel::upgrade(passed.headers_mut());
        let patience = self.app.settings.upstream.connect;
        let Ok(Ok(upgraded)) = timeout(patience, hyper::upgrade::on(response)).await else {
            return Err((unavailable("did not change the protocol as it said"), books));
        };
        // The connection is the tunnel's from here on, and nobody drives it.
        drop(driving);
        books.begin(StatusCode::SWITCHING_PROTOCOLS.as_u16(), passed.headers(), true);
        let guard = match setup {
            Some(check) => Guard::of_setup(check, books.passage()),
            None => {
                let query = self.parts.uri.query().unwrap_or_default();
                let rest = &self.meant.rest;
                let model = address::model(rest).or_else(|| address::model_of_query(query));
                Guard::new(model, books.passage())
            }
        };
        let tunnel = Tunnel {
            app: Arc::clone(&self.app),
            caller,
            provider: upgraded,
            books,
            guard,
            standing: Standing {
                app: Arc::clone(&self.app),
                caller: Arc::clone(&self.caller),
                provider: self.meant.provider.clone(),
                credential_id: access.credential_id.clone(),
            },
            deadline: self.deadline,
            running: Running::new(&self.app),
        };
        tokio::spawn(tunnel.run());
        Ok(passed)
    }
}
