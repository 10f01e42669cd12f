//! Reads a request's body within bounds of size and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use protocol::exchange::{ErrorType, Fault};

use super::room::Room;
use crate::settings::Settings;

/// The most of a body that is read of a caller nobody knows, in bytes.
pub const MAX_OF_UNKNOWN: usize = 1024 * 1024;
/// How long a body is read for nothing but a good end.
const DISCARDING: Duration = Duration::from_secs(2);

/// Reads what a refused caller still sends, within bounds: closing a connection with unread bytes
/// resets it, and the caller would see that instead of why it was refused.
pub async fn discard<B>(body: &mut B, headers: &HeaderMap, limit: usize)
where
    B: Body<Data = Bytes> + Unpin,
{
    // A caller that waits for leave has sent nothing yet; reading would give it leave.
    if headers.contains_key(EXPECT) {
        return;
    }
    let mut left = limit;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(size) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    // Whoever is slower than this gets the answer all the same, if its own end lets it through.
    let _ = tokio::time::timeout(DISCARDING, reading).await;
}

const COMPRESSIONS: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];
/// What some editors and clients write before a text, which is not part of it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A text without the mark that may stand before it.
pub fn unmarked(body: Bytes) -> Bytes {
    match body.starts_with(BYTE_ORDER_MARK) {
        true => body.slice(BYTE_ORDER_MARK.len()..),
        false => body,
    }
}

/// How a body is compressed, if it is. Whatever else the header says, the body is taken as it comes.
fn compression(headers: &HeaderMap) -> Option<&'static str> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|said| {
            COMPRESSIONS.into_iter().find(|coding| said.trim().eq_ignore_ascii_case(coding))
        })
}

/// Reads the whole body, which takes of `room` what there is of it. Too large: 413; too slow: 408;
/// compressed: 415; no room: 503.
pub async fn receive<B>(
    body: &mut B,
    headers: &HeaderMap,
    settings: &Settings,
    room: &Arc<Room>,
) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    if let Some(coding) = compression(headers) {
        return Err(Fault::invalid(format!(
            "Content-Encoding: {coding} is not accepted; send the body uncompressed"
        ))
        .with_status(415));
    }
    let limit = settings.max_body_bytes;
    let too_large = || {
        Fault::new(
            ErrorType::PayloadTooLarge,
            format!("Request payload too large: at most {limit} bytes are accepted"),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let started = Instant::now();
    let mut taken = room.enter();
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    loop {
        // What came with the head is taken without a timer.
        let frame = match body.frame().now_or_never() {
            Some(frame) => Ok(frame),
            None => {
                let left = settings.body_timeout.saturating_sub(started.elapsed());
                let wait = settings.body_idle_timeout.min(left);
                tokio::time::timeout(wait, body.frame()).await
            }
        };
        let frame = match frame {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                return Err(Fault::invalid(format!("the request body broke off: {error}")));
            }
            Err(_) => {
                return Err(Fault::new(
                    ErrorType::Timeout,
                    "Operation timed out. Please try again later.",
                )
                .with_status(408));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        let size = first.len() + whole.len() + data.len();
        if size > limit {
            return Err(too_large());
        }
        taken.grow(size)?;
        // Most bodies come in one piece, which is then not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0);
                whole.reserve(first.len() + data.len() + expected.min(limit));
                whole.extend_from_slice(&first);
                first = Bytes::new();
            }
            whole.extend_from_slice(&data);
        }
    }
    let whole = if whole.is_empty() { first } else { Bytes::from(whole) };
    Ok(taken.keep(unmarked(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_before_a_text_is_taken_off_once() {
        for (given, expected) in
            [("\u{feff}{}", "{}"), ("{}", "{}"), ("", ""), ("\u{feff}\u{feff}", "\u{feff}")]
        {
            assert_eq!(unmarked(Bytes::from(given)), expected);
        }
    }

    #[test]
    fn compression_is_told_from_whatever_else_the_header_says() {
        let said = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers
                    .append(CONTENT_ENCODING, value.parse().unwrap_or_else(|_| panic!("{value}")));
            }
            compression(&headers)
        };
        assert_eq!(said(&["GZIP"]), Some("gzip"));
        assert_eq!(said(&["identity, br"]), Some("br"));
        assert_eq!(said(&["identity", "zstd"]), Some("zstd"));
        for plain in ["", "identity", "utf-8", "gzipped"] {
            assert_eq!(said(&[plain]), None, "{plain}");
        }
    }
}
