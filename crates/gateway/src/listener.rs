//! Sockets: accepting, one runtime for each core, draining.
//!
//! Each worker thread drives its connections and its connections to providers alone, so that a
//! request never crosses threads.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use protocol::exchange::{ErrorType, Fault};
use protocol::openai_chat;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower_service::Service;

use crate::answer::{AnswerBody, GENERATION_ID};
use crate::api;
use crate::app::{App, Orders, Stage, Worker};
use crate::clock::{request_id, request_id_of};
use crate::control::limits::tend_while_open;
use crate::inference;
use crate::inference::address::addressed;

use crate::pages;
use crate::passthrough;
use crate::socket::CallerSocket;
use crate::telemetry::Trouble;
use crate::upstream::{Pool, tls_config};

/// A gateway that is listening.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    threads: Vec<std::thread::JoinHandle<()>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts `workers` threads and serves `listener` until [`Server::stop`].
    pub fn start(app: Arc<App>, listener: TcpListener, workers: usize) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for number in 0..workers.max(1) {
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            let app = Arc::clone(&app);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .on_thread_unpark(inference::turn::looked)
                .build()?;
            threads.push(
                std::thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(move || runtime.block_on(work(app, receiver)))?,
            );
        }
        tokio::spawn(tend_while_open(Arc::clone(&app)));
        let accepting = tokio::spawn(accept(Arc::clone(&app), listener, senders));
        Ok(Self { app, address, threads, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets running requests end within the drain time, ends those that have not,
    /// and waits for the threads. Tells whether all requests ended by themselves.
    /// [`App::cut_off`] makes it shorter.
    pub async fn stop(self) -> bool {
        self.app.announce_drain();
        let mut stopping = self.app.stopping();
        let _ = tokio::time::timeout(self.app.settings.drain_delay, stopping.wait_cut_off()).await;
        self.app.drain();
        // It ends by itself; an error would be a panic, which the log has.
        let _ = self.accepting.await;
        let drain = self.app.settings.drain_timeout;
        let drained = tokio::select! {
            drained = idle(&self.app, drain) => drained,
            () = stopping.wait_cut_off() => false,
        };
        if !drained {
            self.app.cut_off();
            idle(&self.app, LAST_WORDS).await;
        }
        self.app.end();
        let joined = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(LAST_WORDS, joined).await;
        drained
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// How long callers have to take the error that ends their answer.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Longer than anything runs.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Waits until no connection is left, at most for `limit`.
async fn idle(app: &App, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while app.running().load(Ordering::Acquire) > 0 {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

/// Whence a request came: the address at the other end of the connection, which may be a proxy's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// A connection on its way to a worker.
struct Arriving {
    stream: std::net::TcpStream,
    running: Running,
}

async fn accept(
    app: Arc<App>,
    listener: TcpListener,
    workers: Vec<mpsc::UnboundedSender<Arriving>>,
) {
    let mut stopping = app.stopping();
    let mut next = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.wait() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                // A bound of none would shut everybody out, whoever set it by mistake too.
                let most = app.settings.max_connections.max(1);
                if app.running().load(Ordering::Acquire) >= most {
                    turn_away(&app, stream);
                    continue;
                }
                // Counted at once, so that a drain that begins now waits for it.
                let running = Running::new(&app);
                if let Ok(stream) = stream.into_std() {
                    // A worker whose thread is gone hands the connection back: the next one serves.
                    let mut arriving = Some(Arriving { stream, running });
                    for _ in 0..workers.len() {
                        let Some(unserved) = arriving.take() else { break };
                        arriving = workers[next].send(unserved).err().map(|error| error.0);
                        next = (next + 1) % workers.len();
                    }
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come free.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Answers a connection that is one too many, whatever it asks.
fn turn_away(app: &Arc<App>, mut stream: TcpStream) {
    app.metrics.connection_refused();
    let Ok(permit) = Arc::clone(app.turned_away()).try_acquire_owned() else { return };
    tokio::spawn(async move {
        let mut fault = Fault::new(
            ErrorType::ProviderOverloaded,
            "The gateway is at capacity: too many connections are open",
        );
        fault.retry_after = Some(1);
        let body = openai_chat::encode_error(&fault, None, &[]).body;
        let mut answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
             retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        let telling = async {
            stream.write_all(&answer).await?;
            stream.shutdown().await?;
            // Closing with unread bytes would reset the connection before the answer is read.
            let mut unread = [0_u8; 4096];
            while stream.read(&mut unread).await? > 0 {}
            Ok::<(), std::io::Error>(())
        };
        // Whether the caller heard it is its own affair.
        let _ = tokio::time::timeout(Duration::from_secs(1), telling).await;
        drop(permit);
    });
}

async fn work(app: Arc<App>, mut connections: mpsc::UnboundedReceiver<Arriving>) {
    let pool =
        Pool::new(tls_config(&app.settings.upstream.authorities), app.settings.upstream.connect);
    let router = api::router(Arc::clone(&app));
    let (settlements, relay) = app.settlements.for_worker();
    tokio::spawn(relay);
    tokio::spawn(beat());
    let worker = Worker { app: Arc::clone(&app), pool, settlements };
    // Ends when nothing more is accepted and what was accepted is served.
    while let Some(Arriving { stream, running }) = connections.recv().await {
        if let Ok(stream) = TcpStream::from_std(stream) {
            tokio::spawn(serve(worker.clone(), router.clone(), stream, running));
        }
    }
    let mut stopping = app.stopping();
    tokio::select! {
        _ = idle(&app, FOR_EVER) => {}
        () = stopping.wait_over() => {}
    }
}

/// Ends never, and does nothing once a second.
///
/// A timer that is due before all others wakes the runtime by a system call, even if it is awake.
/// Requests set timers of some seconds; with one that is always due earlier they cost none.
async fn beat() {
    const BEAT: Duration = Duration::from_secs(1);
    loop {
        tokio::time::sleep(BEAT).await;
    }
}

/// Counts a connection, or what goes on without one, while it lives, however it ends.
pub(crate) struct Running(Arc<App>);

impl Running {
    /// Counts one more.
    pub(crate) fn new(app: &Arc<App>) -> Self {
        app.running().fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(app))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running().fetch_sub(1, Ordering::AcqRel);
    }
}

async fn serve(worker: Worker, router: axum::Router, stream: TcpStream, running: Running) {
    let app = Arc::clone(&worker.app);
    // A caller that has gone already has no address, and needs none.
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let (socket, timer) = CallerSocket::new(stream, &app.settings);
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, router) = (worker.clone(), router.clone());
        async move { Ok::<_, Infallible>(answer(worker, router, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(timer)
        .header_read_timeout(app.settings.header_timeout)
        .max_buf_size(256 * 1024)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(connection);
    let mut orders = Orders::of(&app);
    let mut told = false;
    let ended = std::future::poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            // At each order the connection is polled again, and with it the answer, which ends when
            // it is cut off.
            if ready!(orders.poll(context)) >= Stage::Draining
                && !std::mem::replace(&mut told, true)
            {
                connection.as_mut().graceful_shutdown();
            }
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection broke");
    }
    drop(running);
}

async fn answer(
    worker: Worker,
    router: axum::Router,
    request: Request<Incoming>,
    peer: Option<Peer>,
) -> Response<AnswerBody> {
    let app = Arc::clone(&worker.app);
    let is_messages = request.uri().path().contains("/v1/messages");
    let mut response = dispatch(worker, router, request, peer).await;
    name_request(response.headers_mut());
    if is_messages {
        name_request_as_anthropic_does(response.headers_mut());
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        app.metrics.internal_error();
    }
    response
}

/// Names the request an answer is for, so that whoever asks about it can say which it was. Where
/// there is a record of it, the name is the record's; what a provider called it stays.
fn name_request(headers: &mut HeaderMap) {
    if headers.contains_key(REQUEST_ID) {
        return;
    }
    let generation = headers.get(GENERATION_ID).and_then(|id| id.to_str().ok());
    let id = generation.map_or_else(request_id, request_id_of);
    // Made of letters, digits and dashes.
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Anthropic's clients look for the same under another name. CLIENT-4
fn name_request_as_anthropic_does(headers: &mut HeaderMap) {
    if let Some(id) = headers.get(REQUEST_ID).cloned() {
        headers.entry(ANTHROPIC_REQUEST_ID).or_insert(id);
    }
}

async fn dispatch(
    worker: Worker,
    mut router: axum::Router,
    mut request: Request<Incoming>,
    peer: Option<Peer>,
) -> Response<AnswerBody> {
    let base = &worker.app.settings.base_path;
    if let Some(inner) = base.strip(request.uri()) {
        *request.uri_mut() = inner;
    } else if base.lacks_slash(request.uri()) {
        return pages::with_slash(base);
    }
    let is_internal = request.uri().path().starts_with("/api/internal/");
    if request.method() == Method::OPTIONS {
        let answer = preflight();
        return if is_internal { answer } else { allow_any_origin(answer) };
    }
    if request.method() == Method::POST
        && let Some(route) = addressed(request.uri())
    {
        // Boxed: the future is large, and the server would move it about.
        let answering = Box::pin(inference::handle(worker, request, route));
        return allow_any_origin(answering.await);
    }
    if let Some(meant) = passthrough::addressed(request.uri(), &worker.app.snapshot().catalog) {
        let answering = Box::pin(passthrough::handle(worker, request, meant));
        return allow_any_origin(answering.await);
    }
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    match router.call(request).await {
        // What only our own pages ask is for no other page.
        Ok(response) if is_internal => response.map(AnswerBody::Control),
        Ok(response) => allow_any_origin(response.map(AnswerBody::Control)),
        Err(never) => match never {},
    }
}

/// Pages of any origin may call, as at OpenRouter, where a caller is known by its key. What is
/// asked with the cookie of a session no other origin may read: browsers want to be told by
/// `access-control-allow-credentials`, which is never sent.
fn allow_any_origin(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-generation-id, x-request-id, request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"),
    );
    response
}

fn preflight() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, authorization"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// Serves the metrics on a listener of their own, and beside them the probes: a node with as many
/// callers as it takes has no connection left for those on the other one. It ends when nothing is
/// waited for any more, so that a drain can be watched.
pub async fn serve_metrics(app: Arc<App>, listener: TcpListener) -> std::io::Result<()> {
    let state = Arc::clone(&app);
    let others = api::router(Arc::clone(&app));
    let probe = axum::routing::get(move |request: axum::extract::Request| {
        let mut others = others.clone();
        async move { others.call(request).await }
    });
    let router = axum::Router::new()
        .route("/metrics", axum::routing::get(move || metrics(Arc::clone(&state))))
        .route("/healthz", probe.clone())
        .route("/readyz", probe);
    let mut stopping = app.stopping();
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stopping.wait_over().await })
        .await
}

async fn metrics(app: Arc<App>) -> impl axum::response::IntoResponse {
    app.metrics.trouble(&Trouble {
        database_unavailable: app.settlements.is_database_away() || app.store.ping().await.is_err(),
        valkey_unavailable: app.limits.unavailable().is_some(),
        unwritten_records: app.settlements.unwritten(),
    });
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(http::header::CONTENT_TYPE, content_type)], app.metrics.render())
}
