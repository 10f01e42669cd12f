//! What a provider counts where the caller, or the catalogue, does not see it. ZCI, TIER-6

use std::sync::Arc;

use serde_json::json;
use store::SettledBy;
use testkit::{Protocol, Script, Simulator};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use super::limits::{CHAT, body, leave_after_first_bytes};
use super::raw::{begin_stream, fixed, provider, read_request, upstream};
use super::support::{Gateway, Upstream, settings};

const JSON: &str = "application/json";
/// What a dollar is in nano-dollars.
const DOLLAR: i64 = 1_000_000_000;

/// Leaving once the answer is whole saves nothing, and what it hid is known a moment later.
#[tokio::test]
async fn who_leaves_with_the_whole_answer_pays_for_what_it_hid() {
    let left = Arc::new(Notify::new());
    let gone = Arc::clone(&left);
    let base_url = provider(move |mut stream| {
        let gone = Arc::clone(&gone);
        async move {
            if !read_request(&mut stream).await {
                return;
            }
            begin_stream(&mut stream).await;
            let whole = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";
            stream.write_all(whole.as_bytes()).await.ok();
            gone.notified().await;
            let usage = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":50000,\"total_tokens\":50010,\"completion_tokens_details\":{\"reasoning_tokens\":49990}}}\n\ndata: [DONE]\n\n";
            stream.write_all(usage.as_bytes()).await.ok();
        }
    });
    let mut settings = settings();
    settings.upstream.after_finish = std::time::Duration::from_secs(20);
    let catalog = super::support::catalog_of(&[upstream(base_url.await, "one")]);
    assert!(catalog.provider(catalog::ProviderId(0)).cancel_stops_billing);
    let gateway = Gateway::with_catalog(catalog, settings).await;
    let id = leave_after_first_bytes(&gateway, body(true)).await;
    left.notify_one();
    while gateway.app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
    gateway.app.settlements.flush().await.unwrap();
    let row = gateway.app.store.generation(&id).await.unwrap().unwrap();
    assert_eq!((row.cancelled, row.settled_by), (true, SettledBy::Drained));
    // 10 tokens at 3 and 50,000 at 15 USD per million.
    assert_eq!(row.total_cost, 30_000 + 750_000_000);
}

/// TIER-6: a tier without a price is not free, for neither accounts nor limits.
#[tokio::test]
async fn a_tier_that_nobody_priced_counts_as_the_one_that_was_asked_for() {
    for tier in ["priority", "scale", "of-tomorrow"] {
        let whole = format!(
            r#"{{"id":"x","service_tier":"{tier}","choices":[{{"index":0,"message":{{"role":"assistant","content":"hi"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}}}"#
        );
        let whole: &'static str = whole.leak();
        let gateway = Gateway::start(&[upstream(fixed("200 OK", JSON, whole).await, "one")]).await;
        let answer = gateway.post(CHAT, &body(false)).await;
        assert_eq!(answer.json()["usage"]["cost"], json!(0.0045), "{tier}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!((row.total_cost, row.settled_by), (4_500_000, SettledBy::Estimated), "{tier}");
        assert_eq!(row.price_state, store::PriceState::Known, "{tier}");
        let key = gateway.get("/api/v1/key").await.json();
        assert_eq!(key["data"]["usage"], json!(0.0045), "{tier}");
    }
}

/// CREDIT-7: where no model answers, what one of them counted before is not billed.
#[tokio::test]
async fn a_request_that_fails_costs_nothing_whoever_counted() {
    let refused = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":100000,"completion_tokens":1,"total_tokens":100001}}"#;
    let bad = Simulator::start().await.unwrap();
    let second = Upstream::of(&bad, Protocol::OpenAi, "bad");
    let first = upstream(fixed("200 OK", JSON, refused).await, "refusing");
    let gateway = Gateway::with_second_model(&[first], second, settings()).await;
    for status in [500, 400] {
        bad.set_default(Script::status(status));
        let mut asked = body(false);
        asked["models"] = json!(["test/second"]);
        let answer = gateway.post(CHAT, &asked).await;
        assert!(answer.status.is_client_error() || answer.status.is_server_error());
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!((row.total_cost, row.native_tokens_prompt), (0, 0), "{status}");
        assert_eq!(row.settled_by, SettledBy::None, "{status}");
    }
    assert_eq!(gateway.get("/api/v1/key").await.json()["data"]["usage"].as_f64(), Some(0.0));
}

/// ZCI-1: of several answers a whole one is paid for, whichever it is.
#[tokio::test]
async fn which_of_several_answers_failed_does_not_matter() {
    let choice = |index: u8, reason: &str, member: &str| {
        format!(r#"{{"index":{index},"{member}":{{"content":"hi"}},"finish_reason":"{reason}"}}"#)
    };
    let usage = r#""usage":{"prompt_tokens":10,"completion_tokens":500,"total_tokens":510}"#;
    for (reasons, cost) in
        [(["error", "stop"], 7_530_000), (["stop", "error"], 7_530_000), (["error", "error"], 0)]
    {
        let choices =
            |member| [0, 1].map(|at| choice(at, reasons[usize::from(at)], member)).join(",");
        let whole = format!(r#"{{"id":"x","choices":[{}],{usage}}}"#, choices("message"));
        let stream = format!(
            "data: {{\"id\":\"x\",\"choices\":[{}]}}\n\ndata: {{\"id\":\"x\",\"choices\":[],{usage}}}\n\ndata: [DONE]\n\n",
            choices("delta")
        );
        for (streams, kind, text) in [(false, JSON, whole), (true, "text/event-stream", stream)] {
            let text: &'static str = text.leak();
            let one = upstream(fixed("200 OK", kind, text).await, "one");
            let gateway = Gateway::start(&[one]).await;
            let mut asked = body(streams);
            asked["n"] = json!(2);
            let answer = gateway.post(CHAT, &asked).await;
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!(row.total_cost, cost, "{reasons:?} {streams}");
            assert!(row.total_cost < DOLLAR);
        }
    }
}

/// USAGE-4: Perplexity bills a request by how much of what it found came into the prompt.
#[tokio::test]
async fn the_fee_of_a_request_is_that_of_its_search_context() {
    use catalog::{Catalog, Meter, PicoUsd};
    let whole = |said: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"hi"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20,"num_search_queries":4{said}}}}}"#
        )
    };
    let low = r#","search_context_size":"low""#;
    for (said, asked, fee) in [
        ("", None, 6),
        ("", Some("low"), 6),
        ("", Some("medium"), 10),
        ("", Some("high"), 14),
        (low, None, 6),
        (low, Some("high"), 6),
        (r#","search_context_size":"high""#, None, 14),
    ] {
        let one = upstream(fixed("200 OK", JSON, whole(said).leak()).await, "one");
        let (models, mut endpoints, providers) = super::support::catalog_of(&[one]).into_parts();
        for (meter, dollars) in [
            (Meter::Request, 6),
            (Meter::RequestMediumContext, 10),
            (Meter::RequestHighContext, 14),
        ] {
            endpoints[0].price.base.push((meter, PicoUsd(dollars * 1_000_000_000)));
        }
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        let mut request = body(false);
        if let Some(size) = asked {
            request["web_search_options"] = json!({"search_context_size": size});
        }
        let answer = gateway.post(CHAT, &request).await;
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.total_cost, 30_000 + 150_000 + fee * 1_000_000, "{said} {asked:?}");
    }
}

/// Gemini before 3 bills a request that searches, later ones each search.
#[tokio::test]
async fn searches_are_billed_as_the_model_has_it() {
    use catalog::{Catalog, Meter, PicoUsd};
    let whole = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP","index":0,"groundingMetadata":{"webSearchQueries":["a","b","c"]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":10,"totalTokenCount":20}}"#;
    for (one_search_price, searches) in [(true, 1), (false, 3)] {
        let mut one = upstream(fixed("200 OK", JSON, whole).await, "one");
        one.dialect = protocol::Dialect::Gemini;
        let (models, mut endpoints, providers) = super::support::catalog_of(&[one]).into_parts();
        endpoints[0].abilities.one_search_price = one_search_price;
        endpoints[0].price.base.push((Meter::WebSearch, PicoUsd(35_000_000_000)));
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        let answer = gateway.post(CHAT, &body(false)).await;
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.total_cost, 30_000 + 150_000 + searches * 35_000_000);
        assert_eq!(row.web_searches, 3);
    }
}
