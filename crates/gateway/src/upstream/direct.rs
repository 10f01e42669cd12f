//! A connection for one call alone: for bodies that pass piece by piece, and for connections that
//! become something else than HTTP.
//!
//! It costs each call what connecting costs: a round trip, and with TLS one more (sessions are
//! resumed). In return nothing of the caller's is ever kept to be sent again, and the end of the
//! call, however it ends, is the end of the connection. HTTP/1.1 is spoken: what passes through is
//! as often a gigabyte as a line, and there is nobody to share a connection with.

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::AbortHandle;
use tower_service::Service as _;

use super::origin::Origin;
use super::pool::{ConnectFailure, Pool, SendError};

/// How much of a message is in memory at most, in bytes, in each direction.
const BUFFER: usize = 256 * 1024;

/// A connection for one call.
pub struct Direct<B> {
    sender: SendRequest<B>,
    driving: Driving,
}

/// Drives a connection. Dropped, the connection is closed: that is how a call is cancelled.
pub struct Driving(AbortHandle);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pool {
    /// Connects to a provider, for one call.
    pub async fn open<B>(&self, origin: &Origin) -> Result<Direct<B>, SendError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let connecting = async {
            let stream = self
                .http1_connector()
                .call(origin.uri())
                .await
                .map_err(|error| SendError::Connect(ConnectFailure::of(error.as_ref())))?;
            http1::Builder::new()
                .max_buf_size(BUFFER)
                .handshake(stream)
                .await
                .map_err(|error| SendError::Connect(ConnectFailure::of(&error)))
        };
        let patience = self.connect_timeout();
        let (sender, connection) = tokio::time::timeout(patience, connecting)
            .await
            .map_err(|_| SendError::ConnectTimeout(patience))??;
        let driving = tokio::spawn(async move {
            // How a connection ended is seen by the call that was using it.
            let _ = connection.with_upgrades().await;
        });
        Ok(Direct { sender, driving: Driving(driving.abort_handle()) })
    }
}

impl<B> Direct<B>
where
    B: Body + Send + 'static,
{
    /// Sends the call and waits for the response's headers. The connection lives as long as what
    /// drives it is kept.
    pub async fn send(
        mut self,
        request: Request<B>,
    ) -> Result<(Response<Incoming>, Driving), SendError> {
        let response = self.sender.send_request(request).await.map_err(SendError::Broken)?;
        Ok((response, self.driving))
    }
}
