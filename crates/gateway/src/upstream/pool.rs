//! A pool of HTTP/1.1 connections to providers, one for each worker.
//!
//! A worker's connections are driven by its own runtime, so a request never crosses threads. A
//! connection goes back to the pool when its response has been read to the end, and is closed
//! when the response is dropped before: that is how an upstream call is cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use super::body::UpstreamBody;
use super::origin::Origin;

/// How long an idle connection is kept. Large providers close theirs after 60 seconds or more; one
/// that was closed earlier is noticed and replaced.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// How long a pooled connection may take to be free: its driver only has to be polled.
const READY_LIMIT: Duration = Duration::from_millis(20);
/// How long a close and a request can cross each other on the way.
const CROSSING: Duration = Duration::from_secs(1);
/// How many idle connections are kept for one origin.
const IDLE_PER_ORIGIN: usize = 256;

type Sender = SendRequest<Full<Bytes>>;

/// The response of a provider, its body still to be read.
pub type UpstreamResponse = Response<UpstreamBody>;

/// Why a request could not be sent. Says whether a provider may have seen it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection within the time allowed.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was refused, the name did not resolve, or TLS failed.
    #[error("could not connect: {0}")]
    Connect(String),
    /// The connection broke before the response's headers.
    #[error("the connection broke before an answer: {0}")]
    Broken(#[source] hyper::Error),
}

/// Connections to providers.
#[derive(Clone)]
pub struct Pool {
    connector: HttpsConnector<HttpConnector>,
    idle: Arc<Mutex<HashMap<Origin, Vec<Idle>>>>,
    connect_timeout: Duration,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// A pool whose connections must be made within `connect_timeout`.
    pub fn new(tls: rustls::ClientConfig, connect_timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(60)));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Self { connector, idle: Arc::default(), connect_timeout }
    }

    /// Sends a request and waits for the response's headers. A pooled connection that turns out
    /// to be closed is replaced by a new one as long as the provider cannot have seen the request.
    pub async fn send(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
    ) -> Result<UpstreamResponse, SendError> {
        while let Some(mut sender) = self.take(origin) {
            // A connection that is not free at once still writes a request that was answered
            // early; waiting for it would make this caller pay for another's upload.
            match tokio::time::timeout(READY_LIMIT, sender.ready()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => continue,
            }
            let again = request.clone();
            let sent = Instant::now();
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.wrap(origin, sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    // It was closed while idle, and the close crossed the request: nothing was
                    // answered. Once more on a new connection. One that breaks later may have been
                    // worked on, and paid for: that is for the caller of this to decide.
                    None if sent.elapsed() < CROSSING
                        && (error.error().is_incomplete_message() || is_reset(error.error())) =>
                    {
                        request = again;
                        break;
                    }
                    None => return Err(SendError::Broken(error.into_error())),
                },
            }
        }
        let mut sender = self.connect(origin).await?;
        match sender.send_request(request).await {
            Ok(response) => Ok(self.wrap(origin, sender, response)),
            Err(error) => Err(SendError::Broken(error)),
        }
    }

    fn wrap(
        &self,
        origin: &Origin,
        sender: Sender,
        response: Response<Incoming>,
    ) -> UpstreamResponse {
        response.map(|body| {
            UpstreamBody::new(
                body,
                Returning { pool: self.clone(), origin: origin.clone(), sender },
            )
        })
    }

    fn take(&self, origin: &Origin) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(origin)?;
        while let Some(connection) = connections.pop() {
            if !connection.sender.is_closed() && connection.since.elapsed() < IDLE_LIMIT {
                return Some(connection.sender);
            }
        }
        None
    }

    async fn connect(&self, origin: &Origin) -> Result<Sender, SendError> {
        let connecting = async {
            let mut connector = self.connector.clone();
            let stream = connector
                .call(origin.uri())
                .await
                .map_err(|error| SendError::Connect(root_cause(error.as_ref())))?;
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(1024 * 1024)
                .handshake(stream)
                .await
                .map_err(|error| SendError::Connect(root_cause(&error)))?;
            tokio::spawn(async move {
                // How a connection ended is seen by the request that was using it.
                let _ = connection.await;
            });
            Ok(sender)
        };
        tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| SendError::ConnectTimeout(self.connect_timeout))?
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
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The way back into the pool of a connection that is in use.
pub struct Returning {
    pool: Pool,
    origin: Origin,
    sender: Sender,
}

impl Returning {
    /// Puts the connection back; to be called only when the response was read to its end.
    pub fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.entry(self.origin).or_default();
        if connections.len() < IDLE_PER_ORIGIN {
            connections.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}
