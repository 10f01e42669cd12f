//! WebSockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use store::NewApiKey;

use super::world::*;
use crate::support::Gateway;

type Side = TokioIo<Upgraded>;

/// A provider that changes the protocol and hands over its side.
async fn realtime() -> (String, mpsc::UnboundedReceiver<(Request<()>, Side)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let base_url = provider(move |mut request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            let upgrade = hyper::upgrade::on(&mut request);
            let head = request.map(|_| ());
            let accepted = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
                .header("sec-websocket-protocol", "realtime")
                .body(whole(""))
                .unwrap();
            tokio::spawn(async move {
                sender.send((head, TokioIo::new(upgrade.await.unwrap()))).ok();
            });
            accepted
        }
    })
    .await;
    (base_url, receiver)
}

/// Opens a WebSocket; gives the row's id and the caller's side.
async fn open(gateway: &Gateway) -> (String, Side) {
    open_at(gateway, "/one/v1/realtime?model=m").await
}

/// The same at an address.
async fn open_at(gateway: &Gateway, address: &str) -> (String, Side) {
    let mut asked = request(gateway, "GET", address, Empty::<Bytes>::new());
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "realtime"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = connection(gateway).await.send_request(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["sec-websocket-protocol"], "realtime");
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    (id, TokioIo::new(hyper::upgrade::on(response).await.unwrap()))
}

/// Where Google's are, at the host whatever the provider's base URL is.
const LIVE: &str = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

/// A short message of a caller's in a frame, and one of a provider's.
fn from_caller(message: &str) -> Vec<u8> {
    assert!(message.len() < 126, "{}", message.len());
    [&[0x81, 0x80 | message.len() as u8, 0, 0, 0, 0], message.as_bytes()].concat()
}

fn from_provider(message: &str) -> Vec<u8> {
    assert!(message.len() < 126, "{}", message.len());
    [&[0x81, message.len() as u8], message.as_bytes()].concat()
}

/// A frame of a caller, whose mask changes nothing, and one of a provider.
const FROM_CALLER: &[u8] = b"\x81\x85\0\0\0\0hello";
const FROM_PROVIDER: &[u8] = b"\x81\x02hi";

/// That a frame closes the connection, since something is not taken, and says why.
fn assert_refused(frame: &[u8], why: &str) {
    assert_eq!(frame[..4], [0x88, frame.len() as u8 - 2, 0x03, 0xf0]);
    let told = std::str::from_utf8(&frame[4..]).unwrap();
    assert!(told.contains(why), "{told}");
}

/// Says something each way.
async fn talk(caller: &mut Side, provider: &mut Side) {
    caller.write_all(FROM_CALLER).await.unwrap();
    let mut heard = [0; FROM_CALLER.len()];
    provider.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, FROM_CALLER);
    provider.write_all(FROM_PROVIDER).await.unwrap();
    let mut heard = [0; FROM_PROVIDER.len()];
    caller.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, FROM_PROVIDER);
}

#[tokio::test]
async fn bytes_pass_both_ways_until_either_side_ends() {
    for caller_ends in [true, false] {
        let (base_url, mut sides) = realtime().await;
        let gateway = gateway(&base_url).await;
        let (id, mut caller) = open(&gateway).await;
        let (head, mut provider) = sides.recv().await.unwrap();
        assert_eq!(head.uri(), "/v1/realtime?model=m");
        assert_eq!(head.headers()["sec-websocket-key"], "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(!head.headers().contains_key("authorization"));
        talk(&mut caller, &mut provider).await;
        let mut rest = Vec::new();
        match caller_ends {
            true => {
                drop(caller);
                provider.read_to_end(&mut rest).await.unwrap();
                drop(provider);
            }
            false => {
                drop(provider);
                caller.read_to_end(&mut rest).await.unwrap();
                drop(caller);
            }
        }
        assert_eq!(rest, b"");
        let row = row(&gateway, &id).await;
        assert_eq!((row.status, row.streamed), (101, true));
        assert_eq!(row.request_bytes, Some(FROM_CALLER.len() as i64));
        assert_eq!(row.response_bytes, Some(FROM_PROVIDER.len() as i64));
        assert_eq!(row.price_state, store::PriceState::Unknown);
        assert_eq!(row.error_type, None);
    }
}

/// What answers used is told at the end of each.
#[tokio::test]
async fn what_a_provider_counts_in_a_socket_is_paid() {
    let (base_url, mut sides) = realtime().await;
    let gateway = gateway(&base_url).await;
    let (id, mut caller) = open(&gateway).await;
    let (head, mut provider) = sides.recv().await.unwrap();
    assert!(!head.headers().contains_key("sec-websocket-extensions"), "it could not be read");
    let done = br#"{"type":"response.done","response":{"usage":{"total_tokens":7,"input_tokens":3,"output_tokens":4}}}"#;
    let frame = [&[0x81, done.len() as u8], &done[..]].concat();
    assert!(done.len() < 126);
    for _ in 0..2 {
        provider.write_all(&frame).await.unwrap();
        let mut heard = vec![0; frame.len()];
        caller.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, frame);
    }
    drop(provider);
    caller.read_to_end(&mut Vec::new()).await.unwrap();
    drop(caller);
    let row = row(&gateway, &id).await;
    assert_eq!((row.native_tokens_prompt, row.native_tokens_completion), (6, 8));
    assert_eq!((row.total_cost, row.status), (6 * 3_000 + 8 * 15_000, 101));
    assert_eq!(row.settled_by, store::SettledBy::Usage);
}

/// A socket has many answers: it ends when a limit leaves nothing for another one. Promise 3
#[tokio::test]
async fn a_socket_ends_where_a_limit_does() {
    let (base_url, mut sides) = realtime().await;
    // A thousand tokens of a prompt cost 3,000,000 here, and to begin an answer takes some more.
    let key = NewApiKey { limit_nano_usd: Some(11_000_000), ..NewApiKey::default() };
    let gateway = limited(&base_url, passing(), key).await;
    let (id, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    let done = br#"{"type":"response.done","response":{"usage":{"total_tokens":1000,"input_tokens":1000,"output_tokens":0}}}"#;
    let frame = [&[0x81, done.len() as u8], &done[..]].concat();
    assert!(done.len() < 126);
    for _ in 0..3 {
        provider.write_all(&frame).await.unwrap();
        let mut heard = vec![0; frame.len()];
        caller.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, frame);
    }
    let mut rest = Vec::new();
    caller.read_to_end(&mut rest).await.unwrap();
    assert_refused(&rest, "a limit leaves nothing");
    let row = row(&gateway, &id).await;
    assert_eq!((row.total_cost, row.status), (9_000_000, 101));
    assert_eq!(row.error_type.as_deref(), Some("payment_required"));
    assert_eq!(gateway.app.limits.running(), 0, "nothing stays held");
}

/// As long as there is more, more is held.
#[tokio::test]
async fn a_socket_goes_on_where_there_is_more() {
    let (base_url, mut sides) = realtime().await;
    let key = NewApiKey { limit_nano_usd: Some(1_000_000_000_000), ..NewApiKey::default() };
    let gateway = limited(&base_url, passing(), key).await;
    let (id, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    let done = br#"{"type":"response.done","response":{"usage":{"total_tokens":900000,"input_tokens":900000,"output_tokens":0}}}"#;
    let frame = [&[0x81, done.len() as u8], &done[..]].concat();
    assert!(done.len() < 126, "{}", done.len());
    let spender = {
        let snapshot = gateway.app.snapshot();
        let caller = snapshot.keys.values().next().unwrap();
        caller.terms.spenders[0]
    };
    let held = async || gateway.app.limits.held(spender).await.unwrap().credits;
    let first = held().await;
    for _ in 0..8 {
        provider.write_all(&frame).await.unwrap();
        caller.read_exact(&mut vec![0; frame.len()]).await.unwrap();
    }
    // What it has cost is still held, with one answer's price beside.
    while held().await.0 < 8 * 2_700_000_000 + first.0 / 2 {
        tokio::task::yield_now().await;
    }
    drop(provider);
    caller.read_to_end(&mut Vec::new()).await.unwrap();
    drop(caller);
    let row = row(&gateway, &id).await;
    assert_eq!((row.total_cost, row.error_type), (8 * 2_700_000_000, None));
    assert_eq!(gateway.app.limits.running(), 0, "nothing stays held");
}

/// What was written after the last count is beside it.
#[tokio::test]
async fn what_is_not_counted_in_a_socket_is_paid_beside_what_is() {
    let (base_url, mut sides) = realtime().await;
    let gateway = gateway(&base_url).await;
    let (id, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    for message in [
        r#"{"type":"response.done","response":{"usage":{"total_tokens":7,"input_tokens":3,"output_tokens":4}}}"#,
        r#"{"type":"response.output_text.delta","delta":"0123456789"}"#,
        r#"{"type":"conversation.item.done","item":{"content":[{"text":"0123456789"}]}}"#,
    ] {
        assert!(message.len() < 126);
        let frame = [&[0x81, message.len() as u8], message.as_bytes()].concat();
        provider.write_all(&frame).await.unwrap();
    }
    drop(provider);
    caller.read_to_end(&mut Vec::new()).await.unwrap();
    drop(caller);
    let row = row(&gateway, &id).await;
    assert_eq!((row.native_tokens_prompt, row.native_tokens_completion), (3, 4 + 3));
    assert_eq!(row.settled_by, store::SettledBy::Metered);
}

/// A price that was looked at is that of one model.
#[tokio::test]
async fn a_message_that_names_another_model_ends_a_socket() {
    let (base_url, mut sides) = realtime().await;
    let gateway = gateway(&base_url).await;
    let (id, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    talk(&mut caller, &mut provider).await;
    let message = r#"{"type":"response.create","model":"other"}"#;
    let head = [0x81, 0x80 | message.len() as u8, 0, 0, 0, 0];
    caller.write_all(&[&head[..], message.as_bytes()].concat()).await.unwrap();
    let (mut told, mut seen) = (Vec::new(), Vec::new());
    caller.read_to_end(&mut told).await.unwrap();
    assert_refused(&told, "another model");
    provider.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"\x88\x82\0\0\0\0\x03\xe9", "nothing of it");
    assert_eq!(row(&gateway, &id).await.error_type.as_deref(), Some("unprocessable"));
}

/// Its model is named in the first message, and each turn is counted beside what it says.
#[tokio::test]
async fn a_socket_of_googles_is_for_the_model_of_its_setup() {
    let (base_url, mut sides) = realtime().await;
    // What its address names is nothing to Google.
    let addresses = [LIVE.to_owned(), format!("{LIVE}?model=unheard-of")];
    for (limit_nano_usd, address) in [None, Some(11_000_000)].into_iter().zip(addresses) {
        let key = NewApiKey { limit_nano_usd, ..NewApiKey::default() };
        let gateway = limited(&base_url, passing(), key).await;
        let (id, mut caller) = open_at(&gateway, &format!("/one{address}")).await;
        let (head, mut provider) = sides.recv().await.unwrap();
        assert_eq!(head.uri(), address.as_str());
        let setup = from_caller(r#"{"setup":{"generationConfig":{},"model":"models/m"}}"#);
        caller.write_all(&setup).await.unwrap();
        let mut heard = vec![0; setup.len()];
        provider.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, setup);
        for prompt in [1000, 1001, 1002] {
            let count = format!(
                r#"{{"usageMetadata":{{"promptTokenCount":{prompt},"responseTokenCount":0}}}}"#
            );
            let frame = from_provider(&count);
            provider.write_all(&frame).await.unwrap();
            caller.read_exact(&mut vec![0; frame.len()]).await.unwrap();
        }
        let mut rest = Vec::new();
        if limit_nano_usd.is_none() {
            drop(provider);
        }
        caller.read_to_end(&mut rest).await.unwrap();
        drop(caller);
        let row = row(&gateway, &id).await;
        assert_eq!((row.total_cost, row.status), (3003 * 3_000, 101));
        assert_eq!((&*row.model, row.settled_by), ("test/model", store::SettledBy::Usage));
        assert_eq!(&*row.model_requested, "models/m");
        if limit_nano_usd.is_some() {
            assert_refused(&rest, "a limit leaves nothing");
            assert_eq!(row.error_type.as_deref(), Some("payment_required"));
        }
        assert_eq!(gateway.app.limits.running(), 0, "nothing stays held");
    }
}

/// Where a limit has to hold, nothing is asked before a model is named that has a price.
#[tokio::test]
async fn a_setup_is_judged_before_it_is_sent() {
    let (base_url, mut sides) = realtime().await;
    for (message, why) in [
        (r#"{"setup":{"model":"models/unheard-of"}}"#, "unheard-of"),
        (r#"{"setup":{},"model":"m"}"#, "setup.model"),
        (r#"{"setup":{"mod\u0065l":"models/m"}}"#, "escapes"),
    ] {
        let key = NewApiKey { limit_nano_usd: Some(11_000_000), ..NewApiKey::default() };
        let gateway = limited(&base_url, passing(), key).await;
        let (id, mut caller) = open_at(&gateway, &format!("/one{LIVE}")).await;
        let (_, mut provider) = sides.recv().await.unwrap();
        caller.write_all(&from_caller(message)).await.unwrap();
        let (mut told, mut seen) = (Vec::new(), Vec::new());
        caller.read_to_end(&mut told).await.unwrap();
        assert_refused(&told, why);
        provider.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"\x88\x82\0\0\0\0\x03\xe9", "nothing of it");
        assert_eq!(row(&gateway, &id).await.error_type.as_deref(), Some("unprocessable"));
    }
}

/// What a limit leaves is looked at when the model is known, before it has said anything.
#[tokio::test]
async fn a_setup_that_nothing_is_left_for_ends_its_socket() {
    let (base_url, mut sides) = realtime().await;
    let key = NewApiKey { limit_nano_usd: Some(1_000), ..NewApiKey::default() };
    let gateway = limited(&base_url, passing(), key).await;
    let (id, mut caller) = open_at(&gateway, &format!("/one{LIVE}")).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    caller.write_all(&from_caller(r#"{"setup":{"model":"models/m"}}"#)).await.unwrap();
    let (mut told, mut seen) = (Vec::new(), Vec::new());
    caller.read_to_end(&mut told).await.unwrap();
    assert_refused(&told, "limit");
    provider.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"\x88\x82\0\0\0\0\x03\xe9", "nothing of it");
    assert_eq!(row(&gateway, &id).await.error_type.as_deref(), Some("payment_required"));
}

/// A body that comes with a handshake is read by nobody, and names nothing.
#[tokio::test]
async fn a_body_names_no_model_of_a_socket() {
    let (base_url, _sides) = realtime().await;
    let key = NewApiKey { limit_nano_usd: Some(11_000_000), ..NewApiKey::default() };
    let gateway = limited(&base_url, passing(), key).await;
    let body = http_body_util::Full::new(Bytes::from_static(br#"{"model":"m"}"#));
    let mut asked = request(&gateway, "GET", "/one/v1/realtime", body);
    for (name, value) in
        [("connection", "Upgrade"), ("upgrade", "websocket"), ("content-type", "application/json")]
    {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = connection(&gateway).await.send_request(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

/// A tunnel counts as a connection, and is told that the gateway goes away.
#[tokio::test]
async fn a_stop_says_farewell_between_two_frames() {
    let (base_url, mut sides) = realtime().await;
    let mut settings = passing();
    settings.drain_timeout = Duration::from_millis(50);
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let app = Arc::clone(&gateway.app);
    let (id, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    talk(&mut caller, &mut provider).await;
    let stopping = tokio::spawn(gateway.stop());
    let (mut told, mut seen) = (Vec::new(), Vec::new());
    caller.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, b"\x88\x02\x03\xe9", "going away");
    provider.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"\x88\x82\0\0\0\0\x03\xe9");
    assert!(!stopping.await.unwrap());
    app.settlements.flush().await.unwrap();
    let row = app.store.generation(&id).await.unwrap().unwrap();
    assert_eq!(row.error_type.as_deref(), Some("provider_overloaded"));
}

#[tokio::test]
async fn nothing_is_put_into_a_frame() {
    let (base_url, mut sides) = realtime().await;
    let mut settings = passing();
    settings.drain_timeout = Duration::from_millis(50);
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let (_, mut caller) = open(&gateway).await;
    let (_, mut provider) = sides.recv().await.unwrap();
    provider.write_all(b"\x81\x05hel").await.unwrap();
    let mut heard = [0; 5];
    caller.read_exact(&mut heard).await.unwrap();
    let stopping = tokio::spawn(gateway.stop());
    let mut rest = Vec::new();
    caller.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
    stopping.await.unwrap();
}

#[tokio::test]
async fn silence_ends_a_tunnel() {
    let (base_url, mut sides) = realtime().await;
    let mut settings = passing();
    settings.passthrough.idle = Duration::from_millis(50);
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let (id, mut caller) = open(&gateway).await;
    let _side = sides.recv().await.unwrap();
    let mut told = Vec::new();
    caller.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, b"\x88\x02\x03\xe9");
    assert_eq!(row(&gateway, &id).await.error_type.as_deref(), Some("timeout"));
}

#[tokio::test]
async fn a_refused_handshake_is_an_answer_like_any_other() {
    let base_url =
        provider(|_| async { Response::builder().status(403).body(whole("not for you")).unwrap() })
            .await;
    let gateway = gateway(&base_url).await;
    let mut asked = request(&gateway, "GET", "/one/v1/realtime?model=m", Empty::<Bytes>::new());
    asked.headers_mut().insert("connection", "Upgrade".parse().unwrap());
    asked.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    let response = connection(&gateway).await.send_request(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "not for you");
}

/// AUTH-6: what was opened with a key does not outlive it.
#[tokio::test]
async fn a_socket_ends_with_the_key_or_the_credential_that_opened_it() {
    for of_key in [true, false] {
        let (base_url, mut sides) = realtime().await;
        let store = store::Store::open_temporary().await.unwrap();
        credential(&store, "secret", None).await;
        let gateway =
            Gateway::with_store(guarded(&base_url), passing(), store, NewApiKey::default()).await;
        let (id, mut caller) = open(&gateway).await;
        let (_, mut provider) = sides.recv().await.unwrap();
        talk(&mut caller, &mut provider).await;
        let (store, actor) = (&gateway.app.store, store::Actor::system());
        match of_key {
            true => {
                let hash = store.api_keys(true, None).await.unwrap()[0].hash.clone();
                store.delete_api_key(&hash, &actor, 2).await.unwrap();
            }
            false => {
                let id = store.credentials().await.unwrap()[0].id.clone();
                store.remove_credential(&id, &actor, 2).await.unwrap();
            }
        }
        gateway.app.reload().await.unwrap();
        caller.write_all(&from_caller(r#"{"type":"response.create"}"#)).await.unwrap();
        let mut told = Vec::new();
        caller.read_to_end(&mut told).await.unwrap();
        assert_refused(&told, "any more");
        let mut heard = Vec::new();
        provider.read_to_end(&mut heard).await.unwrap();
        assert!(!heard.windows(8).any(|window| window == b"response"), "nothing was begun");
        let row = row(&gateway, &id).await;
        let kind = if of_key { "authentication" } else { "permission_denied" };
        assert_eq!(row.error_type.as_deref(), Some(kind));
    }
}
