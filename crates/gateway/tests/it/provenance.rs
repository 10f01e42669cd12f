//! Reasoning that only its maker can read returns there, and nowhere else. REASON-11

use catalog::{AuthStyle, Catalog, EndpointStatus};
use protocol::target::{Abilities, ReasoningStyle};
use serde_json::{Value, json};
use store::{Actor, MasterKey, NewApiKey, NewProviderCredential, Secret, Store};
use testkit::{Protocol, Script, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream, catalog_of, settings};

/// How every stamp begins.
const HEAD: &str = "tlr1";
const STAMP_LENGTH: usize = 44;

/// A conversation in which a model reasons, calls a tool and reads its result, as the callers of an
/// API have it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoken {
    Chat,
    Responses,
    Messages,
    Gemini,
}

const ASKED: &str = "use the tool";

impl Spoken {
    fn path(self) -> String {
        match self {
            Self::Chat => "/api/v1/chat/completions".to_owned(),
            Self::Responses => "/api/v1/responses".to_owned(),
            Self::Messages => "/api/v1/messages".to_owned(),
            Self::Gemini => format!("/v1beta/models/{MODEL}:generateContent"),
        }
    }

    fn asking(self) -> Value {
        let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
        match self {
            Self::Chat => json!({
                "model": MODEL, "max_tokens": 9000, "reasoning": {"effort": "high"},
                "messages": [{"role": "user", "content": ASKED}],
                "tools": [{"type": "function", "function": {"name": "look", "parameters": schema}}],
            }),
            Self::Responses => json!({
                "model": MODEL, "reasoning": {"effort": "high", "summary": "auto"},
                "include": ["reasoning.encrypted_content"],
                "input": [{"role": "user", "content": ASKED}],
                "tools": [{"type": "function", "name": "look", "parameters": schema}],
            }),
            Self::Messages => json!({
                "model": MODEL, "max_tokens": 9000,
                "thinking": {"type": "enabled", "budget_tokens": 2000},
                "messages": [{"role": "user", "content": ASKED}],
                "tools": [{"name": "look", "input_schema": schema}],
            }),
            Self::Gemini => json!({
                "generationConfig": {"thinkingConfig": {"includeThoughts": true, "thinkingLevel": "HIGH"}},
                "contents": [{"role": "user", "parts": [{"text": ASKED}]}],
                "tools": [{"functionDeclarations": [{"name": "look", "parameters": schema}]}],
            }),
        }
    }

    /// The request after the tool was used, with what the model said just as it came.
    fn going_on(self, answer: &Value) -> Value {
        let mut body = self.asking();
        match self {
            Self::Chat => {
                let message = answer["choices"][0]["message"].clone();
                let id = message["tool_calls"][0]["id"].clone();
                let messages = body["messages"].as_array_mut().unwrap();
                messages.push(message);
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": "found"}));
            }
            Self::Responses => {
                let items = answer["output"].as_array().unwrap();
                let call = items.iter().find(|item| item["type"] == "function_call").unwrap();
                let result = json!({
                    "type": "function_call_output", "call_id": call["call_id"], "output": "found",
                });
                let input = body["input"].as_array_mut().unwrap();
                input.extend(items.iter().cloned());
                input.push(result);
            }
            Self::Messages => {
                let blocks = answer["content"].as_array().unwrap();
                let call = blocks.iter().find(|block| block["type"] == "tool_use").unwrap();
                let result = json!({
                    "type": "tool_result", "tool_use_id": call["id"], "content": "found",
                });
                let messages = body["messages"].as_array_mut().unwrap();
                messages.push(json!({"role": "assistant", "content": blocks}));
                messages.push(json!({"role": "user", "content": [result]}));
            }
            Self::Gemini => {
                let content = answer["candidates"][0]["content"].clone();
                let parts = content["parts"].as_array().unwrap();
                let call = parts.iter().find(|part| part.get("functionCall").is_some()).unwrap();
                let mut result = json!({"name": "look", "response": {"result": "found"}});
                if let Some(id) = call["functionCall"].get("id") {
                    result["id"] = id.clone();
                }
                let contents = body["contents"].as_array_mut().unwrap();
                contents.push(content);
                contents.push(json!({"role": "user", "parts": [{"functionResponse": result}]}));
            }
        }
        body
    }
}

/// What the model is to its providers: what they make can be verified by none but themselves.
fn abilities(protocol: Protocol) -> (Abilities, &'static str) {
    let (reasoning, model) = match protocol {
        Protocol::Gemini => (ReasoningStyle::Level, "gemini-3-simulated"),
        Protocol::OpenAiResponses => (ReasoningStyle::Effort, "simulated-model"),
        Protocol::Bedrock => (ReasoningStyle::Budget, "anthropic.claude-simulated"),
        _ => (ReasoningStyle::Budget, "simulated-model"),
    };
    let thought_signatures = protocol == Protocol::Gemini;
    (Abilities { reasoning, thought_signatures, ..Abilities::default() }, model)
}

/// Two providers of one protocol, `a` at ten times the price of `b`.
struct Two {
    a: Simulator,
    b: Simulator,
    catalog: Catalog,
}

impl Two {
    async fn of(protocol: Protocol) -> Self {
        let (a, b) = (Simulator::start().await.unwrap(), Simulator::start().await.unwrap());
        let (abilities, model) = abilities(protocol);
        let upstreams = [("a", &a), ("b", &b)].map(|(slug, simulator)| Upstream {
            model: model.to_owned(),
            ..Upstream::of(simulator, protocol, slug)
        });
        let (models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
        for endpoint in &mut endpoints {
            endpoint.abilities = abilities.clone();
            for (_, price) in &mut endpoint.price.base {
                price.0 *= if endpoint.provider == "a" { 10 } else { 1 };
            }
        }
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        Self { a, b, catalog }
    }

    async fn gateway(&self) -> Gateway {
        Gateway::with_catalog(self.catalog.clone(), settings()).await
    }

    /// A gateway with a database of its own, in a folder, and this master key.
    async fn node(&self, folder: &tempfile::TempDir, name: &str, key: &MasterKey) -> Gateway {
        let path = folder.path().join(name);
        let store = Store::open(&path, key.clone(), 1).await.unwrap();
        Gateway::with_store(self.catalog.clone(), settings(), store, NewApiKey::default()).await
    }

    /// How many calls each has had since the last time this was asked, and the bodies of them.
    fn calls(&self) -> (Vec<String>, Vec<String>) {
        let taken = |simulator: &Simulator| {
            let bodies = simulator.calls().iter().map(|call| call.body.to_string()).collect();
            simulator.clear();
            bodies
        };
        (taken(&self.a), taken(&self.b))
    }
}

fn at(mut body: Value, provider: Value) -> Value {
    body["provider"] = provider;
    body
}

fn cheapest(body: Value) -> Value {
    at(body, json!({"sort": "price"}))
}

async fn post(gateway: &Gateway, spoken: Spoken, body: &Value) -> Answer {
    let answer = gateway.post(&spoken.path(), body).await;
    assert_eq!(answer.status, 200, "{spoken:?} {} {body}", answer.json());
    answer
}

/// The opaque texts with stamps in an answer, without these.
fn stamped(text: &str) -> Vec<String> {
    let rest = text.match_indices(HEAD).map(|(at, _)| &text[at + STAMP_LENGTH..]);
    rest.map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect()
}

/// What the provider itself wrote: in Anthropic's protocol others' proofs are wrapped.
fn as_made(proofs: &[String]) -> impl Iterator<Item = &String> {
    proofs.iter().filter(|proof| !proof.starts_with("routed."))
}

const WAYS: [(Spoken, Protocol); 9] = [
    (Spoken::Chat, Protocol::Anthropic),
    (Spoken::Chat, Protocol::Bedrock),
    (Spoken::Chat, Protocol::OpenAiResponses),
    (Spoken::Chat, Protocol::Gemini),
    (Spoken::Responses, Protocol::OpenAiResponses),
    (Spoken::Responses, Protocol::Anthropic),
    (Spoken::Messages, Protocol::Anthropic),
    (Spoken::Messages, Protocol::Gemini),
    (Spoken::Gemini, Protocol::Gemini),
];

/// The whole of it, on every surface: what `a` made returns to `a` although `b` is cheaper; with `a`
/// away `b` gets a request that it can take.
#[tokio::test]
async fn reasoning_returns_to_its_maker_and_is_left_out_for_others() {
    for (spoken, protocol) in WAYS {
        let case = format!("{spoken:?} {protocol:?}");
        let two = Two::of(protocol).await;
        let gateway = two.gateway().await;
        let first = at(spoken.asking(), json!({"order": ["a"]}));
        let answer = post(&gateway, spoken, &first).await;
        let proofs = stamped(std::str::from_utf8(&answer.body).unwrap());
        assert!(!proofs.is_empty(), "{case} {}", answer.json());
        two.calls();

        let next = spoken.going_on(&answer.json());
        post(&gateway, spoken, &cheapest(next.clone())).await;
        let (to_a, to_b) = two.calls();
        assert_eq!((to_a.len(), to_b.len()), (1, 0), "{case}");
        assert!(!to_a[0].contains(HEAD), "{case} {}", to_a[0]);
        for proof in as_made(&proofs) {
            assert!(to_a[0].contains(proof), "{case} {proof} {}", to_a[0]);
        }

        two.a.set_default(Script::status(500));
        let answer = post(&gateway, spoken, &cheapest(next.clone())).await;
        let (to_a, to_b) = two.calls();
        assert_eq!((to_a.len(), to_b.len()), (1, 1), "{case}");
        assert!(!to_b[0].contains(HEAD), "{case} {}", to_b[0]);
        assert!(to_b[0].contains("look") && to_b[0].contains("found"), "{case} {}", to_b[0]);
        for proof in as_made(&proofs) {
            assert!(!to_b[0].contains(proof), "{case} {proof} {}", to_b[0]);
        }
        let row = gateway.generation(&answer).await.unwrap();
        let tried: Vec<_> = row.attempts.iter().map(|it| (&*it.endpoint_id, it.status)).collect();
        assert_eq!(tried, [("a", Some(500)), ("b", Some(200))], "{case}");

        // What the caller rules out is not tried, whatever was made there.
        for object in [json!({"only": ["b"]}), json!({"ignore": ["a"], "allow_fallbacks": false})] {
            post(&gateway, spoken, &at(next.clone(), object)).await;
            let (to_a, to_b) = two.calls();
            assert_eq!((to_a.len(), to_b.len()), (0, 1), "{case}");
            assert!(as_made(&proofs).all(|proof| !to_b[0].contains(proof)), "{case}");
        }
    }
}

/// The streams of the protocols carry the same.
#[tokio::test]
async fn streams_carry_stamps_too() {
    for (spoken, protocol) in WAYS {
        let two = Two::of(protocol).await;
        let gateway = two.gateway().await;
        let mut body = at(spoken.asking(), json!({"order": ["a"]}));
        let mut path = spoken.path();
        match spoken {
            Spoken::Gemini => path = path.replace(":generate", ":streamGenerate") + "?alt=sse",
            _ => body["stream"] = json!(true),
        }
        let answer = gateway.post(&path, &body).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{text}");
        let proofs = stamped(&text);
        assert!(!proofs.is_empty(), "{spoken:?} {protocol:?} {text}");
        let mut body = spoken.asking();
        let proof = text[text.find(HEAD).unwrap()..].split('"').next().unwrap();
        // Any body will do: the stamp alone is what counts.
        body["metadata"] = json!({"signature": proof});
        gateway.post(&spoken.path(), &cheapest(body)).await;
        assert_eq!(two.calls().0.len(), 2, "{spoken:?} {protocol:?}");
    }
}

/// Promise 5: where there is nothing to choose from, every byte of an answer is the provider's.
#[tokio::test]
async fn without_a_choice_nothing_is_stamped() {
    for (spoken, protocol) in WAYS {
        let two = Two::of(protocol).await;
        let (models, mut endpoints, providers) = two.catalog.clone().into_parts();
        for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.provider == "b") {
            endpoint.status = EndpointStatus::Disabled;
        }
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        let answer = post(&gateway, spoken, &spoken.asking()).await;
        assert!(!String::from_utf8_lossy(&answer.body).contains(HEAD), "{spoken:?} {protocol:?}");
        post(&gateway, spoken, &spoken.going_on(&answer.json())).await;
        assert_eq!(two.calls().0.len(), 2, "{spoken:?} {protocol:?}");
    }
}

/// Nodes agree by the master key alone; what another installation stamped is a stranger's text, and
/// so is what was made up: it decides nothing, and the provider that refuses it is asked once more.
#[tokio::test]
async fn who_has_the_master_key_knows_the_makers_and_nobody_else() {
    let spoken = Spoken::Messages;
    let two = Two::of(Protocol::Anthropic).await;
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::generate().unwrap();
    let one = two.node(&folder, "one.db", &key).await;
    let other = two.node(&folder, "other.db", &key).await;
    let stranger = two.node(&folder, "stranger.db", &MasterKey::generate().unwrap()).await;
    let first = at(spoken.asking(), json!({"order": ["a"]}));
    let answer = post(&one, spoken, &first).await.json();
    two.calls();
    let next = cheapest(spoken.going_on(&answer));

    post(&other, spoken, &next).await;
    let (to_a, to_b) = two.calls();
    assert_eq!((to_a.len(), to_b.len()), (1, 0));

    let text = next.to_string();
    let digit = text.find(HEAD).unwrap() + 20;
    let changed = if &text[digit..=digit] == "0" { "1" } else { "0" };
    let forged = format!("{}{changed}{}", &text[..digit], &text[digit + 1..]);
    let forged: Value = serde_json::from_str(&forged).unwrap();
    for (gateway, body) in [(&stranger, &next), (&one, &forged)] {
        let answer = post(gateway, spoken, body).await;
        let (to_a, to_b) = two.calls();
        assert_eq!((to_a.len(), to_b.len()), (0, 2), "refused, and asked once more");
        assert!(to_b[0].contains(HEAD) && !to_b[1].contains(HEAD), "{to_b:?}");
        let row = gateway.generation(&answer).await.unwrap();
        let tried: Vec<_> = row.attempts.iter().map(|it| (&*it.endpoint_id, it.status)).collect();
        assert_eq!(tried, [("b", Some(400)), ("b", Some(200))]);
    }
}

/// Bugs 7, 19, 20: a provider that refuses the proofs is asked once more without them, and once
/// only; what it calls invalid about the rest is told as it is.
#[tokio::test]
async fn a_provider_that_refuses_proofs_is_asked_once_more_without() {
    for (spoken, protocol) in WAYS {
        let case = format!("{spoken:?} {protocol:?}");
        let two = Two::of(protocol).await;
        let gateway = two.gateway().await;
        let first = at(spoken.asking(), json!({"order": ["b"]}));
        let answer = post(&gateway, spoken, &first).await.json();
        let next = cheapest(spoken.going_on(&answer));
        two.calls();
        let said = match protocol {
            Protocol::Gemini => "Corrupted thought signature.",
            Protocol::OpenAiResponses => "The encrypted content gAAA could not be verified.",
            _ => "messages.1.content.0: Invalid `signature` in `thinking` block",
        };
        let refusal = || Script { message: Some(said.to_owned()), ..Script::status(400) };
        two.b.push(refusal());
        let answer = post(&gateway, spoken, &next).await;
        let (to_a, to_b) = two.calls();
        assert_eq!((to_a.len(), to_b.len()), (0, 2), "{case}");
        assert_ne!(to_b[0], to_b[1], "{case}");
        assert!(to_b[1].contains("found"), "{case}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.attempts.len(), 2, "{case}");

        two.b.push(refusal());
        two.b.push(refusal());
        let next_without = at(next.clone(), json!({"only": ["b"]}));
        let answer = gateway.post(&spoken.path(), &next_without).await;
        assert_eq!(answer.status, 400, "{case}");
        assert_eq!(two.calls().1.len(), 2, "{case}: once only");

        two.b.push(Script { message: Some("max_tokens: too odd".into()), ..Script::status(400) });
        let answer = gateway.post(&spoken.path(), &next_without).await;
        assert_eq!(answer.status, 400, "{case}");
        assert_eq!(two.calls().1.len(), 1, "{case}");
    }
}

/// What OpenAI encrypts is for one organisation: it returns with the credential it was made with,
/// though another comes first.
#[tokio::test]
async fn reasoning_returns_with_the_credential_it_was_made_with() {
    let spoken = Spoken::Responses;
    let two = Two::of(Protocol::OpenAiResponses).await;
    let (models, endpoints, mut providers) = two.catalog.clone().into_parts();
    for provider in &mut providers {
        provider.auth = AuthStyle::Bearer;
    }
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, settings()).await;
    for (sort_order, name) in [(1, "first-key"), (2, "second-key")] {
        let new = NewProviderCredential {
            provider: "a".to_owned(),
            name: name.to_owned(),
            secret: Secret::new(name),
            sort_order,
            ..NewProviderCredential::default()
        };
        gateway.app.store.create_credential(new, &Actor::system(), 1).await.unwrap();
    }
    gateway.app.reload().await.unwrap();
    let keys = || -> Vec<String> {
        let calls = two.a.calls();
        two.a.clear();
        calls.iter().map(|call| call.header("authorization").unwrap().to_owned()).collect()
    };
    two.a.push(Script::status(500));
    let answer = post(&gateway, spoken, &spoken.asking()).await.json();
    assert_eq!(keys(), ["Bearer first-key", "Bearer second-key"]);
    post(&gateway, spoken, &spoken.going_on(&answer)).await;
    assert_eq!(keys(), ["Bearer second-key"]);
    post(&gateway, spoken, &spoken.asking()).await;
    assert_eq!(keys(), ["Bearer first-key"]);
}
