//! A bare HTTP/1.1 client that shows what was on the wire, broken or not.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]
#![allow(dead_code, reason = "each test binary uses its own part of the client")]

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Sizes of the HTTP chunks, if the body was chunked.
    pub chunks: Vec<usize>,
    /// Whether the HTTP message ended as it announced.
    pub complete: bool,
    /// Whether the connection was reset.
    pub reset: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The data of each server-sent event, as text.
    pub fn data(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n");
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(str::to_owned).collect()
    }

    /// The data of each server-sent event that is JSON.
    pub fn events(&self) -> Vec<Value> {
        self.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
    }
}

/// Sends a request and reads all there is to read.
pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut stream = open(address, method, path, headers, body).await;
    let mut wire = Vec::new();
    let reset = stream.read_to_end(&mut wire).await.is_err();
    Answer { reset, ..parse(&wire) }
}

/// Sends a request and returns the connection.
pub async fn open(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let extra: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{extra}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Posts JSON.
pub async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    send(address, "POST", path, headers, &body.to_string()).await
}

fn parse(wire: &[u8]) -> Answer {
    let Some(end) = wire.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Answer::default();
    };
    let head = std::str::from_utf8(&wire[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, headers, ..Answer::default() };
    let rest = &wire[end + 4..];
    if answer.header("transfer-encoding") == Some("chunked") {
        unchunk(rest, &mut answer);
    } else {
        let length: usize =
            answer.header("content-length").map_or(0, |value| value.parse().unwrap());
        answer.complete = rest.len() == length;
        answer.body = rest.to_vec();
    }
    answer
}

fn unchunk(mut rest: &[u8], answer: &mut Answer) {
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            answer.complete = true;
            return;
        }
        let Some(chunk) = rest.get(..size) else {
            answer.body.extend_from_slice(rest);
            return;
        };
        answer.body.extend_from_slice(chunk);
        answer.chunks.push(size);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
}
