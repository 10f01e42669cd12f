//! Step 1: which model is asked? Told by the address, by a JSON body or a form that is short enough
//! to be looked into before it goes on its way, or, of a longer one, before its end does.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use protocol::exchange::{ErrorType, Fault};
use protocol::json::object::CowStr;
use protocol::json::{Envelope, Object};
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::address;
use super::form::{Form, boundary};
use super::skim::Skim;
use super::texts::Texts;
use crate::inference::provenance::Provenance;

/// The longest body that is looked into, in bytes: it is in memory until the provider is asked.
pub const MOST: usize = 1024 * 1024;
/// Smaller pieces are joined to pieces of this size, in bytes.
const PIECE: usize = 8 * 1024;
/// What may stand before a text, and says how it is encoded.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A body as far as it was read before the provider is asked.
pub struct Peeked {
    /// The pieces that were read, as they came.
    pub pieces: Vec<Bytes>,
    /// There is no more of it.
    pub is_whole: bool,
    /// What it is.
    kind: Kind,
}

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
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

/// Where a request goes, as far as it tells what is asked.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path after the provider.
    pub rest: &'a str,
    /// The query, of a request for a WebSocket.
    pub socket: Option<&'a str>,
    /// It is one whose first message names the model, and nothing else does.
    pub is_live: bool,
}

/// What a request says about the work that it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The model, as the provider calls it.
    pub model: Option<String>,
    /// Nothing else can be meant: the whole of it was looked into, and it names one model once.
    pub is_certain: bool,
    /// How long the answer may be, in tokens, if that is said.
    pub most_output: Option<u64>,
    /// How many answers.
    pub answers: u64,
    /// Which models a JSON may mean that cannot be read, where nothing names one beyond that. Of a
    /// member that occurs twice most readers take the last, some the first.
    pub may_mean: Vec<String>,
    /// The size of what was looked into, in bytes.
    pub size: usize,
    /// Of that, what is no media.
    pub text: usize,
    /// The answer may tell what it used: a model is asked to work, and not for what it did before.
    pub is_work: bool,
    /// Nothing but work can be meant.
    pub is_plain: bool,
    /// The answer comes later, when it is asked for.
    pub is_background: bool,
    /// It is a JSON, or a form for work, that is too long to be looked into before it is sent.
    pub is_long: bool,
    /// A token is made with which the provider is used past this gateway, or a call begun that is.
    pub makes_token: bool,
    /// It is a WebSocket whose first message names the model.
    pub is_live: bool,
}

impl Named {
    /// Which model is asked is to be said yet.
    pub fn is_open(&self) -> bool {
        (self.is_long || self.is_live) && self.model.is_none()
    }
}

/// What looks into a body that is too long for that while it passes.
#[derive(Debug)]
pub enum Looking {
    /// A JSON.
    Json(Box<(Skim, Texts)>),
    /// A form.
    Form(Box<Form>),
}

/// How long answers may be, in tokens, if that is said, and how many there are, by the members of a
/// request.
pub fn output_of<'r>(raw: impl Fn(&str) -> Option<&'r str>) -> (Option<u64>, u64) {
    let count = |raw: &str| raw.trim_ascii().parse::<u64>().ok();
    let number = |name| count(raw(name)?);
    let of = |object: &str, name: &str| {
        let inner = Object::parse(raw(object)?.trim_ascii()).ok()?;
        count(inner.peek(name)?.get())
    };
    let lengths = [
        number("max_tokens"),
        number("max_completion_tokens"),
        number("max_output_tokens"),
        of("generationConfig", "maxOutputTokens"),
        of("inferenceConfig", "maxTokens"),
    ];
    let answers = [number("n"), number("best_of"), of("generationConfig", "candidateCount")];
    let most = |counts: &[Option<u64>]| counts.iter().copied().flatten().max();
    (most(&lengths), most(&answers).unwrap_or(1).max(1))
}

/// Reads the beginning of a body, if a look into it may tell something. Pauses may be `idle` long,
/// all of it `total`, or `longest` for a form: what is in one may take its time.
pub async fn peek(
    body: &mut Incoming,
    headers: &HeaderMap,
    address: Address<'_>,
    (idle, total, longest): (Duration, Duration, Duration),
) -> Result<Peeked, Fault> {
    let is_post = *address.method == Method::POST;
    let asks_model = address::asks_model(address.rest);
    let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let says_json = is_json(media_type);
    let encoding = headers.get(CONTENT_ENCODING);
    let mut peeked = Peeked {
        pieces: Vec::new(),
        is_whole: body.is_end_stream(),
        kind: match () {
            () if encoding.is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) => {
                if says_json || is_post {
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
    let mut is_unseen = peeked.kind == Kind::Other && is_post && asks_model;
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
    Ok(peeked)
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

    fn bytes(&self) -> Bytes {
        match &*self.pieces {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => Bytes::from(pieces.concat()),
        }
    }

    /// What it says, together with the address.
    pub fn named(&self, address: Address<'_>) -> Named {
        let Address { method, rest, socket, is_live } = address;
        let by_address = match is_live {
            true => None,
            false => address::model(rest).or_else(|| address::model_of_query(socket?)),
        };
        let whole = self.bytes();
        // What stands in the body of a request for a WebSocket is read by nobody.
        let is_json = self.kind == Kind::Json && socket.is_none();
        let body = whole.strip_prefix(MARK).unwrap_or(&whole);
        let read = (is_json && self.is_whole).then(|| Envelope::parse(body).ok()).flatten();
        let form = match &self.kind {
            Kind::Form(boundary) if socket.is_none() => Some(self.form(&whole, boundary)),
            _ => None,
        };
        let by_body = match &form {
            Some(form) => form.model().map(str::to_owned),
            None => read.as_ref().and_then(|body| body.get::<String>("model").ok().flatten()),
        };
        let (most_output, answers) = output_of(|name| Some(read.as_ref()?.raw(name)?.get()));
        let same = by_address.is_none() || by_body.is_none() || by_address == by_body;
        let nothing_else = self.is_whole && (whole.is_empty() || read.is_some()) && same;
        let model = by_address.or(by_body).filter(|name| name.len() <= 256);
        // A body that is too long to be looked into, or compressed, names its model in the answer;
        // and so does one that is no JSON for us: for the provider it may be some.
        let is_unreadable = is_json && self.is_whole && !whole.is_empty() && read.is_none();
        let is_long = (is_json || form.is_some()) && !self.is_whole;
        let may_name = is_long || is_unreadable || self.kind == Kind::Sealed;
        let may_mean = match is_unreadable && model.is_none() {
            true => first_and_last_model(body),
            false => Vec::new(),
        };
        let is_post = *method == Method::POST && !address::counts_only(rest);
        let is_plain = is_post && address::asks_model(rest) || socket.is_some();
        let text = match &form {
            Some(form) => usize::try_from(form.text).unwrap_or(usize::MAX).min(whole.len()),
            None => {
                let mut texts = Texts::default();
                if is_json {
                    texts.see(&whole);
                }
                whole.len().saturating_sub(usize::try_from(texts.media).unwrap_or(usize::MAX))
            }
        };
        Named {
            // What is said in a WebSocket is not known yet.
            is_certain: nothing_else && model.is_some() && socket.is_none(),
            is_work: is_plain || is_post && (model.is_some() || may_name),
            is_plain,
            is_background: read.as_ref().is_some_and(|body| {
                body.get::<bool>("background").is_ok_and(|told| told == Some(true))
            }),
            is_long,
            is_live,
            makes_token: *method == Method::POST && address::makes_token(rest),
            model,
            may_mean,
            most_output,
            answers,
            text,
            size: whole.len(),
        }
    }

    fn form(&self, whole: &[u8], boundary: &[u8]) -> Form {
        let mut form = Form::new(boundary);
        form.see(whole);
        if self.is_whole {
            form.end();
        }
        form
    }
}

/// The first and the last `model` of an object that may say it more than once, or break off.
fn first_and_last_model(json: &[u8]) -> Vec<String> {
    struct Models(Vec<String>);

    impl<'de> Visitor<'de> for &mut Models {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some(CowStr(name)) = map.next_key::<CowStr<'de>>()? {
                if name != "model" {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                let value = map.next_value::<&RawValue>()?;
                if let Ok(model) = serde_json::from_str::<String>(value.get())
                    && model.len() <= 256
                {
                    self.0.truncate(1);
                    self.0.push(model);
                }
            }
            Ok(())
        }
    }

    let mut models = Models(Vec::new());
    // What was found before it broke off may be meant all the same.
    let _ = serde_json::Deserializer::from_slice(json).deserialize_map(&mut models);
    models.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(body: &'static str, rest: &str) -> Named {
        let pieces = vec![Bytes::from_static(body.as_bytes())];
        Peeked { pieces, is_whole: true, kind: Kind::Json }.named(post(rest))
    }

    fn post(rest: &str) -> Address<'_> {
        Address { method: &Method::POST, rest, socket: None, is_live: false }
    }

    #[test]
    fn a_model_is_certain_only_if_it_is_the_only_one() {
        let one = named(r#"{"model":"m","n":2,"max_tokens":7}"#, "/v1/chat/completions");
        assert_eq!((one.model.as_deref(), one.is_certain), (Some("m"), true));
        assert_eq!((one.answers, one.most_output, one.is_work), (2, Some(7), true));
        let google = r#"{"generationConfig":{"maxOutputTokens":9,"candidateCount":3}}"#;
        let one = named(google, "/v1beta/models/g:generateContent");
        assert_eq!((one.model.as_deref(), one.is_certain), (Some("g"), true));
        assert_eq!((one.answers, one.most_output), (3, Some(9)));
        let two = named(r#"{"model":"m"}"#, "/v1beta/models/g:generateContent");
        assert!(!two.is_certain);
        let twice = named(r#"{"model":"m","model":"other"}"#, "/v1/chat/completions");
        assert_eq!((twice.model, twice.is_certain), (None, false));
        assert_eq!((twice.may_mean, twice.is_work), (vec!["m".into(), "other".into()], true));
        let none = named(r#"{"metadata":{}}"#, "/v1/chat/completions/chatcmpl-1");
        assert!(!none.is_work, "an answer that was paid is read again");
    }

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
    fn what_cannot_be_read_may_be_work_all_the_same() {
        for (body, may_mean) in [
            (r#"{"a":1,"a":2,"model":"m"}"#, vec!["m"]),
            (r#"{"model":"a","model":"b","model":"c"}"#, vec!["a", "c"]),
            (r#"{"model":"m","n":"#, vec!["m"]),
            ("[1]", Vec::<&str>::new()),
        ] {
            let named = named(body, "/v1/chat/completions");
            assert!(named.is_work && !named.is_certain, "{body}");
            assert_eq!(named.model, None);
            assert_eq!(named.may_mean, may_mean, "{body}");
        }
        let empty = Peeked { pieces: Vec::new(), is_whole: true, kind: Kind::Json };
        assert!(!empty.named(post("/v1/responses/r/cancel")).is_work);
    }

    #[test]
    fn what_was_not_looked_into_is_not_certain() {
        let begun = Peeked { pieces: Vec::new(), is_whole: false, kind: Kind::Json };
        let begun = begun.named(post("/v1beta/models/g:generateContent"));
        assert_eq!((begun.model.as_deref(), begun.is_certain), (Some("g"), false));
        let form = Peeked { pieces: Vec::new(), is_whole: false, kind: Kind::Other };
        assert!(!form.named(post("/v1/files")).is_work);
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
    fn addresses_and_forms_name_models_too() {
        let converse = r#"{"messages":[],"inferenceConfig":{"maxTokens":9}}"#;
        let one = named(converse, "/model/us.a.b/converse");
        assert_eq!((one.model.as_deref(), one.most_output), (Some("us.a.b"), Some(9)));
        assert!(one.is_certain && one.is_work && one.is_plain);
        let unnamed = named("{}", "/v1/responses");
        assert!(unnamed.is_work && unnamed.model.is_none() && !unnamed.is_background);
        assert!(named(r#"{"model":"m","background":true}"#, "/v1/responses").is_background);
        assert!(!named(r#"{"model":"m"}"#, "/v1/messages/count_tokens").is_work);
        let form = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
        let pieces = vec![Bytes::from_static(form)];
        let form = Peeked { pieces, is_whole: false, kind: Kind::Form(b"b".to_vec()) };
        let form = form.named(post("/v1/audio/transcriptions"));
        assert_eq!((form.model.as_deref(), form.is_certain), (Some("m"), false));
        assert!(form.is_long && form.is_work, "another may be named after it");
        let socket = Address {
            method: &Method::GET,
            rest: "/v1/realtime",
            socket: Some("model=m"),
            is_live: false,
        };
        let empty = Peeked { pieces: Vec::new(), is_whole: true, kind: Kind::Other };
        let socket = empty.named(socket);
        assert_eq!((socket.model.as_deref(), socket.is_certain), (Some("m"), false));
        assert!(socket.is_work);
        let get =
            Address { method: &Method::GET, rest: "/v1/models", socket: None, is_live: false };
        assert!(!empty.named(get).is_work);
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
        let marked = named("\u{feff}{\"model\":\"m\"}", "/v1/chat/completions");
        assert_eq!((marked.model.as_deref(), marked.is_certain), (Some("m"), true));
    }

    #[test]
    fn files_in_forms_are_no_text_of_a_prompt() {
        let file = "x".repeat(5_000);
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{file}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n"
        );
        let (pieces, kind) = (vec![Bytes::from(form)], Kind::Form(b"b".to_vec()));
        let form = Peeked { pieces, is_whole: true, kind }.named(post("/v1/images/edits"));
        assert_eq!((form.model.as_deref(), form.text), (Some("m"), 3));
        assert!(!form.is_long);
    }

    #[test]
    fn media_are_no_text_of_a_prompt() {
        let body = format!(r#"{{"model":"m","image_url":"{}"}}"#, "A".repeat(4_000));
        let pieces = vec![Bytes::from(body)];
        let peeked = Peeked { pieces, is_whole: true, kind: Kind::Json };
        let named = peeked.named(post("/v1/chat/completions"));
        assert_eq!(named.size - named.text, 4_000);
    }
}
