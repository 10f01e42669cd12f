//! Scripted faults, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, open, post, send};
use serde_json::{Value, json};
use testkit::{Fault, Outcome, Point, RefusedAddress, Script, Simulator, TlsErrorServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATH: &str = "/openai/v1/chat/completions";

fn ask(stream: bool) -> Value {
    json!({"model": "gpt-sim", "stream": stream, "messages": [{"role": "user", "content": "one two three"}]})
}

async fn scripted(script: &str, stream: bool) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    post(simulator.address(), PATH, &[("x-sim-script", script)], &ask(stream)).await
}

fn text(answer: &Answer) -> String {
    let events = answer.events();
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

#[tokio::test]
async fn a_status_fault_has_the_body_and_headers_of_the_vendor() {
    for (script, status, kind) in [
        ("fault=status:401", 401, "invalid_request_error"),
        ("fault=status:402", 402, "unknown_error"),
        ("fault=status:404", 404, "invalid_request_error"),
        ("fault=status:429;retry_after=2", 429, "requests"),
        ("fault=status:500", 500, "server_error"),
        ("fault=status:503", 503, "service_unavailable_error"),
        ("fault=status:529", 529, "server_error"),
        ("fault=status:429;kind=insufficient_quota", 429, "insufficient_quota"),
    ] {
        let answer = scripted(script, true).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["error"]["type"], kind, "{script}");
        assert_eq!(answer.header("retry-after").is_some(), script.contains("retry_after"));
        assert!(answer.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn pages_and_odd_bodies_are_sent_as_told() {
    let page = scripted("fault=page:502", false).await;
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html")));
    assert!(page.text().contains("502 Bad Gateway"));
    let html = scripted("fault=html", true).await;
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let empty = scripted("fault=empty_body", true).await;
    assert_eq!((empty.status, empty.body.len(), empty.complete), (200, 0, true));
    let own = scripted("fault=status:418;body=teapot", false).await;
    assert_eq!((own.status, own.text().as_str()), (418, "teapot"));
}

#[tokio::test]
async fn connections_are_reset_where_told() {
    let before = scripted("fault=reset:before", true).await;
    assert!(before.reset && before.status == 0);
    for stream in [true, false] {
        let first = scripted("fault=reset:0", stream).await;
        assert!(first.reset && first.status == 200 && first.body.is_empty(), "{first:?}");
        let later = scripted("fault=reset:2", stream).await;
        assert!(later.reset && !later.complete && !later.body.is_empty(), "{later:?}");
    }
    assert_eq!(text(&scripted("fault=reset:2", true).await), "Hello from ");
}

#[tokio::test]
async fn connections_are_closed_where_told() {
    let before = scripted("fault=close", true).await;
    assert!(!before.reset && before.status == 0);
    let later = scripted("fault=close:2", true).await;
    assert!(!later.reset && !later.complete);
    assert_eq!(text(&later), "Hello from ");
    let plain = scripted("fault=close:1", false).await;
    assert!(!plain.complete && plain.status == 200 && !plain.body.is_empty());
}

#[tokio::test]
async fn a_truncated_stream_is_complete_http_without_a_terminal_event() {
    let answer = scripted("fault=truncate:2", true).await;
    assert!(answer.complete);
    assert_eq!(text(&answer), "Hello from ");
    assert!(!answer.text().contains("[DONE]") && !answer.text().contains("\"stop\""));
    let plain = scripted("fault=truncate", false).await;
    assert!(plain.complete && serde_json::from_slice::<Value>(&plain.body).is_err());
}

#[tokio::test]
async fn frames_are_broken_where_told() {
    let malformed = scripted("fault=malformed:1", true).await;
    assert!(malformed.text().contains("not json") && malformed.text().ends_with("[DONE]\n\n"));
    let half = scripted("fault=half:1", true).await;
    assert!(half.complete && !half.text().ends_with("\n\n"));
    assert_eq!(text(&half), "Hello ");
    let broken = scripted("fault=malformed", false).await;
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err());
}

#[tokio::test]
async fn an_error_event_ends_the_stream() {
    let answer = scripted("fault=error:2:503;message=no room", true).await;
    let events = answer.events();
    assert_eq!(answer.status, 200);
    assert_eq!(events.last().unwrap()["error"]["message"], "no room");
    assert_eq!(text(&answer), "Hello from ");
    assert_eq!(scripted("fault=error:2:503", false).await.status, 503);
    assert_eq!(scripted("fault=error:0:503", true).await.events().len(), 1);
}

#[tokio::test]
async fn an_empty_answer_has_no_tokens_and_no_finish() {
    let body = scripted("fault=empty", false).await.json();
    assert_eq!(body["usage"]["completion_tokens"], 0);
    assert_eq!(body["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(body["choices"][0]["message"]["content"], "");
    let refusal = scripted("fault=refusal", false).await.json();
    assert_eq!(refusal["choices"][0]["finish_reason"], "content_filter");
}

#[tokio::test]
async fn content_length_can_lie() {
    for stream in [true, false] {
        let answer = scripted("fault=content_length", stream).await;
        let declared: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(declared, answer.body.len() + 1000);
        assert!(!answer.complete);
    }
}

#[tokio::test]
async fn a_line_can_be_two_mebibytes_long() {
    let answer = scripted("fault=huge_line", true).await;
    assert!(answer.data().iter().any(|line| line.len() > 2 << 20));
    assert_eq!(text(&answer).len(), 2 << 20);
}

#[tokio::test]
async fn a_gzip_bomb_is_small_on_the_wire() {
    let answer = scripted("fault=gzip_bomb", true).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 1 << 20);
    let mut inflated = flate2::read::GzDecoder::new(answer.body.as_slice());
    let size = std::io::copy(&mut inflated, &mut std::io::sink()).unwrap();
    assert!(size > 100 << 20);
}

#[tokio::test]
async fn bytes_are_dripped_and_split_as_told() {
    let whole = scripted("", true).await;
    for size in [1, 7] {
        let split = scripted(&format!("split={size}"), true).await;
        assert!(split.chunks.iter().all(|chunk| *chunk <= size));
        assert_eq!(text(&split), text(&whole));
        assert!(split.text().ends_with("[DONE]\n\n"));
    }
    let plain = scripted("split=3", false).await;
    assert!(plain.complete);
    plain.json();
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_leaves() {
    for (script, status) in [("fault=hang:before", 0), ("fault=hang:0", 200), ("fault=hang:2", 200)]
    {
        let simulator = Simulator::start().await.unwrap();
        let mut stream = open(
            simulator.address(),
            "POST",
            PATH,
            &[("x-sim-script", script)],
            &ask(true).to_string(),
        )
        .await;
        simulator.wait_until(|calls| !calls.is_empty()).await;
        if status == 200 {
            let mut seen = Vec::new();
            let wanted: &[u8] = if script.ends_with('0') { b"\r\n\r\n" } else { b"from" };
            while !seen.windows(wanted.len()).any(|window| window == wanted) {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
            }
        }
        assert_eq!(simulator.calls()[0].outcome, Outcome::Pending);
        drop(stream);
        let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
        assert!(calls[0].disconnected, "{script}");
        assert_eq!(calls[0].status, status);
        assert_eq!(calls[0].usage.output > 0, script.ends_with('2'));
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_billed_for_what_it_got() {
    let simulator =
        Simulator::builder().script(Script::new().gap(3_600_000)).start().await.unwrap();
    let mut stream = open(simulator.address(), "POST", PATH, &[], &ask(true).to_string()).await;
    let mut seen = Vec::new();
    while !seen.windows(5).any(|window| window == b"Hello") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
    }
    drop(stream);
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!((&calls[0].outcome, calls[0].disconnected), (&Outcome::Abandoned, true));
    assert_eq!((calls[0].usage.output, calls[0].chunks_sent), (2, 1));
    assert_eq!(simulator.billable_tokens(), calls[0].usage.total());
}

#[tokio::test]
async fn scripts_come_from_the_header_then_the_queue_then_the_model_then_the_default() {
    let simulator = Simulator::builder().script(Script::status(500)).start().await.unwrap();
    simulator.push(Script::status(429));
    let header = [("x-sim-script", "fault=status:402")];
    assert_eq!(post(simulator.address(), PATH, &header, &ask(false)).await.status, 402);
    assert_eq!(post(simulator.address(), PATH, &[], &ask(false)).await.status, 429);
    assert_eq!(post(simulator.address(), PATH, &[], &ask(false)).await.status, 500);
    simulator.set_default(Script::fault(Fault::Close(Point::BeforeHeaders)));
    assert_eq!(post(simulator.address(), PATH, &[], &ask(false)).await.status, 0);
    let mut body = ask(false);
    body["model"] = "sim-fault-404".into();
    assert_eq!(post(simulator.address(), PATH, &[], &body).await.status, 404);
    let wrong = [("x-sim-script", "fault=nonsense")];
    assert_eq!(post(simulator.address(), PATH, &wrong, &ask(false)).await.status, 400);
}

#[tokio::test]
async fn bench_models_stream_canned_chunks_for_every_protocol() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": "bench-20-0", "stream": true, "max_tokens": 9});
    for (path, per_chunk) in [
        (PATH, "delta\":{\"content\""),
        ("/openai/v1/responses", "event: response.output_text.delta"),
        ("/cohere/v2/chat", "event: content-delta"),
        ("/anthropic/v1/messages", "text_delta"),
        ("/gemini/v1beta/models/bench-20-0:streamGenerateContent?alt=sse", "\"parts\""),
    ] {
        let answer = post(simulator.address(), path, &[], &body).await;
        assert_eq!(answer.text().matches(per_chunk).count(), 20, "{path}");
        assert!(answer.complete);
    }
    assert!(simulator.calls().is_empty(), "canned answers are not kept");
    assert_eq!(simulator.billable_tokens(), 5 * (10 + 20 * 4));
    let plain = send(simulator.address(), "POST", PATH, &[], r#"{"model":"bench-1-0"}"#).await;
    assert!(plain.json()["choices"][0]["message"]["content"].as_str().unwrap().len() > 700);
}

#[tokio::test]
async fn connect_level_faults_are_available() {
    let refused = RefusedAddress::take().unwrap();
    let address = refused.address();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let server = TlsErrorServer::start().await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x00\x05hello").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn a_dropped_simulator_stops() {
    let simulator = Simulator::start().await.unwrap();
    let mut stream = open(
        simulator.address(),
        "POST",
        PATH,
        &[("x-sim-script", "fault=hang")],
        &ask(true).to_string(),
    )
    .await;
    simulator.wait_until(|calls| !calls.is_empty()).await;
    drop(simulator);
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn hundreds_of_paced_streams_run_side_by_side() {
    let simulator = Simulator::start().await.unwrap();
    let address = simulator.address();
    let body = json!({"model": "bench-10-20", "stream": true}).to_string();
    let mut clients = tokio::task::JoinSet::new();
    let start = std::time::Instant::now();
    for _ in 0..400 {
        let body = body.clone();
        clients.spawn(async move { send(address, "POST", PATH, &[], &body).await });
    }
    while let Some(answer) = clients.join_next().await {
        let answer = answer.unwrap();
        assert!(answer.complete && answer.text().ends_with("[DONE]\n\n"));
    }
    // Nine pauses of 20 ms each, for all streams at once rather than one after the other.
    assert!(start.elapsed() >= std::time::Duration::from_millis(180));
    assert_eq!(simulator.billable_tokens(), 400 * (10 + 10 * 4));
}

#[tokio::test]
async fn pace_and_latency_delay_an_answer() {
    for (script, stream) in
        [("latency=60", false), ("first_token=60", true), ("tps=200", true), ("tps=200", false)]
    {
        let start = std::time::Instant::now();
        let answer = scripted(script, stream).await;
        assert_eq!(answer.status, 200);
        assert!(start.elapsed() >= std::time::Duration::from_millis(55), "{script} {stream}");
    }
}

#[tokio::test]
async fn rules_of_a_script_file_apply_by_model_path_and_number() {
    let text =
        "[[rule]]\nmodel = \"gpt-*\"\npath = \"/openai/*\"\nnth = 2\nfault = \"status:503\"\n";
    let options = testkit::Options::parse(text).unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(testkit::serve(listener, options));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(post(address, PATH, &[], &ask(false)).await.status);
    }
    server.abort();
    assert_eq!(statuses, [200, 503, 200]);
}
