//! Values that a vendor has and nobody here knows: they reach a provider that speaks the same, and
//! no other. Promise 5

use http::StatusCode;
use protocol::Dialect;
use serde_json::{Value, json};
use testkit::{Protocol, Simulator};

use super::clouds::{Server, upstream};
use super::support::{Answer, Gateway, MODEL, Upstream};

/// A request of each vendor's API with values from its future, and the members they stand in.
fn futures() -> [(Protocol, String, Value, &'static [&'static str]); 3] {
    [
        (
            Protocol::OpenAiResponses,
            "/api/v1/responses".to_owned(),
            json!({
                "model": MODEL,
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_hologram", "x": [1.0]}]},
                    {"type": "telepathy_call", "id": "t", "thought": "x"},
                ],
                "tools": [{"type": "crystal_ball", "size": 3}],
                "reasoning": {"effort": "ultra"},
                "metadata": {"number": 7},
                "text": {"verbosity": {"level": 3}},
            }),
            &["input", "tools", "reasoning", "metadata", "text"],
        ),
        (
            Protocol::Anthropic,
            "/api/v1/messages".to_owned(),
            json!({
                "model": MODEL,
                "max_tokens": 100,
                "system": [{"type": "hologram", "x": [1.0]}],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": {"type": "satellite"}}]}],
                "tools": [{"type": "crystal_ball_20270101", "size": 3}],
                "tool_choice": {"type": "hint"},
                "output_config": {"effort": "ultra"},
                "stop_sequences": "x",
            }),
            &["system", "messages", "tools", "tool_choice", "output_config", "stop_sequences"],
        ),
        (
            Protocol::Gemini,
            format!("/v1beta/models/{MODEL}:generateContent"),
            json!({
                "contents": [{"role": "director", "parts": [{"text": "hi"}, {"hologram": {"x": [1.0]}}]}],
                "tools": [{"crystalBall": {"size": 3}}],
                "toolConfig": {"functionCallingConfig": {"mode": "HINT"}},
                "generationConfig": {"thinkingConfig": {"thinkingLevel": "ULTRA"}, "temperature": "hot"},
            }),
            &["contents", "tools", "toolConfig", "generationConfig"],
        ),
    ]
}

async fn behind(protocols: &[Protocol]) -> (Vec<Simulator>, Gateway) {
    let mut simulators = Vec::new();
    let mut upstreams = Vec::new();
    for (at, protocol) in protocols.iter().enumerate() {
        let simulator = Simulator::start().await.unwrap();
        upstreams.push(Upstream::of(&simulator, *protocol, &format!("provider-{at}")));
        simulators.push(simulator);
    }
    let gateway = Gateway::start(&upstreams).await;
    (simulators, gateway)
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn values_from_the_future_reach_a_provider_of_the_same_protocol() {
    for (protocol, path, body, members) in futures() {
        let (simulators, gateway) = behind(&[protocol]).await;
        // Whether it understands them is the provider's to say.
        gateway.post(&path, &body).await;
        let calls = simulators[0].calls();
        assert_eq!(calls.len(), 1, "{protocol:?}");
        for member in members {
            assert_eq!(calls[0].body[member], body[member], "{protocol:?}");
        }
    }
}

/// All of a body of Responses, and all of its answer, as they come and as they go on.
#[tokio::test]
async fn a_body_of_responses_arrives_whole_and_so_does_its_answer() {
    let answer = json!({
        "id": "resp_1", "object": "response", "created_at": 7, "status": "completed",
        "model": "simulated-model-2027", "error": null, "incomplete_details": null,
        "completed_at": 8, "frequency_penalty": null, "presence_penalty": null,
        "instructions": null, "metadata": {"number": 7}, "mood": {"is": "good"}, "store": false,
        "output": [
            {"type": "telepathy_result", "id": "t_1", "thought": [1.5]},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []},
                {"type": "output_hologram", "x": [1.5]}]},
        ],
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0,
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "thoughts": 3},
    });
    let said = answer.to_string();
    let provider =
        Server::start(move |_, _| (StatusCode::OK, ("application/json", said.clone()))).await;
    let upstream = upstream(provider.url(), Dialect::OpenaiResponses);
    let gateway = Gateway::start(&[upstream]).await;
    let (_, path, body, _) = futures().into_iter().next().unwrap();
    let told = gateway.post(&path, &body).await;
    assert_eq!(told.status, StatusCode::OK);

    let received = provider.received();
    assert_eq!(received.len(), 1);
    let mut expected = body;
    expected["model"] = json!("simulated-model");
    expected["store"] = json!(false);
    assert_eq!(received[0].json(), expected);

    let mut expected = answer;
    expected["id"] = json!(told.headers["x-generation-id"].to_str().unwrap());
    expected["model"] = json!(MODEL);
    expected["usage"] = json!({
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
        "thoughts": 3, "cost": 0.000_105, "is_byok": false,
        "cost_details": {
            "upstream_inference_cost": 0.000_105, "upstream_inference_input_cost": 0.000_03,
            "upstream_inference_output_cost": 0.000_075,
        },
    });
    assert_eq!(told.json(), expected);
}

#[tokio::test]
async fn no_provider_of_another_protocol_is_asked_without_them() {
    for (protocol, path, mut body, _) in futures() {
        let (simulators, gateway) = behind(&[Protocol::OpenAi, Protocol::Cohere]).await;
        // It has a type that is wrong, which would be no better as it is.
        body.as_object_mut().unwrap().remove("metadata");
        let answer = gateway.post(&path, &body).await;
        let message = message(&answer);
        assert_eq!(answer.status, 400, "{protocol:?}: {message}");
        assert!(message.contains("has no counterpart") && message.contains(": "), "{message}");
        assert!(simulators.iter().all(|simulator| simulator.calls().is_empty()), "{message}");
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!((row.status, row.total_cost), (400, 0));
    }
}

#[tokio::test]
async fn providers_of_other_protocols_are_passed_over_for_them() {
    for (protocol, path, mut body, _) in futures() {
        let (simulators, gateway) = behind(&[Protocol::OpenAi, protocol, Protocol::Cohere]).await;
        body["provider"] = json!({"order": ["provider-0", "provider-2", "provider-1"]});
        gateway.post(&path, &body).await;
        let asked: Vec<_> = simulators.iter().map(|simulator| simulator.calls().len()).collect();
        assert_eq!(asked, [0, 1, 0], "{protocol:?}");
    }
}

/// A body that any protocol can say is not refused for how it would be refused elsewhere: what is
/// told is what the last provider that was asked said.
#[tokio::test]
async fn what_a_provider_said_goes_before_that_others_could_not_be_asked() {
    for (protocol, path, mut body, _) in futures() {
        let (simulators, gateway) = behind(&[protocol, Protocol::OpenAi]).await;
        simulators[0].set_default(testkit::Script::status(503));
        body["provider"] = json!({"order": ["provider-0", "provider-1"]});
        let answer = gateway.post(&path, &body).await;
        assert_eq!(answer.status, 503, "{protocol:?}: {}", message(&answer));
    }
}

/// A conversation with values from the future, in which these makers' reasoning came back.
fn with_reasoning_of(
    gateway: &Gateway,
    protocol: Protocol,
    mut body: Value,
    makers: &[&str],
) -> Value {
    let provenance = &gateway.app.provenance;
    let proof = |maker: &&str| {
        let stamp = provenance.stamp(&provenance.maker(maker, "c"));
        format!("{}EqQB{maker}", stamp.as_str())
    };
    for proof in makers.iter().map(proof) {
        match protocol {
            Protocol::OpenAiResponses => {
                let input = body["input"].as_array_mut().unwrap();
                input.push(json!({
                    "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": proof,
                }));
                input.push(json!({"role": "assistant", "content": "x"}));
            }
            Protocol::Anthropic => {
                let messages = body["messages"].as_array_mut().unwrap();
                let thought = json!({"type": "thinking", "thinking": "x", "signature": proof});
                messages.push(json!({"role": "assistant", "content": [thought]}));
                messages.push(json!({"role": "user", "content": "x"}));
            }
            _ => {
                let contents = body["contents"].as_array_mut().unwrap();
                let thought = json!({"text": "x", "thought": true, "thoughtSignature": proof});
                contents.push(json!({"role": "model", "parts": [thought]}));
                contents.push(json!({"role": "user", "parts": [{"text": "x"}]}));
            }
        }
    }
    body
}

/// The next turn of such a conversation: it goes to whoever made reasoning in it, as it is, and to
/// nobody else. REASON-11
#[tokio::test]
async fn values_from_the_future_reach_makers_of_reasoning_in_every_turn() {
    for (protocol, path, body, members) in futures() {
        let (simulators, gateway) = behind(&[protocol, protocol]).await;
        let calls = || -> Vec<_> {
            let taken = |simulator: &Simulator| {
                let calls = simulator.calls();
                simulator.clear();
                calls
            };
            simulators.iter().map(taken).collect()
        };
        for (makers, only, asked) in [
            (&["provider-0"][..], &["provider-0"][..], [1, 0]),
            (&["provider-0", "provider-1"], &["provider-0"], [1, 0]),
            (&["provider-0", "provider-1"], &["provider-1"], [0, 1]),
            (&["provider-0"], &["provider-1"], [0, 0]),
            (&["provider-1"], &["provider-0", "provider-1"], [0, 1]),
        ] {
            let mut body = with_reasoning_of(&gateway, protocol, body.clone(), makers);
            body["provider"] = json!({"only": only, "order": only});
            let answer = gateway.post(&path, &body).await;
            let case = format!("{protocol:?} {makers:?} {only:?} {}", answer.json());
            let calls = calls();
            let counts: Vec<_> = calls.iter().map(Vec::len).collect();
            assert_eq!(counts, asked, "{case}");
            if asked == [0, 0] {
                assert_eq!(answer.status, 400, "{case}");
            }
            for call in calls.iter().flatten() {
                assert!(!call.body.to_string().contains("tlr1"), "{case}");
                // What is encrypted is known by its form at OpenAI's, and this has none.
                let kept = makers.iter().filter(|_| protocol != Protocol::OpenAiResponses);
                for maker in kept {
                    assert!(call.body.to_string().contains(&format!("EqQB{maker}")), "{case}");
                }
                for member in members.iter().filter(|member| body[**member].is_object()) {
                    assert_eq!(call.body[member], body[member], "{case}");
                }
            }
        }
    }
}
