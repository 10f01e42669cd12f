//! Embeddings and rankings, as callers see them. EMB, RERANK

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{Catalog, Meter, Modalities, Modality, ModelKind, PicoUsd, PriceList};
use gateway::Settings;
use protocol::{Dialect, embeddings, rerank};
use serde_json::{Value, json};
use testkit::{Protocol, Script, Simulator};

use super::support::{Gateway, MODEL, Upstream, catalog_of, settings};

/// How a provider is asked.
#[derive(Clone, Copy)]
struct Asked {
    protocol: Protocol,
    embeddings: Option<embeddings::Form>,
    rerank: Option<rerank::Form>,
}

impl Asked {
    const fn of(protocol: Protocol) -> Self {
        Self { protocol, embeddings: None, rerank: None }
    }
}

/// A gateway whose model is of another kind, at the providers in their order.
async fn gateway(
    simulator: &Simulator,
    kind: ModelKind,
    price: &[(Meter, PicoUsd)],
    asked: &[Asked],
) -> Gateway {
    gateway_with(simulator, kind, price, asked, settings()).await
}

async fn gateway_with(
    simulator: &Simulator,
    kind: ModelKind,
    price: &[(Meter, PicoUsd)],
    asked: &[Asked],
    settings: Settings,
) -> Gateway {
    Gateway::with_catalog(catalog(simulator, kind, price, asked), settings).await
}

fn catalog(
    simulator: &Simulator,
    kind: ModelKind,
    price: &[(Meter, PicoUsd)],
    asked: &[Asked],
) -> Catalog {
    let upstreams: Vec<_> = asked
        .iter()
        .zip(["one", "two", "three"])
        .map(|(asked, slug)| Upstream::of(simulator, asked.protocol, slug))
        .collect();
    let (mut models, mut endpoints, mut providers) = catalog_of(&upstreams).into_parts();
    let output = match kind {
        ModelKind::Rerank => Modality::from_name("rerank").unwrap(),
        _ => Modality::from_name("embeddings").unwrap(),
    };
    let output: Modalities = [output].into_iter().collect();
    for model in &mut models {
        model.kind = kind;
        model.architecture.output_modalities = output;
    }
    // The second provider is twice as dear as the first, and so on.
    for (at, endpoint) in (1..).zip(&mut endpoints) {
        endpoint.output_modalities = output;
        let base = price.iter().map(|(meter, price)| (*meter, PicoUsd(price.0 * at))).collect();
        endpoint.price = PriceList { base, overrides: Vec::new() };
    }
    for (provider, asked) in providers.iter_mut().zip(asked) {
        provider.embeddings = asked.embeddings;
        provider.rerank = asked.rerank;
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

const PROMPT: [(Meter, PicoUsd); 1] = [(Meter::Prompt, PicoUsd(2_000_000))];

fn vectors(body: &Value) -> Vec<Vec<f64>> {
    let data = body["data"].as_array().unwrap_or_else(|| panic!("{body}"));
    data.iter()
        .enumerate()
        .map(|(at, entry)| {
            assert_eq!(entry["object"], "embedding");
            assert_eq!(entry["index"], at);
            let numbers = entry["embedding"].as_array().unwrap();
            numbers.iter().map(|number| number.as_f64().unwrap()).collect()
        })
        .collect()
}

/// EMB-1
#[tokio::test]
async fn vectors_come_from_every_form_in_order_and_are_billed_by_tokens() {
    for asked in [
        Asked::of(Protocol::OpenAi),
        Asked::of(Protocol::Gemini),
        Asked::of(Protocol::Cohere),
        Asked { embeddings: Some(embeddings::Form::Voyage), ..Asked::of(Protocol::OpenAi) },
        Asked { embeddings: Some(embeddings::Form::Jina), ..Asked::of(Protocol::OpenAi) },
    ] {
        let name = (asked.protocol, asked.embeddings.map(embeddings::Form::name));
        let simulator = Simulator::start().await.unwrap();
        let gateway = gateway(&simulator, ModelKind::Embedding, &PROMPT, &[asked]).await;
        let body = json!({"model": MODEL, "input": ["first text", "second text", "first text"]});
        let answer = gateway.post("/api/v1/embeddings", &body).await;
        let told = answer.json();
        assert_eq!(answer.status, 200, "{name:?}: {told}");
        assert_eq!(told["object"], "list");
        assert_eq!(told["model"], MODEL);
        let found = vectors(&told);
        assert_eq!(found.len(), 3, "{name:?}");
        assert_eq!(found[0], found[2], "{name:?}");
        assert_ne!(found[0], found[1], "{name:?}");
        let tokens = told["usage"]["prompt_tokens"].as_u64().unwrap();
        assert!(tokens > 0, "{name:?}: {told}");
        let cost = told["usage"]["cost"].as_f64().unwrap();
        assert!((cost - tokens as f64 * 2e-6).abs() < 1e-12, "{name:?}: {told}");

        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(&*row.api_type, "embeddings");
        assert_eq!(row.native_tokens_prompt as u64, tokens);
        assert_eq!(row.total_cost as u64, tokens * 2_000);
        assert_eq!(row.attempts.len(), 1);
    }
}

/// EMB-1: in base64, little-endian, whatever the provider sends.
#[tokio::test]
async fn vectors_are_written_as_asked_for() {
    for protocol in [Protocol::OpenAi, Protocol::Gemini] {
        let simulator = Simulator::start().await.unwrap();
        let asked = [Asked::of(protocol)];
        let gateway = gateway(&simulator, ModelKind::Embedding, &PROMPT, &asked).await;
        let mut body = json!({"model": MODEL, "input": "a text"});
        let plain = vectors(&gateway.post("/v1/embeddings", &body).await.json());
        body["encoding_format"] = json!("base64");
        let told = gateway.post("/v1/embeddings", &body).await.json();
        let bytes = STANDARD.decode(told["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let numbers: Vec<f32> =
            bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(numbers.len(), plain[0].len());
        for (number, plain) in numbers.iter().zip(&plain[0]) {
            assert!((f64::from(*number) - plain).abs() < 1e-6);
        }
    }
}

/// RERANK-2
#[tokio::test]
async fn documents_are_ranked_and_come_back() {
    for form in [rerank::Form::Voyage, rerank::Form::Jina] {
        let simulator = Simulator::start().await.unwrap();
        let asked = [Asked { rerank: Some(form), ..Asked::of(Protocol::OpenAi) }];
        let price =
            [(Meter::Prompt, PicoUsd(1_000_000)), (Meter::SearchUnit, PicoUsd(2_000_000_000))];
        let gateway = gateway(&simulator, ModelKind::Rerank, &price, &asked).await;
        let body = json!({
            "model": MODEL,
            "query": "where do cats sleep",
            "documents": ["stocks fell today", {"text": "cats sleep where they like"}, "dogs sleep"],
            "top_n": 2,
        });
        let answer = gateway.post("/api/v1/rerank", &body).await;
        let told = answer.json();
        assert_eq!(answer.status, 200, "{form:?}: {told}");
        let results = told["results"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{form:?}: {told}");
        assert_eq!(results[0]["index"], 1);
        assert_eq!(results[0]["document"]["text"], "cats sleep where they like");
        assert!(
            results[0]["relevance_score"].as_f64() > results[1]["relevance_score"].as_f64(),
            "{told}"
        );
        assert!(told["usage"]["cost"].as_f64().unwrap() > 0.0, "{form:?}: {told}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(&*row.api_type, "rerank");
        assert!(row.total_cost > 0, "{form:?}");
    }
}

/// Vectors fail over, are refused and recorded as everything else is.
#[tokio::test]
async fn another_provider_takes_over_and_errors_are_told() {
    let bad = Simulator::start().await.unwrap();
    bad.set_default(Script::status(503));
    let good = Simulator::start().await.unwrap();
    let upstreams =
        [Upstream::of(&bad, Protocol::OpenAi, "one"), Upstream::of(&good, Protocol::OpenAi, "two")];
    let (mut models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let output: Modalities = [Modality::from_name("embeddings").unwrap()].into_iter().collect();
    models[0].kind = ModelKind::Embedding;
    models[0].architecture.output_modalities = output;
    endpoints.iter_mut().for_each(|endpoint| endpoint.output_modalities = output);
    assert!(providers.iter().all(|provider| provider.dialect == Dialect::OpenaiChat));
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let body = json!({"model": MODEL, "input": "x", "provider": {"order": ["one", "two"]}});
    let answer = gateway.post("/api/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.attempts.len(), 2);

    for (body, named) in [
        (json!({"model": MODEL}), "input"),
        (json!({"model": MODEL, "input": []}), "input"),
        (json!({"model": MODEL, "input": "x", "dimensions": 0}), "dimensions"),
        (json!({"model": MODEL, "input": "x", "encoding_format": "hex"}), "encoding_format"),
    ] {
        let refused = gateway.post("/api/v1/embeddings", &body).await;
        assert_eq!(refused.status, 400, "{body}");
        let told = refused.json();
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{message}");
    }
    // Each kind of model has its own API.
    let chat = json!({"model": MODEL, "messages": [{"role": "user", "content": "x"}]});
    let refused = gateway.post("/api/v1/chat/completions", &chat).await;
    assert_eq!(refused.status, 400, "{}", refused.json());
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("embeddings"));
}

/// What calls counted whose attempt came to nothing is billed, at the prices of the endpoint that
/// answered them: their provider bills it all the same. EMB-1
#[tokio::test]
async fn calls_that_were_answered_are_billed_where_a_later_one_fails() {
    for (second, served) in [(false, false), (true, true)] {
        let simulator = Simulator::start().await.unwrap();
        // Ninety-six texts a call, four calls at once: the fifth comes alone, and fails.
        for _ in 0..4 {
            simulator.push(Script::new());
        }
        simulator.push(Script::status(503));
        let asked = vec![Asked::of(Protocol::Cohere); if second { 2 } else { 1 }];
        let mut settings = settings();
        settings.upstream.total = Duration::from_secs(30);
        let gateway =
            gateway_with(&simulator, ModelKind::Embedding, &PROMPT, &asked, settings).await;
        let texts: Vec<_> = (0..400).map(|at| format!("text {at}")).collect();
        let mut body = json!({"model": MODEL, "input": texts, "dimensions": 256});
        body["provider"] = json!({"order": ["one", "two"]});
        let answer = gateway.post("/api/v1/embeddings", &body).await;
        assert_eq!(answer.status == 200, served, "{}", answer.json());
        let calls = simulator.calls();
        assert_eq!(calls.len(), if second { 10 } else { 5 });
        let tokens =
            |calls: &[testkit::Call]| -> u64 { calls.iter().map(|call| call.usage.prompt()).sum() };
        let (first, then) = (tokens(&calls[..4]), tokens(&calls[5..]));
        let counted = first + then;
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.native_tokens_prompt as u64, counted);
        assert_eq!(row.total_cost as u64, first * 2_000 + then * 4_000);
        assert_eq!(row.settled_by, store::SettledBy::Usage);
        if served {
            assert_eq!(answer.json()["usage"]["prompt_tokens"], counted);
        }
    }
}

/// Promise 3: what failed attempts counted is taken from what is held. The next endpoint is asked if
/// the rest pays for it, and else the failure is told.
#[tokio::test]
async fn no_more_is_spent_than_held_where_attempts_fail_that_were_billed() {
    for (order, served) in [(["one", "two"], false), (["two", "one"], true)] {
        let simulator = Simulator::start().await.unwrap();
        for _ in 0..4 {
            simulator.push(Script::new());
        }
        simulator.push(Script::status(503));
        let asked = [Asked::of(Protocol::Cohere); 2];
        let catalog = catalog(&simulator, ModelKind::Embedding, &PROMPT, &asked);
        // What is held is what the dearer of the two may cost, so that after the other has failed
        // it is too much, though the limit has more.
        let key = store::NewApiKey {
            limit_nano_usd: Some(100_000_000_000),
            ..store::NewApiKey::default()
        };
        let store = store::Store::open_temporary().await.unwrap();
        let mut settings = settings();
        settings.upstream.total = Duration::from_secs(30);
        let gateway = Gateway::with_store(catalog, settings, store, key).await;
        let texts: Vec<_> = (0..400).map(|at| format!("text {at}")).collect();
        let mut body = json!({"model": MODEL, "input": texts, "dimensions": 256});
        body["provider"] = json!({"order": order});
        let answer = gateway.post("/api/v1/embeddings", &body).await;
        assert_eq!(answer.status == 200, served, "{}", answer.json());
        assert_eq!(simulator.calls().len(), if served { 10 } else { 5 });
        assert!(gateway.generation(&answer).await.unwrap().total_cost > 0);
    }
}

/// The answers to all calls of a request have one bound together.
#[tokio::test]
async fn many_answers_are_no_larger_than_one_may_be() {
    let simulator = Simulator::start().await.unwrap();
    let asked = [Asked::of(Protocol::Cohere)];
    let texts: Vec<_> = (0..400).map(|at| format!("text {at}")).collect();
    for (texts, fits) in [(&texts[..96], true), (&texts[..], false)] {
        let mut settings = settings();
        // One call's answer fits, five do not.
        settings.upstream.max_answer_bytes = 700 * 1024;
        settings.upstream.total = Duration::from_secs(30);
        let gateway =
            gateway_with(&simulator, ModelKind::Embedding, &PROMPT, &asked, settings).await;
        let body = json!({"model": MODEL, "input": texts, "dimensions": 256});
        let answer = gateway.post("/api/v1/embeddings", &body).await;
        assert_eq!(answer.status == 200, fits, "{} {}", answer.status, answer.body.len());
        if !fits {
            let told = answer.json().to_string();
            assert!(told.contains("too large"), "{told}");
        }
    }
}

/// An endpoint that nobody knows how to ask is no attempt, and none is told of.
#[tokio::test]
async fn an_endpoint_without_a_known_form_costs_no_attempt() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": MODEL, "input": "x", "provider": {"order": ["one", "two"]}});
    let both = [Asked::of(Protocol::Anthropic), Asked::of(Protocol::OpenAi)];
    let at_both = gateway(&simulator, ModelKind::Embedding, &PROMPT, &both).await;
    let answer = at_both.post("/api/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(at_both.generation(&answer).await.unwrap().attempts.len(), 1);

    let none = gateway(&simulator, ModelKind::Embedding, &PROMPT, &both[..1]).await;
    let refused = none.post("/api/v1/embeddings", &body).await;
    assert_eq!(refused.status, 404, "{}", refused.json());
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("embeddings"));
}

/// Bedrock counts the tokens of Cohere's models in a header alone.
#[tokio::test]
async fn what_is_counted_in_a_header_is_paid() {
    let simulator = Simulator::start().await.unwrap();
    let asked =
        Asked { embeddings: Some(embeddings::Form::BedrockCohere), ..Asked::of(Protocol::Bedrock) };
    let (models, mut endpoints, providers) =
        catalog(&simulator, ModelKind::Embedding, &PROMPT, &[asked]).into_parts();
    endpoints[0].upstream_model = "cohere.embed-english-v3".to_owned();
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    let words = "one two three four five six seven eight nine ten ".repeat(20);
    let body = json!({"model": MODEL, "input": words});
    let answer = gateway.post("/api/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.settled_by, store::SettledBy::Usage);
    assert!(row.native_tokens_prompt > 0, "{}", row.native_tokens_prompt);
}
