//! Sockets: accepting, one runtime for each core, draining.
//!
//! Each worker thread drives its connections and its connections to providers alone, so that a
//! request never crosses threads.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower_service::Service;

use crate::answer::AnswerBody;
use crate::api;
use crate::app::{App, Worker};
use crate::inference::{self, Surface};
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
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            threads.push(
                std::thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn(move || runtime.block_on(work(app, receiver)))?,
            );
        }
        let accepting = tokio::spawn(accept(Arc::clone(&app), listener, senders));
        Ok(Self { app, address, threads, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets running requests end within the drain time, and waits for the
    /// threads. Tells whether all requests ended.
    pub async fn stop(self) -> bool {
        self.app.drain();
        // It ends by itself; an error would be a panic, which the log has.
        let _ = self.accepting.await;
        let deadline = Instant::now() + self.app.settings.drain_timeout;
        while self.app.running().load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let drained = self.app.running().load(Ordering::Acquire) == 0;
        let joined = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(Duration::from_secs(5), joined).await;
        drained
    }
}

async fn accept(
    app: Arc<App>,
    listener: TcpListener,
    workers: Vec<mpsc::UnboundedSender<std::net::TcpStream>>,
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
                if let Ok(stream) = stream.into_std() {
                    // A worker whose thread is gone hands the connection back: the next one serves.
                    let mut stream = Some(stream);
                    for _ in 0..workers.len() {
                        let Some(unserved) = stream.take() else { break };
                        stream = workers[next].send(unserved).err().map(|error| error.0);
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

async fn work(app: Arc<App>, mut connections: mpsc::UnboundedReceiver<std::net::TcpStream>) {
    let pool = Pool::new(tls_config(), app.settings.upstream.connect);
    let router = api::router(Arc::clone(&app));
    let (settlements, relay) = app.settlements.for_worker();
    tokio::spawn(relay);
    let worker = Worker { app: Arc::clone(&app), pool, settlements };
    let mut stopping = app.stopping();
    loop {
        let stream = tokio::select! {
            stream = connections.recv() => stream,
            () = stopping.wait() => break,
        };
        let Some(stream) = stream else { break };
        if let Ok(stream) = TcpStream::from_std(stream) {
            // Counted before it runs, so that a drain that begins now waits for it.
            app.running().fetch_add(1, Ordering::AcqRel);
            let running = Running(Arc::clone(&app));
            tokio::spawn(serve(worker.clone(), router.clone(), stream, running));
        }
    }
    let deadline = Instant::now() + app.settings.drain_timeout;
    while app.running().load(Ordering::Acquire) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Counts a connection while it lives, however it ends.
struct Running(Arc<App>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running().fetch_sub(1, Ordering::AcqRel);
    }
}

async fn serve(worker: Worker, router: axum::Router, stream: TcpStream, running: Running) {
    let app = Arc::clone(&worker.app);
    // Chunks are small and must not wait for each other.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (worker, router) = (worker.clone(), router.clone());
        async move { Ok::<_, Infallible>(answer(worker, router, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.settings.header_timeout)
        .max_buf_size(256 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut stopping = app.stopping();
    let mut told = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                break;
            }
            () = stopping.wait(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    drop(running);
}

async fn answer(
    worker: Worker,
    mut router: axum::Router,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    if request.method() == Method::OPTIONS {
        return allow_any_origin(preflight());
    }
    if request.method() == Method::POST
        && let Some(surface) = surface(request.uri().path())
    {
        // Boxed: the future is large, and the server would move it about.
        let answering = Box::pin(inference::handle(worker, request, surface));
        return allow_any_origin(answering.await);
    }
    match router.call(request).await {
        Ok(response) => allow_any_origin(response.map(AnswerBody::Control)),
        Err(never) => match never {},
    }
}

/// Pages of any origin may call, as at OpenRouter: a caller is known by its key alone, never by a
/// cookie that a browser would send along.
fn allow_any_origin(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-generation-id"));
    response
}

fn preflight() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, authorization"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// The inference routes, which do not pass the router: they are most of the traffic. API-6
fn surface(path: &str) -> Option<Surface> {
    match path.strip_prefix("/api").unwrap_or(path) {
        "/v1/chat/completions" => Some(Surface::Chat),
        "/v1/completions" => Some(Surface::Completions),
        _ => None,
    }
}

/// Serves the metrics on a listener of their own until the gateway stops.
pub async fn serve_metrics(app: Arc<App>, listener: TcpListener) -> std::io::Result<()> {
    let state = Arc::clone(&app);
    let router = axum::Router::new().route(
        "/metrics",
        axum::routing::get(move || {
            let text = state.metrics.render();
            async move {
                (
                    [(
                        http::header::CONTENT_TYPE,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    )],
                    text,
                )
            }
        }),
    );
    let mut stopping = app.stopping();
    axum::serve(listener, router).with_graceful_shutdown(async move { stopping.wait().await }).await
}
