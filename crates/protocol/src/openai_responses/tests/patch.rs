use serde_json::{Value, json};

use super::{each_frame, frames, identity};
use crate::exchange::{Additions, Charge, Effort, ErrorType, Fault, FinishReason, Usage};
use crate::json::Envelope;
use crate::openai_responses::{Echo, PatchStream, RequestPatch, patch_request, patch_response};
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, ResponseContext, Target, Tier};

fn reasons() -> Abilities {
    Abilities { reasoning: ReasoningStyle::Effort, ..Abilities::default() }
}

fn patch(body: &str, abilities: &Abilities, patch: &RequestPatch) -> Encoded {
    let quirks = Quirks::default();
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    patch_request(&envelope, &Target::new("up", &quirks, abilities), patch).unwrap()
}

fn patched(body: &str) -> String {
    let encoded = patch(body, &Abilities::default(), &RequestPatch::default());
    String::from_utf8(encoded.body).unwrap()
}

/// CHAT-4
#[test]
fn everything_that_need_not_change_keeps_its_bytes() {
    let input = r#"[{"role" : "user","content":[{"type":"input_text","text":"\u00e4", "odd": 1.0e0}]},
        {"type":"never_seen","x":[1, 2]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}","id":"fc_1"}]"#;
    let body = format!(
        r#"{{"model":"a/b","input":{input},"tools":[{{"type":"brand_new"}}],"temperature":1.0e0,"new":{{"a": 1}},"provider":{{}},"models":[],"speed":"slow","previous_response_id":null}}"#
    );
    assert_eq!(
        patched(&body),
        format!(
            r#"{{"model":"up","input":{input},"tools":[{{"type":"brand_new"}}],"temperature":1.0e0,"new":{{"a": 1}},"store":false}}"#
        )
    );
}

/// RESP-1
#[test]
fn nothing_is_stored_whatever_was_asked_for() {
    assert!(patched(r#"{"input":"x","store":true}"#).contains(r#""store":false"#));
    let envelope = Envelope::parse(br#"{"input":"x","previous_response_id":"resp_1"}"#).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("up", &quirks, &abilities);
    assert!(patch_request(&envelope, &target, &RequestPatch::default()).is_err());
}

/// Bugs 18, 24
#[test]
fn what_is_refused_while_a_model_reasons_is_sent_when_it_does_not() {
    let abilities = Abilities {
        efforts: vec![Effort::None, Effort::Low],
        sampling_while_reasoning: false,
        forced_tool_choice_while_reasoning: false,
        ..reasons()
    };
    let sampling =
        r#""temperature":0.5,"top_logprobs":2,"include":["message.output_text.logprobs"]"#;
    for (reasoning, open) in [
        ("", true),
        (r#","reasoning":{"effort":"none"}"#, true),
        (r#","reasoning":{"effort":"low"}"#, false),
    ] {
        let body = format!(
            r#"{{"model":"m","input":"hi",{sampling},"tool_choice":"required"{reasoning}}}"#
        );
        let encoded = patch(&body, &abilities, &RequestPatch::default());
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        for member in ["temperature", "top_logprobs"] {
            assert_eq!(sent.get(member).is_some(), open, "{member} {reasoning}");
        }
        let included = sent["include"].to_string().contains("logprobs");
        assert_eq!(included, open, "{reasoning}");
        assert_eq!(sent["tool_choice"], if open { "required" } else { "auto" }, "{reasoning}");
    }
}

/// Bug 20
#[test]
fn reasoning_that_would_be_refused_is_left_out_and_the_rest_of_the_item_stays() {
    let body = r#"{"input":[{"role":"user","content":"q"},
        {"type":"reasoning","id":"rs_1","summary":[ ],"encrypted_content":"E","status":null},
        {"type":"reasoning","id":"rs_2","summary":[]},
        {"type":"reasoning","id":"rs_gw_gen-1_0","summary":[],"encrypted_content":"E","format":"openai-responses-v1"},
        {"type":"reasoning","id":"x","summary":[],"encrypted_content":"E","format":"google-gemini-v1"},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"r"},
        {"type":"reasoning","id":"rs_9","summary":[],"encrypted_content":"E"}]}"#;
    let encoded = patch(body, &reasons(), &RequestPatch::default());
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let kept: Vec<&Value> =
        sent["input"].as_array().unwrap().iter().filter(|it| it["type"] == "reasoning").collect();
    assert_eq!(
        kept,
        [
            &json!({"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"E","status":null}),
            &json!({"type":"reasoning","summary":[],"encrypted_content":"E"}),
        ]
    );
    assert!(String::from_utf8_lossy(&encoded.body).contains(r#""summary":[ ]"#));
    let losses: Vec<&str> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(losses, ["input[2]", "input[4]", "input[7]"]);
    assert_eq!(sent["include"], json!(["reasoning.encrypted_content"]));
    // A model that does not reason takes none, and refuses to be asked.
    let body =
        body.replace("{\"input\"", "{\"include\":[\"reasoning.encrypted_content\"],\"input\"");
    let encoded = patch(&body, &Abilities::default(), &RequestPatch::default());
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["input"].as_array().unwrap().len(), 3);
    assert_eq!(sent.get("include"), None);
}

/// PCACHE-5
#[test]
fn marks_go_where_they_are_not_known() {
    let body = r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"a","prompt_cache_breakpoint":{"mode":"explicit"}}]}]}"#;
    assert!(!patched(body).contains("breakpoint"));
    let (quirks, abilities) =
        (Quirks { cache_breakpoints: true, ..Quirks::default() }, Abilities::default());
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let target = Target::new("up", &quirks, &abilities);
    let encoded = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    assert!(
        String::from_utf8_lossy(&encoded.body)
            .contains(r#""prompt_cache_breakpoint":{"mode":"explicit"}"#)
    );
}

/// USERT-1, TIER-2, bug 24
#[test]
fn the_gateway_and_the_target_have_their_say() {
    let body = r#"{"input":"x","user":"ada","max_output_tokens":500,"service_tier":"flex","temperature":1,
        "reasoning":{"effort":"max","max_tokens":null,"context":"auto"},"text":{"verbosity":"low"},"tool_choice":"required"}"#;
    let abilities = Abilities {
        sampling: false,
        forced_tool_choice: false,
        efforts: vec![crate::exchange::Effort::High],
        ..reasons()
    };
    let quirks = Quirks { unsupported_parameters: vec!["verbosity".into()], ..Quirks::default() };
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let target = Target { tier: Some(Tier::Default), ..Target::new("up", &quirks, &abilities) };
    let imposed = RequestPatch { user_identity: Some("h".into()), max_output_tokens: Some(100) };
    let encoded = patch_request(&envelope, &target, &imposed).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        sent,
        json!({"input":"x","user":"h","max_output_tokens":100,"reasoning":{"effort":"high","context":"auto"},
            "text":{},"tool_choice":"auto","model":"up","store":false,"include":["reasoning.encrypted_content"]})
    );
    let encoded = patch(body, &reasons(), &RequestPatch::default());
    assert!(!String::from_utf8_lossy(&encoded.body).contains("ada"));
}

/// Bug 28
#[test]
fn names_that_are_refused_are_changed_on_the_way_there_and_back() {
    let body = r#"{"input":"x","tools":[{"type":"function","name":"a.b"}]}"#;
    let encoded = patch(body, &Abilities::default(), &RequestPatch::default());
    assert!(String::from_utf8_lossy(&encoded.body).contains(r#""name":"a_b""#));
    let answer = r#"{"id":"r","status":"completed","output":[{"type":"function_call","id":"fc","call_id":"c","name":"a_b","arguments":"{}","odd":1}]}"#;
    let found = patch_response(answer.as_bytes(), &identity(), &encoded.context).unwrap();
    let written = String::from_utf8(found.finish(Additions::default())).unwrap();
    assert!(written.contains(r#""name":"a.b","arguments":"{}","odd":1"#), "{written}");
    let mut stream = PatchStream::new(identity(), encoded.context);
    let mut out = Vec::new();
    for data in [
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"a_b"}}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":0,"name":"a_b","arguments":"{}"}"#,
    ] {
        stream.push(&crate::sse::Frame { event: None, data: data.as_bytes() }, &mut out);
    }
    let written = String::from_utf8(out).unwrap();
    assert_eq!(written.matches("a.b").count(), 2, "{written}");
}

const STREAM: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"model\":\"up\",\"usage\":null}}\n\n",
    "event: response.never_seen\ndata: {\"type\":\"response.never_seen\",\"sequence_number\":1, \"x\":1.0e0}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"hi\",\"obfuscation\":\"zz\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":3,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"model\":\"up\",\"service_tier\":\"default\",\"output\":[{\"type\":\"odd\"}],\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"new\":{}}}}\n\n",
);

#[test]
fn a_stream_passes_with_another_name_and_its_cost() {
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    let mut outcomes = Vec::new();
    each_frame(&[STREAM.as_bytes()], |frame| outcomes.push(stream.push(frame, &mut out)));
    let content: Vec<bool> = outcomes.iter().map(|outcome| outcome.content).collect();
    assert_eq!(content, [false, false, true, false]);
    assert!(outcomes[3].finished && outcomes[3].done);
    stream.end().unwrap();
    assert_eq!(stream.usage(), Some(Usage { input: 1, output: 2, ..Usage::default() }));
    assert_eq!(stream.finish_reason(), Some(FinishReason::Stop));
    assert_eq!(stream.native_finish_reason(), Some("completed"));
    assert_eq!(stream.upstream_id(), Some("resp_1"));
    assert_eq!(stream.service_tier(), Some("default"));
    assert_eq!((stream.text_bytes(), stream.progress(), stream.images()), (2, (1, 1), 0));
    let charge = Charge { cost: "0.25".into(), ..Charge::default() };
    stream.finish(
        Additions { charge: Some(&charge), members: &[], ..Additions::default() },
        &mut out,
    );
    let text = String::from_utf8(out.clone()).unwrap();
    assert!(text.contains("\"sequence_number\":1, \"x\":1.0e0}"), "{text}");
    let found = frames(&out);
    let mut first = found[0]["response"].clone();
    first.as_object_mut().unwrap().retain(|name, value| name == "usage" || !value.is_null());
    assert_eq!(first, json!({"id":"gen-1","model":"a/b","object":"response","usage":null}));
    assert_eq!(found[2]["obfuscation"], "zz");
    let last = &found[3]["response"];
    assert_eq!((&last["id"], &last["model"]), (&json!("gen-1"), &json!("a/b")));
    assert_eq!(last["usage"]["cost"], 0.25);
    assert_eq!(last["usage"]["new"], json!({}));
    assert_eq!(last["output"], json!([{"type":"odd"}]));
}

/// RESP-1
#[test]
fn a_stream_tells_from_its_beginning_that_it_is_kept() {
    let asked = br#"{"input":"x","store":true,"previous_response_id":"gen-0","user":"u"}"#;
    let echo = Echo::read(&Envelope::parse(asked).unwrap());
    let mut stream = PatchStream::new(identity(), ResponseContext::default()).keeping(Some(&echo));
    let mut out = Vec::new();
    for kind in ["created", "in_progress"] {
        let data = format!(
            r#"{{"type":"response.{kind}","response":{{"id":"resp_1","store":false,"user":null,"previous_response_id":null}}}}"#
        );
        stream.push(&crate::sse::Frame { event: None, data: data.as_bytes() }, &mut out);
    }
    out.extend_from_slice(crate::sse::DONE);
    let found = frames(&out);
    assert_eq!(found.len(), 2);
    for event in found {
        let told = &event["response"];
        assert_eq!((&told["id"], &told["store"]), (&json!("gen-1"), &json!(true)));
        assert_eq!((&told["previous_response_id"], &told["user"]), (&json!("gen-0"), &json!(null)));
    }
    let silent = Echo::read(&Envelope::parse(br#"{"store":false}"#).unwrap());
    assert!(silent.of_keeping().is_empty());
}

/// RESP-1: what a provider keeps is nothing its caller could ask for.
#[test]
fn what_the_provider_keeps_is_not_told_as_kept_here() {
    let answer = r#"{"id":"resp_1","status":"completed","store":true,"output":[]}"#;
    let whole = patch_response(answer.as_bytes(), &identity(), &ResponseContext::default());
    let whole = whole.unwrap().finish(Additions::default());
    assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap()["store"], false);
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    for kind in ["created", "completed"] {
        let data = format!(r#"{{"type":"response.{kind}","response":{answer}}}"#);
        stream.push(&crate::sse::Frame { event: None, data: data.as_bytes() }, &mut out);
    }
    stream.finish(Additions::default(), &mut out);
    let found = frames(&out);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|event| event["response"]["store"] == false), "{found:?}");
}

/// Bugs 11, 16
#[test]
fn a_stream_that_breaks_off_ends_in_a_failure_with_the_next_number() {
    let cut = STREAM.rfind("event: response.completed").unwrap();
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    each_frame(&[&STREAM.as_bytes()[..cut]], |frame| {
        stream.push(frame, &mut out);
    });
    let fault = stream.end().unwrap_err();
    stream.fail(&fault, &mut out);
    let found = frames(&out);
    let numbers: Vec<&Value> = found.iter().map(|frame| &frame["sequence_number"]).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    assert_eq!(found[3]["type"], "error");
    assert_eq!(found[4]["response"]["error_type"], "provider_unavailable");
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let failed = br#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}}"#;
    let outcome = stream.push(&crate::sse::Frame { event: None, data: failed }, &mut Vec::new());
    assert_eq!(outcome.fault.unwrap().error_type, ErrorType::RateLimitExceeded);
}

#[test]
fn a_whole_answer_passes_with_another_name_and_its_cost() {
    let body = br#"{"id":"resp_1","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"up",
        "output":[{"type":"message","content":[{"type":"output_text","text":"hi"}], "odd": 1.0e0}],"usage":{"input_tokens":1,"output_tokens":2,"new":1}}"#;
    let mut answer = patch_response(body, &identity(), &ResponseContext::default()).unwrap();
    assert!(answer.has_content);
    assert_eq!((answer.text_bytes, answer.images), (2, 0));
    assert_eq!(answer.finishes, [(FinishReason::Length, Some("max_output_tokens".into()))]);
    assert_eq!(answer.upstream_id.as_deref(), Some("resp_1"));
    answer.usage = Some(Usage { input: 9, ..Usage::default() });
    let charge = Charge { cost: "1".into(), ..Charge::default() };
    let text = String::from_utf8(answer.finish(Additions {
        charge: Some(&charge),
        members: &[],
        ..Additions::default()
    }))
    .unwrap();
    assert!(text.contains(r#""odd": 1.0e0"#), "{text}");
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&whole["id"], &whole["model"]), (&json!("gen-1"), &json!("a/b")));
    assert_eq!((&whole["usage"]["input_tokens"], &whole["usage"]["new"]), (&json!(9), &json!(1)));
    assert_eq!(whole["usage"]["cost"], 1);
    let empty = br#"{"status":"completed","output":[{"type":"reasoning","summary":[]}]}"#;
    assert!(!patch_response(empty, &identity(), &ResponseContext::default()).unwrap().has_content);
    let fault: Fault = patch_response(
        br#"{"status":"in_progress","output":[]}"#,
        &identity(),
        &ResponseContext::default(),
    )
    .unwrap_err();
    assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
}

/// The vendor refuses both as unknown.
#[test]
fn penalties_are_taken_out_and_told() {
    let encoded = patch(
        r#"{"model":"m","input":"x","frequency_penalty":0.5,"presence_penalty":-0.5}"#,
        &Abilities::default(),
        &RequestPatch::default(),
    );
    assert!(!String::from_utf8(encoded.body).unwrap().contains("penalty"));
    let lost: Vec<_> = encoded.losses.0.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(lost, ["frequency_penalty", "presence_penalty"]);
}

/// OpenRouter's SDK refuses an answer that lacks what the schema requires, null or not.
#[test]
fn what_the_schema_requires_and_a_host_leaves_out_is_null() {
    let body = br#"{"id":"r","status":"completed","output":[],"temperature":0.50,"error":null}"#;
    let answer = patch_response(body, &identity(), &ResponseContext::default()).unwrap();
    let text = String::from_utf8(answer.finish(Additions::default())).unwrap();
    assert!(text.contains(r#""temperature":0.50"#), "{text}");
    let whole: Value = serde_json::from_str(&text).unwrap();
    for name in ["completed_at", "frequency_penalty", "instructions", "presence_penalty", "top_p"] {
        assert!(whole.as_object().unwrap().get(name).is_some_and(Value::is_null), "{name}");
    }
    assert_eq!(text.matches("\"error\"").count(), 1, "{text}");

    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    let data = br#"{"type":"response.created","response":{"status":"in_progress","output":[]}}"#;
    stream.push(&crate::sse::Frame { event: None, data }, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""presence_penalty":null"#), "{text}");
}

/// CHAT-4
#[test]
fn what_speaks_to_a_router_reaches_no_provider() {
    let body = |members: &str| format!(r#"{{"model":"up","input":"x"{members},"store":false}}"#);
    for (members, losses) in [
        (r#","image_config":null,"modalities":null,"top_k":null"#, 0),
        (r#","modalities":["text"]"#, 0),
        (r#","image_config":{"aspect_ratio":"1:1"},"modalities":["text","image"]"#, 2),
    ] {
        let encoded = patch(&body(members), &Abilities::default(), &RequestPatch::default());
        assert_eq!(String::from_utf8(encoded.body).unwrap(), body(""), "{members}");
        assert_eq!(encoded.losses.0.len(), losses, "{members}");
    }
}

/// PROV-7
#[test]
fn a_cache_is_kept_only_where_retention_is_allowed() {
    let body = br#"{"input":"x","prompt_cache_retention":"24h"}"#;
    let envelope = Envelope::parse(body).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    for keeps_nothing in [false, true] {
        let target = Target { keeps_nothing, ..Target::new("up", &quirks, &abilities) };
        let encoded = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
        let sent = String::from_utf8(encoded.body).unwrap();
        assert_eq!(sent.contains("prompt_cache_retention"), !keeps_nothing, "{sent}");
    }
}

/// Bug 6
#[test]
fn long_ids_of_calls_are_shortened_in_pairs() {
    let quirks = Quirks { short_tool_ids: true, ..Quirks::default() };
    let abilities = Abilities::default();
    let target = Target::new("up", &quirks, &abilities);
    let long = "x".repeat(65);
    let body = json!({"model": "up", "store": false, "input": [
        {"type": "function_call", "call_id": long, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": long, "output": "ok"},
        {"type": "function_call", "call_id": &long[1..], "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": &long[1..], "output": "ok"},
    ]})
    .to_string();
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let patched = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    let request = crate::openai_responses::decode_request(body.as_bytes()).unwrap();
    let encoded = crate::openai_responses::encode_request(&request, &target).unwrap();
    for sent in [patched.body, encoded.body] {
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        let id = |at: usize| sent["input"][at]["call_id"].as_str().unwrap();
        assert!(id(0).len() <= 64, "{sent}");
        assert_eq!((id(0), id(2), id(3)), (id(1), &long[1..], &long[1..]));
    }
}
