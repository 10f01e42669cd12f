use super::{charge, identity};
use crate::exchange::{Additions, ErrorType, FinishReason};
use crate::openai_chat::patch_response;
use crate::target::ResponseContext;

fn patched(body: &str) -> String {
    let charge = charge();
    let additions = Additions { charge: Some(&charge), members: &[], ..Additions::default() };
    let answer = patch_response(body.as_bytes(), &identity(), &ResponseContext::default()).unwrap();
    String::from_utf8(answer.finish(additions)).unwrap()
}

/// CHAT-10, CHAT-12, USAGE-3
#[test]
fn who_answers_and_what_it_cost_are_set_and_the_rest_survives() {
    let body = r#"{"id":"chatcmpl-9","object":"chat.completion","created":1,"model":"gpt","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9","x": 1.0e1},"logprobs":null,"finish_reason":"eos"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"queue_time":0.1},"system_fingerprint":"fp","citations":["u"]}"#;
    assert_eq!(
        patched(body),
        r#"{"id":"gen-1","provider":"P","model":"a/b","object":"chat.completion","created":7,"service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9","x": 1.0e1},"logprobs":null,"finish_reason":"stop","native_finish_reason":"eos"}],"system_fingerprint":"fp","citations":["u"],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":0.5,"is_byok":false,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0,"video_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"image_tokens":0},"queue_time":0.1}}"#
    );
    let answer = patch_response(body.as_bytes(), &identity(), &ResponseContext::default()).unwrap();
    assert_eq!(answer.finishes, vec![(FinishReason::Stop, Some("eos".to_owned()))]);
    assert_eq!(answer.service_tier.as_deref(), Some("default"));
    assert_eq!(answer.upstream_id.as_deref(), Some("chatcmpl-9"));
    assert!(answer.has_content);
}

/// USAGE-3
#[test]
fn usage_may_stand_in_the_choices() {
    let choices = r#""choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2}},{"index":1,"message":{"content":"b"},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":3}}]"#;
    let usage = |body: &str| {
        let value: serde_json::Value = serde_json::from_str(&patched(body)).unwrap();
        assert!(value["choices"][0].get("usage").is_none());
        (value["usage"]["prompt_tokens"].clone(), value["usage"]["completion_tokens"].clone())
    };
    assert_eq!(usage(&format!("{{{choices}}}")), (9.into(), 5.into()));
    let told = format!(r#"{{{choices},"usage":{{"prompt_tokens":9,"completion_tokens":6}}}}"#);
    assert_eq!(usage(&told), (9.into(), 6.into()));
}

/// USAGE-4
#[test]
fn how_much_of_a_search_is_read_is_what_the_provider_says_else_what_was_asked() {
    use crate::exchange::SearchContext::{High, Medium};
    let read = |usage: &str, asked| {
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
        );
        let context = ResponseContext { search_context: asked, ..ResponseContext::default() };
        let answer = patch_response(body.as_bytes(), &identity(), &context).unwrap();
        answer.usage.unwrap().search_context
    };
    let silent = r#"{"prompt_tokens":1}"#;
    let told = r#"{"prompt_tokens":1,"search_context_size":"high"}"#;
    assert_eq!(read(silent, None), None);
    assert_eq!(read(silent, Some(Medium)), Some(Medium));
    assert_eq!(read(told, Some(Medium)), Some(High));
}

/// REASON-9, bugs 2, 3, 15, 29
#[test]
fn reasoning_and_tool_calls_get_their_whole_form() {
    let out = patched(
        r#"{"choices":[{"message":{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"id":"c2","type":"function","function":{"name":"g","arguments":""}}]},"finish_reason":"stop"}]}"#,
    );
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    let choice = &value["choices"][0];
    assert_eq!(choice["index"], 0);
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["native_finish_reason"], "stop");
    let message = &choice["message"];
    assert_eq!(message["reasoning"], "hm");
    assert_eq!(message["reasoning_details"][0]["type"], "reasoning.text");
    assert_eq!(message["reasoning_details"][0]["text"], "hm");
    assert!(message.get("reasoning_content").is_none());
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
    assert!(message["tool_calls"][0]["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(message["tool_calls"][0]["type"], "function");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}");
    assert_eq!(message["tool_calls"][1]["id"], "c2");
}

/// Bug 11
#[test]
fn an_error_inside_a_good_status_is_an_error() {
    for (body, error_type) in [
        (r#"{"error":{"message":"x","code":429}}"#, ErrorType::RateLimitExceeded),
        (r#"{"base_resp":{"status_code":1008,"status_msg":"x"}}"#, ErrorType::PaymentRequired),
        (r#"{"choices":[]}"#, ErrorType::ProviderUnavailable),
        (r#"{"choices":null}"#, ErrorType::ProviderUnavailable),
        ("<html>", ErrorType::ProviderUnavailable),
        (r#"{"choices":[1]}"#, ErrorType::ProviderUnavailable),
    ] {
        let fault = patch_response(body.as_bytes(), &identity(), &ResponseContext::default())
            .expect_err(body);
        assert_eq!(fault.error_type, error_type, "{body}");
    }
    let good =
        r#"{"choices":[{"message":{"content":"x"}}],"error":null,"base_resp":{"status_code":0}}"#;
    assert!(patch_response(good.as_bytes(), &identity(), &ResponseContext::default()).is_ok());
}

/// Mistral's thinking parts
#[test]
fn parts_become_text_and_reasoning() {
    let out = patched(
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]},"finish_reason":"stop"}]}"#,
    );
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["choices"][0]["message"]["content"], "yes");
    assert_eq!(value["choices"][0]["message"]["reasoning"], "hm");
}

/// REASON-4
#[test]
fn excluded_reasoning_is_left_out() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","reasoning":"a","reasoning_content":"a","reasoning_details":[{}],"content":"x"},"finish_reason":"stop"}]}"#;
    let context = ResponseContext { exclude_reasoning: true, ..ResponseContext::default() };
    let answer = patch_response(body.as_bytes(), &identity(), &context).unwrap();
    let out = String::from_utf8(answer.finish(Additions::default())).unwrap();
    assert!(!out.contains("reasoning"), "{out}");
}

/// CHAT-11, STREAM-7
#[test]
fn a_provider_that_failed_part_way_is_told_in_the_choice() {
    let out = patched(
        r#"{"choices":[{"index":0,"message":{"content":"half"},"finish_reason":"insufficient_system_resource"}]}"#,
    );
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    let choice = &value["choices"][0];
    assert_eq!(choice["finish_reason"], "error");
    assert_eq!(choice["error"]["code"], 502);
    let metadata = &choice["error"]["metadata"];
    assert_eq!(metadata["error_type"], "provider_unavailable");
    assert_eq!(metadata["provider_code"], "insufficient_system_resource");
}

/// MMIN-5: images have prices of their own.
#[test]
fn images_are_counted() {
    let body = r#"{"choices":[{"message":{"content":"","images":[{"type":"image_url"},{"type":"image_url"}]}},{"message":{"content":"x"}}]}"#;
    let answer = patch_response(body.as_bytes(), &identity(), &ResponseContext::default()).unwrap();
    assert_eq!(answer.images, 2);
}

/// CHAT-8
#[test]
fn an_answer_shorter_than_the_prefill_is_kept() {
    let body = r#"{"choices":[{"message":{"content":"Yes"},"finish_reason":"stop"}]}"#;
    let context =
        ResponseContext { prefill: Some("Yes, because".into()), ..ResponseContext::default() };
    let answer = patch_response(body.as_bytes(), &identity(), &context).unwrap();
    let out = String::from_utf8(answer.finish(Additions::default())).unwrap();
    assert!(out.contains(r#""content":"Yes""#), "{out}");
}

/// Bugs 28, 29
#[test]
fn calls_are_mapped_back_and_legacy_ones_are_calls() {
    let context = ResponseContext {
        tool_names: [("a_b".to_owned(), "a.b".to_owned())].into(),
        ..ResponseContext::default()
    };
    let body = r#"{"choices":[{"message":{"content":null,"function_call":{"name":"a_b","arguments":"{}"}},"finish_reason":"function_call"}]}"#;
    let answer = patch_response(body.as_bytes(), &identity(), &context).unwrap();
    let value: serde_json::Value =
        serde_json::from_slice(&answer.finish(Additions::default())).unwrap();
    let message = &value["choices"][0]["message"];
    assert!(message.get("function_call").is_none());
    assert_eq!(message["tool_calls"][0]["function"]["name"], "a.b");
    assert_eq!(message["tool_calls"][0]["type"], "function");
    assert_eq!(value["choices"][0]["finish_reason"], "tool_calls");
}

/// Bug 25: what callers got from us comes back in the next turn.
#[test]
fn our_own_answer_can_be_replayed_to_strict_hosts() {
    use crate::json::Envelope;
    use crate::openai_chat::{RequestPatch, patch_request};
    use crate::target::{Abilities, Quirks, Target};
    let out = patched(
        r#"{"choices":[{"message":{"role":"assistant","content":null,"refusal":null,"reasoning_content":"hm","images":[{"type":"image_url"}],"annotations":[],"audio":null,"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
    );
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let message = &answer["choices"][0]["message"];
    let body = serde_json::json!({"model":"m","messages":[message]}).to_string();
    let (abilities, quirks) =
        (Abilities::default(), Quirks { strict_messages: true, ..Quirks::default() });
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let target = Target::new("n", &quirks, &abilities);
    let sent = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    let mut members: Vec<_> = sent["messages"][0].as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["content", "role", "tool_calls"]);
    let mut call: Vec<_> =
        sent["messages"][0]["tool_calls"][0].as_object().unwrap().keys().cloned().collect();
    call.sort();
    assert_eq!(call, ["function", "id", "type"]);
}
