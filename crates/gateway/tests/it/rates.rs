//! Rates and numbers of requests. RATE

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use store::{Actor, KeyRates, LedgerKind, NewApiKey, NewLedgerEntry, Store};
use testkit::{Fault, Point, Protocol, Script, Simulator};

use super::limits::{CHAT, body};
use super::support::{Answer, Gateway, MODEL, Upstream, catalog_of, settings};

fn assert_limited(answer: &Answer, limit: &str) {
    assert_eq!(answer.status, 429, "{}", answer.json());
    assert_eq!(answer.error_type(), "rate_limit_exceeded");
    assert_eq!(answer.headers["x-ratelimit-limit"], limit);
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    let reset: i64 = answer.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!(reset > gateway::clock::now_micros() / 1000 - 5_000, "{reset}");
    let retry: i64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(retry >= 1);
}

/// RATE-5: a 429 tells its limit, a good answer does not.
#[tokio::test]
async fn a_key_makes_as_many_requests_as_it_may() {
    let simulator = Simulator::start().await.unwrap();
    for (per_minute, per_day) in [(2, 0), (0, 2), (2, 9)] {
        let mut settings = settings();
        settings.limits.key_per_minute = per_minute;
        settings.limits.key_per_day = per_day;
        let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
        let gateway = Gateway::with_settings(&upstreams, settings).await;
        for _ in 0..2 {
            let answer = gateway.post(CHAT, &body(false)).await;
            assert_eq!(answer.status, 200);
            let told = |name: &http::HeaderName| name.as_str().starts_with("x-ratelimit");
            assert!(!answer.headers.keys().any(told));
        }
        assert_limited(&gateway.post(CHAT, &body(false)).await, "2");
    }
    assert_eq!(simulator.calls().len(), 6);
}

/// A key's own numbers stand in place of those of every key, whether more, fewer or none.
#[tokio::test]
async fn a_key_may_have_rates_of_its_own() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    for (minute, day, concurrency, passed, told) in [
        (Some(1), None, None, 1, "1"),
        (Some(3), None, None, 3, "3"),
        (None, Some(1), None, 1, "1"),
        (Some(0), Some(4), None, 4, "4"),
        (None, None, None, 2, "2"),
        (None, None, Some(1), 2, "2"),
    ] {
        let mut settings = settings();
        settings.limits.key_per_minute = 2;
        let rates = KeyRates { requests_per_minute: minute, requests_per_day: day, concurrency };
        let store = Store::open_temporary().await.unwrap();
        let new = NewApiKey { rates, ..NewApiKey::default() };
        let gateway = Gateway::with_store(catalog_of(&upstreams), settings, store, new).await;
        for _ in 0..passed {
            assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200, "{rates:?}");
        }
        assert_limited(&gateway.post(CHAT, &body(false)).await, told);
    }
}

/// RATE-1, RATE-2, RATE-3: over all keys of an account with a ledger, failed ones included.
#[tokio::test]
async fn free_models_have_a_rate_of_their_own() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    "test/model:free".clone_into(&mut models[0].id);
    "test/model:free".clone_into(&mut endpoints[0].model);
    endpoints[0].price.base.iter_mut().for_each(|(_, price)| price.0 = 0);
    let catalog = catalog::Catalog::new(models, endpoints, providers).unwrap();
    let mut settings = settings();
    settings.limits.free.per_minute = 3;
    let store = Store::open_temporary().await.unwrap();
    let new = NewApiKey { name: "o".into(), ..NewApiKey::default() };
    let actor = store::Actor::system();
    let other = store.create_api_key(new, &actor, 1).await.unwrap().plaintext.expose().to_owned();
    let mut gateway = Gateway::with_store(catalog, settings, store, NewApiKey::default()).await;
    let mut asked = body(false);
    asked["model"] = json!("test/model:free");
    for _ in 0..5 {
        assert_eq!(gateway.post(CHAT, &asked).await.status, 200, "no ledger, no limit");
    }
    let entry = NewLedgerEntry {
        account_id: None,
        kind: LedgerKind::Grant,
        amount_nano_usd: 1,
        reason: String::new(),
    };
    gateway.app.store.add_ledger_entry(entry, &Actor::system(), 1).await.unwrap();
    gateway.app.reload().await.unwrap();
    simulator.push(Script::status(400));
    assert_eq!(gateway.post(CHAT, &asked).await.status, 400, "it counts all the same");
    for _ in 0..2 {
        assert_eq!(gateway.post(CHAT, &asked).await.status, 200);
    }
    let key = gateway.get("/api/v1/key").await.json();
    let free = json!({"limit": 50, "used": 3, "remaining": 47});
    assert_eq!(key["data"]["free_model_daily_requests"], free, "{key}");
    gateway.key = other;
    let answer = gateway.post(CHAT, &asked).await;
    assert_limited(&answer, "3");
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("free-models-per-min"), "{message}");
}

/// Opens a stream that goes on until it is dropped.
async fn running(gateway: &Gateway) -> impl Sized {
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::post(CHAT)
        .header("host", "g")
        .header("authorization", format!("Bearer {}", gateway.key))
        .body(Full::new(bytes::Bytes::from(body(true).to_string())))
        .unwrap();
    let mut answer = sender.send_request(request).await.unwrap().into_body();
    answer.frame().await.unwrap().unwrap();
    (sender, answer, driving)
}

fn patient() -> gateway::Settings {
    let mut settings = settings();
    settings.upstream.idle = Duration::from_secs(30);
    settings.upstream.total = Duration::from_secs(60);
    settings
}

#[tokio::test]
async fn a_key_has_as_many_requests_running_as_it_may() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    for (of_every_key, own) in [(1, None), (9, Some(1))] {
        let mut settings = patient();
        settings.limits.key_concurrency = of_every_key;
        let rates = KeyRates { concurrency: own, ..KeyRates::default() };
        let store = Store::open_temporary().await.unwrap();
        let new = NewApiKey { rates, ..NewApiKey::default() };
        let gateway = Gateway::with_store(catalog_of(&upstreams), settings, store, new).await;
        check_that_one_runs_at_once(&simulator, &gateway).await;
    }
}

async fn check_that_one_runs_at_once(simulator: &Simulator, gateway: &Gateway) {
    let before = simulator.calls().len();
    simulator.push(Script::fault(Fault::Hang(Point::After(1))));
    let one = running(gateway).await;
    assert_limited(&gateway.post(CHAT, &body(false)).await, "1");
    drop(one);
    simulator.wait_until(|calls| calls[before..].iter().any(|call| call.disconnected)).await;
    while gateway.app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200, "whoever ended has left");
}

/// An endpoint that is full is passed over; only when all are is it an error.
#[tokio::test]
async fn a_full_endpoint_is_passed_over() {
    let simulator = Simulator::start().await.unwrap();
    let mut settings = patient();
    settings.limits.endpoint_concurrency = 1;
    let upstreams = ["one", "two"].map(|slug| Upstream::of(&simulator, Protocol::OpenAi, slug));
    let gateway = Gateway::with_settings(&upstreams, settings).await;
    simulator.push(Script::fault(Fault::Hang(Point::After(1))));
    simulator.push(Script::fault(Fault::Hang(Point::After(1))));
    let _one = running(&gateway).await;
    let two = running(&gateway).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_limited(&answer, "1");
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains(&format!("All providers for {MODEL} are at capacity")), "{message}");
    drop(two);
    simulator.wait_until(|calls| calls.iter().any(|call| call.disconnected)).await;
    while gateway.app.limits.running() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
}
