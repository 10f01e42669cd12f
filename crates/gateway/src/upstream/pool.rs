//! A pool of connections to providers, one for each worker.
//!
//! A worker's connections are driven by its own runtime, so a request never crosses threads. An
//! HTTP/1.1 connection goes back to the pool when its response has been read to the end, and is
//! closed when the response is dropped before: that is how an upstream call is cancelled. On
//! HTTP/2 connections, which stay in the pool and are shared, only its stream is reset.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tower_service::Service;

use super::body::UpstreamBody;
use super::multiplexed::{Lease, Multiplexed, was_refused};
use super::origin::Origin;

/// How long an idle connection is kept. Large providers close theirs after 60 seconds or more; one
/// that was closed earlier is noticed and replaced.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// How long a pooled connection may take to be free: its driver only has to be polled.
const READY_LIMIT: Duration = Duration::from_millis(20);
/// How long a close and a request can cross each other on the way.
const CROSSING: Duration = Duration::from_secs(1);
/// How often a request looks for room on another connection. A connection takes some before the
/// provider has said how many it allows.
const REFUSALS: usize = 5;
/// How many idle connections are kept for one origin.
const IDLE_PER_ORIGIN: usize = 256;

/// An HTTP/1.1 connection.
pub type Sender = SendRequest<Full<Bytes>>;

/// The response of a provider, its body still to be read.
pub type UpstreamResponse = Response<UpstreamBody>;

/// Why a request could not be sent. Says whether a provider may have seen it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection within the time allowed.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was refused, the name did not resolve, or TLS failed; or there was no room
    /// for it here.
    #[error("could not connect: {0}")]
    Connect(ConnectFailure),
    /// The connection broke before the response's headers.
    #[error("the connection broke before an answer: {}", root_cause(.0))]
    Broken(#[source] hyper::Error),
}

impl SendError {
    /// Whether it is this process that had no room for another connection: nothing is the matter
    /// with the provider then.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Connect(failure) if failure.is_ours)
    }
}

/// Why there is no connection, in words about addresses and certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectFailure {
    reason: String,
    is_ours: bool,
}

impl ConnectFailure {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let (mut cause, mut is_ours) = (error, is_out_of_files(error));
        while let Some(inner) = cause.source() {
            cause = inner;
            is_ours |= is_out_of_files(cause);
        }
        Self { reason: cause.to_string(), is_ours }
    }
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.reason)
    }
}

/// Whether no further file may be open, of this process or of the machine.
fn is_out_of_files(error: &(dyn std::error::Error + 'static)) -> bool {
    // The same on all systems that this runs on; `ErrorKind` has no name for them.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let error = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    matches!(error, Some(ENFILE | EMFILE))
}

/// Connections to providers.
#[derive(Clone)]
pub struct Pool {
    connector: HttpsConnector<HttpConnector>,
    /// The same, where HTTP/1.1 must be spoken.
    http1_connector: HttpsConnector<HttpConnector>,
    pooled: Arc<Mutex<Pooled>>,
    connect_timeout: Duration,
}

struct Pooled {
    /// Hashed quickly: an origin is compared byte by byte, without regard to case.
    origins: HashMap<Origin, Connections, foldhash::fast::RandomState>,
    swept: Instant,
}

/// The connections to one origin.
#[derive(Default)]
struct Connections {
    /// HTTP/1.1 connections at rest, the one that was used last at the end.
    idle: Vec<Idle>,
    /// HTTP/2 connections, those at work included.
    multiplexed: Vec<Multiplexed>,
    /// The origin negotiated HTTP/2 when it was last connected to.
    speaks_http2: bool,
    /// A connection that others can share is being made.
    connecting: bool,
    /// Wakes those who wait for it.
    connected: Arc<Notify>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

/// A way to send one request.
enum Way {
    Http1(Sender),
    Http2(Lease),
}

/// How a request was not answered.
enum Unanswered {
    /// It was not sent.
    Unsent(Request<Full<Bytes>>, hyper::Error),
    /// It was sent, but the provider cannot have worked on it.
    Crossed(Request<Full<Bytes>>, hyper::Error),
    /// The connection has no room for it after all.
    Refused(Request<Full<Bytes>>, hyper::Error),
    /// It may have been worked on.
    Broken(hyper::Error),
}

/// Whose turn it is to connect.
enum Turn {
    /// To connect; the guard tells those who wait for it.
    Mine(Option<Connecting>),
    /// To wait for somebody else's connection.
    Wait(OwnedNotified),
}

impl Pool {
    /// A pool whose connections must be made within `connect_timeout`. With TLS, HTTP/2 is spoken
    /// where the provider chooses it.
    pub fn new(tls: rustls::ClientConfig, connect_timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(60)));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http.clone());
        let http1_connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pooled = Pooled { origins: HashMap::default(), swept: Instant::now() };
        let pooled = Arc::new(Mutex::new(pooled));
        Self { connector, http1_connector, pooled, connect_timeout }
    }

    /// Makes connections on which HTTP/1.1 is spoken.
    pub(super) fn http1_connector(&self) -> HttpsConnector<HttpConnector> {
        self.http1_connector.clone()
    }

    /// The longest time to connect, TLS included.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Sends a request and waits for the response's headers. A pooled connection that turns out
    /// to be closed is replaced as long as the provider cannot have seen the request.
    pub async fn send(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
    ) -> Result<UpstreamResponse, SendError> {
        let (mut reuse, mut refusals) = (true, 0);
        loop {
            let pooled = if reuse { self.take(origin) } else { None };
            let fresh = pooled.is_none();
            let way = match pooled {
                Some(way) => way,
                // Rare, and large: not for every request to make room for.
                None => Box::pin(self.connect(origin, reuse)).await?,
            };
            let answer = match way {
                Way::Http1(mut sender) if !fresh => {
                    // A connection that is not free at once still writes a request that was
                    // answered early; waiting for it would make this caller pay for another's
                    // upload.
                    let is_ready = match sender.ready().now_or_never() {
                        Some(ready) => ready.is_ok(),
                        None => tokio::time::timeout(READY_LIMIT, sender.ready())
                            .await
                            .is_ok_and(|ready| ready.is_ok()),
                    };
                    if !is_ready {
                        continue;
                    }
                    self.over_http1(origin, sender, request, fresh).await
                }
                Way::Http1(sender) => self.over_http1(origin, sender, request, fresh).await,
                Way::Http2(lease) => Box::pin(over_http2(origin, lease, request)).await,
            };
            match answer {
                Ok(response) => return Ok(response),
                Err(Unanswered::Unsent(_, error) | Unanswered::Crossed(_, error)) if fresh => {
                    return Err(SendError::Broken(error));
                }
                Err(Unanswered::Refused(again, _)) if refusals < REFUSALS => {
                    refusals += 1;
                    request = again;
                }
                Err(Unanswered::Unsent(unsent, _)) => request = unsent,
                Err(Unanswered::Crossed(again, _)) => {
                    request = again;
                    reuse = false;
                }
                Err(Unanswered::Refused(_, error) | Unanswered::Broken(error)) => {
                    return Err(SendError::Broken(error));
                }
            }
        }
    }

    async fn over_http1(
        &self,
        origin: &Origin,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
        fresh: bool,
    ) -> Result<UpstreamResponse, Unanswered> {
        if fresh {
            return match sender.send_request(request).await {
                Ok(response) => Ok(self.wrap(origin, sender, response)),
                Err(error) => Err(Unanswered::Broken(error)),
            };
        }
        let again = request.clone();
        let sent = Instant::now();
        match sender.try_send_request(request).await {
            Ok(response) => Ok(self.wrap(origin, sender, response)),
            Err(mut error) => Err(match error.take_message() {
                Some(unsent) => Unanswered::Unsent(unsent, error.into_error()),
                // It was closed while idle, and the close crossed the request: nothing was
                // answered. Once more on a new connection. One that breaks later may have been
                // worked on, and paid for: that is for the caller of this to decide.
                None if sent.elapsed() < CROSSING
                    && (error.error().is_incomplete_message() || is_reset(error.error())) =>
                {
                    Unanswered::Crossed(again, error.into_error())
                }
                None => Unanswered::Broken(error.into_error()),
            }),
        }
    }

    fn wrap(
        &self,
        origin: &Origin,
        sender: Sender,
        response: Response<Incoming>,
    ) -> UpstreamResponse {
        response.map(|body| {
            let returning = Returning::Http1 { pool: self.clone(), origin: origin.clone(), sender };
            UpstreamBody::new(body, returning)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Pooled> {
        self.pooled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, origin: &Origin) -> Option<Way> {
        let mut pooled = self.lock();
        let connections = pooled.origins.get_mut(origin)?;
        if let Some(lease) = connections.multiplexed.iter_mut().find_map(Multiplexed::lease) {
            return Some(Way::Http2(lease));
        }
        while let Some(idle) = connections.idle.pop() {
            if !idle.sender.is_closed() && idle.since.elapsed() < IDLE_LIMIT {
                return Some(Way::Http1(idle.sender));
            }
        }
        None
    }

    /// A new connection, or a place on one that somebody else makes. With `share` not set, always
    /// a new one.
    async fn connect(&self, origin: &Origin, share: bool) -> Result<Way, SendError> {
        let deadline = tokio::time::Instant::now() + self.connect_timeout;
        let late = || SendError::ConnectTimeout(self.connect_timeout);
        let connecting = loop {
            match self.turn(origin, share) {
                Turn::Mine(connecting) => break connecting,
                Turn::Wait(connected) => {
                    let waiting = tokio::time::timeout_at(deadline, connected);
                    waiting.await.map_err(|_| late())?;
                    if let Some(way) = self.take(origin) {
                        return Ok(way);
                    }
                }
            }
        };
        let stream = tokio::time::timeout_at(deadline, self.dial(origin));
        match stream.await.map_err(|_| late())?? {
            Dialled::Http1(sender) => Ok(Way::Http1(sender)),
            Dialled::Http2(mut connection) => {
                let lease = connection.lease();
                let mut pooled = self.lock();
                let connections = pooled.origins.entry(origin.clone()).or_default();
                connections.speaks_http2 = true;
                connections.multiplexed.retain(|known| known.is_of_use(IDLE_LIMIT));
                connections.multiplexed.push(connection);
                drop(pooled);
                if let Some(mut connecting) = connecting {
                    connecting.made = true;
                }
                let closed = || {
                    let reason = "the connection closed at once".to_owned();
                    SendError::Connect(ConnectFailure { reason, is_ours: false })
                };
                lease.map(Way::Http2).ok_or_else(closed)
            }
        }
    }

    /// Where connections are shared, one is made at a time: those who come meanwhile fit on it.
    fn turn(&self, origin: &Origin, share: bool) -> Turn {
        let mut pooled = self.lock();
        let Some(connections) = pooled.origins.get_mut(origin) else { return Turn::Mine(None) };
        if !share || !connections.speaks_http2 {
            return Turn::Mine(None);
        }
        if connections.connecting {
            return Turn::Wait(Arc::clone(&connections.connected).notified_owned());
        }
        connections.connecting = true;
        let (pool, origin) = (self.clone(), origin.clone());
        Turn::Mine(Some(Connecting { pool, origin, made: false }))
    }

    async fn dial(&self, origin: &Origin) -> Result<Dialled, SendError> {
        let mut connector = self.connector.clone();
        let stream = connector
            .call(origin.uri())
            .await
            .map_err(|error| SendError::Connect(ConnectFailure::of(error.as_ref())))?;
        let failed = |error: hyper::Error| SendError::Connect(ConnectFailure::of(&error));
        if stream.connected().is_negotiated_h2() {
            return Multiplexed::handshake(stream).await.map(Dialled::Http2).map_err(failed);
        }
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(1024 * 1024)
            .handshake(stream)
            .await
            .map_err(failed)?;
        tokio::spawn(async move {
            // How a connection ended is seen by the request that was using it.
            let _ = connection.await;
        });
        Ok(Dialled::Http1(sender))
    }
}

/// A connection that was just made.
enum Dialled {
    Http1(Sender),
    Http2(Multiplexed),
}

/// A connection that others wait for. Wakes them however it ends.
struct Connecting {
    pool: Pool,
    origin: Origin,
    made: bool,
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Some(connections) = self.pool.lock().origins.get_mut(&self.origin) {
            connections.connecting = false;
            // After a failure nobody waits behind the next one: everybody connects for itself.
            connections.speaks_http2 &= self.made;
            connections.connected.notify_waiters();
        }
    }
}

async fn over_http2(
    origin: &Origin,
    mut lease: Lease,
    request: Request<Full<Bytes>>,
) -> Result<UpstreamResponse, Unanswered> {
    let again = request.clone();
    match lease.send(origin, request).await {
        Ok(response) => {
            Ok(response.map(|body| UpstreamBody::new(body, Returning::Http2 { _lease: lease })))
        }
        Err(mut error) => Err(match error.take_message() {
            Some(_) => Unanswered::Unsent(again, error.into_error()),
            None if was_refused(error.error()) => Unanswered::Refused(again, error.into_error()),
            None => Unanswered::Broken(error.into_error()),
        }),
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<std::io::Error>())
        .is_some_and(|cause| {
            matches!(
                cause.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            )
        })
}

/// The innermost cause, which says what happened (`connection refused`), where the outer ones
/// only say that something did.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The way back into the pool of a connection that is in use.
pub enum Returning {
    /// A connection of its own.
    Http1 {
        /// Where it goes back to.
        pool: Pool,
        /// What it is connected to.
        origin: Origin,
        /// The connection.
        sender: Sender,
    },
    /// A place on one that is shared, free again when this is dropped.
    Http2 {
        /// The place.
        _lease: Lease,
    },
}

impl Returning {
    /// Puts the connection back; to be called only when the response was read to its end.
    pub fn give_back(self) {
        let Self::Http1 { pool, origin, sender } = self else { return };
        if sender.is_closed() {
            return;
        }
        let mut pooled = pool.lock();
        let connections = pooled.origins.entry(origin).or_default();
        let now = Instant::now();
        if connections.idle.len() < IDLE_PER_ORIGIN {
            connections.idle.push(Idle { sender, since: now });
        }
        if now.saturating_duration_since(pooled.swept) >= IDLE_LIMIT {
            pooled.sweep();
        }
    }
}

impl Pooled {
    /// Closes what has been idle for too long: the connections beneath the last used ones, and
    /// those to origins that nobody asks any more.
    fn sweep(&mut self) {
        self.swept = Instant::now();
        self.origins.retain(|_, connections| {
            connections
                .idle
                .retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE_LIMIT);
            connections.multiplexed.retain(|known| known.is_of_use(IDLE_LIMIT));
            let used = !connections.idle.is_empty() || !connections.multiplexed.is_empty();
            used || connections.connecting
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("tcp open error")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_want_of_files_is_ours_and_a_refusal_the_provider_s() {
        for (number, is_ours) in [(24, true), (23, true), (111, false)] {
            let failure = ConnectFailure::of(&Outer(std::io::Error::from_raw_os_error(number)));
            assert_eq!(failure.is_ours, is_ours, "{failure}");
            assert!(!failure.to_string().contains("tcp open error"), "{failure}");
            assert_eq!(SendError::Connect(failure).is_ours(), is_ours);
        }
    }
}
