//! Step 1: what a request says of the work that it asks for, by its address and what was read of its
//! body.

use std::fmt;

use http::Method;
use protocol::exchange::Fault;
use protocol::json::object::CowStr;
use protocol::json::{Envelope, Object};
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::peek::{Kind, MARK, Peeked};
use super::skim::{OF_REQUESTS, respells};
use super::texts::Texts;
use super::{address, work};

/// Where a request goes, as far as it tells what is asked.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path after the provider.
    pub rest: &'a str,
    /// The query; empty if there is none.
    pub query: &'a str,
    /// A WebSocket is asked for.
    pub is_socket: bool,
    /// It is one whose first message names the model, and nothing else does.
    pub is_live: bool,
}

impl Address<'_> {
    /// Whether the method is for what changes something, work included. What nobody knows is.
    pub fn writes(&self) -> bool {
        !matches!(*self.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
    }
}

/// What a request says about the work that it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The model, as the provider calls it.
    pub model: Option<String>,
    /// Nothing else can be meant: at an address that is for one model and reads it from where it
    /// was read here, the whole of the body was looked into, and it names one model once.
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
    /// Its answer is read for what it used: it is work, or may be some without showing it.
    pub is_read: bool,
    /// A member that some readers take for another one that counts, since they do not tell small
    /// letters from capital ones.
    pub respelled: Option<String>,
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

    /// Refuses work of which readers may take one member for another.
    pub fn judge_spelling(&self) -> Result<(), Fault> {
        match &self.respelled {
            Some(name) if self.is_work => Err(respelled_fault(name)),
            _ => Ok(()),
        }
    }
}

/// The fault of a body with a member that is written like one that counts but for small and capital
/// letters.
pub fn respelled_fault(name: &str) -> Fault {
    let shown: String = name.chars().take(40).collect();
    let message = "some readers take this for the member of that name in other letters, small or \
                   capital; write it as the provider's documents do";
    Fault::invalid(format!("{shown}: {message}"))
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

impl Peeked {
    /// What it says, together with the address.
    pub fn named(&self, address: Address<'_>) -> Named {
        let Address { method, rest, query, is_socket, is_live } = address;
        let by_query = || is_socket.then(|| address::model_of_query(query)).flatten();
        let by_address = match is_live {
            true => None,
            false => address::model(rest).or_else(by_query),
        };
        let whole = self.bytes();
        // What stands in the body of a request for a WebSocket is read by nobody.
        let is_json = self.kind == Kind::Json && !is_socket;
        let body = whole.strip_prefix(MARK).unwrap_or(&whole);
        let read = (is_json && self.is_whole).then(|| Envelope::parse(body).ok()).flatten();
        let form = match &self.kind {
            Kind::Form(boundary) if !is_socket => Some(self.form(&whole, boundary)),
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
        let mut may_mean = Vec::new();
        let mut respelled = None;
        match &read {
            Some(read) => {
                let names = read.members().map(|(name, raw)| (name, raw.get()));
                respelled = names.into_iter().find_map(|(name, raw)| respelled_of(name, raw));
            }
            None if is_unreadable => {
                let members = Members::of(body);
                respelled = members.respelled;
                if model.is_none() {
                    may_mean = members.models;
                }
            }
            None => {}
        }
        let has_body = !self.is_whole || !whole.is_empty();
        let counts_only = work::counts_only(rest);
        let writes = address.writes() && !counts_only;
        // Some servers answer every method alike, as long as something is asked.
        let is_plain = is_socket || (writes || has_body) && !counts_only && work::asks_model(rest);
        let is_work = is_plain || writes && (model.is_some() || may_name);
        // What is readable and names no model asks none; of anything else its answer will tell.
        let is_silent = read.is_some() && respelled.is_none();
        let is_clear = *method == Method::POST
            && (counts_only || is_plain)
            && model.as_deref().is_some_and(|model| address::is_clear(rest, query, model));
        Named {
            // What is said in a WebSocket is not known yet.
            is_certain: nothing_else && is_clear && !is_socket && respelled.is_none(),
            is_work,
            is_plain,
            is_read: is_work || writes && has_body && !is_silent,
            is_background: read.as_ref().is_some_and(|body| {
                body.get::<bool>("background").is_ok_and(|told| told == Some(true))
            }),
            is_long,
            is_live,
            makes_token: (address.writes() || has_body) && work::makes_token(rest),
            text: match &form {
                Some(form) => usize::try_from(form.text).unwrap_or(usize::MAX).min(whole.len()),
                None if is_json => without_media(&whole),
                None => whole.len(),
            },
            model,
            may_mean,
            respelled,
            most_output,
            answers,
            size: whole.len(),
        }
    }
}

/// How much of a JSON is no media, in bytes.
fn without_media(json: &[u8]) -> usize {
    let mut texts = Texts::default();
    texts.see(json);
    json.len().saturating_sub(usize::try_from(texts.media).unwrap_or(usize::MAX))
}

/// What of the members of a request's members counts.
const WITHIN: [(&str, &[&str]); 2] = [
    ("generationConfig", &["maxOutputTokens", "candidateCount"]),
    ("inferenceConfig", &["maxTokens"]),
];

/// The member that some readers take for one that counts: this one, or one within it.
pub fn respelled_of(name: &str, raw: &str) -> Option<String> {
    if OF_REQUESTS.iter().any(|known| respells(name.as_bytes(), known)) {
        return Some(name.to_owned());
    }
    let (_, counted) = WITHIN.iter().find(|(known, _)| *known == name)?;
    let inner = Object::parse(raw.trim_ascii()).ok()?;
    let mut names = inner.iter().map(|(name, _)| name);
    let odd = |name: &&str| counted.iter().any(|known| respells(name.as_bytes(), known));
    names.find(odd).map(str::to_owned)
}

/// What an object says that may say a member more than once, or break off.
#[derive(Default)]
struct Members {
    /// The first and the last `model`.
    models: Vec<String>,
    respelled: Option<String>,
}

impl Members {
    fn of(json: &[u8]) -> Self {
        let mut members = Self::default();
        // What was found before it broke off may be meant all the same.
        let _ = serde_json::Deserializer::from_slice(json).deserialize_map(&mut members);
        members
    }
}

impl<'de> Visitor<'de> for &mut Members {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(CowStr(name)) = map.next_key::<CowStr<'de>>()? {
            let value = map.next_value::<&RawValue>()?;
            if self.respelled.is_none() {
                self.respelled = respelled_of(&name, value.get());
            }
            if name == "model"
                && let Ok(model) = serde_json::from_str::<String>(value.get())
                && model.len() <= 256
            {
                self.models.truncate(1);
                self.models.push(model);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn named(body: &'static str, rest: &str) -> Named {
        let pieces = vec![Bytes::from_static(body.as_bytes())];
        Peeked { pieces, is_whole: true, kind: Kind::Json }.named(post(rest))
    }

    fn post(rest: &str) -> Address<'_> {
        by(&Method::POST, rest)
    }

    fn by<'a>(method: &'a Method, rest: &'a str) -> Address<'a> {
        Address { method, rest, query: "", is_socket: false, is_live: false }
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
        let socket =
            Address { query: "model=m", is_socket: true, ..by(&Method::GET, "/v1/realtime") };
        let empty = Peeked { pieces: Vec::new(), is_whole: true, kind: Kind::Other };
        let socket = empty.named(socket);
        assert_eq!((socket.model.as_deref(), socket.is_certain), (Some("m"), false));
        assert!(socket.is_work);
        assert!(!empty.named(by(&Method::GET, "/v1/models")).is_work);
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

    #[test]
    fn a_mark_before_a_body_is_no_part_of_it() {
        let marked = named("\u{feff}{\"model\":\"m\"}", "/v1/chat/completions");
        assert_eq!((marked.model.as_deref(), marked.is_certain), (Some("m"), true));
    }

    /// PRIV-3: what is certain is what nobody can take for something else.
    #[test]
    fn a_model_is_certain_only_where_it_is_read() {
        let body = r#"{"model":"m"}"#;
        for rest in ["/v1/chat/completions", "/v1/messages/count_tokens", "/v1/embeddings"] {
            assert!(named(body, rest).is_certain, "{rest}");
        }
        for rest in [
            "/v1/files",
            "/v1/batches",
            "/v1/models/m:foo",
            "/v1/chat/completions/chatcmpl-1",
            "/v1/files;/chat/completions",
            "/v1/files%3F/chat/completions",
        ] {
            assert!(!named(body, rest).is_certain, "{rest}");
        }
        let body = || Peeked {
            pieces: vec![Bytes::from_static(body.as_bytes())],
            is_whole: true,
            kind: Kind::Json,
        };
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert!(!body().named(by(&method, "/v1/chat/completions")).is_certain, "{method}");
        }
        let other = Address { query: "model=other", ..post("/v1/chat/completions") };
        assert!(!body().named(other).is_certain);
    }

    #[test]
    fn work_is_work_by_whatever_method() {
        let peeked = |body: &'static str, kind| Peeked {
            pieces: vec![Bytes::from_static(body.as_bytes())],
            is_whole: true,
            kind,
        };
        let work = "/v1/chat/completions";
        for method in [Method::PUT, Method::PATCH, Method::GET, Method::DELETE] {
            let named = peeked(r#"{"model":"m"}"#, Kind::Json).named(by(&method, work));
            assert!(named.is_work && named.is_plain && named.is_read, "{method}");
        }
        let empty = Peeked { pieces: Vec::new(), is_whole: true, kind: Kind::Other };
        for (method, rest) in [(Method::GET, work), (Method::GET, "/v1/responses/r")] {
            let named = empty.named(by(&method, rest));
            assert!(!named.is_work && !named.is_read, "{rest}");
        }
        // What shows nothing is read for what its answer tells.
        let other = peeked("some text", Kind::Other).named(post("/v1/new"));
        assert!(!other.is_work && other.is_read);
        let described = peeked(r#"{"metadata":{}}"#, Kind::Json).named(post("/v1/responses/r"));
        assert!(!described.is_read, "an answer that was paid is read again");
    }

    #[test]
    fn members_in_other_letters_are_refused() {
        for body in [
            r#"{"model":"m","Model":"x"}"#,
            r#"{"MODEL":"x"}"#,
            r#"{"model":"m","MAX_TOKENS":9}"#,
            r#"{"model":"m","max_toKens":9}"#,
            r#"{"model":"m","N":50}"#,
            r#"{"model":"m","model":"m","Model":"x"}"#,
            r#"{"contents":[],"generationConfig":{"MaxOutputTokens":9}}"#,
        ] {
            let named = named(body, "/v1/chat/completions");
            assert!(named.judge_spelling().is_err() && !named.is_certain, "{body}");
        }
        let fine = r#"{"model":"m","n":1,"metadata":{"Model":"x"},"tools":[{"N":1}],"Models":[]}"#;
        assert!(named(fine, "/v1/chat/completions").judge_spelling().is_ok());
        // Where no work is asked, members may be called as they like.
        assert!(named(r#"{"Model":"x"}"#, "/v1/files").judge_spelling().is_ok());
    }
}
