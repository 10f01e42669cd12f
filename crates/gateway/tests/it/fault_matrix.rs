//! Every fault × streamed or not × every protocol: unseen while a healthy endpoint is left, the
//! right error when none is; each attempt recorded, each generation billed once or not at all.
//! LB-4, STREAM-4, ERR, ZCI, promises 2 and 4

use serde_json::json;
use testkit::{Fault, Point, Protocol, RefusedAddress, Script, Simulator, TlsErrorServer};

use super::support::{Gateway, MODEL, Upstream};

const PROTOCOLS: [Protocol; 3] = [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini];

/// Where the fault is.
enum Trouble {
    Scripted(Box<Script>),
    Refused,
    Tls,
}

/// A fault, and what the caller gets if nobody else can answer.
struct Case {
    name: &'static str,
    trouble: fn() -> Trouble,
    status: u16,
    retry_after: Option<&'static str>,
    /// In a stream the fault comes after content.
    plain_only: bool,
}

fn scripted(script: Script) -> Trouble {
    Trouble::Scripted(Box::new(script))
}

const fn case(name: &'static str, trouble: fn() -> Trouble, status: u16) -> Case {
    Case { name, trouble, status, retry_after: None, plain_only: false }
}

fn cases() -> Vec<Case> {
    vec![
        case("401", || scripted(Script::status(401)), 502),
        case("402", || scripted(Script::status(402)), 502),
        case("404", || scripted(Script::status(404)), 404),
        case("429", || scripted(Script::status(429)), 429),
        Case {
            retry_after: Some("7"),
            ..case("429 with a hint", || scripted(Script::status(429).retry_after(7)), 429)
        },
        case("500", || scripted(Script::status(500)), 502),
        case("503", || scripted(Script::status(503)), 503),
        case("529", || scripted(Script::status(529)), 529),
        case("a page of a proxy", || scripted(Script::fault(Fault::Page(502))), 502),
        case("connection refused", || Trouble::Refused, 502),
        case("TLS error", || Trouble::Tls, 502),
        case(
            "hang before headers",
            || scripted(Script::fault(Fault::Hang(Point::BeforeHeaders))),
            504,
        ),
        case("hang after headers", || scripted(Script::fault(Fault::Hang(Point::After(0)))), 504),
        case(
            "reset before headers",
            || scripted(Script::fault(Fault::Reset(Point::BeforeHeaders))),
            502,
        ),
        case("reset after headers", || scripted(Script::fault(Fault::Reset(Point::After(0)))), 502),
        case("malformed", || scripted(Script::fault(Fault::Malformed(0))), 502),
        case("half a frame", || scripted(Script::fault(Fault::HalfFrame(0))), 502),
        case("an empty answer", || scripted(Script::fault(Fault::EmptyAnswer)), 502),
        case("an empty body", || scripted(Script::fault(Fault::EmptyBody)), 502),
        Case {
            plain_only: true,
            ..case(
                "wrong content length",
                || scripted(Script::fault(Fault::LongContentLength)),
                502,
            )
        },
        case("a gzip bomb", || scripted(Script::fault(Fault::GzipBomb)), 502),
        case("HTML with status 200", || scripted(Script::fault(Fault::HtmlOk)), 502),
    ]
}

fn request(stream: bool, only: &[&str]) -> serde_json::Value {
    json!({
        "model": MODEL,
        "stream": stream,
        "messages": [{"role": "user", "content": "hello there"}],
        "provider": {"order": only},
    })
}

/// What must live as long as the fault.
enum Held {
    Nothing,
    Refused { _address: RefusedAddress },
    Tls { _server: TlsErrorServer },
}

async fn upstream(
    trouble: &Trouble,
    simulator: &Simulator,
    protocol: Protocol,
) -> (Upstream, Held) {
    let mut upstream = Upstream::of(simulator, protocol, "bad");
    let held = match trouble {
        Trouble::Scripted(script) => {
            simulator.set_default((**script).clone());
            Held::Nothing
        }
        Trouble::Refused => {
            let refused = RefusedAddress::take().unwrap();
            upstream.base_url = format!("http://{}", refused.address());
            Held::Refused { _address: refused }
        }
        Trouble::Tls => {
            let server = TlsErrorServer::start().await.unwrap();
            upstream.base_url = format!("https://{}", server.address());
            Held::Tls { _server: server }
        }
    };
    (upstream, held)
}

async fn healthy_second_endpoint_hides(protocol: Protocol) {
    for case in cases() {
        let bad_simulator = Simulator::start().await.unwrap();
        let good_simulator = Simulator::start().await.unwrap();
        let (bad, _held) = upstream(&(case.trouble)(), &bad_simulator, protocol).await;
        let good = Upstream::of(&good_simulator, protocol, "good");
        let gateway = Gateway::start(&[bad, good]).await;
        for stream in [false, true] {
            if stream && case.plain_only {
                continue;
            }
            let what = format!("{} {protocol:?} stream={stream}", case.name);
            let answer =
                gateway.post("/api/v1/chat/completions", &request(stream, &["bad", "good"])).await;
            assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
            let text = if stream { answer.streamed_text() } else { answer.text() };
            assert!(text.contains("hello there"), "{what}: {text}");
            let row = gateway.generation(&answer).await.expect(&what);
            assert_eq!(row.attempts.len(), 2, "{what}: {:?}", row.attempts);
            assert_eq!(&*row.attempts[0].provider_name, "Provider bad", "{what}");
            assert!(row.attempts[0].error_type.is_some(), "{what}");
            assert_eq!(&*row.provider_name, "Provider good", "{what}");
            assert!(row.total_cost > 0, "{what}");
        }
    }
}

async fn without_another_endpoint_the_error_is_right(protocol: Protocol) {
    for case in cases() {
        let simulator = Simulator::start().await.unwrap();
        let (bad, _held) = upstream(&(case.trouble)(), &simulator, protocol).await;
        let gateway = Gateway::start(&[bad]).await;
        for stream in [false, true] {
            if stream && case.plain_only {
                continue;
            }
            let what = format!("{} {protocol:?} stream={stream}", case.name);
            let answer = gateway.post("/api/v1/chat/completions", &request(stream, &["bad"])).await;
            // Google has no status of its own for overload: it answers UNAVAILABLE, 503.
            let expected = match (protocol, case.status) {
                (Protocol::Gemini, 529) => 503,
                (_, status) => status,
            };
            let shown = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status.as_u16(), expected, "{what}: {shown}");
            let error = &answer.json()["error"];
            assert_eq!(error["code"], expected, "{what}: {shown}");
            assert!(!error["message"].as_str().unwrap().contains('<'), "{what}: {shown}");
            if let Some(seconds) = case.retry_after {
                assert_eq!(answer.headers["retry-after"], seconds, "{what}");
            }
            let row = gateway.generation(&answer).await.expect(&what);
            assert_eq!(row.attempts.len(), 1, "{what}");
            assert_eq!(row.total_cost, 0, "{what}: nothing is billed");
            assert_eq!(row.status, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn a_healthy_second_endpoint_hides_every_fault_of_openai() {
    healthy_second_endpoint_hides(Protocol::OpenAi).await;
}

#[tokio::test]
async fn a_healthy_second_endpoint_hides_every_fault_of_anthropic() {
    healthy_second_endpoint_hides(Protocol::Anthropic).await;
}

#[tokio::test]
async fn a_healthy_second_endpoint_hides_every_fault_of_gemini() {
    healthy_second_endpoint_hides(Protocol::Gemini).await;
}

#[tokio::test]
async fn without_another_endpoint_every_fault_of_openai_has_its_error() {
    without_another_endpoint_the_error_is_right(Protocol::OpenAi).await;
}

#[tokio::test]
async fn without_another_endpoint_every_fault_of_anthropic_has_its_error() {
    without_another_endpoint_the_error_is_right(Protocol::Anthropic).await;
}

#[tokio::test]
async fn without_another_endpoint_every_fault_of_gemini_has_its_error() {
    without_another_endpoint_the_error_is_right(Protocol::Gemini).await;
}

/// STREAM-5, ZCI-1: after content the error travels in the stream and nothing is billed.
#[tokio::test]
async fn a_fault_after_content_is_told_in_the_stream_and_waived() {
    for protocol in PROTOCOLS {
        for (name, fault) in [
            ("hang", Fault::Hang(Point::After(2))),
            ("reset", Fault::Reset(Point::After(2))),
            ("truncated", Fault::Truncate(2)),
            ("malformed", Fault::Malformed(2)),
            ("half a frame", Fault::HalfFrame(2)),
            ("error event", Fault::ErrorEvent { after: 2, status: 529 }),
        ] {
            let what = format!("{name} {protocol:?}");
            let simulator = Simulator::start().await.unwrap();
            simulator.set_default(Script::fault(fault));
            let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "bad")]).await;
            let answer = gateway.post("/api/v1/chat/completions", &request(true, &["bad"])).await;
            assert_eq!(answer.status, 200, "{what}");
            let chunks = answer.chunks();
            let last = chunks.last().unwrap();
            assert_eq!(last["choices"][0]["finish_reason"], "error", "{what}: {last}");
            assert!(last["error"]["code"].is_number(), "{what}: {last}");
            assert!(last["error"]["metadata"]["error_type"].is_string(), "{what}: {last}");
            let row = gateway.generation(&answer).await.expect(&what);
            assert_eq!(row.finish_reason.as_deref(), Some("error"), "{what}");
            assert_eq!(row.total_cost, 0, "{what}");
            assert!(row.error_type.is_some(), "{what}");
        }
    }
}
