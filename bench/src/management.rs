//! Requests to the management API of a running Trunkline.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::response::Head;

/// Who is asked, and with which key.
#[derive(Debug)]
pub struct Management<'a> {
    /// Where Trunkline listens.
    pub address: SocketAddr,
    /// The key.
    pub key: &'a str,
}

/// How long a running Trunkline may take to notice a new key; it should be a second.
const LONGEST_NOTICE: Duration = Duration::from_secs(20);

impl Management<'_> {
    /// Waits until the key is known.
    pub async fn noticed(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            match self.ask("GET", "/key", &Value::Null).await {
                Ok(_) => return Ok(()),
                Err(error) if begin.elapsed() > LONGEST_NOTICE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Sends one request to a path below `/api/v1`; a body of `null` is none. The answer must be
    /// a good one.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let Self { address, key } = self;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        read(&answer).with_context(|| format!("{method} {path}"))
    }
}

/// The JSON of an answer that says yes.
fn read(answer: &[u8]) -> Result<Value> {
    let mut head = Head::read(answer)?.context("an answer that ends within its head")?;
    let mut body = Vec::new();
    let rest = answer.get(head.length..).unwrap_or_default();
    let ended = head.framing.feed(rest, &mut |bytes| body.extend_from_slice(bytes))?;
    if !ended {
        bail!("an answer that ends too early");
    }
    if !(200..300).contains(&head.status) {
        bail!("status {}: {}", head.status, String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn good_answers_are_read_and_others_told() {
        let made = b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"key\":1}";
        assert_eq!(read(made).unwrap(), json!({"key": 1}));
        assert!(read(&made[..made.len() - 1]).is_err());
        let refused =
            b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n";
        assert_eq!(read(refused).unwrap_err().to_string(), "status 403: no");
    }
}
