//! Tools of models that take none: told in words, and their calls read in the answer's text. CHAT-9

use catalog::Catalog;
use protocol::target::Abilities;
use serde_json::{Value, json};
use testkit::{Script, Simulator};

use super::support::{Gateway, MODEL, PROTOCOLS, Upstream, catalog_of, settings};

const SAID: &str = "Let me look.\n\nCall of weather: {\"city\": \"Paris\"}\n";

fn without_tools(upstreams: &[Upstream]) -> Catalog {
    let (models, mut endpoints, providers) = catalog_of(upstreams).into_parts();
    for endpoint in &mut endpoints {
        endpoint.abilities = Abilities { tools: false, ..Abilities::default() };
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}})
}

fn chat(stream: bool) -> Value {
    json!({
        "model": MODEL, "stream": stream,
        "messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema()}}],
    })
}

#[tokio::test]
async fn calls_in_words_are_calls_to_the_caller() {
    for protocol in PROTOCOLS {
        let simulator = Simulator::start().await.unwrap();
        let catalog = without_tools(&[Upstream::of(&simulator, protocol, "one")]);
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        simulator.set_default(Script::text(SAID).chunks(9));

        let answer = gateway.post("/api/v1/chat/completions", &chat(false)).await;
        let body = answer.json();
        assert_eq!(answer.status, 200, "{protocol:?} {body}");
        let sent = simulator.calls().pop().unwrap().body.to_string();
        assert!(sent.contains("Call of NAME"), "{protocol:?} {sent}");
        let choice = &body["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{protocol:?} {body}");
        assert_eq!(choice["message"]["content"], "Let me look.", "{protocol:?} {body}");
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"]["name"], "weather", "{protocol:?} {body}");
        assert_eq!(call["function"]["arguments"], "{\"city\": \"Paris\"}", "{protocol:?} {body}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.finish_reason.as_deref(), Some("tool_calls"), "{protocol:?}");
        assert!(row.total_cost > 0, "{protocol:?}");

        let answer = gateway.post("/api/v1/chat/completions", &chat(true)).await;
        let chunks = answer.chunks();
        assert_eq!(answer.streamed_text(), "Let me look.", "{protocol:?} {chunks:?}");
        let called: Vec<&Value> =
            chunks.iter().filter_map(|it| it["choices"][0]["delta"].get("tool_calls")).collect();
        let arguments: String =
            called.iter().filter_map(|it| it[0]["function"]["arguments"].as_str()).collect();
        assert_eq!(called[0][0]["function"]["name"], "weather", "{protocol:?}");
        assert_eq!(arguments, "{\"city\": \"Paris\"}", "{protocol:?}");
        let end = chunks.iter().find_map(|it| it["choices"][0]["finish_reason"].as_str());
        assert_eq!(end, Some("tool_calls"), "{protocol:?} {chunks:?}");
    }
}

/// What comes back is told in words again, and ends in an answer.
#[tokio::test]
async fn the_loop_closes_on_every_surface() {
    for protocol in PROTOCOLS {
        let simulator = Simulator::start().await.unwrap();
        let catalog = without_tools(&[Upstream::of(&simulator, protocol, "one")]);
        let gateway = Gateway::with_catalog(catalog, settings()).await;

        simulator.set_default(Script::text(SAID));
        let mut body = chat(false);
        let answer = gateway.post("/api/v1/chat/completions", &body).await.json();
        let said = answer["choices"][0]["message"].clone();
        let id = said["tool_calls"][0]["id"].clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(said);
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
        simulator.set_default(Script::text("It is sunny."));
        let answer = gateway.post("/api/v1/chat/completions", &body).await;
        assert_eq!(answer.text(), "It is sunny.", "{protocol:?} {}", answer.json());
        let sent = simulator.calls().pop().unwrap().body.to_string();
        assert!(sent.contains("Result of weather: sunny"), "{protocol:?} {sent}");

        simulator.set_default(Script::text(SAID));
        let messages = json!({
            "model": MODEL, "max_tokens": 100,
            "messages": [{"role": "user", "content": "How is the weather?"}],
            "tools": [{"name": "weather", "input_schema": schema()}],
        });
        let answer = gateway.post("/api/v1/messages", &messages).await.json();
        assert_eq!(answer["stop_reason"], "tool_use", "{protocol:?} {answer}");
        assert_eq!(answer["content"][1]["input"], json!({"city": "Paris"}), "{protocol:?}");

        let responses = json!({
            "model": MODEL, "input": "How is the weather?",
            "tools": [{"type": "function", "name": "weather", "parameters": schema()}],
        });
        let answer = gateway.post("/api/v1/responses", &responses).await.json();
        let output = answer["output"].as_array().unwrap();
        let call = output.iter().find(|item| item["type"] == "function_call");
        assert_eq!(call.unwrap()["name"], "weather", "{protocol:?} {answer}");

        let gemini = json!({
            "contents": [{"role": "user", "parts": [{"text": "How is the weather?"}]}],
            "tools": [{"functionDeclarations": [{"name": "weather", "parameters": schema()}]}],
        });
        let path = format!("/v1beta/models/{MODEL}:generateContent");
        let answer = gateway.post(&path, &gemini).await.json();
        let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap();
        let call = parts.iter().find_map(|part| part.get("functionCall"));
        assert_eq!(call.unwrap()["args"], json!({"city": "Paris"}), "{protocol:?} {answer}");
    }
}

/// Where none may be called, nothing is told and nothing read.
#[tokio::test]
async fn without_a_choice_of_tools_the_text_stays_as_it_is() {
    for protocol in PROTOCOLS {
        let simulator = Simulator::start().await.unwrap();
        let catalog = without_tools(&[Upstream::of(&simulator, protocol, "one")]);
        let gateway = Gateway::with_catalog(catalog, settings()).await;
        simulator.set_default(Script::text(SAID));
        let mut body = chat(false);
        body["tool_choice"] = json!("none");
        let answer = gateway.post("/api/v1/chat/completions", &body).await;
        assert_eq!(answer.text(), SAID, "{protocol:?} {}", answer.json());
    }
}
