//! Promise: the same protocol in and out keeps every unknown member and every byte of content.

use serde_json::{Value, json};

use super::{PatchStream, RequestPatch, patch_request, patch_request_with, patch_response};
use crate::exchange::{Additions, Charge, ErrorType, FinishReason, Identity};
use crate::json::{Envelope, RawJson};
use crate::sse::{FrameTooLong, Splitter};
use crate::target::{Abilities, Encoded, Quirks, ReasoningStyle, ResponseContext, Target, Tier};

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

fn patched(body: &str, abilities: &Abilities, patch: &RequestPatch) -> Encoded {
    let quirks = Quirks::default();
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let target = Target::new("claude", &quirks, abilities);
    patch_request_with(&envelope, &target, patch).unwrap()
}

fn text(encoded: &Encoded) -> &str {
    std::str::from_utf8(&encoded.body).unwrap()
}

#[test]
fn a_request_keeps_every_byte_that_is_not_the_routers() {
    let body = r#"{"model":"a/b","max_tokens": 5,"messages":[{"role":"user", "content":[{"type":"text","text":"h\u0069","new":1.0e0}]}],"models":["x"],"fallbacks":[],"provider":{},"plugins":[],"session_id":"s","trace":{},"user":"u","preset":"p","speed":"fast","unknown":{"a" : 1}}"#;
    let quirks = Quirks::default();
    let abilities = Abilities::default();
    let target = Target::new("claude", &quirks, &abilities);
    let encoded = patch_request(&Envelope::parse(body.as_bytes()).unwrap(), &target).unwrap();
    assert_eq!(
        text(&encoded),
        r#"{"model":"claude","max_tokens":5,"messages":[{"role":"user", "content":[{"type":"text","text":"h\u0069","new":1.0e0}]}],"unknown":{"a" : 1}}"#
    );
    assert_eq!(encoded.headers, [("anthropic-version", "2023-06-01".to_owned())]);
}

#[test]
fn what_the_gateway_imposes_is_in_the_request() {
    // USERT-1, PROV-15
    let body = r#"{"messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"ann@example.org","x":1}}"#;
    let patch = RequestPatch {
        user_identity: Some("hash".into()),
        max_output_tokens: Some(100),
        betas: vec!["a-1".into(), "a-1".into(), "bad header\r\n".into()],
    };
    let encoded = patched(body, &Abilities::default(), &patch);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["metadata"], json!({"x":1,"user_id":"hash"}));
    assert_eq!(sent["max_tokens"], 100);
    assert_eq!(encoded.headers[1], ("anthropic-beta", "a-1".to_owned()));
    let silent = patched(body, &Abilities::default(), &RequestPatch::default());
    assert!(!text(&silent).contains("ann"), "the raw value never leaves");
}

/// wire-formats 4
#[test]
fn where_the_address_names_the_model_the_body_names_the_version() {
    let abilities = Abilities::default();
    let quirks =
        Quirks { anthropic_version: Some("vertex-2023-10-16".into()), ..Quirks::default() };
    let target = Target::new("claude@1", &quirks, &abilities);
    let patch = RequestPatch { betas: vec!["a-1".into()], ..RequestPatch::default() };
    for (written, version) in [
        (r#""model":"a/b","anthropic_version":"mine","#, "the caller's is replaced"),
        (r#""model":"a/b","#, "it is added"),
    ] {
        let body = format!(
            r#"{{{written}"max_tokens":5,"stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#
        );
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let encoded = patch_request_with(&envelope, &target, &patch).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent["anthropic_version"], "vertex-2023-10-16", "{version}");
        assert!(sent.get("model").is_none() && sent["stream"] == true);
        assert_eq!(encoded.headers, [("anthropic-beta", "a-1".to_owned())]);
        // The same where the request must be written anew.
        let body = body.replace(
            r#""content":"hi""#,
            r#""content":[{"type":"thinking","thinking":"x","signature":""},{"type":"text","text":"hi"}]"#,
        );
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let encoded = patch_request_with(&envelope, &target, &patch).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent["anthropic_version"], "vertex-2023-10-16", "{version}");
        assert!(sent.get("model").is_none() && sent["stream"] == true);
        assert_eq!(encoded.headers, [("anthropic-beta", "a-1".to_owned())]);
    }
    let plain = r#"{"model":"a/b","max_tokens":5,"anthropic_version":"mine","messages":[]}"#;
    let encoded = patched(plain, &abilities, &RequestPatch::default());
    assert!(!text(&encoded).contains("anthropic_version"), "no member of the protocol itself");
}

#[test]
fn reasoning_another_vendor_wrote_is_not_sent_back() {
    // bug 19
    for block in [
        r#"{"type":"thinking","thinking":"x","signature": ""}"#,
        r#"{"type":"redacted_thinking","data":"routed.v1.e30"}"#,
        // Behind a stamp of another installation.
        r#"{"type":"redacted_thinking","data":"tlr10123456789abcdef0123456789abcdef01234567routed.v1.e30"}"#,
    ] {
        let body = format!(
            r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{block},{{"type":"text","text":"ok"}}]}},{{"role":"user","content":"go"}}]}}"#
        );
        let encoded = patched(&body, &Abilities::default(), &RequestPatch::default());
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent["messages"][1]["content"], json!([{"type":"text","text":"ok"}]));
        assert!(encoded.context.rewritten, "its answer is not the caller's own either");
    }
    let quoted = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"say \"signature\":\"\" and routed.v1.x"}]}"#;
    let encoded = patched(quoted, &Abilities::default(), &RequestPatch::default());
    assert!(text(&encoded).contains(r#"say \"signature\""#));
    assert!(!encoded.context.rewritten);
}

/// Bug 19
#[test]
fn thinking_is_off_in_a_tool_loop_that_began_without() {
    let abilities = Abilities { reasoning: ReasoningStyle::Budget, ..Abilities::default() };
    let call = r#"{"type":"tool_use","id":"c","name":"f","input":{}}"#;
    let thought = r#"{"type":"thinking","thinking":"x","signature":"s"}"#;
    let result = r#"{"type":"tool_result","tool_use_id":"c","content":"ok"}"#;
    let text = r#"{"type":"text","text":"go on"}"#;
    for (said, answered, thinks) in [
        (call.to_owned(), result.to_owned(), false),
        (format!("{text},{call}"), format!("{result},{text}"), false),
        (format!("{thought},{call}"), result.to_owned(), true),
        (text.to_owned(), text.to_owned(), true),
    ] {
        let body = format!(
            r#"{{"model":"m","max_tokens":9000,"thinking":{{"type":"enabled","budget_tokens":2000}},"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{said}]}},{{"role":"user","content":[{answered}]}}]}}"#
        );
        let encoded = patched(&body, &abilities, &RequestPatch::default());
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent.get("thinking").is_some(), thinks, "{sent}");
        assert_eq!(encoded.context.rewritten, !thinks);
    }
}

#[test]
fn citations_that_this_gateway_made_are_not_sent_back() {
    let body = |index: &str| {
        format!(
            r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"text","text":"ok","citations":[{{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"x","encrypted_index":"{index}"}}]}}]}},{{"role":"user","content":"go"}}]}}"#
        )
    };
    let encoded = patched(&body(""), &Abilities::default(), &RequestPatch::default());
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["messages"][1]["content"], json!([{"type":"text","text":"ok"}]));
    assert_eq!(encoded.losses.0[0].path, "messages[1].content[0].annotations");
    let encoded = patched(&body("Eo8B"), &Abilities::default(), &RequestPatch::default());
    assert!(text(&encoded).contains("Eo8B") && !encoded.context.rewritten);
}

/// TIER-10
#[test]
fn fast_mode_is_asked_for_with_its_flag() {
    let fast = Abilities { fast_mode: true, ..Abilities::default() };
    let flagged = RequestPatch {
        betas: vec!["fast-mode-2026-02-01".into(), "a-1".into()],
        ..RequestPatch::default()
    };
    for (asked, patch) in [("\"fast\"", &flagged), ("\"standard\"", &RequestPatch::default())] {
        let body = format!(r#"{{"model":"m","max_tokens":9,"messages":[],"speed":{asked}}}"#);
        let encoded = patched(&body, &fast, patch);
        assert!(text(&encoded).contains(r#""speed":"fast""#), "{}", text(&encoded));
        let flags = encoded.headers.iter().find(|(name, _)| *name == "anthropic-beta");
        let flags = flags.map(|(_, flags)| flags.matches("fast-mode-2026-02-01").count());
        assert_eq!(flags, Some(1));
        let plain = patched(&body, &Abilities::default(), &RequestPatch::default());
        assert!(!text(&plain).contains("speed"));
    }
}

/// TIER-1
#[test]
fn the_callers_word_for_the_ordinary_tier_is_kept() {
    let body = r#"{"model":"m","max_tokens":9,"messages":[],"service_tier":"standard_only"}"#;
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target { tier: Some(Tier::Default), ..Target::new("claude", &quirks, &abilities) };
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let encoded = patch_request(&envelope, &target).unwrap();
    assert!(text(&encoded).contains(r#""service_tier":"standard_only""#));
}

#[test]
fn a_kind_of_thinking_the_model_does_not_know_is_translated() {
    let body = r#"{"model":"m","max_tokens":9000,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled","budget_tokens":4500}}"#;
    let adaptive = Abilities { reasoning: ReasoningStyle::Adaptive, ..Abilities::default() };
    let encoded = patched(body, &adaptive, &RequestPatch::default());
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["thinking"]["type"], "adaptive");
    assert_eq!(sent["output_config"]["effort"], "medium");
    let budget = Abilities { reasoning: ReasoningStyle::Budget, ..Abilities::default() };
    assert!(
        text(&patched(body, &budget, &RequestPatch::default())).contains(r#""budget_tokens":4500"#)
    );
}

/// wire-formats 2.6
#[test]
fn thinking_that_cannot_be_switched_off_between_tools_is_off_but_there() {
    let rest = r#""max_tokens":9,"messages":[{"role":"user", "content":"hi"}]"#;
    let between = Abilities {
        reasoning: ReasoningStyle::Adaptive,
        reasoning_default_on: true,
        reasoning_between_tools: true,
        ..Abilities::default()
    };
    let sent = |thinking: &str, abilities: &Abilities| {
        let body = format!(r#"{{"model":"m",{rest},"thinking":{thinking}}}"#);
        text(&patched(&body, abilities, &RequestPatch::default())).to_owned()
    };
    let off = r#"{"type":"disabled"}"#;
    let expected = r#""thinking":{"type":"between_tools"}"#;
    assert!(sent(off, &between).contains(expected), "{}", sent(off, &between));
    assert!(sent(off, &between).contains(rest), "the rest keeps its bytes");
    let adaptive = r#"{"type": "adaptive"}"#;
    assert!(sent(adaptive, &between).contains(adaptive));
    let all = Abilities { reasoning_between_tools: false, ..between };
    assert!(sent(off, &all).contains(off));
}

#[test]
fn a_whole_answer_gets_its_name_and_its_cost_and_keeps_the_rest() {
    // USAGE-7
    let body = br#"{"id":"msg_1","type":"message","model":"claude","content":[{"type":"text","text":"h\u0069"},{"type":"new"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4,"inference_geo":"x"}}"#;
    let answer = patch_response(body, &identity(), &ResponseContext::default()).unwrap();
    assert_eq!(answer.usage.unwrap().input, 3);
    assert_eq!(answer.finishes, [(FinishReason::Stop, Some("end_turn".to_owned()))]);
    assert_eq!(answer.upstream_id.as_deref(), Some("msg_1"));
    assert!(answer.has_content);
    let charge = Charge { cost: "0.10".into(), ..Charge::default() };
    let members = [("openrouter_metadata".to_owned(), RawJson::of(&1).unwrap())];
    let out = answer.finish(Additions {
        charge: Some(&charge),
        members: &members,
        ..Additions::default()
    });
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"id":"gen-1","model":"a/b","provider":"P","type":"message","content":[{"type":"text","text":"h\u0069"},{"type":"new"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4,"inference_geo":"x","cost":0.10,"is_byok":false},"openrouter_metadata":1}"#
    );
    assert!(
        patch_response(b"{\"type\":\"error\"}", &identity(), &ResponseContext::default()).is_err()
    );
}

struct Relayed {
    stream: PatchStream,
    out: String,
    faults: Vec<ErrorType>,
    contents: usize,
}

fn relay(frames: &[&str]) -> Relayed {
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    let mut faults = Vec::new();
    let mut contents = 0;
    for frame in frames {
        let bytes = format!("{frame}\n\n");
        Splitter::new()
            .push(bytes.as_bytes(), |frame| {
                let outcome = stream.push(&frame, &mut out);
                faults.extend(outcome.fault.map(|fault| fault.error_type));
                contents += usize::from(outcome.content);
                Ok::<(), FrameTooLong>(())
            })
            .unwrap();
    }
    if let Err(fault) = stream.end() {
        faults.push(fault.error_type);
    }
    let charge = Charge { cost: "0.5".into(), ..Charge::default() };
    stream.finish(
        Additions { charge: Some(&charge), members: &[], ..Additions::default() },
        &mut out,
    );
    Relayed { stream, out: String::from_utf8(out).unwrap(), faults, contents }
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}";
const DELTA: &str = "event: content_block_delta\ndata: {\"type\": \"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u0069\"},\"new\":1}";

#[test]
fn frames_pass_as_they_came_but_the_first_and_the_last() {
    let relayed = relay(&[
        START,
        "event: ping\ndata: {\"type\":\"ping\"}",
        DELTA,
        "event: later\ndata: {\"type\":\"later\",\ndata: \"a\":1}",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9},\"x\":1}",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}",
    ]);
    assert_eq!(
        relayed.out,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"gen-1\",\"model\":\"a/b\",\"provider\":\"P\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
         event: content_block_delta\ndata: {\"type\": \"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u0069\"},\"new\":1}\n\n\
         event: later\ndata: {\"type\":\"later\", \"a\":1}\n\n\
         event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"x\":1,\"usage\":{\"output_tokens\":9,\"cost\":0.5,\"is_byok\":false}}\n\n\
         event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    assert_eq!(relayed.faults, []);
    assert_eq!(relayed.contents, 1);
    let usage = relayed.stream.usage().unwrap();
    assert_eq!((usage.input, usage.output), (5, 9));
    assert_eq!(relayed.stream.finish_reason(), Some(FinishReason::Stop));
    assert_eq!(relayed.stream.native_finish_reason(), Some("end_turn"));
    assert_eq!(relayed.stream.upstream_id(), Some("msg_1"));
    assert_eq!(relayed.stream.text_bytes(), 2);
}

#[test]
fn a_failure_before_content_leaves_no_trace_and_a_cut_stream_is_one() {
    // bugs 11, 16
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}";
    let failed = relay(&[START, error, DELTA]);
    assert_eq!((failed.out.as_str(), failed.contents), ("", 0));
    assert_eq!(failed.faults, [ErrorType::ProviderOverloaded]);
    let cut = relay(&[START, DELTA]);
    assert_eq!(cut.faults, [ErrorType::ProviderUnavailable]);
    assert!(!cut.out.contains("message_stop"));
}

/// What a reader might take for something else does not pass, also where nothing here reads it.
#[test]
fn events_that_are_no_proper_objects_are_faults() {
    for event in [
        "data: {\"type\":\"later\",\"new\":1,\"new\":2}",
        "data: \u{a0}{\"type\":\"later\"}",
        "data: \u{c}{\"type\":\"content_block_stop\",\"index\":0}",
        "data: [\"later\",0]",
    ] {
        let relayed = relay(&[START, DELTA, event]);
        assert_eq!(relayed.faults, [ErrorType::ProviderUnavailable], "{event}");
        assert_eq!(relayed.out.matches("data:").count(), 2, "{event}");
    }
}

#[test]
fn a_failure_after_content_is_told_in_the_callers_envelope() {
    let mut relayed = relay(&[START, DELTA]);
    let mut out = Vec::new();
    let fault = crate::exchange::Fault::new(ErrorType::ProviderUnavailable, "gone");
    relayed.stream.fail(&fault, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"gone\",\"error_type\":\"provider_unavailable\"},\"request_id\":\"gen-1\"}\n\n"
    );
}
