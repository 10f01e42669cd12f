use proptest::prelude::*;

use super::*;
use crate::surface::{Addressed, Surface};

fn facts(surface: Surface, body: &str) -> RequestFacts {
    surface.read(body.as_bytes(), &Addressed::default()).unwrap().0
}

/// The same conversation is the same to routing, whichever API it comes by.
#[test]
fn surfaces_agree_on_what_is_asked_for() {
    let chat = facts(
        Surface::Chat,
        r#"{"model":"a/b","max_tokens":9,"temperature":1,"stop":["x"],"messages":[
            {"role":"system","content":"rules"},
            {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"https://a/b.png"}}]},
            {"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"r"}],
            "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],
            "tool_choice":"required","session_id":"s","provider":{"only":["x"]},"models":["c/d"]}"#,
    );
    let messages = facts(
        Surface::Messages,
        r#"{"model":"a/b","max_tokens":9,"temperature":1,"stop_sequences":["x"],"system":"rules","messages":[
            {"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"url","url":"https://a/b.png"}}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"r"}]}],
            "tools":[{"name":"f","input_schema":{"type":"object"}}],
            "tool_choice":{"type":"any"},"session_id":"s","provider":{"only":["x"]},"models":["c/d"]}"#,
    );
    let shown = |facts: &RequestFacts| {
        let mut parameters = facts.parameters.clone();
        parameters.sort_unstable();
        (
            facts.model.clone(),
            facts.models.clone(),
            parameters,
            (facts.images, facts.tools, facts.tool_history, facts.forced_tool_choice),
            (facts.max_output_tokens, facts.session_id.clone(), facts.prefill),
            facts.opening.instructions.clone(),
            facts.provider.clone(),
        )
    };
    assert_eq!(shown(&chat), shown(&messages));
    let parameters = &messages.parameters;
    assert_eq!(parameters[..], ["temperature", "stop", "max_tokens", "tools", "tool_choice"]);
}

/// FALL-6
#[test]
fn fallbacks_of_the_messages_surface_are_models() {
    let body = |more: &str| {
        format!(
            r#"{{"model":"a/b","max_tokens":1,"messages":[{{"role":"user","content":"x"}}],{more}}}"#
        )
    };
    let read = |more: &str| {
        Surface::Messages
            .read(body(more).as_bytes(), &Addressed::default())
            .map(|(facts, _)| facts.models)
            .map_err(|fault| fault.message)
    };
    assert_eq!(
        read(r#""fallbacks":[{"model":"c/d"},{"model":"e/f"}]"#).unwrap(),
        ["c/d", "e/f"],
        "after the model itself"
    );
    assert!(read(r#""fallbacks":[{"model":"c/d","x":1}]"#).unwrap_err().contains("fallbacks[0]"));
    assert!(read(r#""fallbacks":[{}]"#).unwrap_err().contains("fallbacks[0].model"));
    assert!(read(r#""fallbacks":"c/d""#).unwrap_err().contains("fallbacks"));
    let four = r#""fallbacks":[{"model":"a"},{"model":"b"},{"model":"c"},{"model":"d"}]"#;
    assert!(read(four).unwrap_err().contains("at most 3"));
    let both = r#""fallbacks":[{"model":"c/d"}],"models":["e/f"]"#;
    assert!(read(both).unwrap_err().contains("models"));
    assert_eq!(read(r#""models":["e/f"]"#).unwrap(), ["e/f"]);
}

proptest! {
    /// What is reserved rests on it: no text is longer than four bytes for each token estimated.
    #[test]
    fn no_prompt_is_thought_smaller_than_its_text(texts in prop::collection::vec(".{0,40}", 1..6)) {
        let messages: Vec<_> =
            texts.iter().map(|text| serde_json::json!({"role": "user", "content": text})).collect();
        let body = serde_json::json!({"model": "a/b", "max_tokens": 1, "messages": messages});
        let estimated = facts(Surface::Messages, &body.to_string()).estimated_prompt_tokens;
        let bytes: usize = texts.iter().map(String::len).sum();
        prop_assert!(estimated * 4 >= bytes as u64);
    }
}
