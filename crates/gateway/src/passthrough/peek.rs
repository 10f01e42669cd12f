//! Step 1: which model is asked? Told by the address, or by a JSON body that is short enough to be
//! looked into before it goes on its way.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
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
use crate::inference::provenance::Provenance;

/// The longest body that is looked into, in bytes: it is in memory until the provider is asked.
const MOST: usize = 1024 * 1024;

/// A body as far as it was read before the provider is asked.
pub struct Peeked {
    /// The pieces that were read, as they came.
    pub pieces: Vec<Bytes>,
    /// There is no more of it.
    pub is_whole: bool,
    /// It says to be JSON, as it is.
    is_json: bool,
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
    /// The answer may tell what it used: a model is asked to work, and not for what it did before.
    pub is_work: bool,
}

/// Reads the beginning of a body, if a look into it may tell something. Pauses may be `idle` long,
/// all of it `total`.
pub async fn peek(
    body: &mut Incoming,
    headers: &HeaderMap,
    (idle, total): (Duration, Duration),
) -> Result<Peeked, Fault> {
    let end = Instant::now() + total;
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes()));
    let is_encoded = headers.get(CONTENT_ENCODING).is_some();
    let mut peeked = Peeked { pieces: Vec::new(), is_whole: body.is_end_stream(), is_json };
    let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if !is_json || is_encoded || told.is_some_and(|length: usize| length > MOST) {
        return Ok(peeked);
    }
    let mut size = 0;
    while !peeked.is_whole && size < MOST {
        let patience = end.min(Instant::now() + idle);
        let frame = timeout_at(patience, body.frame()).await.map_err(|_| {
            Fault::new(ErrorType::Timeout, "Operation timed out. Please try again later.")
                .with_status(408)
        })?;
        match frame {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    size += data.len();
                    peeked.pieces.push(data);
                }
                peeked.is_whole = body.is_end_stream();
            }
            Some(Err(error)) => {
                return Err(Fault::invalid(format!("the request body broke off: {error}")));
            }
            None => peeked.is_whole = true,
        }
    }
    Ok(peeked)
}

/// Whether a media type is JSON of some kind.
pub fn is_json(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let ends = |end: &[u8]| {
        kind.len() >= end.len() && kind[kind.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    kind.eq_ignore_ascii_case(b"application/json") || ends(b"+json")
}

impl Peeked {
    /// Takes the stamps off reasoning that came back, where the whole body is here: no provider
    /// knows them. A longer one passes as it came.
    pub fn take_stamps(&mut self, provenance: &Provenance) {
        if !self.is_whole || !self.is_json || self.pieces.is_empty() {
            return;
        }
        let whole = match &*self.pieces {
            [only] => only.clone(),
            pieces => pieces.concat().into(),
        };
        let (plain, reasoning) = provenance.read(whole);
        if reasoning.is_some() {
            self.pieces = vec![plain];
        }
    }

    /// What it says, together with the address.
    pub fn named(&self, method: &Method, rest: &str) -> Named {
        let by_address = address::model(rest);
        let whole = match &*self.pieces {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => Bytes::from(pieces.concat()),
        };
        let read = (self.is_json && self.is_whole).then(|| Envelope::parse(&whole).ok()).flatten();
        let by_body = read.as_ref().and_then(|body| body.get::<String>("model").ok().flatten());
        let number = |name| read.as_ref()?.get::<u64>(name).ok()?;
        let config = read.as_ref().and_then(|body| Object::of(body.raw("generationConfig")?).ok());
        let of_config = |name| config.as_ref()?.peek(name)?.get().parse::<u64>().ok();
        let lengths = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
        let same = by_address.is_none() || by_body.is_none() || by_address == by_body;
        let nothing_else = self.is_whole && (whole.is_empty() || read.is_some()) && same;
        let model = by_address.or(by_body).filter(|name| name.len() <= 256);
        // A body that is too long to be looked into, or compressed, names its model in the answer;
        // and so does one that is no JSON for us: for the provider it may be some.
        let is_unreadable = self.is_json && self.is_whole && !whole.is_empty() && read.is_none();
        let may_name = self.is_json && !self.is_whole || is_unreadable;
        let may_mean = match is_unreadable && model.is_none() {
            true => first_and_last_model(&whole),
            false => Vec::new(),
        };
        Named {
            is_certain: nothing_else && model.is_some(),
            is_work: *method == Method::POST && (model.is_some() || may_name),
            model,
            may_mean,
            most_output: lengths
                .iter()
                .filter_map(|name| number(name))
                .chain(of_config("maxOutputTokens"))
                .max(),
            answers: number("n").or_else(|| of_config("candidateCount")).unwrap_or(1).max(1),
            size: whole.len(),
        }
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
        Peeked { pieces, is_whole: true, is_json: true }.named(&Method::POST, rest)
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
        for (is_whole, is_json) in [(true, true), (false, true), (true, false)] {
            let mut peeked = Peeked { pieces: pieces(), is_whole, is_json };
            peeked.take_stamps(&provenance);
            let plain = is_whole && is_json;
            let expected =
                if plain { br#"{"signature":"EqQB"}"#.to_vec() } else { pieces().concat() };
            assert_eq!(peeked.pieces.concat(), expected);
        }
        let mut peeked = Peeked { pieces: vec!["{}".into()], is_whole: true, is_json: true };
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
        let empty = Peeked { pieces: Vec::new(), is_whole: true, is_json: true };
        assert!(!empty.named(&Method::POST, "/v1/responses/r/cancel").is_work);
    }

    #[test]
    fn what_was_not_looked_into_is_not_certain() {
        let begun = Peeked { pieces: Vec::new(), is_whole: false, is_json: true };
        let begun = begun.named(&Method::POST, "/v1beta/models/g:generateContent");
        assert_eq!((begun.model.as_deref(), begun.is_certain), (Some("g"), false));
        let form = Peeked { pieces: Vec::new(), is_whole: false, is_json: false };
        assert!(!form.named(&Method::POST, "/v1/files").is_work);
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
}
