//! One exchange from request to response.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Asked, answers};
use crate::body::{Interrupted, ScriptedBody, Step};
use crate::calls::{Call, Outcome, Recorder, Usage};
use crate::embedding::{Host, Measured, detail, measure};
use crate::fault::{Fault, Point};
use crate::rejection::Rejection;
use crate::route::{Operation, route};
use crate::script::{Fast, Script};
use crate::server::State;
use crate::socket::Line;
use crate::turn::Turn;
use crate::{Protocol, bedrock, fast, play, steps, wire};

/// Largest request body read, in bytes.
const LARGEST_BODY: usize = 64 << 20;

type Answered = Result<Response<ScriptedBody>, Interrupted>;

/// Just enough of a request to choose its script.
#[derive(Default, Deserialize)]
struct Peek {
    #[serde(default)]
    model: String,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: PeekOptions,
}

#[derive(Default, Deserialize)]
struct PeekOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Peek {
    fn streams(&self) -> bool {
        self.stream.unwrap_or_default()
    }
}

/// Answers one request.
pub(crate) async fn handle(
    state: Arc<State>,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Answered {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    if path.starts_with("/_sim/") {
        return Ok(control(&state, &parts.method, path, line));
    }
    let Some((protocol, operation)) = route(&parts.method, path, query, &parts.headers) else {
        let body = json!({"error": {"message": format!("Invalid URL ({} {path})", parts.method), "type": "invalid_request_error", "param": null, "code": null}});
        return Ok(respond(404, "application/json", body.to_string().into(), None, line));
    };
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            let error = wire::error_body(protocol, &Rejection::status(413), "");
            return Ok(respond(413, "application/json", error.to_string().into(), None, line));
        }
    };
    let mut peek: Peek = serde_json::from_slice(&body).unwrap_or_default();
    if let Operation::Generate { model, stream, .. } = &operation {
        peek.model = model.clone().unwrap_or(peek.model);
        // Ollama streams unless told not to.
        peek.stream = stream.or(peek.stream).or(Some(protocol == Protocol::Ollama));
    }
    if let Operation::Measure(task) = &operation {
        peek.model = task.model().map_or(peek.model, str::to_owned);
        peek.stream = None;
    }
    let script = match chosen(&state, &parts.headers, path, &peek.model, &operation) {
        Ok(script) => script,
        Err(rejection) => {
            let error = wire::error_body(protocol, &rejection, "").to_string();
            return Ok(respond(400, "application/json", error.into(), None, line));
        }
    };
    if let (Some(shape), Operation::Generate { .. }) = (script.fast, &operation) {
        return Ok(canned(&state, protocol, shape, &script, &peek, line).await);
    }
    let number = state.ledger.next_number();
    let json = serde_json::from_slice::<Value>(&body);
    let call = Call {
        number,
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: json.as_ref().cloned().unwrap_or_default(),
        protocol,
        model: peek.model.clone(),
        stream: peek.streams(),
        status: 0,
        outcome: Outcome::Pending,
        usage: Usage::default(),
        chunks_sent: 0,
        disconnected: false,
        body_bytes: body.len(),
    };
    let exchange = Exchange {
        turn: Turn::new(number, now(), &script),
        recorder: Recorder::start(Arc::clone(&state.ledger), call),
        host: match &operation {
            Operation::Measure(task) => task.host(json.as_ref().unwrap_or(&Value::Null)),
            _ => None,
        },
        state,
        protocol,
        script,
        line,
    };
    let read = exchange.admit(&parts.headers, query);
    let read = read.and_then(|()| {
        json.map_err(|error| malformed(protocol, &error))
            .or_else(|error| if body.is_empty() { Ok(Value::Null) } else { Err(error) })
    });
    exchange.answer(read, operation, peek).await
}

fn malformed(protocol: Protocol, error: &serde_json::Error) -> Rejection {
    if protocol == Protocol::Bedrock {
        return Rejection::invalid("Unable to parse request body").kind("SerializationException");
    }
    Rejection::invalid(match protocol {
        Protocol::Bedrock | Protocol::Cohere => format!("invalid json syntax: {error}"),
        Protocol::Ollama => format!("invalid character in request body: {error}"),
        Protocol::OpenAi | Protocol::OpenAiResponses => "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)".to_owned(),
        Protocol::Anthropic => format!("The request body is not valid JSON: {error}"),
        Protocol::Gemini => format!("Invalid JSON payload received. {error}"),
    })
}

/// The script for a request: its header, else the queue, else the first rule, else what the
/// model id asks for, else the default.
fn chosen(
    state: &State,
    headers: &HeaderMap,
    path: &str,
    model: &str,
    operation: &Operation,
) -> Result<Script, Rejection> {
    if let Some(header) = headers.get("x-sim-script") {
        let text = String::from_utf8_lossy(header.as_bytes());
        return text.parse().map_err(|error| Rejection::invalid(format!("x-sim-script: {error}")));
    }
    let generates = matches!(operation, Operation::Generate { .. } | Operation::Measure(_));
    if generates && let Some(script) = state.next_script() {
        return Ok(script);
    }
    if let Some(script) = state.options.rule_for(path, model) {
        return Ok(script.clone());
    }
    Ok(Script::from_model(model).unwrap_or_else(|| state.default_script()))
}

async fn canned(
    state: &State,
    protocol: Protocol,
    shape: Fast,
    script: &Script,
    peek: &Peek,
    line: Arc<Line>,
) -> Response<ScriptedBody> {
    if script.latency_ms > 0 {
        tokio::time::sleep(steps::pause(script.latency_ms)).await;
    }
    if peek.streams() {
        state.ledger.bill(&fast::usage(shape));
        let steps = fast::stream(protocol, shape, peek.stream_options.include_usage);
        let body = ScriptedBody::new(steps, None, line);
        return with_headers(body, 200, wire::stream_type(protocol), None);
    }
    let (body, usage) = fast::plain(protocol);
    state.ledger.bill(&usage);
    respond(200, "application/json", body, None, line)
}

struct Exchange {
    state: Arc<State>,
    protocol: Protocol,
    /// Which of the hosts that share a path is meant.
    host: Option<Host>,
    script: Script,
    turn: Turn,
    recorder: Recorder,
    line: Arc<Line>,
}

impl Exchange {
    fn admit(&self, headers: &HeaderMap, query: &str) -> Result<(), Rejection> {
        if self.protocol == Protocol::Anthropic && !headers.contains_key("anthropic-version") {
            return Err(Rejection::invalid("anthropic-version: header is required"));
        }
        if self.protocol == Protocol::Bedrock {
            bedrock::admit(headers)?;
        }
        let Some(expected) = &self.state.options.key else {
            return Ok(());
        };
        let given = wire::key(self.protocol, headers, query);
        if given == Some(expected.as_str()) {
            return Ok(());
        }
        Err(wire::unauthorized(self.protocol, given.is_some()))
    }

    async fn answer(
        mut self,
        read: Result<Value, Rejection>,
        operation: Operation,
        peek: Peek,
    ) -> Answered {
        if let Some(fault) = self.script.fault {
            self.recorder.fault(fault.to_string());
        }
        if self.script.latency_ms > 0 {
            tokio::time::sleep(steps::pause(self.script.latency_ms)).await;
        }
        if let Some(fault) = self.script.fault.filter(|fault| fault.precedes_headers()) {
            return self.fail(fault).await;
        }
        let names = self.state.options.model_ids();
        let read = read.and_then(|body| match &operation {
            Operation::Models => {
                Ok(Work::Say(wire::models(self.protocol, &names, self.turn.created)))
            }
            Operation::Model(name) => {
                wire::model(self.protocol, &names, name, self.turn.created).map(Work::Say)
            }
            Operation::Count { model } => {
                wire::count(self.protocol, &body, model.as_deref()).map(Work::Say)
            }
            Operation::Measure(task) => measure(task, &body, &self.turn).map(Work::Measured),
            Operation::Generate { model, stream, .. } => {
                wire::read(self.protocol, &body, model.as_deref(), *stream).map(|mut asked| {
                    asked.step = play::due(&body, &asked.tools, &self.state.options.plays);
                    Work::Generate(asked)
                })
            }
        });
        match read {
            Err(rejection) => {
                self.recorder.reject(rejection.status);
                Ok(self.refuse(&rejection))
            }
            Ok(Work::Measured(measured)) => Ok(self.measured(measured).await),
            Ok(Work::Say(body)) => Ok(self.say(body.to_string().into(), 200)),
            Ok(Work::Generate(asked)) => {
                let sse = !matches!(operation, Operation::Generate { sse: false, .. });
                Ok(self.generate(asked, sse, peek.streams()).await)
            }
        }
    }

    async fn generate(
        mut self,
        mut asked: Box<Asked>,
        sse: bool,
        stream: bool,
    ) -> Response<ScriptedBody> {
        self.state.charge(&mut asked);
        let (answers, usage) = answers(&asked, &self.script);
        self.recorder.plan(wire::answer_id(self.protocol, &self.turn), usage);
        if stream {
            let mut events = wire::events(self.protocol, &self.turn, &asked, &answers, &usage);
            if !sse {
                wire::as_array(&mut events);
            }
            let error = |rejection: &Rejection, sent| {
                wire::error_event(self.protocol, rejection, &self.turn, &asked, sent)
            };
            let steps = steps::stream(events, &self.script, self.protocol, error);
            let kind = if sse {
                wire::stream_type(self.protocol)
            } else {
                "application/json; charset=UTF-8"
            };
            let length = (self.script.fault == Some(Fault::LongContentLength)).then(|| {
                let size = |step: &Step| {
                    if let Step::Bytes { bytes, .. } = step { bytes.len() } else { 0 }
                };
                steps.iter().map(size).sum::<usize>() + 1000
            });
            return self.send(200, kind, length, steps);
        }
        if let Some(Fault::ErrorEvent { status, .. }) = self.script.fault {
            let rejection = steps::rejection(status, &self.script);
            return self.refuse(&rejection);
        }
        let wait = steps::pause(self.script.first_token_ms)
            + steps::generation(usage.output, &self.script);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let body = wire::full(self.protocol, &self.turn, &asked, &answers, &usage);
        let (steps, mut length) = steps::plain(body.to_string().into(), usage.output, &self.script);
        if self.script.fault == Some(Fault::LongContentLength) {
            length += 1000;
        }
        let kind = wire::json_type(self.protocol);
        self.send(200, kind, Some(length), steps)
    }

    async fn measured(mut self, mut measured: Measured) -> Response<ScriptedBody> {
        let id = measured.id.unwrap_or_else(|| self.turn.id("request", 24));
        match self.script.fault {
            Some(Fault::ErrorEvent { status, .. }) => {
                let rejection = steps::rejection(status, &self.script);
                return self.refuse(&rejection);
            }
            Some(Fault::EmptyAnswer) => empty(&mut measured.body),
            _ => {}
        }
        self.recorder.plan(id, measured.usage);
        let wait = steps::pause(self.script.first_token_ms);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let (steps, mut length) = steps::plain(measured.body.to_string().into(), 0, &self.script);
        if self.script.fault == Some(Fault::LongContentLength) {
            length += 1000;
        }
        let kind = wire::json_type(self.protocol);
        let mut response = self.send(200, kind, Some(length), steps);
        for (name, value) in measured.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// A fault that takes the place of the whole answer.
    async fn fail(mut self, fault: Fault) -> Answered {
        match fault {
            Fault::Hang(_) => std::future::pending::<Answered>().await,
            Fault::Reset(Point::BeforeHeaders) => {
                self.line.reset();
                self.recorder.complete();
                Err(Interrupted)
            }
            Fault::Status(status) => {
                if let Some(body) = self.script.body.take() {
                    let kind = self.script.content_type.take();
                    let kind = kind.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned());
                    return Ok(self.whole(status, &kind, body.into()));
                }
                let rejection = steps::rejection(status, &self.script);
                Ok(self.refuse(&rejection))
            }
            Fault::Page(status) => Ok(self.whole(status, "text/html", steps::page(status))),
            Fault::HtmlOk => Ok(self.whole(200, "text/html; charset=utf-8", steps::page(200))),
            Fault::EmptyBody => Ok(self.say(Bytes::new(), 200)),
            Fault::GzipBomb => {
                let bomb = tokio::task::spawn_blocking(steps::gzip_bomb).await.unwrap_or_default();
                let mut response = self.whole(200, "text/event-stream", bomb);
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Ok(response)
            }
            _ => {
                self.recorder.complete();
                Err(Interrupted)
            }
        }
    }

    fn refuse(self, rejection: &Rejection) -> Response<ScriptedBody> {
        let request = self.turn.id("request", 24);
        let body = detail(self.host, rejection).unwrap_or_else(|| {
            wire::error_body(self.protocol, rejection, &format!("req_{request}"))
        });
        let wait = rejection.retry_after;
        let kind = (self.protocol == Protocol::Bedrock).then(|| bedrock::error_type(rejection));
        let mut response = self.say(body.to_string().into(), rejection.status);
        if let Some(kind) = kind.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
            response.headers_mut().insert("x-amzn-errortype", kind);
        }
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn say(self, body: Bytes, status: u16) -> Response<ScriptedBody> {
        let kind = wire::json_type(self.protocol);
        self.whole(status, kind, body)
    }

    fn whole(self, status: u16, kind: &str, body: Bytes) -> Response<ScriptedBody> {
        let length = body.len();
        let size = self.script.split.unwrap_or(usize::MAX);
        let steps = VecDeque::from([Step::Bytes { bytes: body, size, output: 0, content: false }]);
        self.send(status, kind, Some(length), steps)
    }

    fn send(
        mut self,
        status: u16,
        kind: &str,
        length: Option<usize>,
        mut steps: VecDeque<Step>,
    ) -> Response<ScriptedBody> {
        steps.retain(|step| !matches!(step, Step::Bytes { bytes, .. } if bytes.is_empty()));
        self.recorder.status(status);
        let body = ScriptedBody::new(steps, Some(self.recorder), self.line);
        let mut response = with_headers(body, status, kind, length);
        let request = format!("req_{}", self.turn.id("request", 24));
        if let Ok(value) = HeaderValue::from_str(&request) {
            let name = wire::request_id_header(self.protocol);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// What is left to do for a valid request.
enum Work {
    Say(Value),
    Measured(Measured),
    Generate(Box<Asked>),
}

/// Takes what was measured out of an answer, whatever the vendor calls it.
fn empty(body: &mut Value) {
    for key in ["data", "results", "embeddings", "embedding"] {
        match body.get_mut(key) {
            Some(Value::Array(list)) => list.clear(),
            Some(Value::Object(members)) => {
                members.values_mut().for_each(|value| *value = json!([]));
            }
            _ => {}
        }
    }
}

fn respond(
    status: u16,
    kind: &str,
    body: Bytes,
    recorder: Option<Recorder>,
    line: Arc<Line>,
) -> Response<ScriptedBody> {
    let length = body.len();
    with_headers(ScriptedBody::whole(body, recorder, line), status, kind, Some(length))
}

fn with_headers(
    body: ScriptedBody,
    status: u16,
    kind: &str,
    length: Option<usize>,
) -> Response<ScriptedBody> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(kind) = HeaderValue::from_str(kind) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length as u64));
    }
    response
}

/// The simulator's own pages: what was served, and a clean slate.
fn control(state: &State, method: &Method, path: &str, line: Arc<Line>) -> Response<ScriptedBody> {
    let body = match (method, path) {
        (&Method::GET, "/_sim/calls") => {
            let mut calls = state.ledger.calls();
            for (name, value) in calls.iter_mut().flat_map(|call| &mut call.headers) {
                if ["authorization", "x-api-key", "x-goog-api-key", "x-amz-security-token"]
                    .contains(&name.as_str())
                {
                    // Whoever looks at the page need not learn the keys of whoever called.
                    "(hidden)".clone_into(value);
                }
            }
            json!({"calls": calls, "billable_tokens": state.ledger.billable_tokens()})
        }
        (&Method::DELETE, "/_sim/calls") => {
            state.ledger.clear();
            json!({"calls": [], "billable_tokens": 0})
        }
        (&Method::GET, "/_sim/bill") => json!(state.ledger.whole_bill()),
        (&Method::GET, "/_sim/health") => json!({"status": "ok"}),
        _ => return respond(404, "text/plain", Bytes::from_static(b"no such page\n"), None, line),
    };
    respond(200, "application/json", body.to_string().into(), None, line)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
