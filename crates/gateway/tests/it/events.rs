//! Streams of events that pages follow.

use std::net::SocketAddr;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;

/// Generations as they are settled.
pub const STREAM: &str = "/api/internal/generations/stream";

/// Reads a stream of events as far as something in it.
pub struct Events {
    body: hyper::body::Incoming,
    pub text: String,
    driving: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Events {
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driving = tokio::spawn(connection);
        let mut request = Request::get(path).header("host", "gateway");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<bytes::Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        // The sender keeps the connection.
        std::mem::forget(sender);
        Self { body: response.into_body(), text: String::new(), driving }
    }

    /// Waits until the text has `wanted` in it; `false` if it ends before.
    pub async fn until(&mut self, wanted: &str) -> bool {
        let reading = async {
            while !self.text.contains(wanted) {
                let Some(frame) = self.body.frame().await else { return false };
                let Ok(frame) = frame else { return false };
                self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
            true
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), reading).await.unwrap()
    }

    /// Leaves.
    pub fn close(self) {
        self.driving.abort();
    }
}
