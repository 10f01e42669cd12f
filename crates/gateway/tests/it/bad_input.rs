//! Bad input: the documented error, within bounds, and the process keeps serving.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::{Protocol, Script, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Gateway, MODEL, Upstream, settings};

async fn gateway() -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    (simulator, gateway)
}

async fn still_serves(gateway: &Gateway) {
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(gateway.post("/v1/chat/completions", &body).await.status, 200);
}

/// ERR-1, ERR-3
#[tokio::test]
async fn bad_bodies_are_refused_with_the_field_named() {
    let (simulator, gateway) = gateway().await;
    let user = json!([{"role": "user", "content": "hi"}]);
    let deep =
        format!("{{\"model\":\"{MODEL}\",\"messages\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let cases: Vec<(&str, Bytes, &str)> = vec![
        ("not JSON", "hello".into(), "JSON"),
        ("an array", "[]".into(), "JSON"),
        ("nothing", Bytes::new(), "JSON"),
        ("invalid UTF-8", Bytes::from_static(b"{\"model\":\"\xff\"}"), "UTF-8"),
        ("deep nesting", deep.into(), "nested"),
        ("a member twice", r#"{"model":"a","model":"b"}"#.into(), "model"),
        ("no messages", json!({"model": MODEL}).to_string().into(), "messages"),
        ("empty messages", json!({"model": MODEL, "messages": []}).to_string().into(), "messages"),
        ("messages of a wrong type", json!({"model": MODEL, "messages": "hi"}).to_string().into(), "messages"),
        ("an unknown role", json!({"model": MODEL, "messages": [{"role": "king", "content": "x"}]}).to_string().into(), "messages[0].role"),
        ("a result without a call", json!({"model": MODEL, "messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}).to_string().into(), "messages[0].tool_call_id"),
        ("a temperature of a wrong type", json!({"model": MODEL, "messages": user, "temperature": "hot"}).to_string().into(), "temperature"),
        ("a temperature out of range", json!({"model": MODEL, "messages": user, "temperature": 3}).to_string().into(), "temperature"),
        ("a model of a wrong type", json!({"model": 7, "messages": user}).to_string().into(), "model"),
        ("bad preferences", json!({"model": MODEL, "messages": user, "provider": {"sort": "luck"}}).to_string().into(), "sort"),
    ];
    for (name, body, named) in cases {
        let answer = gateway.post_bytes("/api/v1/chat/completions", body).await;
        let shown = answer.json();
        assert_eq!(answer.status, 400, "{name}: {shown}");
        assert_eq!(shown["error"]["code"], 400, "{name}");
        let message = shown["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{name}: {message}");
        assert!(answer.headers.contains_key("x-generation-id"), "{name}");
    }
    assert!(simulator.calls().is_empty(), "no provider was asked");
    still_serves(&gateway).await;
}

/// ERR-11
#[tokio::test]
async fn an_unknown_model_is_named() {
    let (_simulator, gateway) = gateway().await;
    for model in ["acme/fake-1.0", "a b", "../etc", "x\r\ny"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/api/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 400, "{model}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("is not a valid model ID"), "{message}");
    }
}

/// AUTH-6: refused before the body is read.
#[tokio::test]
async fn without_a_usable_key_the_answer_is_401() {
    let (_simulator, gateway) = gateway().await;
    for (header, message) in [
        (None, "Missing Authentication header"),
        (Some("Bearer sk-or-v1-0000"), "not valid"),
        (Some("Basic abc"), "Missing Authentication header"),
    ] {
        let mut request = http::Request::post("/api/v1/chat/completions").header("host", "x");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = gateway.send(request.body("not even JSON".into()).unwrap()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["error"]["code"], 401);
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(message));
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_name_and_a_byte_order_mark_is_passed_over() {
    let (_simulator, gateway) = gateway().await;
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    for path in ["/api/v1/chat/completions", "/api/v1/messages/count_tokens"] {
        let request = http::Request::post(path)
            .header("host", "x")
            .header("authorization", format!("Bearer {}", gateway.key))
            .header("content-encoding", "gzip")
            .body(http_body_util::Full::from(vec![0x1f, 0x8b, 8, 0]))
            .unwrap();
        let answer = gateway.send(request).await;
        assert_eq!(answer.status, 415, "{path}");
        let told = answer.json();
        assert!(told["error"]["message"].as_str().unwrap().contains("gzip"), "{path} {told}");
        for plain in ["utf-8", "Identity", ""] {
            let request = http::Request::post(path)
                .header("host", "x")
                .header("authorization", format!("Bearer {}", gateway.key))
                .header("content-encoding", plain)
                .body(body.to_string().into())
                .unwrap();
            assert_eq!(gateway.send(request).await.status, 200, "{path} {plain}");
        }
        let marked = format!("\u{feff}{body}");
        let answer = gateway.post_bytes(path, marked.into()).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.json());
    }
    still_serves(&gateway).await;
}

/// ERR-3: 413
#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let simulator = Simulator::start().await.unwrap();
    let mut settings = settings();
    settings.max_body_bytes = 100_000;
    let gateway =
        Gateway::with_settings(&[Upstream::of(&simulator, Protocol::OpenAi, "one")], settings)
            .await;
    let body =
        json!({"model": MODEL, "messages": [{"role": "user", "content": "x".repeat(200_000)}]});
    let answer = gateway.post("/api/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.error_type(), "payload_too_large");

    // Without a length, a body is measured as it comes.
    let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        gateway.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
    let mut answer = Vec::new();
    // The gateway may answer and close while we still write.
    let _ = stream.write_all(chunk.as_bytes()).await;
    let _ = stream.write_all(chunk.as_bytes()).await;
    let mut buffer = [0; 4096];
    while !answer.windows(4).any(|window| window == b" 413") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
    }
    still_serves(&gateway).await;
}

/// A caller that sends a byte now and then does not hold a connection for ever.
#[tokio::test]
async fn slow_headers_and_slow_bodies_are_ended() {
    let (_simulator, gateway) = gateway().await;
    let mut slow = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    slow.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost:").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut answer))
        .await
        .expect("the connection is closed")
        .ok();

    let mut slow = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        gateway.key
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let count = tokio::time::timeout(Duration::from_secs(5), slow.read(&mut answer))
        .await
        .expect("an answer comes")
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    still_serves(&gateway).await;
}

/// Bodies that come slowly do not fill the memory, and small ones are served all the same.
#[tokio::test]
async fn bodies_in_memory_have_a_bound_over_all() {
    let simulator = Simulator::start().await.unwrap();
    let mut settings = settings();
    (settings.max_body_bytes, settings.max_bodies_bytes) = (300_000, 300_000);
    settings.body_idle_timeout = Duration::from_secs(30);
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let gateway = Gateway::with_settings(&[upstream], settings).await;
    let mut slow = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n\
         content-length: 290000\r\n\r\n",
        gateway.key
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&[b' '; 280_000]).await.unwrap();
    let reach = async |bytes: usize| {
        while gateway.app.bodies.taken() != bytes {
            tokio::task::yield_now().await;
        }
    };
    reach(280_000).await;
    let ask = async |path: &str, length: usize| {
        let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
        body["metadata"] = json!({"x": "x".repeat(length)});
        gateway.post(path, &body).await
    };
    for path in ["/v1/chat/completions", "/v1/messages/count_tokens", "/v1/route"] {
        let refused = ask(path, 200_000).await;
        assert_eq!(refused.status, 503, "{path}");
        assert_eq!(refused.headers["retry-after"], "1", "{path}");
    }
    assert_eq!(ask("/v1/chat/completions", 100).await.status, 200);
    drop(slow);
    reach(0).await;
    assert_ne!(ask("/v1/chat/completions", 200_000).await.status, 503);
    reach(0).await;
}

/// Values from a request never become headers of an upstream request unchecked.
#[tokio::test]
async fn header_injection_is_impossible() {
    let (simulator, gateway) = gateway().await;
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    body["user"] = json!("a\r\nx-injected: 1");
    body["session_id"] = json!("b\r\nx-injected: 1");
    assert_eq!(gateway.post("/v1/chat/completions", &body).await.status, 200);
    assert!(simulator.calls()[0].header("x-injected").is_none());
}

/// Upstreams' answers are hostile input as well.
#[tokio::test]
async fn a_line_of_two_megabytes_and_split_bytes_pass() {
    for protocol in [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini] {
        let simulator = Simulator::start().await.unwrap();
        simulator.push(Script::fault(testkit::Fault::HugeLine));
        let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
        let body = json!({"model": MODEL, "stream": true, "max_tokens": 32_000, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{protocol:?}");
        // The answer ends at the limit of 32,000 tokens.
        assert!(answer.streamed_text().len() > 100_000, "{protocol:?}");
        simulator.push(Script::new().split(1));
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert!(answer.streamed_text().contains("hi"), "{protocol:?}");
    }
}

#[tokio::test]
async fn private_addresses_are_not_downloaded() {
    // Whatever the provider speaks: what passes as it is must not name them either.
    for protocol in [Protocol::Gemini, Protocol::OpenAi, Protocol::OpenAiResponses] {
        let simulator = Simulator::start().await.unwrap();
        let upstream = Upstream::of(&simulator, protocol, "one");
        let gateway = Gateway::without_media_urls(&[upstream]).await;
        let url = format!("{}/secret.png", simulator.base_url(Protocol::OpenAi));
        let chat: Value = json!({"model": MODEL, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]}]});
        let responses: Value = json!({"model": MODEL, "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "what is this?"},
            {"type": "input_image", "image_url": url},
        ]}]});
        for (path, body) in [("/v1/chat/completions", chat), ("/v1/responses", responses)] {
            let answer = gateway.post(path, &body).await;
            let told = answer.json();
            assert_eq!(answer.status, 400, "{protocol:?} {path}: {told}");
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains("[0].content[1]"), "{protocol:?} {path}: {message}");
            assert!(message.contains("not public"), "{protocol:?} {path}: {message}");
            assert!(simulator.calls().is_empty(), "{protocol:?} {path}");
        }
    }
}

/// OpenAI's chat protocol has no address of a file, and Anthropic follows no plain one: such media are
/// fetched here, whichever API names them.
#[tokio::test]
async fn what_a_protocol_has_no_address_for_is_downloaded() {
    let secret = Simulator::start().await.unwrap();
    let plain = format!("{}/a.pdf", secret.base_url(Protocol::OpenAi));
    let file = json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": plain}}]);
    let document = json!([{"type": "document", "source": {"type": "url", "url": plain}}]);
    let image = json!([{"type": "image", "source": {"type": "url", "url": plain}}]);
    for (protocol, path, content) in [
        (Protocol::OpenAi, "/v1/chat/completions", &file),
        (Protocol::OpenAi, "/v1/messages", &document),
        (Protocol::Anthropic, "/v1/messages", &document),
        (Protocol::Anthropic, "/v1/messages", &image),
        (Protocol::Anthropic, "/v1/chat/completions", &file),
    ] {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
        let body = json!({"model": MODEL, "max_tokens": 9, "messages": [
            {"role": "user", "content": content}]});
        let answer = gateway.post(path, &body).await;
        let told = answer.json();
        assert_eq!(answer.status, 400, "{protocol:?} {path}: {told}");
        let message = told["error"]["message"].as_str().unwrap();
        // The fetcher was asked, and goes nowhere within.
        assert!(message.contains("not public"), "{protocol:?} {path}: {message}");
        assert!(simulator.calls().is_empty(), "{protocol:?} {path}");
    }
}

#[tokio::test]
async fn a_file_is_sent_as_bytes_with_the_name_of_its_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 8\r\n\r\n";
        stream.write_all(format!("{head}%PDF-1.7").as_bytes()).await.unwrap();
    });
    let simulator = Simulator::start().await.unwrap();
    let settings = gateway::Settings { allow_private_downloads: true, ..settings() };
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
    let gateway = Gateway::with_settings(&[upstream], settings).await;
    let body = json!({"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "url", "url": format!("http://{address}/x/a.pdf?y")}},
        {"type": "text", "text": "what is this?"}]}]});
    let answer = gateway.post("/v1/messages", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    serving.await.unwrap();
    let sent = &simulator.calls()[0].body["messages"][0]["content"][0]["file"];
    assert_eq!(sent["filename"], "a.pdf");
    assert_eq!(sent["file_data"], "data:application/pdf;base64,JVBERi0xLjc=");
}

/// A reader that does not mind the case of letters would let the last of two members count.
#[tokio::test]
async fn members_in_another_case_reach_no_provider() {
    let (simulator, gateway) = gateway().await;
    let body = json!({"model": MODEL, "Model": "other", "MAX_TOKENS": 100_000, "Messages": [],
        "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let sent = simulator.calls()[0].body.to_string();
    for name in ["\"Model\"", "MAX_TOKENS", "\"Messages\""] {
        assert!(!sent.contains(name), "{sent}");
    }
}

/// PROV-7, PRIV-4
#[tokio::test]
async fn a_cache_is_kept_only_where_retention_is_allowed() {
    for zdr in [false, true] {
        let (simulator, gateway) = gateway().await;
        let body = json!({"model": MODEL, "store": true, "prompt_cache_retention": "24h",
            "provider": {"zdr": zdr}, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/v1/chat/completions", &body).await;
        if answer.status == 200 {
            let sent = &simulator.calls()[0].body;
            assert!(sent.get("store").is_none(), "{sent}");
            assert_eq!(sent.get("prompt_cache_retention").is_some(), !zdr, "{sent}");
        }
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
}
