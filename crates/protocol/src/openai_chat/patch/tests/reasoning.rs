//! What callers say of reasoning as Anthropic's protocol has it.

use super::request::sent;
use crate::json::Envelope;
use crate::openai_chat::{RequestPatch, patch_request};
use crate::target::{Abilities, Quirks, ReasoningReplay, ReasoningRequest, ReasoningStyle, Target};

/// CHAT-4, REASON-6: `thinking` as Anthropic has it, sent in this protocol.
#[test]
fn thinking_is_asked_for_in_the_words_of_the_host() {
    let abilities = Abilities {
        reasoning: ReasoningStyle::Effort,
        reasoning_default_on: true,
        ..Abilities::default()
    };
    let sent = |way: ReasoningRequest, members: &str| {
        let quirks = Quirks { reasoning_request: way, ..Quirks::default() };
        let target = Target::new("m", &quirks, &abilities);
        let body = format!(r#"{{"model":"a/b","messages":[],"max_tokens":2048,{members}}}"#);
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let written = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&written.body).unwrap();
        let of = |name: &str| value.get(name).map(ToString::to_string).unwrap_or_default();
        [of("thinking"), of("reasoning"), of("reasoning_effort"), of("enable_thinking")]
    };
    use ReasoningRequest as Way;
    let on = r#""thinking":{"type":"enabled","budget_tokens":1024}"#;
    let own = r#"{"budget_tokens":1024,"type":"enabled"}"#;
    assert_eq!(sent(Way::Effort, on), ["", "", "\"medium\"", ""]);
    assert_eq!(sent(Way::Reasoning, on), ["", r#"{"enabled":true,"max_tokens":1024}"#, "", ""]);
    assert_eq!(sent(Way::EnableThinking, on), ["", "", "", "true"]);
    assert_eq!(sent(Way::ThinkingType, on), [own, "", "", ""], "its own word");
    assert_eq!(sent(Way::ThinkingTypeAndEffort, on), [own, "", "", ""]);
    let off = r#""thinking":{"type":"disabled"}"#;
    assert_eq!(sent(Way::Effort, off), ["", "", "\"none\"", ""]);
    let other = format!(r#"{on},"reasoning":{{"effort":"high"}}"#);
    assert_eq!(sent(Way::Effort, &other), ["", "", "\"high\"", ""], "what is said wins");
    assert_eq!(sent(Way::Effort, r#""thinking":7"#), ["", "", "", ""]);
}

/// Bug 21, wire-formats 12.4: no host is sent `thinking_blocks` as they are.
#[test]
fn thinking_blocks_go_back_as_the_host_takes_reasoning() {
    let message = r#"{"role":"assistant","content":"x","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"}]}"#;
    let body = format!(r#"{{"model":"m","messages":[{message}]}}"#);
    let written = |replay: ReasoningReplay| {
        let quirks = Quirks { reasoning_replay: replay, ..Quirks::default() };
        let value: serde_json::Value =
            serde_json::from_str(&sent(&body, &quirks, &Abilities::default())).unwrap();
        value["messages"][0].clone()
    };
    use ReasoningReplay as Replay;
    let plain = serde_json::json!({"role": "assistant", "content": "x"});
    let with = |name: &str, value: serde_json::Value| {
        let mut message = plain.clone();
        message[name] = value;
        message
    };
    assert_eq!(written(Replay::Drop), plain);
    assert_eq!(written(Replay::ReasoningContent), with("reasoning_content", "t".into()));
    assert_eq!(written(Replay::Reasoning), with("reasoning", "t".into()));
    assert_eq!(written(Replay::ThinkTags), with("content", "<think>t</think>x".into()));
    let detail = serde_json::json!([{
        "type": "reasoning.text", "text": "t", "signature": "s",
        "format": "anthropic-claude-v1", "index": 0
    }]);
    assert_eq!(written(Replay::ReasoningDetails), with("reasoning_details", detail));
}
