//! Providers that choose HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use super::raw::{GOOD_END, text_chunk, upstream};
use super::support::{Gateway, MODEL, settings};

const CERTIFICATE: &[u8] = include_bytes!("../data/cert.pem");
const KEY: &[u8] = include_bytes!("../data/key.pem");

/// What a provider saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    versions: std::sync::Mutex<Vec<Version>>,
    /// Requests begin to be answered only when this is told.
    held: Option<Notify>,
    /// A request came.
    came: Notify,
    /// A body was dropped before its end.
    cancelled: Notify,
}

/// A provider behind TLS that speaks `protocols` and takes so many requests at once on each
/// connection.
async fn provider(protocols: &[&str], streams: u32, seen: Arc<Seen>) -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                server.http2().max_concurrent_streams(streams);
                let service = service_fn(move |request| serve(Arc::clone(&seen), request));
                server.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    format!("https://localhost:{port}/v1")
}

type Chunks = http_body_util::combinators::BoxBody<Bytes, Infallible>;

async fn serve(
    seen: Arc<Seen>,
    request: Request<Incoming>,
) -> Result<Response<Chunks>, Infallible> {
    seen.versions.lock().unwrap().push(request.version());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let words = body["messages"][0]["content"].as_str().unwrap().to_owned();
    seen.requests.fetch_add(1, Ordering::SeqCst);
    seen.came.notify_one();
    if let Some(held) = &seen.held {
        held.notified().await;
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        if words == "endless" {
            while sender.send(text_chunk("x").into()).await.is_ok() {}
            seen.cancelled.notify_one();
            return;
        }
        sender.send((text_chunk(&words) + GOOD_END).into()).await.ok();
    });
    let chunks = futures(receiver);
    let response = Response::builder()
        .header("content-type", "text/event-stream")
        .body(BodyExt::boxed(StreamBody::new(chunks)))
        .unwrap();
    Ok(response)
}

fn futures(
    receiver: mpsc::Receiver<Bytes>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync {
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok(Frame::data(bytes)), receiver))
    })
}

async fn gateway(base_url: String) -> Gateway {
    let mut settings = settings();
    settings.upstream.authorities = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    settings.upstream.connect = std::time::Duration::from_secs(5);
    settings.upstream.first_event = std::time::Duration::from_secs(10);
    settings.upstream.total = std::time::Duration::from_secs(10);
    settings.passthrough.permission = gateway::PassthroughPermission::All;
    Gateway::with_settings(&[upstream(base_url, "one")], settings).await
}

/// What is passed through has connections of its own, without another choice.
#[tokio::test]
async fn what_is_passed_through_comes_over_http1() {
    let seen = Arc::new(Seen::default());
    let gateway = gateway(provider(&["h2", "http/1.1"], 100, Arc::clone(&seen)).await).await;
    for words in ["one", "two"] {
        let answer = gateway.post("/one/v1/chat/completions", &body(words)).await;
        assert_eq!(answer.body, text_chunk(words) + GOOD_END);
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!((row.native_tokens_prompt, row.native_tokens_completion), (3, 1));
        assert_eq!(row.total_cost, 3 * 3_000 + 15_000);
    }
    assert_eq!(*seen.versions.lock().unwrap(), [Version::HTTP_11, Version::HTTP_11]);
    assert_eq!(seen.connections.load(Ordering::SeqCst), 2);
}

fn body(words: &str) -> Value {
    json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": words}]})
}

#[tokio::test]
async fn answers_come_over_the_version_the_provider_chooses() {
    for (protocols, version) in
        [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"][..], Version::HTTP_11)]
    {
        let seen = Arc::new(Seen::default());
        let gateway = gateway(provider(protocols, 100, Arc::clone(&seen)).await).await;
        for words in ["one", "two"] {
            let answer = gateway.post("/v1/chat/completions", &body(words)).await;
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.streamed_text(), words);
        }
        assert_eq!(*seen.versions.lock().unwrap(), [version, version]);
        // An HTTP/1.1 connection whose last bytes are late is not waited for.
        if version == Version::HTTP_2 {
            assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
        }
    }
}

/// As many connections as the requests at once need, and no more.
#[tokio::test]
async fn a_full_connection_gets_a_second_one_beside_it() {
    let seen = Arc::new(Seen { held: Some(Notify::new()), ..Seen::default() });
    let gateway = gateway(provider(&["h2"], 2, Arc::clone(&seen)).await).await;
    let ask = async |words: &'static str| {
        gateway.post("/v1/chat/completions", &body(words)).await.streamed_text()
    };
    let held = seen.held.as_ref().unwrap();
    // The first one, alone, so that it is known how the provider speaks and what it allows.
    held.notify_one();
    assert_eq!(ask("zero").await, "zero");
    let all = async { tokio::join!(ask("a"), ask("b"), ask("c"), ask("d"), ask("e")) };
    let release = async {
        while seen.requests.load(Ordering::SeqCst) < 6 {
            seen.came.notified().await;
        }
        for _ in 0..5 {
            held.notify_one();
            tokio::task::yield_now().await;
        }
        held.notify_waiters();
    };
    let (answers, ()) = tokio::join!(all, release);
    assert_eq!(answers, ("a".into(), "b".into(), "c".into(), "d".into(), "e".into()));
    assert_eq!(seen.connections.load(Ordering::SeqCst), 3);
}

/// STREAM-8: a caller who leaves cancels its own request and nobody else's.
#[tokio::test]
async fn a_caller_who_leaves_resets_only_its_own_stream() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let seen = Arc::new(Seen::default());
    let gateway = gateway(provider(&["h2"], 100, Arc::clone(&seen)).await).await;
    let text = body("endless").to_string();
    let mut caller = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{text}",
        gateway.key,
        text.len()
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 4096];
    assert!(caller.read(&mut first).await.unwrap() > 0);
    drop(caller);
    seen.cancelled.notified().await;
    let answer = gateway.post("/v1/chat/completions", &body("more")).await;
    assert_eq!(answer.streamed_text(), "more");
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1, "the connection lives on");
}
