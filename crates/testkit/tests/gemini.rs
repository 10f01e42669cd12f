//! The simulated Gemini, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::{Answer, post, send};
use serde_json::{Value, json};
use testkit::{Script, Simulator, tokens};

fn ask(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    json!([{"functionDeclarations": [
        {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
        {"name": "get_time"}
    ]}])
}

async fn generate(model: &str, body: &Value) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    let path = format!("/gemini/v1beta/models/{model}:generateContent");
    post(simulator.address(), &path, &[], body).await
}

async fn stream(model: &str, body: &Value, query: &str) -> Answer {
    let simulator = Simulator::start().await.unwrap();
    let path = format!("/gemini/v1beta/models/{model}:streamGenerateContent{query}");
    post(simulator.address(), &path, &[], body).await
}

#[tokio::test]
async fn a_plain_answer_has_candidates_and_usage() {
    let answer = generate("gemini-2.5-sim", &ask("hi there")).await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    let text = body["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert_eq!(text, "Hello from the simulated model gemini-2.5-sim. You said: hi there");
    assert_eq!(body["candidates"][0]["finishReason"], "STOP");
    let usage = &body["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 6);
    assert_eq!(usage["candidatesTokenCount"], tokens::count(text));
    assert_eq!(usage["totalTokenCount"], 6 + tokens::count(text));
}

#[tokio::test]
async fn a_stream_ends_without_a_word_and_repeats_usage() {
    let answer = stream("gemini-2.5-sim", &ask("hi"), "?alt=sse").await;
    assert!(!answer.text().contains("[DONE]") && answer.text().ends_with("\r\n\r\n"));
    let events = answer.events();
    let counts: Vec<u64> = events
        .iter()
        .map(|event| event["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap())
        .collect();
    assert!(counts.is_sorted() && counts.len() > 5);
    let last = &events.last().unwrap()["candidates"][0];
    assert_eq!(last["finishReason"], "STOP");
    assert!(last.get("content").is_none(), "the last chunk may come without content");

    let array = stream("gemini-2.5-sim", &ask("hi"), "").await;
    assert_eq!(array.json().as_array().unwrap().len(), events.len());
}

#[tokio::test]
async fn thoughts_are_counted_outside_the_candidates() {
    let config = json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 512}}});
    let body = with(ask("hi"), config);
    let answer = generate("gemini-2.5-sim", &body).await.json();
    let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap();
    assert_eq!(parts[0]["thought"], true);
    let usage = &answer["usageMetadata"];
    let number = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(number("thoughtsTokenCount"), tokens::count(parts[0]["text"].as_str().unwrap()));
    assert_eq!(number("candidatesTokenCount"), tokens::count(parts[1]["text"].as_str().unwrap()));
    assert_eq!(
        number("totalTokenCount"),
        number("promptTokenCount") + number("candidatesTokenCount") + number("thoughtsTokenCount")
    );
    let events = stream("gemini-2.5-sim", &body, "?alt=sse").await.events();
    assert_eq!(&events.last().unwrap()["usageMetadata"], usage);
}

#[tokio::test]
async fn calls_are_signed_and_the_signature_must_come_back() {
    let question = with(ask("use get_weather and get_time in Paris"), json!({"tools": weather()}));
    let body = generate("gemini-3-sim", &question).await.json();
    assert_eq!(body["candidates"][0]["finishReason"], "STOP");
    let parts = body["candidates"][0]["content"]["parts"].as_array().unwrap();
    assert_eq!(parts[0]["functionCall"]["args"], json!({"city": "Paris"}));
    assert!(parts[0]["thoughtSignature"].is_string());
    assert!(parts[1].get("thoughtSignature").is_none(), "only the first call is signed");

    let replay = |parts: Vec<Value>| {
        let mut next = question.clone();
        let contents = next["contents"].as_array_mut().unwrap();
        contents.push(json!({"role": "model", "parts": parts}));
        contents.push(json!({"role": "user", "parts": [
            {"functionResponse": {"name": "get_weather", "response": {"result": "sunny"}}},
            {"functionResponse": {"name": "get_time", "response": {"result": "noon"}}},
        ]}));
        next
    };
    let answer = generate("gemini-3-sim", &replay(parts.clone())).await;
    assert!(answer.text().contains("sunny") && answer.text().contains("noon"), "{}", answer.text());

    let mut unsigned = parts.clone();
    unsigned[0].as_object_mut().unwrap().remove("thoughtSignature");
    let answer = generate("gemini-3-sim", &replay(unsigned.clone())).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text()
            .contains("Function call is missing a thought_signature in functionCall parts.")
    );
    assert_eq!(generate("gemini-2.5-sim", &replay(unsigned.clone())).await.status, 200);
    for (signature, status) in [
        ("skip_thought_signature_validator", 200),
        ("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", 200),
        ("c29tZXRoaW5nIGVsc2U=", 400),
    ] {
        unsigned[0]["thoughtSignature"] = signature.into();
        assert_eq!(generate("gemini-3-sim", &replay(unsigned.clone())).await.status, status);
    }
    let mut snake = parts.clone();
    let signature = snake[0].as_object_mut().unwrap().remove("thoughtSignature").unwrap();
    snake[0]["thought_signature"] = signature;
    assert_eq!(generate("gemini-3-sim", &replay(snake)).await.status, 200);

    let events = stream("gemini-3-sim", &question, "?alt=sse").await.events();
    let calls = events
        .iter()
        .filter(|event| event.pointer("/candidates/0/content/parts/0/functionCall").is_some());
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn structured_output_takes_either_kind_of_schema() {
    let schema =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    for name in ["responseSchema", "responseJsonSchema"] {
        let mut config = json!({"responseMimeType": "application/json"});
        config[name] = schema.clone();
        let body =
            generate("gemini-2.5-sim", &with(ask("Paris"), json!({"generationConfig": config})))
                .await
                .json();
        assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "{\"city\":\"Paris\"}");
    }
}

#[tokio::test]
async fn forced_and_limited_answers_follow_the_request() {
    let config =
        json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_time"]}});
    let body = with(ask("hi"), json!({"tools": weather(), "toolConfig": config}));
    let answer = generate("gemini-2.5-sim", &body).await.json();
    assert_eq!(
        answer["candidates"][0]["content"]["parts"][0]["functionCall"],
        json!({"name": "get_time", "args": {}})
    );
    let limited = with(
        ask("hi"),
        json!({"generation_config": {"max_output_tokens": 1, "candidate_count": 2}}),
    );
    let answer = generate("gemini-2.5-sim", &limited).await.json();
    assert_eq!(answer["candidates"][1]["finishReason"], "MAX_TOKENS");
    assert_eq!(answer["usageMetadata"]["candidatesTokenCount"], 2);
    let image = json!({"contents": [{"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}]});
    assert!(generate("gemini-2.5-sim", &image).await.text().contains("I see 1 image."));
}

#[tokio::test]
async fn requests_are_refused_in_the_words_of_the_vendor() {
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]});
    let user = json!({"role": "user", "parts": [{"text": "hi"}]});
    let response = json!({"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]});
    let parameters = |schema: Value| json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]});
    let cases = [
        (
            with(ask("hi"), json!({"stream": true})),
            "Invalid JSON payload received. Unknown name \"stream\": Cannot find field.",
        ),
        (
            with(ask("hi"), json!({"generationConfig": {"max_tokens": 1}})),
            "Unknown name \"max_tokens\" at 'generation_config'",
        ),
        (json!({}), "contents is not specified"),
        (
            json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
            "Please use a valid role: user, model.",
        ),
        (json!({"contents": [{"parts": [{"text": ""}]}]}), "must have one initialized field"),
        (json!({"contents": [user, call, user]}), "number of function response parts is equal"),
        (json!({"contents": [user, call]}), "number of function response parts is equal"),
        (json!({"contents": [user, response]}), "immediately after a function call turn"),
        (
            json!({"contents": [call, response]}),
            "immediately after a user turn or after a function response turn",
        ),
        (
            json!({"contents": [user, call, {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": "text"}}]}]}),
            "(type.googleapis.com/google.protobuf.Struct), \"text\"",
        ),
        (
            json!({"contents": [user, call, {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"$ref": "x"}}}]}]}),
            "invalid argument",
        ),
        (
            with(ask("hi"), json!({"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}})),
            "Function calling config is set without function_declarations.",
        ),
        (
            with(
                ask("hi"),
                parameters(
                    json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}),
                ),
            ),
            "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters'",
        ),
        (
            with(
                ask("hi"),
                parameters(
                    json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
                ),
            ),
            "Proto field is not repeating, cannot start list.",
        ),
        (
            with(ask("hi"), parameters(json!({"type": "object", "properties": {}}))),
            "should be non-empty for OBJECT type",
        ),
        (
            with(ask("hi"), json!({"cachedContent": "cachedContents/1", "tools": weather()})),
            "CachedContent can not be used",
        ),
        (
            with(
                ask("hi"),
                json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}),
            ),
            "only one of thinking budget and thinking level",
        ),
        (
            with(
                ask("hi"),
                json!({"tools": weather(), "generationConfig": {"responseMimeType": "application/json"}}),
            ),
            "Function calling with a response mime type",
        ),
    ];
    for (body, expected) in cases {
        let answer = generate("gemini-2.5-sim", &body).await;
        assert_eq!(answer.status, 400, "{body}");
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(400), &json!("INVALID_ARGUMENT")));
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(expected), "{text}\n{expected}");
    }
}

#[tokio::test]
async fn faults_have_the_form_of_the_vendor() {
    let simulator = Simulator::start().await.unwrap();
    let path = "/gemini/v1beta/models/gemini-sim:streamGenerateContent?alt=sse";
    for (status, name) in
        [(429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE"), (404, "NOT_FOUND")]
    {
        simulator.push(Script::status(status).retry_after(14));
        let answer = post(simulator.address(), path, &[], &ask("hi")).await;
        assert_eq!(answer.status, status);
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(name)));
        assert_eq!(error["details"][0]["retryDelay"], "14s");
    }
    simulator.push("fault=error:2:503".parse().unwrap());
    let answer = post(simulator.address(), path, &[], &ask("hi")).await;
    assert_eq!(answer.events().last().unwrap()["error"]["status"], "UNAVAILABLE");
    simulator.push("fault=refusal".parse().unwrap());
    let events = post(simulator.address(), path, &[], &ask("hi")).await.events();
    assert_eq!(events[0]["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(events[0].get("candidates").is_none());
}

#[tokio::test]
async fn keys_models_and_counts_are_googles() {
    let simulator = Simulator::builder().require_key("secret").models(["a"]).start().await.unwrap();
    let path = "/gemini/v1beta/models/a:countTokens";
    let wrong = post(simulator.address(), path, &[("x-goog-api-key", "no")], &ask("hi")).await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["details"][0]["reason"]),
        (400, &json!("API_KEY_INVALID"))
    );
    let missing = post(simulator.address(), path, &[], &ask("hi")).await;
    assert_eq!(
        (missing.status, &missing.json()["error"]["status"]),
        (403, &json!("PERMISSION_DENIED"))
    );
    let count =
        post(simulator.address(), &format!("{path}?key=secret"), &[], &ask("hi there")).await;
    assert_eq!(count.json()["totalTokens"], 6);
    let list = send(
        simulator.address(),
        "GET",
        "/gemini/v1beta/models",
        &[("x-goog-api-key", "secret")],
        "",
    )
    .await;
    assert_eq!(list.json()["models"][0]["name"], "models/a");
}
