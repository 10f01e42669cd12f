//! Answers as callers see them. CHAT, STREAM, USAGE, GEN, RMETA, DEBUG

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Fault, Outcome, Point, Protocol, Script, Simulator};

use super::support::{Gateway, MODEL, PROTOCOLS, Upstream, settings};

fn hello(stream: bool) -> Value {
    json!({
        "model": MODEL,
        "stream": stream,
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello there"}],
    })
}

async fn one(protocol: Protocol) -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
    (simulator, gateway)
}

/// RESP-2
#[tokio::test]
async fn an_answer_of_responses_says_when_it_was_completed() {
    for streamed in [false, true] {
        let (_simulator, gateway) = one(Protocol::Anthropic).await;
        let body = json!({"model":MODEL,"input":"hello there","stream":streamed});
        let answer = gateway.post("/api/v1/responses", &body).await;
        let response = match streamed {
            false => answer.json(),
            true => {
                let text = std::str::from_utf8(&answer.body).unwrap();
                let last = text.lines().rev().find_map(|line| line.strip_prefix("data: {"));
                let last: Value = serde_json::from_str(&format!("{{{}", last.unwrap())).unwrap();
                last["response"].clone()
            }
        };
        assert_eq!(response["status"], "completed", "{response}");
        let [created, completed] =
            ["created_at", "completed_at"].map(|name| response[name].as_u64().unwrap());
        assert!(created > 0 && (created..created + 60).contains(&completed));
    }
}

/// CHAT-10, CHAT-11, USAGE-3, API-10, GEN-2
#[tokio::test]
async fn a_plain_answer_is_named_priced_and_recorded() {
    for protocol in PROTOCOLS {
        let (simulator, gateway) = one(protocol).await;
        let answer = gateway.post("/api/v1/chat/completions", &hello(false)).await;
        let body = answer.json();
        assert_eq!(answer.status, 200, "{body}");
        let id = answer.headers["x-generation-id"].to_str().unwrap();
        assert_eq!(body["id"], id);
        assert_eq!(body["object"], "chat.completion");
        assert_eq!(body["model"], MODEL);
        assert_eq!(body["provider"], "Provider one");
        let choice = &body["choices"][0];
        assert_eq!(choice["finish_reason"], "stop");
        assert!(choice["native_finish_reason"].is_string(), "{choice}");
        assert_eq!(choice["message"]["role"], "assistant");
        assert!(answer.text().contains("hello there"));

        let usage = &body["usage"];
        let call = &simulator.calls()[0];
        let billed = call.usage;
        assert_eq!(usage["prompt_tokens"], billed.prompt(), "{protocol:?}");
        assert_eq!(usage["completion_tokens"], billed.output, "{protocol:?}");
        assert_eq!(usage["total_tokens"], billed.total());
        let nano = (billed.prompt() * 3_000 + billed.output * 15_000) as i64;
        assert_eq!(usage["cost"].as_f64().unwrap(), nano as f64 / 1e9);
        assert_eq!(usage["is_byok"], false);

        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.total_cost, nano);
        assert_eq!(row.finish_reason.as_deref(), Some("stop"));
        assert_eq!(row.settled_by, store::SettledBy::Usage);
        assert_eq!(row.attempts.len(), 1);
        // Some tell no id in their answers.
        let tells = !matches!(protocol, Protocol::Bedrock | Protocol::Ollama);
        assert_eq!(row.upstream_id.is_some(), tells, "{protocol:?}");
        let shown = gateway.get(&format!("/api/v1/generation?id={id}")).await.json();
        assert_eq!(shown["data"]["total_cost"], usage["cost"]);
        assert_eq!(shown["data"]["native_tokens_prompt"], usage["prompt_tokens"]);
    }
}

/// STREAM-1, STREAM-3: text equals the plain answer; usage once, last, with empty choices.
#[tokio::test]
async fn a_stream_says_the_same_and_ends_with_usage() {
    for protocol in PROTOCOLS {
        let (_simulator, gateway) = one(protocol).await;
        let plain = gateway.post("/api/v1/chat/completions", &hello(false)).await;
        let stream = gateway.post("/api/v1/chat/completions", &hello(true)).await;
        assert_eq!(stream.status, 200);
        assert!(stream.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        assert_eq!(stream.streamed_text(), plain.text());
        let chunks = stream.chunks();
        assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
        assert!(chunks.iter().all(|chunk| chunk["model"] == MODEL));
        let with_usage: Vec<_> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
        assert_eq!(with_usage.len(), 1, "{chunks:?}");
        let last = chunks.last().unwrap();
        assert_eq!(last["choices"], json!([]));
        assert_eq!(last["usage"]["cost"], plain.json()["usage"]["cost"]);
        let finishes: Vec<_> = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str())
            .collect();
        assert_eq!(finishes, ["stop"]);
        let row = gateway.generation(&stream).await.unwrap();
        assert!(row.streamed && row.total_cost > 0 && row.first_token_ms.is_some());
    }
}

/// TOOLS-5: a call, its result, and the answer that quotes it.
#[tokio::test]
async fn a_tool_loop_works_in_every_protocol() {
    for protocol in PROTOCOLS {
        let (_simulator, gateway) = one(protocol).await;
        let tools = json!([{"type": "function", "function": {
            "name": "get_weather", "description": "Weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }}]);
        let mut messages = vec![json!({"role": "user", "content": "use get_weather for Paris"})];
        let body = json!({"model": MODEL, "messages": messages, "tools": tools});
        let first = gateway.post("/api/v1/chat/completions", &body).await.json();
        let choice = &first["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{protocol:?} {first}");
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"]["name"], "get_weather");
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert!(arguments["city"].is_string());
        messages.push(choice["message"].clone());
        messages.push(
            json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny, 21 degrees"}),
        );
        let body = json!({"model": MODEL, "messages": messages, "tools": tools});
        let second = gateway.post("/api/v1/chat/completions", &body).await;
        assert_eq!(second.status, 200, "{protocol:?} {}", second.json());
        assert!(second.text().contains("sunny, 21 degrees"), "{protocol:?} {}", second.text());
    }
}

/// STREAM-8, STREAM-9: a caller who leaves cancels the provider's work, and the row says so.
#[tokio::test]
async fn a_caller_who_leaves_cancels_upstream_and_is_recorded() {
    for protocol in PROTOCOLS {
        let simulator = Simulator::start().await.unwrap();
        simulator.set_default(Script::fault(Fault::Hang(Point::After(2))));
        let mut settings = settings();
        settings.upstream.idle = Duration::from_secs(30);
        settings.upstream.total = Duration::from_secs(30);
        let gateway =
            Gateway::with_settings(&[Upstream::of(&simulator, protocol, "one")], settings).await;
        let id = leave_after_first_bytes(&gateway, &hello(true)).await;
        let calls = simulator.wait_until(|calls| calls.iter().any(|call| call.disconnected)).await;
        assert_eq!(calls.len(), 1, "{protocol:?}");
        gateway.app.settlements.flush().await.unwrap();
        let row = gateway.app.store.generation(&id).await.unwrap().expect("the row");
        assert!(row.cancelled, "{protocol:?}");
        assert_eq!(row.settled_by, store::SettledBy::Metered, "{protocol:?}");
        assert!(row.total_cost > 0, "{protocol:?}: what was delivered is billed");
    }
}

async fn leave_after_first_bytes(gateway: &Gateway, body: &Value) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = body.to_string();
    let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        gateway.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = String::new();
    let mut buffer = [0; 4096];
    while !read.contains("data: ") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{read}");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    let id = read.split("x-generation-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    id.to_owned()
}

/// STREAM-2: a waiting caller gets headers and comments, and failover stays unseen.
#[tokio::test]
async fn a_waiting_caller_is_kept_and_failover_goes_on_behind_it() {
    let slow = Simulator::start().await.unwrap();
    slow.set_default(Script::fault(Fault::Hang(Point::BeforeHeaders)));
    let good = Simulator::start().await.unwrap();
    let mut settings = settings();
    settings.heartbeat_after = Duration::from_millis(50);
    settings.heartbeat_interval = Duration::from_millis(50);
    let upstreams = [
        Upstream::of(&slow, Protocol::Anthropic, "slow"),
        Upstream::of(&good, Protocol::OpenAi, "good"),
    ];
    let gateway = Gateway::with_settings(&upstreams, settings).await;
    let mut body = hello(true);
    body["provider"] = json!({"order": ["slow", "good"]});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(b": OPENROUTER PROCESSING\n\n"));
    assert!(answer.streamed_text().contains("hello there"));
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.attempts.len(), 2);

    // All failed: the error comes in the stream, and nothing is billed.
    body["provider"] = json!({"only": ["slow"]});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200);
    let last = answer.chunks().pop().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "error", "{last}");
    assert_eq!(last["error"]["code"], 504, "{last}");
    assert_eq!(gateway.generation(&answer).await.unwrap().total_cost, 0);
}

/// RMETA-2, RMETA-5
#[tokio::test]
async fn the_route_is_told_when_asked() {
    let bad = Simulator::start().await.unwrap();
    bad.set_default(Script::status(503));
    let good = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[
        Upstream::of(&bad, Protocol::Gemini, "bad"),
        Upstream::of(&good, Protocol::OpenAi, "good"),
    ])
    .await;
    for stream in [false, true] {
        let mut body = hello(stream);
        body["provider"] = json!({"order": ["bad", "good"]});
        let request = http::Request::post("/api/v1/chat/completions")
            .header("host", "x")
            .header("authorization", format!("Bearer {}", gateway.key))
            .header("x-openrouter-metadata", "Enabled")
            .body(body.to_string().into())
            .unwrap();
        let answer = gateway.send(request).await;
        let told = if stream { answer.chunks().pop().unwrap() } else { answer.json() };
        let metadata = &told["openrouter_metadata"];
        assert_eq!(metadata["requested"], MODEL, "{told}");
        assert_eq!(metadata["attempt"], 2);
        assert_eq!(metadata["attempts"][0]["status"], 503);
        let selected: Vec<_> = metadata["endpoints"]["available"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|endpoint| endpoint["selected"] == true)
            .collect();
        assert_eq!(selected.len(), 1);
        assert_eq!(selected[0]["provider"], "Provider good");
    }
    let plain = gateway.post("/api/v1/chat/completions", &hello(false)).await.json();
    assert!(plain.get("openrouter_metadata").is_none());
}

/// DEBUG-2
#[tokio::test]
async fn the_upstream_body_is_echoed_in_a_stream_when_asked() {
    let (_simulator, gateway) = one(Protocol::Anthropic).await;
    let mut body = hello(true);
    body["debug"] = json!({"echo_upstream_body": true});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    let first = &answer.chunks()[0];
    assert_eq!(first["choices"], json!([]));
    assert_eq!(first["debug"]["echo_upstream_body"]["model"], "simulated-model");
    assert!(first["debug"]["echo_upstream_body"]["max_tokens"].is_number());
}

/// CHAT-14
#[tokio::test]
async fn legacy_completions_answer_with_text() {
    for protocol in PROTOCOLS {
        let (_simulator, gateway) = one(protocol).await;
        let body = json!({"model": MODEL, "prompt": "hello there"});
        let answer = gateway.post("/api/v1/completions", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let text = answer.json()["choices"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("hello there"), "{protocol:?} {text}");
        let body = json!({"model": MODEL, "prompt": "hello there", "stream": true});
        let streamed: String = gateway
            .post("/v1/completions", &body)
            .await
            .chunks()
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["text"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(streamed, text, "{protocol:?}");
    }
}

/// Promise 5: same protocol in and out keeps unknown members.
#[tokio::test]
async fn unknown_members_reach_a_provider_of_the_same_protocol() {
    let simulator = Simulator::start().await.unwrap();
    let mut upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    upstream.model = "lenient-reason-model".to_owned();
    let gateway = Gateway::start(&[upstream]).await;
    let mut body = hello(false);
    body["chat_template_kwargs"] = json!({"x": [1.5e0, "é"]});
    body["provider"] = json!({"only": ["one"]});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let sent = simulator.calls()[0].body.clone();
    assert_eq!(sent["chat_template_kwargs"], body["chat_template_kwargs"]);
    assert!(sent.get("provider").is_none(), "the router's own members stay here");
    assert_eq!(sent["model"], "lenient-reason-model");
}

/// Calm operation: running answers end, new connections are refused.
#[tokio::test]
async fn draining_lets_running_answers_end() {
    let simulator = Simulator::start().await.unwrap();
    let mut script = Script::new();
    script = script.latency(200);
    simulator.set_default(script);
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let app = gateway.app.clone();
    let drain = async {
        simulator.wait_until(|calls| !calls.is_empty()).await;
        app.drain();
    };
    let body = hello(false);
    let (answer, ()) = tokio::join!(gateway.post("/v1/chat/completions", &body), drain);
    assert_eq!(answer.status, 200);
    assert!(app.is_draining());
    assert!(gateway.stop().await, "everything ended within the drain time");
    let calls = simulator.calls();
    assert!(matches!(calls[0].outcome, Outcome::Completed));
}
