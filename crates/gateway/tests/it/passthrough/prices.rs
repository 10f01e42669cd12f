//! Which model is asked, and whether its price is known, whatever a call calls itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::Catalog;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ledger::UnknownPrice;
use serde_json::json as value;
use store::{Generation, NewApiKey, PriceState};

use super::money::{CHAT, COMPLETION, PROMPT, priced};
use super::world::*;
use crate::limits::limited as key_of;
use crate::support::{Answer, Gateway};

/// Posts a body with a media type; `None` for no type.
async fn typed(gateway: &Gateway, path: &str, kind: Option<&str>, body: &str) -> Answer {
    let mut asked = request(gateway, "POST", path, Full::from(body.to_owned()));
    if let Some(kind) = kind {
        asked.headers_mut().insert("content-type", kind.parse().unwrap());
    }
    gateway.send(asked).await
}

fn answered(kind: Option<&str>, body: &str) -> Response<Reply> {
    let mut answer = Response::new(whole(body.to_owned()));
    if let Some(kind) = kind {
        answer.headers_mut().insert("content-type", HeaderValue::from_str(kind).unwrap());
    }
    answer
}

/// Some servers read a JSON whatever it says to be, and curl says that it is a form.
#[tokio::test]
async fn types_do_not_decide_what_is_priced() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let (json, text, lines) = ("application/json", "text/plain", "application/x-ndjson");
    for (asked, told) in [
        (Some(FORM), Some(json)),
        (Some(text), Some(json)),
        (Some(""), Some(json)),
        (None, Some(json)),
        (Some(json), None),
        (Some(json), Some(text)),
        (Some(json), Some(lines)),
        (Some(text), Some("application/octet-stream")),
    ] {
        let base_url = provider(move |_| async move { answered(told, CHAT) }).await;
        let gateway = limited(&base_url, passing(), key_of(100_000_000_000)).await;
        let body = " {\"model\":\"m\",\"max_tokens\":9}";
        let answer = typed(&gateway, "/one/v1/chat/completions", asked, body).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, CHAT.as_bytes()));
        priced(&gateway.generation(&answer).await.unwrap(), 10, 4);
        // Too little is left for what the body asks for.
        let poor = limited(&base_url, passing(), key_of(1_000)).await;
        let answer = typed(&poor, "/one/v1/chat/completions", asked, body).await;
        assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED, "{asked:?}");
    }
}

/// Servers read addresses in different ways, and some answer every method alike.
#[tokio::test]
async fn work_is_priced_however_it_is_asked_for() {
    let base_url = provider(|_| async { json(CHAT) }).await;
    let gateway = limited(&base_url, passing(), key_of(100_000_000_000)).await;
    let ask = async |method: &str, path: &str, kind: &str| {
        let body = Full::from(r#"{"model":"m","max_tokens":9}"#);
        let mut asked = request(&gateway, method, path, body);
        asked.headers_mut().insert("content-type", kind.parse().unwrap());
        let answer = gateway.send(asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
        priced(&gateway.generation(&answer).await.unwrap(), 10, 4);
    };
    for path in [
        "/one/v1/chat/completions;x",
        "/one/v1/chat/completions%20",
        "/one/v1/chat/completions%00",
        "/one/v1/chat/completions%3Fa",
        "/one//messages",
        "/one//chat",
        // Nobody knows what is done there, but its answer tells.
        "/one/v1/of-tomorrow",
    ] {
        ask("POST", path, "text/plain").await;
    }
    for method in ["PUT", "PATCH", "GET", "DELETE"] {
        ask(method, "/one/v1/chat/completions", "application/json").await;
        ask(method, "/one/v1/chat/completions", "text/plain").await;
    }
}

/// Readers that do not tell small letters from capital ones find another request in it.
#[tokio::test]
async fn members_in_other_letters_do_not_pass() {
    let base_url = provider(|request: http::Request<Incoming>| async {
        request.into_body().collect().await.ok();
        json(CHAT)
    })
    .await;
    let gateway = limited(&base_url, passing(), NewApiKey::default()).await;
    let long = format!(r#"{{"model":"m","a":"{}","MODEL":"x"}}"#, "x".repeat(1024 * 1024));
    for body in [r#"{"model":"m","Model":"x"}"#, r#"{"model":"m","MAX_TOKENS":9}"#, &long] {
        let answer = gateway.post_bytes("/one/v1/chat/completions", body.to_owned().into()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("other letters"), "{message}");
    }
}

/// What one call of a provider costs, of which the tests' model is named in some other way.
async fn named(path: &'static str, body: (Option<&str>, &str), told: &'static str) -> Generation {
    let base_url = provider(move |_| async move { json(told) }).await;
    let gateway = limited(&base_url, passing(), key_of(100_000_000_000)).await;
    let answer = typed(&gateway, path, body.0, body.1).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    gateway.generation(&answer).await.unwrap()
}

#[tokio::test]
async fn models_are_found_where_clouds_name_them() {
    let json = Some("application/json");
    let bedrock = r#"{"output":{},"usage":{"inputTokens":10,"outputTokens":4,"totalTokens":14}}"#;
    let claude = r#"{"type":"message","usage":{"input_tokens":10,"output_tokens":4}}"#;
    let cohere = r#"{"id":"x","usage":{"billed_units":{"input_tokens":10,"output_tokens":4}}}"#;
    let sound = r#"{"text":"hi","usage":{"type":"tokens","input_tokens":10,"output_tokens":4,
        "input_token_details":{"text_tokens":10},"total_tokens":14}}"#;
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    for (path, body, told) in [
        ("/one/model/m/converse", (json, "{}"), bedrock),
        ("/one/model/arn%3Aaws%3Abedrock%3A%3Aprofile%2Fm/invoke", (json, "{}"), claude),
        ("/one/openai/deployments/m/chat/completions?api-version=1", (json, "{}"), CHAT),
        ("/one/v2/chat", (json, r#"{"model":"m"}"#), cohere),
        ("/one/v1/audio/transcriptions", (Some("multipart/form-data; boundary=b"), form), sound),
    ] {
        priced(&named(path, body, told).await, 10, 4);
    }
}

/// A provider that counts what it is asked in full.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let base_url = provider(move |request: http::Request<Incoming>| {
        let counted = Arc::clone(&counted);
        async move {
            if request.into_body().collect().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            json(r#"{"model":"other","usage":{"prompt_tokens":9,"completion_tokens":9}}"#)
        }
    })
    .await;
    (base_url, calls)
}

fn without_prices(base_url: &str) -> Catalog {
    let (models, mut endpoints, providers) = catalog(base_url).into_parts();
    endpoints[0].price = Default::default();
    Catalog::new(models, endpoints, providers).unwrap()
}

/// Promise 2: what nobody knows the price of is not asked where a limit has to hold.
#[tokio::test]
async fn unknown_prices_are_refused_as_routing_refuses_them() {
    let (base_url, calls) = counting().await;
    let mut serving = passing();
    serving.unknown_prices.on_credits = UnknownPrice::ServeAndFlag;
    let limited = limited(&base_url, serving.clone(), key_of(1_000_000_000)).await;
    let refusing = gateway(&base_url).await;
    let long = "x".repeat(1024 * 1024 + 1);
    let (short, long) =
        (r#"{"model":"other"}"#.to_owned(), format!(r#"{{"input":"{long}","model":"other"}}"#));
    let path = "/one/v1/chat/completions";
    for gateway in [&limited, &refusing] {
        for body in [&short, &long] {
            let answer = gateway.post_bytes(path, body.clone().into()).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("the price of other at one is not known"), "{message}");
        }
        let deployment = "/one/openai/deployments/other/chat/completions";
        assert_eq!(gateway.post(deployment, &value!({})).await.status, 422);
        let mut socket = request(gateway, "GET", "/one/v1/realtime?model=other", Full::default());
        socket.headers_mut().insert("connection", "Upgrade".parse().unwrap());
        socket.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        assert_eq!(gateway.send(socket).await.status, 422);
    }
    // Which model is asked cannot be told.
    assert_eq!(limited.post("/one/v1/responses", &value!({"input": "x"})).await.status, 422);
    let mut sealed = request(&limited, "POST", path, Full::from("\x1f"));
    sealed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(limited.send(sealed).await.status, 422);
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nothing was asked in full");
    assert_eq!(limited.app.limits.running(), 0);

    // What is no work of a model goes on, and so does everything where that is wanted.
    for gateway in [&limited, &refusing] {
        assert_eq!(gateway.get("/one/v1/models").await.status, 200);
        assert_eq!(gateway.post("/one/v1/files", &value!({"purpose": "x"})).await.status, 200);
        let counted =
            gateway.post("/one/v1/messages/count_tokens", &value!({"model": "other"})).await;
        assert_eq!(counted.status, 200);
    }
    let serving = Gateway::with_catalog(catalog(&base_url), serving).await;
    for body in [short, long] {
        let answer = serving.post_bytes(path, body.into()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let row = serving.generation(&answer).await.unwrap();
        assert_eq!((row.total_cost, row.price_state), (0, PriceState::Unknown));
    }
    let unpriced = Gateway::with_catalog(without_prices(&base_url), passing()).await;
    assert_eq!(unpriced.post(path, &value!({"model": "m"})).await.status, 422);
}

/// Files may look like what asks a model.
#[tokio::test]
async fn uploads_that_begin_like_a_json_are_uploads() {
    let (base_url, calls) = counting().await;
    let limited = limited(&base_url, passing(), key_of(1_000_000_000)).await;
    let body = r#"{"model":"llama","x":1}"#;
    for kind in [Some("application/octet-stream"), Some("text/plain"), None] {
        let answer = typed(&limited, "/one/v1/uploads/u/parts", kind, body).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let json = Some("application/json");
    let answer = typed(&limited, "/one/v1/uploads/u/parts", json, body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

/// Who has a token of a provider's asks it past the gateway, and past all limits. Promise 3
#[tokio::test]
async fn keys_with_a_limit_make_no_tokens() {
    let (base_url, calls) = counting().await;
    let limited = limited(&base_url, passing(), key_of(1_000_000_000)).await;
    let unlimited = gateway(&base_url).await;
    for path in [
        "/one/v1/realtime/client_secrets",
        "/one/v1alpha/auth_tokens",
        "/one/v1/realtime/calls",
        "/one/v1/realtime/calls/rtc_1/accept",
        "/one/v1/realtime?model=m",
    ] {
        let answer = typed(&limited, path, Some("application/json"), "{}").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("passes by this gateway"), "{message}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let answer = typed(&unlimited, "/one/v1/realtime/client_secrets", None, "{}").await;
    assert_eq!(answer.status, StatusCode::OK);
}

/// What nobody can tell has no price that anybody knows, with limits and without.
#[tokio::test]
async fn a_model_that_cannot_be_told_is_refused_where_prices_have_to_be_known() {
    let (base_url, calls) = counting().await;
    let mut serving = passing();
    serving.unknown_prices.on_credits = UnknownPrice::ServeAndFlag;
    let limited = limited(&base_url, serving.clone(), key_of(1_000_000_000)).await;
    let refusing = gateway(&base_url).await;
    let serving = Gateway::with_catalog(catalog(&base_url), serving).await;
    let long = "x".repeat(1024 * 1024 + 1);
    let escaped = format!(r#"{{"model":"m","mod\u0065l":"other","input":"{long}"}}"#);
    let part = |name: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let form =
        [part("model", "m"), part("prompt", &long), part("model", "other"), "--b--\r\n".into()]
            .concat();
    let (json, form_type) = (Some("application/json"), Some("multipart/form-data; boundary=b"));
    let bodies = [
        ("/one/v1/responses", json, "{}"),
        ("/one/v1/chat/complet%69ons", json, "{}"),
        ("/one/v1/chat/completions", json, escaped.as_str()),
        ("/one/v1/images/edits", form_type, form.as_str()),
    ];
    for (path, kind, body) in bodies {
        for gateway in [&limited, &refusing] {
            let answer = typed(gateway, path, kind, body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("nobody can tell which model"), "{message}");
        }
    }
    for gateway in [&limited, &refusing] {
        let path = "/one/v1/realtime?model=m&model=other";
        let mut socket = request(gateway, "GET", path, Full::default());
        socket.headers_mut().insert("connection", "Upgrade".parse().unwrap());
        socket.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        assert_eq!(gateway.send(socket).await.status, 422);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nothing was asked in full");
    for (path, kind, body) in bodies {
        assert_eq!(typed(&serving, path, kind, body).await.status, StatusCode::OK, "{path}");
    }
}

/// What a long body says is known when it has been sent.
#[tokio::test]
async fn a_long_body_is_priced_by_the_model_it_names_last() {
    let base_url = provider(|request: http::Request<Incoming>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert!(body.ends_with(b"\"model\":\"m\"}"), "all of it came");
        json(r#"{"usage":{"prompt_tokens":10,"completion_tokens":4}}"#)
    })
    .await;
    let gateway = limited(&base_url, passing(), key_of(100_000_000_000)).await;
    let body = format!(r#"{{"input":"{}","model":"m"}}"#, "x".repeat(3 * 1024 * 1024));
    let size = body.len() as i64;
    let answer = gateway.post_bytes("/one/v1/chat/completions", body.into()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let row = gateway.generation(&answer).await.unwrap();
    priced(&row, 10, 4);
    assert_eq!((row.total_cost, row.request_bytes), (10 * PROMPT + 4 * COMPLETION, Some(size)));
}

/// A provider that answers it would show our credential.
#[tokio::test]
async fn what_repeats_a_request_is_not_passed() {
    let (base_url, calls) = counting().await;
    let gateway = limited(&base_url, passing(), NewApiKey::default()).await;
    for method in ["TRACE", "TRACK", "Trace"] {
        let asked = request(&gateway, method, "/one/v1/files", Full::default());
        let answer = gateway.send(asked).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(answer.headers["allow"].to_str().unwrap().contains("PATCH"));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}
