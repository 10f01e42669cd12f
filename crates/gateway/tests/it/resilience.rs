//! Bugs that were there, each with the test that fails without its mend.

use std::time::Duration;

use gateway::Settings;
use ledger::{PricePolicy, UnknownPrice};
use serde_json::json;
use store::{NewProviderCredential, Secret};
use testkit::{Protocol, Script, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::{provider, upstream};
use super::support::{Gateway, MODEL, Upstream, settings};

const FRAMES: &str = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n\
    data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}\n\n";

async fn read_head(stream: &mut tokio::net::TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
}

/// A provider that answers before it has read the whole request must not spoil the connection for
/// the next caller.
#[tokio::test]
async fn an_early_answer_does_not_poison_the_pool() {
    let base_url = provider(|mut stream| async move {
        read_head(&mut stream).await;
        let body = r#"{"error":{"message":"too large","code":413}}"#;
        let answer = format!(
            "HTTP/1.1 413 Payload Too Large\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.ok();
        // The rest is never read, and the connection stays open.
        std::future::pending::<()>().await;
    })
    .await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    // Media do not count as tokens, so that routing lets it pass.
    let image = format!("data:image/png;base64,{}", "A".repeat(6_000_000));
    let large = json!({"model": MODEL, "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": image}},
    ]}]});
    assert_eq!(gateway.post("/v1/chat/completions", &large).await.status, 413);
    let small = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let answer =
        tokio::time::timeout(Duration::from_secs(2), gateway.post("/v1/chat/completions", &small))
            .await
            .expect("the next caller does not wait for the upload of the one before");
    assert_eq!(answer.status, 413);
}

/// Everything that matters came; that the provider then says nothing is no failure, and not free.
#[tokio::test]
async fn a_complete_stream_without_an_end_is_a_good_answer() {
    let base_url = provider(|mut stream| async move {
        read_head(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).await.ok();
        stream.write_all(FRAMES.as_bytes()).await.ok();
        std::future::pending::<()>().await;
    })
    .await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    let body =
        json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.streamed_text(), "hi");
    let last = answer.chunks().pop().unwrap();
    assert_eq!(last["usage"]["completion_tokens"], 1, "{last}");
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.finish_reason.as_deref(), Some("stop"));
    assert_eq!(row.total_cost, 3 * 3_000 + 15_000);
}

/// wire-formats 12.5: our own key's trouble is never the caller's 401.
#[tokio::test]
async fn an_error_inside_a_200_does_not_blame_the_caller() {
    let base_url = provider(|mut stream| async move {
        read_head(&mut stream).await;
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-op","type":"invalid_request_error","code":"invalid_api_key"}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.ok();
    })
    .await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    for stream in [false, true] {
        let body = json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 502, "{}", answer.json());
        assert!(!String::from_utf8_lossy(&answer.body).contains("sk-op"));
    }
}

/// FALL-5: many endpoints of the first model do not starve the second.
#[tokio::test]
async fn the_bound_of_attempts_leaves_a_try_for_each_further_model() {
    let bad = Simulator::start().await.unwrap();
    bad.set_default(Script::status(500));
    let good = Simulator::start().await.unwrap();
    let upstreams: Vec<Upstream> = (0..4)
        .map(|number| Upstream::of(&bad, Protocol::OpenAi, &format!("bad{number}")))
        .collect();
    let mut settings = settings();
    settings.max_attempts = 2;
    let second = Upstream::of(&good, Protocol::Gemini, "good");
    let gateway = Gateway::with_second_model(&upstreams, second, settings).await;
    let body =
        json!({"models": [MODEL, "test/second"], "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["model"], "test/second");
    assert_eq!(gateway.generation(&answer).await.unwrap().attempts.len(), 3);
}

/// A caller chooses the name of its end user; it does not choose how large a row is.
#[tokio::test]
async fn what_callers_name_is_bounded_in_the_books() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let body = json!({"model": MODEL, "user": "u".repeat(1_000_000), "messages": [{"role": "user", "content": "hi"}]});
    let answer = gateway.post("/v1/chat/completions", &body).await;
    let row = gateway.generation(&answer).await.unwrap();
    assert!(row.external_user.unwrap().len() <= 512);
}

/// A credential of the workspace itself for a provider.
async fn bring_own_credential(gateway: &Gateway, provider: &str) {
    let store = &gateway.app.store;
    let new = NewProviderCredential {
        provider: provider.to_owned(),
        secret: Secret::new("own"),
        workspace_id: Some(store.workspaces().await.unwrap().remove(0).id),
        ..NewProviderCredential::default()
    };
    store.create_credential(new, &store::Actor::system(), 1).await.unwrap();
    gateway.app.reload().await.unwrap();
}

/// Promise 2: an unknown price is not zero. Credits are not spent on it, a workspace's own
/// credential is asked, and either can be told otherwise. A route is shown by the same rules.
#[tokio::test]
async fn an_unknown_price_is_refused_or_shown_as_unknown_by_who_pays() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let (refuse, serve) = (UnknownPrice::Refuse, UnknownPrice::ServeAndFlag);
    let usual = PricePolicy::default();
    for (policy, own, is_served) in [
        (usual, false, false),
        (usual, true, true),
        (PricePolicy { on_credits: serve, ..usual }, false, true),
        (PricePolicy { on_own_credential: refuse, ..usual }, true, false),
    ] {
        let settings = Settings { unknown_prices: policy, ..settings() };
        let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
        let gateway = Gateway::without_prices(&[upstream], settings).await;
        if own {
            bring_own_credential(&gateway, "one").await;
        }
        let answer = gateway.post("/v1/chat/completions", &body).await;
        let route = gateway.post("/v1/route", &body).await.json()["data"].clone();
        if is_served {
            assert_eq!(answer.json()["usage"]["cost"], json!(null), "{}", answer.json());
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!((row.price_state, row.is_byok), (store::PriceState::Unknown, own));
            assert!(route["reservation"]["attempts"].is_array(), "{route}");
        } else {
            assert_eq!(answer.status, 422, "{policy:?}: {}", answer.json());
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("unknown_prices_on_credits"), "{message}");
            assert_eq!(route["reservation"]["refused"]["code"], 422, "{route}");
        }
    }
}

/// Pages in a browser may call.
#[tokio::test]
async fn a_browser_gets_leave_to_call() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let request = http::Request::options("/api/v1/chat/completions")
        .header("host", "x")
        .header("origin", "https://app.example")
        .body(Default::default())
        .unwrap();
    let answer = gateway.send(request).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
}
