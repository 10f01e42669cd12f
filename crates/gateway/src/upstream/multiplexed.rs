//! HTTP/2 connections to providers: many requests on each, as many as the provider allows.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::origin::Origin;

/// The most requests on one connection, whatever the provider allows: what breaks with it.
const MOST_STREAMS: usize = 100;
/// The most requests until the provider has said what it allows.
const FIRST_STREAMS: usize = 10;
/// How much of one answer may wait for a slow caller, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Room for as many slow callers as a connection has streams, so that none holds up the others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * (MOST_STREAMS as u32 + 1);
/// The pause after which a connection in use is probed, and the time it has to answer.
const PROBE_AFTER: Duration = Duration::from_secs(20);
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// A connection.
pub struct Multiplexed {
    sender: SendRequest<Full<Bytes>>,
    /// Requests on it.
    streams: Arc<AtomicUsize>,
    /// How many the provider allows.
    allowed: Box<dyn Fn() -> usize + Send>,
    used: Instant,
}

/// The place of one request on a connection.
pub struct Lease {
    sender: SendRequest<Full<Bytes>>,
    streams: Arc<AtomicUsize>,
}

impl Multiplexed {
    /// Begins to speak on a connection whose TLS negotiated HTTP/2.
    pub async fn handshake<T>(stream: T) -> hyper::Result<Self>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_max_send_streams(FIRST_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PROBE_AFTER)
            .keep_alive_timeout(PROBE_LIMIT)
            .handshake(stream)
            .await?;
        // Only the connection itself knows what the provider allows, and it lives in its task.
        let connection = Arc::new(Mutex::new(connection));
        let driven = Arc::clone(&connection);
        tokio::spawn(poll_fn(move |context| {
            let mut driven = driven.lock().unwrap_or_else(PoisonError::into_inner);
            // How a connection ended is seen by the requests that were using it.
            Pin::new(&mut *driven).poll(context).map(|_| ())
        }));
        let allowed = Box::new(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            connection.current_max_send_streams()
        });
        Ok(Self { sender, streams: Arc::default(), allowed, used: Instant::now() })
    }

    /// A place for a request, if there is one. Asked under the pool's lock, so that the count
    /// cannot be overtaken.
    pub fn lease(&mut self) -> Option<Lease> {
        let most = (self.allowed)().min(MOST_STREAMS);
        if self.sender.is_closed() || self.streams.load(Ordering::Acquire) >= most {
            return None;
        }
        self.streams.fetch_add(1, Ordering::AcqRel);
        self.used = Instant::now();
        Some(Lease { sender: self.sender.clone(), streams: Arc::clone(&self.streams) })
    }

    /// Whether it is worth keeping.
    pub fn is_of_use(&self, idle_limit: Duration) -> bool {
        let busy = self.streams.load(Ordering::Acquire) > 0;
        !self.sender.is_closed() && (busy || self.used.elapsed() < idle_limit)
    }
}

impl Lease {
    /// Sends a request and waits for the response's headers.
    pub async fn send(
        &mut self,
        origin: &Origin,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::client::conn::TrySendError<Request<Full<Bytes>>>> {
        self.sender.try_send_request(addressed(origin, request)).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The same request with its origin in the URI, where HTTP/2 wants it.
fn addressed(origin: &Origin, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().remove(HOST);
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(origin.scheme.clone());
    parts.authority = Some(origin.authority.clone());
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Whether the provider said that it did not look at the request.
pub fn was_refused(error: &hyper::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<h2::Error>())
        .is_some_and(|cause| {
            let reason = cause.reason();
            reason == Some(h2::Reason::REFUSED_STREAM)
                || (cause.is_go_away() && cause.is_remote() && reason == Some(h2::Reason::NO_ERROR))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_moves_into_the_address() {
        let origin = Origin::parse("https://api.example.com/v1").unwrap();
        let request = Request::post("/v1/chat?x=1")
            .header(HOST, "api.example.com")
            .body(Full::default())
            .unwrap();
        let request = addressed(&origin, request);
        assert_eq!(request.uri().to_string(), "https://api.example.com/v1/chat?x=1");
        assert!(request.headers().get(HOST).is_none());
    }
}
