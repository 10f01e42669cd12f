//! Those who ask: what, with which key, and how long they stay.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::chance::Chance;
use super::world::{World, model};
use crate::limits::CHAT;

/// One who asks once.
#[derive(Debug)]
pub struct Caller {
    key: String,
    body: Value,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Patience {
    /// Takes the whole answer.
    Endless,
    /// Leaves in the middle of asking.
    HalfAQuestion,
    /// Asks and leaves at once.
    None,
    /// Leaves when the answer begins.
    Headers,
    /// Leaves after so many pieces of it.
    Pieces(usize),
}

/// An answer that was seen to its end.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: String,
    pub status: u16,
    /// Nano-dollars, as told in the answer; `None` if it told none.
    pub cost: Option<i64>,
    /// Whether a provider was asked for it, for sure.
    pub was_tried: bool,
}

/// What callers saw, in order.
pub type Diary = Arc<Mutex<Vec<Seen>>>;

impl Caller {
    pub fn of(world: &World, keys: &[String], chance: &mut Chance) -> Self {
        let number = chance.below(world.offers.len());
        let words = chance.between(1, 12);
        let mut body = json!({
            "model": model(number),
            "stream": chance.percent(60),
            "messages": [{"role": "user", "content": "word ".repeat(words)}],
        });
        if chance.percent(60) {
            body["max_tokens"] = json!(chance.between(1, 300));
        }
        if chance.percent(10) {
            body["n"] = json!(2);
        }
        if chance.percent(10) {
            body["max_cost"] = json!(*chance.of(&["0.000001", "0.01", "1"]));
        }
        if chance.percent(10) {
            body["stream_options"] = json!({"include_usage": true});
        }
        if chance.percent(50) {
            let mut order = world.offers[number].clone();
            chance.shuffle(&mut order);
            body["provider"] = json!({"order": order});
        }
        let patience = match chance.below(20) {
            0 => Patience::HalfAQuestion,
            1 => Patience::None,
            2 => Patience::Headers,
            3..=5 => Patience::Pieces(chance.between(1, 12)),
            _ => Patience::Endless,
        };
        Self { key: chance.of(keys).clone(), body, patience }
    }

    /// Asks, and writes down what was seen to its end, at the moment it is.
    pub async fn ask(self, address: SocketAddr, diary: Diary) {
        // Connections break here for many good reasons.
        if let Some(seen) = self.try_ask(address).await {
            diary.lock().unwrap().push(seen);
        }
    }

    async fn try_ask(self, address: SocketAddr) -> Option<Seen> {
        let body = Bytes::from(self.body.to_string());
        let mut stream = TcpStream::connect(address).await.ok()?;
        if let Patience::HalfAQuestion | Patience::None = self.patience {
            let head = format!(
                "POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n\
                 content-length: {}\r\n\r\n",
                self.key,
                body.len()
            );
            let half = matches!(self.patience, Patience::HalfAQuestion);
            let part = if half { &body[..body.len() / 2] } else { &body[..] };
            stream.write_all(&[head.as_bytes(), part].concat()).await.ok()?;
            return None;
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let request = Request::post(CHAT)
            .header("host", "g")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        // Driven here, so that a caller that is dropped has left.
        let answering = async {
            let answer = sender.send_request(request).await.ok()?;
            let (parts, mut body) = answer.into_parts();
            let id = parts.headers.get("x-generation-id")?.to_str().unwrap().to_owned();
            let most = match self.patience {
                Patience::Headers => return None,
                Patience::Pieces(most) => most,
                _ => usize::MAX,
            };
            let (mut pieces, mut text) = (0, Vec::new());
            while let Some(frame) = body.frame().await {
                text.extend_from_slice(frame.ok()?.data_ref()?);
                pieces += 1;
                if pieces >= most {
                    return None;
                }
            }
            Some(seen(id, parts.status.as_u16(), &text))
        };
        tokio::pin!(connection, answering);
        tokio::select! {
            seen = answering.as_mut() => seen,
            // What came before the connection's end is still to be read.
            _ = connection.as_mut() => answering.await,
        }
    }
}

fn seen(id: String, status: u16, text: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(text);
    let documents: Vec<Value> = match serde_json::from_str(&text) {
        Ok(document) => vec![document],
        Err(_) => {
            let frames = text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
            frames.filter_map(|frame| serde_json::from_str(frame).ok()).collect()
        }
    };
    let cost = documents.iter().find_map(|document| document["usage"]["cost"].as_f64());
    Seen {
        id,
        status,
        // Exact below nine million dollars.
        cost: cost.map(|dollars| (dollars * 1e9).round() as i64),
        was_tried: status == 200 || status == 408 || status >= 500,
    }
}
