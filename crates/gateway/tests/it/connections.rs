//! Callers that are slow, silent, too many or in the way of a stop; providers that break off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::listener::serve_metrics;
use serde_json::{Value, json};
use store::Generation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::raw::{GOOD_END, answer, begin_stream, provider, read_request, text_chunk, upstream};
use super::support::{Gateway, MODEL, settings};

fn request(gateway: &Gateway, path: &str, key: &str, body: &str) -> String {
    let address = gateway.address;
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn body(stream: bool) -> Value {
    json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

/// A connection with little room for what is not read.
async fn narrow(gateway: &Gateway) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(gateway.address).await.unwrap()
}

async fn ask(gateway: &Gateway, stream: &mut TcpStream, streamed: bool) {
    let text = request(gateway, "/v1/chat/completions", &gateway.key, &body(streamed).to_string());
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Reads until `wanted` was seen.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read);
        if text.contains(wanted) {
            return text.into_owned();
        }
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the connection ended before {wanted:?}: {text}");
        read.extend_from_slice(&buffer[..count]);
    }
}

async fn row_of(gateway: &Gateway, head: &str) -> Generation {
    let id = head.split("x-generation-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    gateway.app.settlements.flush().await.unwrap();
    gateway.app.store.generation(id).await.unwrap().unwrap()
}

/// Far more than sockets and buffers between a provider and a caller hold.
const PIECES: usize = 2500;

async fn torrent(endless: bool, gone: Arc<Notify>) -> String {
    provider(move |mut stream| {
        let gone = Arc::clone(&gone);
        async move {
            read_request(&mut stream).await;
            begin_stream(&mut stream).await;
            let piece = text_chunk(&"x".repeat(8000));
            let mut sent = 0;
            while endless || sent < PIECES {
                if stream.write_all(piece.as_bytes()).await.is_err() {
                    gone.notify_one();
                    return;
                }
                sent += 1;
            }
            stream.write_all(GOOD_END.as_bytes()).await.ok();
        }
    })
    .await
}

#[tokio::test]
async fn a_caller_who_takes_nothing_is_let_go() {
    let gone = Arc::new(Notify::new());
    let base_url = torrent(true, Arc::clone(&gone)).await;
    let mut settings = settings();
    settings.write_timeout = Duration::from_millis(200);
    settings.upstream.total = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut stream = narrow(&gateway).await;
    ask(&gateway, &mut stream, true).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    gone.notified().await;
    let row = row_of(&gateway, &head).await;
    assert!(row.cancelled && row.total_cost > 0, "what was sent is billed");
    assert_eq!(gateway.counted(), None, "nothing is known of the provider");
}

/// Promise 2, LB-6: the provider's time is its own.
#[tokio::test]
async fn a_slow_caller_does_not_run_the_provider_into_its_deadline() {
    let base_url = torrent(false, Arc::default()).await;
    let mut settings = settings();
    settings.upstream.total = Duration::from_secs(3);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut stream = narrow(&gateway).await;
    ask(&gateway, &mut stream, true).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    // The slowness itself: longer than a whole attempt may take.
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let mut end = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    while !String::from_utf8_lossy(&end).contains("[DONE]") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0);
        end.drain(..end.len().saturating_sub(4096));
        end.extend_from_slice(&buffer[..count]);
    }
    let row = row_of(&gateway, &head).await;
    assert_eq!(row.finish_reason.as_deref(), Some("stop"));
    assert!(row.total_cost > 0);
    assert_eq!(gateway.counted(), Some(true));
}

/// Promise 2, LB-6: a provider that was driven away is no provider that failed.
#[tokio::test]
async fn a_provider_whose_caller_blocks_it_may_leave_without_blame() {
    let base_url = provider(|mut stream| async move {
        read_request(&mut stream).await;
        begin_stream(&mut stream).await;
        let piece = text_chunk(&"x".repeat(8000));
        // Like the servers that give up on a client who does not read.
        let patience = Duration::from_millis(500);
        while let Ok(Ok(())) =
            tokio::time::timeout(patience, stream.write_all(piece.as_bytes())).await
        {}
    })
    .await;
    let mut settings = settings();
    settings.upstream.total = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut stream = narrow(&gateway).await;
    ask(&gateway, &mut stream, true).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    // The slowness itself.
    tokio::time::sleep(Duration::from_millis(5500)).await;
    let mut end = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    while !String::from_utf8_lossy(&end).contains("[DONE]") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0);
        end.drain(..end.len().saturating_sub(4096));
        end.extend_from_slice(&buffer[..count]);
    }
    assert!(String::from_utf8_lossy(&end).contains("\"finish_reason\":\"error\""));
    let row = row_of(&gateway, &head).await;
    assert!(row.cancelled && row.total_cost > 0, "as if the caller had left");
    assert_eq!(row.settled_by, store::SettledBy::Metered);
    assert_eq!(gateway.counted(), None, "nothing is known of the provider");
}

#[tokio::test]
async fn a_connection_may_rest_longer_than_a_head_may_take() {
    let base_url =
        provider(|mut stream| async move { while read_request(&mut stream).await {} }).await;
    let mut settings = settings();
    settings.header_timeout = Duration::from_millis(100);
    settings.keep_alive_timeout = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let ready = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(ready).await.unwrap();
    read_until(&mut stream, "ok\n").await;
    // The rest itself.
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(ready).await.unwrap();
    read_until(&mut stream, "ok\n").await;
    // A head that has begun must end.
    stream.write_all(b"GET /healthz HTT").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest))
        .await
        .expect("a head that does not end is not waited for")
        .ok();
    // And a new connection has to say something.
    let mut silent = TcpStream::connect(gateway.address).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut rest))
        .await
        .expect("a silent connection is not waited for")
        .ok();
}

/// STREAM-2
#[tokio::test]
async fn a_pause_after_content_is_filled_with_signs_of_life() {
    let seen = Arc::new(Notify::new());
    let waiting = Arc::clone(&seen);
    let base_url = provider(move |mut stream| {
        let waiting = Arc::clone(&waiting);
        async move {
            read_request(&mut stream).await;
            begin_stream(&mut stream).await;
            stream.write_all(text_chunk("one").as_bytes()).await.ok();
            waiting.notified().await;
            stream.write_all((text_chunk("two") + GOOD_END).as_bytes()).await.ok();
        }
    })
    .await;
    let mut settings = settings();
    settings.heartbeat_interval = Duration::from_millis(50);
    settings.upstream.idle = Duration::from_secs(30);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    ask(&gateway, &mut stream, true).await;
    read_until(&mut stream, ": OPENROUTER PROCESSING\n\n").await;
    read_until(&mut stream, ": OPENROUTER PROCESSING\n\n").await;
    seen.notify_one();
    let rest = read_until(&mut stream, "[DONE]").await;
    assert!(rest.contains("two"), "{rest}");
}

/// ERR-3, AUTH-6: why a request was refused is told, not drowned in a reset.
#[tokio::test]
async fn a_refused_request_with_a_large_body_gets_its_answer() {
    let base_url = provider(|_| async {}).await;
    let mut settings = settings();
    settings.max_body_bytes = 600_000;
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let large = "x".repeat(900_000);
    for (key, status) in [("nobody", "401"), (gateway.key.as_str(), "413")] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let text = request(&gateway, "/v1/chat/completions", key, &large);
        stream.write_all(text.as_bytes()).await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let base_url = provider(|_| async {}).await;
    let mut settings = settings();
    settings.max_connections = 1;
    settings.header_timeout = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut first = TcpStream::connect(gateway.address).await.unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut first, "ok\n").await;
    let mut second = TcpStream::connect(gateway.address).await.unwrap();
    second.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut text = String::new();
    second.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
    assert!(text.contains("connection: close") && text.contains("retry-after: 1"), "{text}");
    let body: Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["error"]["code"], 503);
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut first, "ok\n").await;
}

/// A node that has as many callers as it takes lives, and is ready.
#[tokio::test]
async fn probes_are_answered_beside_the_metrics_when_no_connection_is_left() {
    let base_url = provider(|_| async {}).await;
    let mut settings = settings();
    settings.max_connections = 1;
    settings.header_timeout = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let metrics = listener.local_addr().unwrap();
    tokio::spawn(serve_metrics(Arc::clone(&gateway.app), listener));
    let mut only = TcpStream::connect(gateway.address).await.unwrap();
    only.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut only, "ok\n").await;
    for (path, expected) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/metrics", "trunkline_database_unavailable 0\n"),
        ("/metrics", "trunkline_unwritten_records 0\n"),
    ] {
        let mut stream = TcpStream::connect(metrics).await.unwrap();
        let asked = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(expected), "{path}: {text}");
    }
    let mut other = TcpStream::connect(metrics).await.unwrap();
    other
        .write_all(b"GET /api/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    other.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
}

/// What runs at the drain's end is told so and has its row.
#[tokio::test]
async fn what_a_stop_cannot_wait_for_ends_with_an_error_and_a_row() {
    let came = Arc::new(Notify::new());
    let telling = Arc::clone(&came);
    let base_url = provider(move |mut stream| {
        let telling = Arc::clone(&telling);
        async move {
            read_request(&mut stream).await;
            telling.notify_one();
            begin_stream(&mut stream).await;
            stream.write_all(text_chunk("one").as_bytes()).await.ok();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut settings = settings();
    settings.drain_timeout = Duration::from_millis(50);
    settings.upstream.idle = Duration::from_secs(60);
    settings.upstream.total = Duration::from_secs(60);
    settings.upstream.first_event = Duration::from_secs(60);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut streamed = TcpStream::connect(gateway.address).await.unwrap();
    ask(&gateway, &mut streamed, true).await;
    let head = read_until(&mut streamed, "one").await;
    came.notified().await;
    let mut whole = TcpStream::connect(gateway.address).await.unwrap();
    ask(&gateway, &mut whole, false).await;
    came.notified().await;
    let app = Arc::clone(&gateway.app);
    assert!(!gateway.stop().await, "they did not end by themselves");
    let mut rest = String::new();
    streamed.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("\"code\":503") && rest.contains("data: [DONE]"), "{rest}");
    assert!(rest.contains("\"finish_reason\":\"error\""), "{rest}");
    rest.clear();
    whole.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 503 "), "{rest}");
    let id = head.split("x-generation-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    app.settlements.flush().await.unwrap();
    let row = app.store.generation(id).await.unwrap().unwrap();
    assert_eq!((row.total_cost, row.finish_reason.as_deref()), (0, Some("error")),);
}

/// LB-4: a request that was worked on is not sent again unseen.
#[tokio::test]
async fn a_connection_that_breaks_late_is_a_failed_attempt() {
    for (pause, requests, attempts) in [(0, 3, 1), (1300, 2, 1)] {
        let seen = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&seen);
        let base_url = provider(move |mut stream| {
            let counting = Arc::clone(&counting);
            async move {
                let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
                read_request(&mut stream).await;
                counting.fetch_add(1, Ordering::SeqCst);
                answer(&mut stream, "200 OK", "application/json", whole).await;
                // The next one on this connection is dropped after some work.
                if read_request(&mut stream).await {
                    counting.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        })
        .await;
        let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
        assert_eq!(gateway.post("/v1/chat/completions", &body(false)).await.status, 200);
        let second = gateway.post("/v1/chat/completions", &body(false)).await;
        assert_eq!(second.status, if pause == 0 { 200 } else { 502 }, "{pause}");
        assert_eq!(seen.load(Ordering::SeqCst), requests, "{pause}");
        let row = gateway.generation(&second).await.unwrap();
        assert_eq!(row.attempts.len(), attempts);
    }
}
