//! Large bodies, in either direction: no faster than the slower side, and not in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;

use super::world::*;
use crate::support::Gateway;

const PIECE: usize = 64 * 1024;
const PIECES: u64 = 1024;
const SIZE: u64 = PIECE as u64 * PIECES;
/// What two connections and the buffers between may take up while nobody reads at the end; most
/// of it is the kernel's.
const ON_THE_WAY: u64 = SIZE / 2;

/// A body that counts what is taken of it.
struct Counted {
    left: u64,
    taken: Arc<AtomicU64>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        static ZEROS: [u8; PIECE] = [0; PIECE];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= PIECE as u64;
        self.taken.fetch_add(PIECE as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn counted() -> (Arc<AtomicU64>, Counted) {
    let taken = Arc::new(AtomicU64::new(0));
    (Arc::clone(&taken), Counted { left: SIZE, taken })
}

/// Waits until nothing more is taken.
async fn stalled(taken: &AtomicU64) -> u64 {
    let mut last = u64::MAX;
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        let now = taken.load(Ordering::SeqCst);
        if now == last && now > 0 {
            return now;
        }
        last = now;
    }
}

/// The most memory this process ever had resident, in bytes. Each test is a process of its own.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 =
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kilobytes * 1024
}

#[tokio::test]
async fn an_upload_is_as_fast_as_the_provider_and_not_in_memory() {
    let signal = Signal::default();
    let told = Arc::clone(&signal);
    let base_url = provider(move |request: Request<Incoming>| {
        let told = Arc::clone(&told);
        async move {
            let length = request.headers()["content-length"].to_str().unwrap().to_owned();
            told.notified().await;
            let mut body = request.into_body();
            let mut size = 0;
            while let Some(frame) = body.frame().await {
                size += frame.unwrap().into_data().unwrap().len();
            }
            json(format!("{{\"length\":{length},\"size\":{size}}}"))
        }
    })
    .await;
    let gateway = gateway(&base_url).await;
    let before = most_memory();
    let (taken, body) = counted();
    let mut sender = connection(&gateway).await;
    let mut asked = request(&gateway, "POST", "/one/v1/files", body);
    asked.headers_mut().insert("content-type", "application/octet-stream".parse().unwrap());
    let asking = tokio::spawn(async move { sender.send_request(asked).await.unwrap() });
    let on_the_way = stalled(&taken).await;
    assert!(on_the_way < ON_THE_WAY, "{on_the_way}");
    signal.notify_one();
    let response = asking.await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["size"], SIZE);
    assert_eq!(answer["length"], SIZE, "told beforehand, not in chunks");
    assert_eq!(row(&gateway, &id).await.request_bytes, Some(SIZE as i64));
    let grown = most_memory() - before;
    assert!(grown < SIZE / 4, "{grown}");
}

#[tokio::test]
async fn a_download_is_as_fast_as_the_caller_and_not_in_memory() {
    let (taken, body) = counted();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let base_url = provider(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body.boxed()) }
    })
    .await;
    let gateway = gateway(&base_url).await;
    let before = most_memory();
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/files/f/content", Full::<Bytes>::default());
    let mut response = sender.send_request(asked).await.unwrap();
    assert_eq!(response.headers()["content-length"], SIZE.to_string());
    let on_the_way = stalled(&taken).await;
    assert!(on_the_way < ON_THE_WAY, "{on_the_way}");
    let mut size = 0;
    while let Some(frame) = response.body_mut().frame().await {
        size += frame.unwrap().into_data().unwrap().len() as u64;
    }
    assert_eq!(size, SIZE);
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    assert_eq!(row(&gateway, &id).await.response_bytes, Some(SIZE as i64));
    let grown = most_memory() - before;
    assert!(grown < SIZE / 4, "{grown}");
}

#[tokio::test]
async fn a_caller_who_leaves_in_an_upload_ends_it() {
    let (begun, gone) = (Signal::default(), Signal::default());
    let (tell_begun, tell_gone) = (Arc::clone(&begun), Arc::clone(&gone));
    let base_url = provider(move |request: Request<Incoming>| {
        let (begun, dropped) = (Arc::clone(&tell_begun), Dropped(Arc::clone(&tell_gone)));
        async move {
            let mut body = request.into_body();
            assert!(body.frame().await.unwrap().is_ok());
            begun.notify_one();
            assert!(body.frame().await.is_none_or(|frame| frame.is_err()), "no good end");
            drop(dropped);
            std::future::pending().await
        }
    })
    .await;
    let gateway = gateway(&base_url).await;
    let mut caller = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let begin = format!(
        "POST /one/v1/files HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n\
         content-length: 1000\r\n\r\na piece",
        gateway.key
    );
    caller.write_all(begin.as_bytes()).await.unwrap();
    begun.notified().await;
    drop(caller);
    gone.notified().await;
}

#[tokio::test]
async fn bodies_have_a_bound_in_both_directions() {
    let base_url = provider(|request: Request<Incoming>| async move {
        let is_told = request.uri().path().ends_with("told");
        let _ = request.into_body().collect().await;
        if is_told {
            return Response::new(whole(vec![0; 2000]));
        }
        let (sender, body) = pieces();
        (0..20).for_each(|_| sender.send(vec![0; 100].into()).unwrap());
        Response::new(body)
    })
    .await;
    let mut settings = passing();
    settings.passthrough.max_bytes = 1000;
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let told = request(&gateway, "POST", "/one/v1/files", Full::new(Bytes::from(vec![0; 1001])));
    let answer = gateway.send(told).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Without a length it is noticed on the way.
    let (pieces, body) = pieces();
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "POST", "/one/v1/files", body);
    pieces.send(vec![0; 600].into()).unwrap();
    pieces.send(vec![0; 600].into()).unwrap();
    let response = sender.send_request(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let answer = gateway.get("/one/v1/told").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.status, row.attempts[0].status), (502, Some(200)));
    // Without a length the answer has begun, and breaks off.
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/pieces", Full::<Bytes>::default());
    if let Ok(response) = sender.send_request(asked).await {
        assert!(response.into_body().collect().await.is_err(), "more than is allowed");
    }
}

#[tokio::test]
async fn silence_has_a_bound() {
    let base_url = provider(|_| async move {
        let (sender, body) = pieces();
        sender.send("a piece".into()).ok();
        // Held for ever.
        let body = body.map_frame(move |frame| {
            let _ = &sender;
            frame
        });
        Response::new(body.boxed())
    })
    .await;
    let mut settings = passing();
    settings.passthrough.idle = Duration::from_millis(50);
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/x", Full::<Bytes>::default());
    let response = sender.send_request(asked).await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(row(&gateway, &id).await.error_type.as_deref(), Some("timeout"));
}

/// Sound may take its time on its way: only pauses have a bound.
#[tokio::test]
async fn a_slow_form_is_waited_for() {
    let base_url = provider(|request: Request<Incoming>| async move {
        request.into_body().collect().await.unwrap();
        json(r#"{"text":"hi"}"#)
    })
    .await;
    let mut settings = passing();
    settings.body_timeout = Duration::from_millis(50);
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let (pieces, body) = pieces();
    let mut asked = request(&gateway, "POST", "/one/v1/audio/transcriptions", body);
    let kind = "multipart/form-data; boundary=b".parse().unwrap();
    asked.headers_mut().insert("content-type", kind);
    let mut sender = connection(&gateway).await;
    let sending = async move {
        for piece in [
            "--b\r\nContent-Disposition: form-data; na",
            "me=\"model\"\r\n\r\n",
            "m\r\n",
            "--b--\r\n",
        ] {
            pieces.send(piece.into()).unwrap();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    };
    let (response, ()) = tokio::join!(sender.send_request(asked), sending);
    assert_eq!(response.unwrap().status(), StatusCode::OK);
}
