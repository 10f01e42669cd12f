//! Conversations that a workspace keeps, for callers of the Responses API. Own; RESP-1

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use store::{Actor, NewApiKey, Store, WorkspaceSettings};
use testkit::{Fault, Point, Protocol, Script, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream};

/// A gateway with a provider, whose default workspace keeps answers where that is asked for.
struct Kept {
    gateway: Gateway,
    simulator: Simulator,
}

impl Kept {
    async fn start(protocol: Protocol) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let gateway = Gateway::start(&[Upstream::of(&simulator, protocol, "one")]).await;
        let kept = Self { gateway, simulator };
        kept.switch(true).await;
        kept
    }

    fn store(&self) -> &Store {
        &self.gateway.app.store
    }

    async fn switch(&self, on: bool) {
        let id = self.store().workspaces().await.unwrap()[0].id.clone();
        let edit = |settings: &mut WorkspaceSettings| settings.stores_responses = on;
        self.store().update_workspace(&id, edit, &Actor::system(), 2).await.unwrap();
        self.gateway.app.reload().await.unwrap();
    }

    async fn ask(&self, members: Value) -> Answer {
        let mut body = json!({"model": MODEL, "store": true});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.gateway.post("/api/v1/responses", &body).await
    }

    /// Asks, and tells the answer at its end.
    async fn told(&self, members: Value) -> Value {
        let is_stream = members["stream"] == true;
        let answer = self.ask(members).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        if is_stream { end(&answer) } else { answer.json() }
    }

    async fn call(&self, key: &str, method: Method, path: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {key}"))
            .body(Full::new(Bytes::new()))
            .unwrap();
        self.gateway.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(&self.gateway.key, Method::GET, path).await
    }

    /// The key of another workspace, which keeps answers too.
    async fn stranger(&self) -> String {
        let mut settings = WorkspaceSettings::named("other", "Other");
        settings.stores_responses = true;
        let other = self.store().create_workspace(settings, &Actor::system(), 3).await.unwrap();
        let new = NewApiKey {
            name: "stranger".into(),
            workspace_id: Some(other.id),
            ..NewApiKey::default()
        };
        let key = self.store().create_api_key(new, &Actor::system(), 4).await.unwrap();
        self.gateway.app.reload().await.unwrap();
        key.plaintext.expose().to_owned()
    }

    /// What the provider was sent at last.
    fn sent(&self) -> Value {
        self.simulator.calls().last().unwrap().body.clone()
    }
}

/// The answer in the last event of a stream.
fn end(answer: &Answer) -> Value {
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).rev().nth(1).unwrap();
    serde_json::from_str::<Value>(data).unwrap()["response"].clone()
}

/// The answers so far in the events of a stream, but the last.
fn beginnings(answer: &Answer) -> Vec<Value> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: {"));
    let events = data.map(|data| serde_json::from_str::<Value>(&format!("{{{data}")).unwrap());
    let begun = |event: &Value| {
        matches!(event["type"].as_str(), Some("response.created" | "response.in_progress"))
    };
    events.filter(begun).map(|event| event["response"].clone()).collect()
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

fn check_unknown(answer: &Answer, named: &str) {
    let shown = answer.json();
    assert_eq!(answer.status, 404, "{shown}");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.contains(named), "{message}");
}

#[tokio::test]
async fn a_conversation_of_three_turns_goes_on_from_its_answers() {
    for protocol in [Protocol::OpenAiResponses, Protocol::OpenAi, Protocol::Anthropic] {
        for stream in [false, true] {
            let kept = Kept::start(protocol).await;
            for text in ["answer one", "answer two", "answer three"] {
                kept.simulator.push(Script::text(text));
            }
            let first = kept.told(json!({"stream": stream, "input": "question one"})).await;
            assert_eq!(first["store"], true, "{protocol:?} {first}");
            assert_eq!(first["previous_response_id"], Value::Null);
            let second = kept
                .told(json!({
                    "stream": stream, "previous_response_id": id(&first),
                    "input": [{"role": "user", "content": "question two"}],
                }))
                .await;
            assert_eq!(second["previous_response_id"], first["id"], "{protocol:?}");
            let third = kept
                .told(json!({
                    "stream": stream, "previous_response_id": id(&second), "store": false,
                    "input": "question three",
                }))
                .await;
            let answers = (&third["previous_response_id"], &third["store"]);
            assert_eq!(answers, (&second["id"], &json!(false)), "{protocol:?}");
            check_unknown(&kept.get(&format!("/v1/responses/{}", id(&third))).await, &id(&third));

            let sent = kept.sent();
            assert!(sent["previous_response_id"].is_null(), "{sent}");
            assert_ne!(sent["store"], true, "{sent}");
            let said = if protocol == Protocol::OpenAiResponses { "input" } else { "messages" };
            let said = sent[said].as_array().unwrap();
            let order =
                ["question one", "answer one", "question two", "answer two", "question three"];
            assert_eq!(said.len(), order.len(), "{protocol:?} {sent}");
            for (item, text) in said.iter().zip(order) {
                assert!(item.to_string().contains(text), "{protocol:?}: {text} in {item}");
                let role = if text.starts_with("answer") { "assistant" } else { "user" };
                assert_eq!(item["role"], role, "{protocol:?}");
            }
        }
    }
}

/// Whoever speaks to the provider, a stream tells from its beginning what it tells at its end.
#[tokio::test]
async fn a_stream_tells_from_its_beginning_that_it_is_kept() {
    for protocol in [Protocol::OpenAiResponses, Protocol::OpenAi] {
        let kept = Kept::start(protocol).await;
        let first = kept.told(json!({"input": "one"})).await;
        let members = json!({
            "stream": true, "input": "two", "previous_response_id": id(&first),
        });
        let answer = kept.ask(members.clone()).await;
        let (last, begun) = (end(&answer), beginnings(&answer));
        assert_eq!(begun.len(), 2, "{protocol:?}");
        for told in begun {
            for member in ["id", "store", "previous_response_id", "model"] {
                assert_eq!(told[member], last[member], "{protocol:?} {member}");
            }
        }
        assert_eq!(last["store"], true);
        // What is not to be kept is not said to be.
        let mut members = members;
        members["store"] = json!(false);
        let answer = kept.ask(members).await;
        for told in beginnings(&answer) {
            assert_eq!(told["store"], false, "{protocol:?}");
            assert_eq!(told["previous_response_id"], first["id"], "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_kept_unless_the_workspace_and_the_request_ask_for_it() {
    let kept = Kept::start(Protocol::OpenAiResponses).await;
    for members in [json!({"store": false, "input": "a"}), json!({"store": null, "input": "a"})] {
        let answer = kept.told(members).await;
        assert_eq!(answer["store"], false);
        check_unknown(&kept.get(&format!("/v1/responses/{}", id(&answer))).await, &id(&answer));
    }
    let answer = kept.told(json!({"input": "a"})).await;
    kept.switch(false).await;
    for member in ["store", "previous_response_id"] {
        let mut members = json!({"store": false, "input": "b"});
        members[member] = if member == "store" { json!(true) } else { answer["id"].clone() };
        let refused = kept.ask(members).await;
        assert_eq!(refused.status, 400, "{member}");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(member), "{message}");
    }
    // What is there already can still be seen and deleted.
    let path = format!("/api/v1/responses/{}", id(&answer));
    assert_eq!(kept.get(&path).await.status, 200);
    assert_eq!(kept.call(&kept.gateway.key, Method::DELETE, &path).await.status, 200);
}

#[tokio::test]
async fn what_is_kept_is_shown_listed_and_deleted_within_its_workspace() {
    let kept = Kept::start(Protocol::Anthropic).await;
    let stranger = kept.stranger().await;
    let input = json!([
        {"role": "user", "content": "one"},
        {"type": "message", "role": "assistant", "id": "msg_2", "status": "completed",
         "content": [{"type": "output_text", "text": "two", "annotations": []}]},
        {"role": "user", "content": "three"},
    ]);
    let told = kept.told(json!({"input": input})).await;
    let path = format!("/api/v1/responses/{}", id(&told));
    let workspace = kept.store().workspaces().await.unwrap()[0].id.clone();
    let row = kept.store().stored_response(&id(&told), &workspace, 0).await.unwrap().unwrap();
    let day = 24 * 3_600 * 1_000_000;
    assert_eq!((row.expires_at, row.items), (Some(row.created_at + 30 * day), 4));
    assert_eq!(row.model, MODEL);
    for path in [path.clone(), path.replace("/api", "")] {
        assert_eq!(kept.get(&path).await.json(), told);
    }
    let items = kept.get(&format!("{path}/input_items?order=asc&limit=2")).await.json();
    assert_eq!((&items["object"], &items["has_more"]), (&json!("list"), &json!(true)));
    assert_eq!(items["data"][0]["content"][0]["text"], "one");
    assert_eq!(items["last_id"], "msg_2");
    let items = kept.get(&format!("{path}/input_items?order=asc&after=msg_2")).await.json();
    assert_eq!(items["data"].as_array().unwrap().len(), 1);
    assert_eq!(items["data"][0]["content"][0]["text"], "three");
    assert_eq!(kept.get(&format!("{path}/input_items?after=x")).await.status, 400);
    assert_eq!(kept.get(&format!("{path}?stream=true")).await.status, 400);

    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::GET, format!("{path}/input_items")),
        (Method::DELETE, path.clone()),
    ] {
        check_unknown(&kept.call(&stranger, method, &path).await, &id(&told));
    }
    let body = json!({"model": MODEL, "input": "go on", "previous_response_id": id(&told)});
    let request = Request::post("/api/v1/responses")
        .header("host", "gateway")
        .header("authorization", format!("Bearer {stranger}"))
        .body(Full::new(body.to_string().into()))
        .unwrap();
    let calls = kept.simulator.calls().len();
    let foreign = kept.gateway.send(request).await;
    check_unknown(&foreign, "previous_response_id: ");
    assert_eq!(foreign.json()["status"], "failed");

    let next = kept.told(json!({"input": "go on", "previous_response_id": id(&told)})).await;
    let deleted = kept.call(&kept.gateway.key, Method::DELETE, &path).await;
    assert_eq!(deleted.json(), json!({"id": told["id"], "object": "response", "deleted": true}));
    for gone in [id(&told), id(&next), "gen-none".to_owned()] {
        let refused = kept.ask(json!({"input": "x", "previous_response_id": gone})).await;
        check_unknown(&refused, "previous_response_id: ");
        let error = &refused.json()["error"];
        assert_eq!(error["code"], "previous_response_not_found");
        assert_eq!(error["param"], "previous_response_id");
    }
    assert_eq!(kept.simulator.calls().len(), calls + 1, "no provider is asked");
}

#[tokio::test]
async fn an_answer_that_could_not_be_kept_says_so() {
    let kept = Kept::start(Protocol::OpenAiResponses).await;
    let first = kept.told(json!({"input": "a"})).await;
    kept.gateway.app.stored_turns.close();
    for stream in [false, true] {
        let told = kept.told(json!({"input": "a", "stream": stream})).await;
        assert_eq!((&told["store"], &told["status"]), (&json!(false), &json!("completed")));
        assert_eq!(kept.get(&format!("/v1/responses/{}", id(&told))).await.status, 404);
    }
    let refused = kept.ask(json!({"input": "b", "previous_response_id": id(&first)})).await;
    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn what_failed_is_not_kept_and_what_is_too_long_is_refused() {
    let kept = Kept::start(Protocol::OpenAiResponses).await;
    kept.simulator.push(Script::fault(Fault::Reset(Point::After(1))));
    let broken = kept.ask(json!({"input": "a", "stream": true})).await;
    let broken = broken.headers["x-generation-id"].to_str().unwrap();
    check_unknown(&kept.get(&format!("/v1/responses/{broken}")).await, broken);

    let item = json!({"role": "user", "content": "a"});
    let told = kept.told(json!({"input": vec![item.clone(); 900]})).await;
    for members in [
        json!({"input": vec![item.clone(); 100], "previous_response_id": id(&told)}),
        json!({"input": vec![item.clone(); 1_001], "previous_response_id": id(&told)}),
        json!({"input": vec![item.clone(); 1_001]}),
        json!({"input": "a", "previous_response_id": 1}),
    ] {
        let refused = kept.ask(members).await;
        assert_eq!(refused.status, 400, "{}", refused.json());
    }
    let most = json!({"input": vec![item; 99], "previous_response_id": id(&told)});
    assert_eq!(kept.ask(most).await.status, 200);
}

/// The reader says what is wrong with what is no conversation, not the keeper.
#[tokio::test]
async fn what_cannot_be_read_is_refused_as_ever() {
    let kept = Kept::start(Protocol::OpenAi).await;
    for (members, named) in [
        (json!({"input": "a", "background": true}), "background"),
        (json!({"input": "a", "conversation": "conv_1"}), "conversation"),
        (json!({"input": [1]}), "input"),
        (json!({"input": {}}), "input: "),
    ] {
        let refused = kept.ask(members).await;
        assert_eq!(refused.status, 400, "{named}");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{message}");
    }
}
