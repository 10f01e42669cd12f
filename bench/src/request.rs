//! The requests that are sent: two kilobytes, one conversation.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context as _, Result};

/// Bytes of a request's body.
const BODY_BYTES: usize = 2048;

/// The answer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// About one kilobyte at once.
    Plain,
    /// A stream of equal chunks.
    Stream {
        /// Content chunks.
        chunks: u32,
        /// Milliseconds between them; 0 is back to back.
        interval_ms: u32,
    },
}

impl Shape {
    /// Reads `CHUNKS-MS`.
    pub fn parse(text: &str) -> Result<Self> {
        let (chunks, interval) = text.split_once('-').context("expected CHUNKS-MS")?;
        Ok(Self::Stream { chunks: chunks.parse()?, interval_ms: interval.parse()? })
    }

    /// The model id that makes the simulated provider answer so.
    pub fn model(self) -> String {
        match self {
            Self::Plain => "bench/bench-1-0".to_owned(),
            Self::Stream { chunks, interval_ms } => format!("bench/bench-{chunks}-{interval_ms}"),
        }
    }
}

/// The API a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
}

/// A whole request for a model, head and body.
pub fn bytes(
    address: SocketAddr,
    path: &str,
    key: &str,
    (api, model): (Api, &str),
    shape: Shape,
) -> Rc<[u8]> {
    let body = body(api, model, shape);
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: trunkline-bench\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
    .into()
}

fn body(api: Api, model: &str, shape: Shape) -> String {
    let stream = shape != Shape::Plain;
    let instructions = match api {
        Api::Chat => r#""messages":[{"role":"system","content":"You are a careful assistant."},"#,
        Api::Messages => r#""system":"You are a careful assistant.","messages":["#,
    };
    let head = format!(
        r#"{{"model":"{model}","stream":{stream},"temperature":0.5,"max_tokens":4096,{instructions}{{"role":"user","content":""#
    );
    let tail = r#""}]}"#;
    let words = "the quick brown fox jumps over the lazy dog ";
    let room = BODY_BYTES.saturating_sub(head.len() + tail.len());
    let text: String = words.chars().cycle().take(room).collect();
    format!("{head}{text}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_two_kilobytes_of_valid_json() {
        for shape in [Shape::Plain, Shape::Stream { chunks: 2000, interval_ms: 0 }] {
            for api in [Api::Chat, Api::Messages] {
                let body = body(api, &shape.model(), shape);
                assert_eq!(body.len(), BODY_BYTES);
                serde_json::from_str::<serde_json::Value>(&body).unwrap();
            }
        }
    }

    #[test]
    fn the_short_form_of_a_stream_is_read() {
        let stream = Shape::Stream { chunks: 20, interval_ms: 10 };
        assert_eq!(Shape::parse("20-10").unwrap(), stream);
        assert_eq!(stream.model(), "bench/bench-20-10");
        assert!(Shape::parse("20").is_err());
    }
}
