//! What passes through is priced where the answer tells what it used, and never twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Response, StatusCode};
use serde_json::{Value, json as value};
use store::{Actor, Generation, NewApiKey, PriceState, SettledBy};

use super::world::*;
use crate::limits::limited as key_of;
use crate::support::{Answer, Gateway, MODEL};

/// What a prompt token and one of the answer cost, in nano-dollars.
pub(super) const PROMPT: i64 = 3_000;
pub(super) const COMPLETION: i64 = 15_000;

pub(super) const CHAT: &str = r#"{"id":"chatcmpl-1","model":"m","choices":[],
    "usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}"#;

pub(super) fn events(events: &str) -> Response<Reply> {
    let body = whole(events.to_owned());
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// Asks a provider that always says the same.
pub(super) async fn told(
    method: &str,
    path: &str,
    body: &Value,
    answer: fn() -> Response<Reply>,
) -> Generation {
    let base_url = provider(move |_| async move { answer() }).await;
    let gateway = gateway(&base_url).await;
    let answer = asked(&gateway, method, path, body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let row = gateway.generation(&answer).await.unwrap();
    let key = gateway.get("/api/v1/key").await.json();
    let used = key["data"]["usage"].to_string().parse::<f64>().unwrap();
    assert!((used * 1e9 - row.total_cost as f64).abs() < 0.5, "{key}");
    row
}

pub(super) async fn asked(gateway: &Gateway, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request(gateway, method, path, http_body_util::Full::from(body));
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    gateway.send(request).await
}

pub(super) fn priced(row: &Generation, input: i64, output: i64) {
    assert_eq!((row.native_tokens_prompt, row.native_tokens_completion), (input, output));
    assert_eq!(row.total_cost, input * PROMPT + output * COMPLETION);
    assert_eq!(row.upstream_inference_cost, row.total_cost);
    assert_eq!((row.price_state, row.settled_by), (PriceState::Known, SettledBy::Usage));
    assert_eq!((&*row.model, &*row.endpoint_tag), (MODEL, "one"));
    assert!(row.prices.is_some(), "frozen");
    assert_eq!(&*row.api_type, "passthrough");
}

pub(super) fn unpriced(row: &Generation) {
    assert_eq!((row.total_cost, row.price_state), (0, PriceState::Unknown));
    assert_eq!(row.settled_by, SettledBy::None);
}

#[tokio::test]
async fn a_json_answer_is_priced_by_what_it_tells() {
    let body = value!({"model": "m"});
    let row = told("POST", "/one/v1/chat/completions", &body, || json(CHAT)).await;
    priced(&row, 10, 4);
    assert_eq!(row.upstream_id.as_deref(), Some("chatcmpl-1"));
    assert!(!row.streamed);
    // By our own name of the model too, and where nothing is written.
    let embeddings = || json(r#"{"model":"other","usage":{"prompt_tokens":7,"total_tokens":7}}"#);
    let row = told("POST", "/one/v1/embeddings", &value!({"model": MODEL}), embeddings).await;
    priced(&row, 7, 0);
    let row = told("POST", "/one/v1/models/m:generateContent", &value!({}), || {
        json(r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6,"totalTokenCount":11}}"#)
    })
    .await;
    priced(&row, 5, 6);
    let anthropic =
        || json(r#"{"type":"message","model":"m","usage":{"input_tokens":8,"output_tokens":2}}"#);
    priced(&told("POST", "/one/v1/messages", &body, anthropic).await, 8, 2);
}

#[tokio::test]
async fn a_stream_is_priced_by_its_last_word() {
    let body = value!({"model": "m", "stream": true});
    let openai = || {
        events(
            "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n\
             data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4}}\n\n\
             data: [DONE]\n\n",
        )
    };
    let row = told("POST", "/one/v1/chat/completions", &body, openai).await;
    priced(&row, 10, 4);
    assert!(row.streamed);
    let anthropic = || {
        events(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
             event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":6}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        )
    };
    priced(&told("POST", "/one/v1/messages", &body, anthropic).await, 9, 6);
}

/// Promise 2: an unknown price is never zero.
#[tokio::test]
async fn what_cannot_be_priced_is_said_to_be_unknown() {
    let none = Value::Null;
    unpriced(&told("GET", "/one/v1/files", &none, || json(r#"{"data":[]}"#)).await);
    let job = || json(r#"{"object":"fine_tuning.job","model":"m"}"#);
    let row = told("POST", "/one/v1/fine_tuning/jobs", &value!({"model": "m"}), job).await;
    unpriced(&row);
    assert_eq!(&*row.model, MODEL, "known all the same");
    let other = || json(r#"{"model":"other","usage":{"prompt_tokens":7,"total_tokens":7}}"#);
    let base_url = provider(move |_| async move { other() }).await;
    let mut settings = passing();
    settings.unknown_prices.on_credits = ledger::UnknownPrice::ServeAndFlag;
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let answer = asked(&gateway, "POST", "/one/v1/embeddings", &value!({"model": "other"})).await;
    let row = gateway.generation(&answer).await.unwrap();
    unpriced(&row);
    assert_eq!(row.native_tokens_prompt, 7, "told, if not priced");
    assert_eq!((&*row.model_requested, &*row.model), ("other", ""));
}

/// A model may be named where it is not asked, and nothing is guessed there.
#[tokio::test]
async fn what_is_free_stays_so_however_it_is_answered() {
    let body = value!({"model": "m", "metadata": {"text": "my own"}});
    let sealed = || {
        let mut answer = json("sealed");
        answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        answer
    };
    let plain = || {
        let mut answer = json("Created");
        answer.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        answer
    };
    for answer in [sealed, plain, || json("no JSON")] {
        unpriced(&told("POST", "/one/v1/fine_tuning/jobs", &body, answer).await);
    }
    let echo = || json(r#"{"id":"asst_1","model":"m","metadata":{"text":"my own"}}"#);
    unpriced(&told("POST", "/one/v1/assistants", &body, echo).await);
    let path = "/one/v1/threads/runs";
    let run = || events("data: {\"delta\":{\"content\":[{\"text\":\"0123\"}]}}\n\n");
    unpriced(&told("POST", path, &body, run).await);
    // What is counted all the same is paid.
    let counted = || {
        events(
            "data: {\"delta\":{\"content\":[{\"text\":\"0123\"}]}}\n\n\
             data: {\"object\":\"thread.run\",\"model\":\"m\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"total_tokens\":14}}\n\n",
        )
    };
    priced(&told("POST", path, &body, counted).await, 10, 4);
}

/// A stored answer tells its usage again whenever it is read or changed.
#[tokio::test]
async fn an_answer_that_was_paid_is_not_paid_again() {
    let none = Value::Null;
    unpriced(&told("GET", "/one/v1/chat/completions/chatcmpl-1", &none, || json(CHAT)).await);
    let change = value!({"metadata": {"a": "b"}});
    unpriced(&told("POST", "/one/v1/chat/completions/chatcmpl-1", &change, || json(CHAT)).await);
    unpriced(&told("POST", "/one/v1/responses/r/cancel", &none, || json(CHAT)).await);
}

/// A provider may call several offers by one name; the free one is not what was asked for.
#[tokio::test]
async fn the_ordinary_offer_of_a_model_is_the_one_that_is_priced() {
    let base_url = provider(|_| async { json(CHAT) }).await;
    let (mut models, mut endpoints, providers) = catalog(&base_url).into_parts();
    let free = format!("{MODEL}:free");
    models.insert(
        0,
        catalog::Model {
            id: free.clone(),
            canonical_slug: "test/model-20260101:free".into(),
            ..models[0].clone()
        },
    );
    let mut endpoint = endpoints[0].clone();
    endpoint.model = free;
    endpoint.price.base.iter_mut().for_each(|(_, price)| price.0 = 0);
    endpoints.insert(0, endpoint);
    let catalog = catalog::Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, passing()).await;
    let body = value!({"model": "m"});
    let answer = asked(&gateway, "POST", "/one/v1/chat/completions", &body).await;
    priced(&gateway.generation(&answer).await.unwrap(), 10, 4);
}

#[tokio::test]
async fn failures_cost_nothing() {
    let base_url = provider(|_| async {
        let mut answer = json(CHAT);
        *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        answer
    })
    .await;
    let gateway = gateway(&base_url).await;
    let body = value!({"model": "m"});
    let answer = asked(&gateway, "POST", "/one/v1/chat/completions", &body).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.body, CHAT, "the provider's own words");
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.total_cost, row.error_type.as_deref()), (0, Some("rate_limit_exceeded")));
}

/// Promise 3: what is left is held while it may be spent.
#[tokio::test]
async fn many_at_once_overspend_no_limit_together() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let base_url = provider(move |_| {
        let calls = Arc::clone(&counted);
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            json(CHAT)
        }
    })
    .await;
    // None is begun with less than its bytes and its one token may cost, which is more than what
    // it does cost: so the last one that is begun does not overdraw the limit either.
    let mut settings = passing();
    settings.limits.reservation_wait = Duration::from_secs(60);
    let (limit, one) = (4_000_000, 10 * PROMPT + 4 * COMPLETION);
    let gateway = limited(&base_url, settings, key_of(limit)).await;
    let body = value!({"model": "m", "max_tokens": 1});
    let asked = (0..80).map(|_| asked(&gateway, "POST", "/one/v1/chat/completions", &body));
    let answers = join_all(asked).await;
    let served = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!(served + refused, 80);
    assert_eq!(calls.load(Ordering::SeqCst), served, "nobody else was asked for");
    let mut used = 0;
    for answer in answers.iter().filter(|answer| answer.status == StatusCode::OK) {
        used += gateway.generation(answer).await.unwrap().total_cost;
    }
    assert_eq!(used, served as i64 * one);
    assert!(served >= 2 && used <= limit, "{served} {used}");
    assert_eq!(gateway.app.limits.running(), 0);
}

#[tokio::test]
async fn a_key_with_nothing_left_is_refused_whatever_it_asks() {
    let base_url = provider(|_| async { json(CHAT) }).await;
    let gateway = limited(&base_url, passing(), key_of(0)).await;
    for (method, path) in [("GET", "/one/v1/files"), ("POST", "/one/v1/chat/completions")] {
        let answer = asked(&gateway, method, path, &value!({"model": "m"})).await;
        assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED);
        assert_eq!(answer.error_type(), "payment_required");
        assert_eq!(answer.json()["error"]["metadata"]["limit"]["scope"], "key_limit");
    }
}

#[tokio::test]
async fn a_call_has_a_place_among_those_of_its_key() {
    let (begun, go_on) = (Signal::default(), Signal::default());
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
    let base_url = provider(move |_| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            json(CHAT)
        }
    })
    .await;
    let mut settings = passing();
    settings.limits.key_concurrency = 1;
    let gateway = limited(&base_url, settings, NewApiKey::default()).await;
    let first = gateway.get("/one/v1/files");
    let second = async {
        begun.notified().await;
        let second = gateway.get("/one/v1/files").await;
        go_on.notify_one();
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 429));
    go_on.notify_one();
    assert_eq!(gateway.get("/one/v1/files").await.status, 200, "the place is free again");
}

#[tokio::test]
async fn rates_and_keys_hold_as_for_inference() {
    let base_url = provider(|_| async { json(CHAT) }).await;
    let mut settings = passing();
    settings.limits.key_per_minute = 2;
    let gateway = limited(&base_url, settings, NewApiKey::default()).await;
    assert_eq!(gateway.get("/one/v1/files").await.status, 200);
    assert_eq!(gateway.get("/one/v1/files").await.status, 200);
    let refused = gateway.get("/one/v1/files").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key("retry-after"));
    let unknown = http::Request::get("/one/v1/files").header("host", "g");
    let unknown = unknown.header("authorization", "Bearer sk-or-v1-unknown");
    let unknown = gateway.send(unknown.body(Default::default()).unwrap()).await;
    assert_eq!(
        (unknown.status, &*unknown.error_type()),
        (StatusCode::UNAUTHORIZED, "authentication")
    );

    let store = &gateway.app.store;
    let name = || "another".to_owned();
    for (new, status) in [
        (NewApiKey { name: name(), expires_at: Some(2), ..NewApiKey::default() }, 401),
        (NewApiKey { name: name(), is_management: true, ..NewApiKey::default() }, 403),
    ] {
        let key = store.create_api_key(new, &Actor::system(), 1).await.unwrap();
        gateway.app.reload().await.unwrap();
        let asked = http::Request::get("/one/v1/files").header("host", "g");
        let asked = asked.header("x-api-key", key.plaintext.expose());
        assert_eq!(gateway.send(asked.body(Default::default()).unwrap()).await.status, status);
    }
}

/// A body that says a member twice is read by providers, if not here.
#[tokio::test]
async fn a_body_with_a_member_twice_is_held_for_and_priced() {
    let asked_times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked_times);
    let base_url = provider(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { json(CHAT) }
    })
    .await;
    let path = "/one/v1/chat/completions";
    let twice = r#"{"model":"x","model":"m","max_tokens":1}"#;
    let of_key = |limit| limited(&base_url, passing(), key_of(limit));
    let rich = of_key(100_000_000_000).await;
    let answer = rich.post_bytes(path, twice.into()).await;
    assert_eq!(answer.status, StatusCode::OK);
    priced(&rich.generation(&answer).await.unwrap(), 10, 4);
    // Some money is left, but not what this model takes to begin with.
    let poor = of_key(1_000).await;
    for body in [twice, r#"{"model":"m","a":1,"a":2}"#] {
        let answer = poor.post_bytes(path, body.into()).await;
        assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED, "{body}");
    }
    let last = poor.post_bytes(path, r#"{"model":"m","model":"x"}"#.into()).await;
    assert_eq!(last.status, StatusCode::UNPROCESSABLE_ENTITY, "most readers take the last");
    assert_eq!(asked_times.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_long_json_is_priced_by_what_it_tells() {
    let long = || {
        let data = "x".repeat(5 * 1024 * 1024);
        let usage = r#""usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}"#;
        json(format!(r#"{{"model":"m","choices":["{data}"],{usage}}}"#))
    };
    let body = value!({"model": "m"});
    priced(&told("POST", "/one/v1/images/generations", &body, long).await, 10, 4);
}

/// What a provider compressed against what it was asked cannot be read.
#[tokio::test]
async fn what_cannot_be_read_costs_what_was_held_for_it() {
    let sealed = || {
        let mut answer = json("not what it seems");
        answer.headers_mut().insert("content-encoding", "br".parse().unwrap());
        answer
    };
    let body = value!({"model": "m", "max_tokens": 100, "n": 2});
    let row = told("POST", "/one/v1/chat/completions", &body, sealed).await;
    assert_eq!((row.price_state, row.settled_by), (PriceState::Known, SettledBy::Estimated));
    assert_eq!(row.native_tokens_completion, 200);
    assert!(row.native_tokens_prompt > 0 && row.total_cost >= 200 * COMPLETION);
    let long = || json(format!(r#"{{"choices":["{}"]}}"#, "x".repeat(5 * 1024 * 1024)));
    let row = told("POST", "/one/v1/chat/completions", &body, long).await;
    assert_eq!((row.native_tokens_completion, row.settled_by), (200, SettledBy::Estimated));
}
