//! Callers who leave where providers bill all the same. STREAM-8, STREAM-9

use std::time::Duration;

use catalog::Catalog;
use protocol::target::ReasoningStyle;
use serde_json::{Value, json};
use store::{Generation, NewApiKey, SettledBy, Store};
use testkit::{Outcome, Protocol, Script, Simulator};

use super::limits::{CHAT, body, leave_after_first_bytes, limited};
use super::support::{Gateway, Upstream, catalog_of, settings};

/// A catalogue of providers that bill whether anybody listens or not.
fn unstoppable(upstreams: &[Upstream]) -> Catalog {
    let (models, endpoints, mut providers) = catalog_of(upstreams).into_parts();
    providers.iter_mut().for_each(|provider| provider.cancel_stops_billing = false);
    Catalog::new(models, endpoints, providers).unwrap()
}

async fn gateway(simulator: &Simulator, protocol: Protocol, key: NewApiKey) -> Gateway {
    let mut settings = settings();
    settings.upstream.idle = Duration::from_secs(30);
    settings.upstream.total = Duration::from_secs(60);
    settings.drain_timeout = Duration::from_secs(30);
    let catalog = unstoppable(&[Upstream::of(simulator, protocol, "one")]);
    let store = Store::open_temporary().await.unwrap();
    Gateway::with_store(catalog, settings, store, key).await
}

async fn settled(gateway: &Gateway, id: &str) -> Generation {
    while gateway.app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
    gateway.app.settlements.flush().await.unwrap();
    gateway.app.store.generation(id).await.unwrap().expect("the row")
}

fn slow() -> Script {
    let mut script = Script::text("one two three four five six seven eight");
    script.gap_ms = 30;
    script
}

#[tokio::test]
async fn a_stream_that_is_billed_in_any_case_is_read_to_its_end() {
    for protocol in [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini] {
        let simulator = Simulator::start().await.unwrap();
        simulator.set_default(slow());
        let gateway = gateway(&simulator, protocol, limited(1_000_000_000)).await;
        let id = leave_after_first_bytes(&gateway, body(true)).await;
        assert_eq!(gateway.app.limits.running(), 1, "what it may cost stays held");
        let row = settled(&gateway, &id).await;
        let call = simulator.calls().remove(0);
        assert_eq!(call.outcome, Outcome::Completed, "{protocol:?}");
        assert_eq!((row.cancelled, row.settled_by), (true, SettledBy::Drained), "{protocol:?}");
        assert_eq!(row.native_tokens_completion.unsigned_abs(), call.usage.output, "{protocol:?}");
        assert_eq!(row.native_tokens_prompt.unsigned_abs(), call.usage.prompt());
        let key = gateway.get("/api/v1/key").await.json();
        let used = serde_json::from_str::<Value>(&ledger::NanoUsd(row.total_cost).to_string());
        assert_eq!(key["data"]["usage"], used.unwrap());
    }
}

/// A whole answer cannot be cancelled anywhere.
#[tokio::test]
async fn a_whole_answer_is_waited_for() {
    use tokio::io::AsyncWriteExt;
    let simulator = Simulator::start().await.unwrap();
    simulator.set_default(Script::new().latency(300));
    let gateway = gateway(&simulator, Protocol::OpenAi, NewApiKey::default()).await;
    let body = body(false).to_string();
    let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        gateway.key,
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    simulator.wait_until(|calls| !calls.is_empty()).await;
    drop(stream);
    let calls = simulator
        .wait_until(|calls| calls.iter().all(|call| call.outcome != Outcome::Pending))
        .await;
    assert_eq!(calls[0].outcome, Outcome::Completed);
    while gateway.app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
    gateway.app.settlements.flush().await.unwrap();
    let key = gateway.get("/api/v1/key").await.json();
    assert!(key["data"]["usage"].as_f64().unwrap() > 0.0, "{key}");
}

/// A stop waits for it as for a caller.
#[tokio::test]
async fn a_stop_waits_for_what_is_read_on() {
    let simulator = Simulator::start().await.unwrap();
    simulator.set_default(slow());
    let gateway = gateway(&simulator, Protocol::OpenAi, NewApiKey::default()).await;
    let id = leave_after_first_bytes(&gateway, body(true)).await;
    let app = gateway.app.clone();
    assert!(gateway.stop().await, "it ended within the drain time");
    app.settlements.flush().await.unwrap();
    let row = app.store.generation(&id).await.unwrap().unwrap();
    assert_eq!(row.settled_by, SettledBy::Drained);
}

/// Within bounds: then what was metered is settled.
#[tokio::test]
async fn reading_on_has_an_end() {
    for bytes in [true, false] {
        let simulator = Simulator::start().await.unwrap();
        simulator.set_default(slow());
        let mut settings = settings();
        settings.upstream.idle = Duration::from_secs(30);
        match bytes {
            true => settings.limits.max_read_on_bytes = 1,
            false => settings.limits.read_on_timeout = Duration::from_millis(1),
        }
        let catalog = unstoppable(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]);
        let gateway = Gateway::with_catalog(catalog, settings).await;
        let id = leave_after_first_bytes(&gateway, body(true)).await;
        let row = settled(&gateway, &id).await;
        assert_eq!((row.cancelled, row.settled_by), (true, SettledBy::Metered));
        assert!(row.total_cost > 0);
    }
}

/// Providers that could be cancelled, of a model that keeps its reasoning to itself.
fn hiding(upstreams: &[Upstream], hides: bool) -> Catalog {
    let (mut models, mut endpoints, mut providers) = catalog_of(upstreams).into_parts();
    models.iter_mut().for_each(|model| model.distillable = false);
    providers.iter_mut().for_each(|provider| provider.quirks.hides_reasoning = hides);
    for endpoint in &mut endpoints {
        endpoint.abilities.reasoning = ReasoningStyle::Effort;
        endpoint.abilities.reasoning_default_on = true;
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

/// What the row says of an answer that was left after its first words.
async fn left(catalog: Catalog, reads_on: bool, body: Value) -> Generation {
    let mut settings = settings();
    settings.upstream.idle = Duration::from_secs(30);
    settings.limits.read_on_uncounted = reads_on;
    let gateway = Gateway::with_catalog(catalog, settings).await;
    let id = leave_after_first_bytes(&gateway, body).await;
    settled(&gateway, &id).await
}

/// Who leaves one word before the end would have the reasoning for nothing. STREAM-8
#[tokio::test]
async fn what_cannot_be_metered_is_read_on_though_it_could_be_cancelled() {
    let prompt = |part: Value| {
        let mut body = body(true);
        let text = json!({"type": "text", "text": "what is it?"});
        body["messages"] = json!([{"role": "user", "content": [text, part]}]);
        body["reasoning"] = json!({"enabled": false});
        body
    };
    let image =
        prompt(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}));
    let file = prompt(json!({"type": "file", "file": {
        "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="
    }}));
    let mut silent = body(true);
    silent["reasoning"] = json!({"enabled": false});
    let mut searching = silent.clone();
    searching["web_search_options"] = json!({});
    for (name, protocol, hides, reads_on, body, expected) in [
        ("hidden", Protocol::OpenAi, true, true, body(true), SettledBy::Drained),
        ("not wanted", Protocol::OpenAi, true, false, body(true), SettledBy::Metered),
        ("shown", Protocol::OpenAi, false, true, body(true), SettledBy::Metered),
        ("none", Protocol::OpenAi, true, true, silent, SettledBy::Metered),
        ("searches", Protocol::OpenAi, true, true, searching, SettledBy::Drained),
        ("image", Protocol::OpenAi, true, true, image, SettledBy::Metered),
        ("file", Protocol::OpenAi, true, true, file.clone(), SettledBy::Drained),
        (
            "file, counted at the beginning",
            Protocol::Anthropic,
            true,
            true,
            file,
            SettledBy::Metered,
        ),
    ] {
        let simulator = Simulator::start().await.unwrap();
        let mut script = slow();
        if expected == SettledBy::Metered {
            // It is cancelled, long before its end.
            script.gap_ms = 2_000;
        }
        simulator.set_default(script);
        let catalog = hiding(&[Upstream::of(&simulator, protocol, "one")], hides);
        let row = left(catalog, reads_on, body).await;
        assert_eq!((row.cancelled, row.settled_by), (true, expected), "{name}");
        if name == "image" {
            assert!((1_000..1_100).contains(&row.native_tokens_prompt), "{row:?}");
        }
        if expected == SettledBy::Drained {
            let call = simulator.calls().remove(0);
            assert_eq!(call.outcome, Outcome::Completed, "{name}");
            assert_eq!(row.native_tokens_completion.unsigned_abs(), call.usage.output, "{name}");
        }
    }
}
