//! Step 1: which model is asked? Told by the address, by a JSON body or a form that is short enough
//! to be looked into before it goes on its way, or, of a longer one, before its end does.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use protocol::exchange::{ErrorType, Fault};
use tokio::time::{Instant, timeout_at};

use super::form::{Form, boundary};
use super::named::Address;
use super::skim::Skim;
use super::texts::Texts;
use super::work;
use crate::inference::provenance::Provenance;
use crate::inference::room::{Room, Taken};

/// The longest body that is looked into, in bytes: it is in memory until the provider is asked.
pub const MOST: usize = 1024 * 1024;
/// Smaller pieces are joined to pieces of this size, in bytes.
const PIECE: usize = 8 * 1024;
/// What may stand before a text, and says how it is encoded.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// A body as far as it was read before the provider is asked.
pub struct Peeked {
    /// The pieces that were read, as they came.
    pub pieces: Vec<Bytes>,
    /// There is no more of it.
    pub is_whole: bool,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It says to be JSON, or begins like one where a model is asked: some servers read it whatever
    /// it says.
    Json,
    /// A form with this boundary, where a model is asked.
    Form(Vec<u8>),
    /// It is compressed, and nothing can be read.
    Sealed,
    /// Anything else.
    Other,
}

/// What looks into a body that is too long for that while it passes.
#[derive(Debug)]
pub enum Looking {
    /// A JSON.
    Json(Box<(Skim, Texts)>),
    /// A form.
    Form(Box<Form>),
}

/// Reads the beginning of a body, if a look into it may tell something. Pauses may be `idle` long,
/// all of it `total`, or `longest` for a form: what is in one may take its time. What was read takes of
/// `room`, and has to be kept with it.
pub async fn peek(
    body: &mut Incoming,
    headers: &HeaderMap,
    address: Address<'_>,
    (idle, total, longest): (Duration, Duration, Duration),
    room: &Arc<Room>,
) -> Result<(Peeked, Taken), Fault> {
    let mut taken = room.enter();
    let asks_model = work::asks_model(address.rest);
    let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let says_json = is_json(media_type);
    let encoding = headers.get(CONTENT_ENCODING);
    let mut peeked = Peeked {
        pieces: Vec::new(),
        is_whole: body.is_end_stream(),
        kind: match () {
            () if encoding.is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) => {
                if says_json || asks_model || address.writes() {
                    Kind::Sealed
                } else {
                    Kind::Other
                }
            }
            () if says_json => Kind::Json,
            () => match boundary(media_type).filter(|_| asks_model) {
                Some(boundary) => Kind::Form(boundary.to_vec()),
                None => Kind::Other,
            },
        },
    };
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let is_long = length.is_some_and(|length: usize| length > MOST);
    // Of anything else its beginning shows whether it is a JSON. Where no model need be asked, what
    // begins like one may be a file.
    let mut is_unseen = peeked.kind == Kind::Other && asks_model;
    let mut beginning = Vec::new();
    let is_wanted = match peeked.kind {
        Kind::Json => !is_long,
        Kind::Form(_) => true,
        Kind::Sealed => false,
        Kind::Other => is_unseen,
    };
    let is_form = matches!(peeked.kind, Kind::Form(_));
    let end = Instant::now() + if is_form { longest } else { total };
    let (mut size, mut pieces) = (0, Pieces::default());
    while is_wanted && !peeked.is_whole && size < MOST {
        let patience = end.min(Instant::now() + idle);
        let frame = timeout_at(patience, body.frame()).await.map_err(|_| {
            Fault::new(ErrorType::Timeout, "Operation timed out. Please try again later.")
                .with_status(408)
        })?;
        match frame {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    size += data.len();
                    taken.grow(size)?;
                    if is_unseen && let Some(is_json) = shows_json(&mut beginning, &data) {
                        is_unseen = false;
                        if is_json {
                            peeked.kind = Kind::Json;
                        }
                    }
                    pieces.push(data);
                }
                peeked.is_whole = body.is_end_stream();
            }
            Some(Err(error)) => {
                return Err(Fault::invalid(format!("the request body broke off: {error}")));
            }
            None => peeked.is_whole = true,
        }
        if !is_unseen && (peeked.kind == Kind::Other || peeked.kind == Kind::Json && is_long) {
            break;
        }
    }
    peeked.pieces = pieces.finish();
    if is_unseen && size >= MOST {
        peeked.kind = Kind::Json;
    }
    Ok((peeked, taken))
}

/// Pieces of a body, of which small ones are joined: one of a byte would take many times that.
#[derive(Debug, Default)]
struct Pieces {
    whole: Vec<Bytes>,
    begun: BytesMut,
}

impl Pieces {
    fn push(&mut self, data: Bytes) {
        let is_small = data.len() < PIECE;
        if is_small {
            self.begun.extend_from_slice(&data);
        }
        if !self.begun.is_empty() && (!is_small || self.begun.len() >= PIECE) {
            self.whole.push(self.begun.split().freeze());
        }
        if !is_small {
            self.whole.push(data);
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        if !self.begun.is_empty() {
            self.whole.push(self.begun.freeze());
        }
        self.whole
    }
}

/// Whether a body is a JSON, if its pieces so far show it: blanks may go before one, as many as
/// there are. `beginning` keeps what else came.
pub fn shows_json(beginning: &mut Vec<u8>, data: &[u8]) -> Option<bool> {
    for byte in data {
        if byte.is_ascii_whitespace() && (beginning.is_empty() || *beginning == MARK) {
            continue;
        }
        beginning.push(*byte);
        if !MARK.starts_with(beginning) {
            return Some(begins_with_json(beginning));
        }
    }
    None
}

/// Whether a media type is JSON of some kind.
pub fn is_json(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let ends = |end: &[u8]| {
        kind.len() >= end.len() && kind[kind.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    kind.eq_ignore_ascii_case(b"application/json") || ends(b"+json")
}

/// Whether bytes begin like an object.
pub fn begins_with_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start().starts_with(b"{")
}

impl Peeked {
    /// Takes the stamps off reasoning that came back, where the whole body is here: no provider
    /// knows them. A longer one passes as it came.
    pub fn take_stamps(&mut self, provenance: &Provenance) {
        if !self.is_whole || self.kind != Kind::Json || self.pieces.is_empty() {
            return;
        }
        let (plain, reasoning) = provenance.read(self.bytes());
        if reasoning.is_some() {
            self.pieces = vec![plain];
        }
    }

    /// What has to look into the body while it passes, if it is too long for a look before.
    pub fn looking(&self) -> Option<Looking> {
        match &self.kind {
            Kind::Json if !self.is_whole => {
                Some(Looking::Json(Box::new((Skim::of_request(), Texts::default()))))
            }
            Kind::Form(boundary) if !self.is_whole => {
                Some(Looking::Form(Box::new(Form::new(boundary))))
            }
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Bytes {
        match &*self.pieces {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => Bytes::from(pieces.concat()),
        }
    }

    pub(super) fn form(&self, whole: &[u8], boundary: &[u8]) -> Form {
        let mut form = Form::new(boundary);
        form.see(whole);
        if self.is_whole {
            form.end();
        }
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REASON-11
    #[test]
    fn stamps_do_not_reach_providers_where_the_whole_body_is_here() {
        let provenance = Provenance::new(&[1; 32]);
        let stamp = provenance.stamp(&provenance.maker("p", "c"));
        let pieces = || -> Vec<Bytes> {
            vec![r#"{"signature":"#.into(), format!("\"{}EqQB\"}}", stamp.as_str()).into()]
        };
        for (is_whole, kind) in [(true, Kind::Json), (false, Kind::Json), (true, Kind::Other)] {
            let plain = is_whole && kind == Kind::Json;
            let mut peeked = Peeked { pieces: pieces(), is_whole, kind };
            peeked.take_stamps(&provenance);
            let expected =
                if plain { br#"{"signature":"EqQB"}"#.to_vec() } else { pieces().concat() };
            assert_eq!(peeked.pieces.concat(), expected);
        }
        let mut peeked = Peeked { pieces: vec!["{}".into()], is_whole: true, kind: Kind::Json };
        peeked.take_stamps(&provenance);
        assert_eq!(peeked.pieces, ["{}"]);
    }

    #[test]
    fn json_has_many_names() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(kind.as_bytes()), "{kind}");
        }
        for kind in ["application/jsonl", "multipart/form-data", "text/event-stream", ""] {
            assert!(!is_json(kind.as_bytes()), "{kind}");
        }
    }

    #[test]
    fn small_pieces_are_joined() {
        let body: Vec<u8> = (0..100_000).map(|at| (at % 251) as u8).collect();
        for size in [1, 3, PIECE - 1, PIECE, 3 * PIECE] {
            let mut pieces = Pieces::default();
            body.chunks(size).for_each(|piece| pieces.push(Bytes::copy_from_slice(piece)));
            let pieces = pieces.finish();
            assert!(pieces.concat() == body && pieces.len() <= body.len() / PIECE + 1, "{size}");
        }
    }

    #[test]
    fn a_mark_is_a_blank_wherever_it_is_cut() {
        let body = b" \xef\xbb\xbf \n{\"model\":\"m\"}";
        for size in 1..body.len() {
            let mut beginning = Vec::new();
            let shown = body.chunks(size).find_map(|piece| shows_json(&mut beginning, piece));
            assert_eq!(shown, Some(true), "{size}");
        }
        for other in [&b"\xef\xbb{"[..], b"RIFF", b" \xef\xbb\xbf\xef{"] {
            assert_eq!(shows_json(&mut Vec::new(), other), Some(false));
        }
        assert_eq!(shows_json(&mut Vec::new(), b" \xef\xbb\xbf\n"), None);
    }
}
