use crate::facts::{Fingerprint, RequestFacts, StructuredOutput};
use crate::surface::{Addressed, Surface};

fn facts(body: &[u8]) -> RequestFacts {
    Surface::Responses.read(body, &Addressed::default()).unwrap().0
}

#[test]
fn routing_learns_what_it_needs() {
    let body = br#"{"model":"m","models":["n"],"stream":true,"instructions":"Be brief.","session_id":"s",
        "input":[{"role":"user","content":[{"type":"input_text","text":"Look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]},
            {"type":"function_call","call_id":"c","name":"a.b","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_url":"https://x/y.pdf"}]}],
        "tools":[{"type":"function","name":"a.b"}],"tool_choice":"required","reasoning":{"effort":"low"},
        "text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},
        "max_output_tokens":9,"provider":{"sort":"price"},"safety_identifier":"u","temperature":1,
        "store":false}"#;
    let facts = facts(body);
    assert_eq!(facts.model.as_deref(), Some("m"));
    assert_eq!(facts.models, ["n"]);
    assert!(facts.stream && facts.image_input && facts.file_input && !facts.audio_input);
    assert_eq!((facts.images, facts.tools, facts.answers), (1, 1, 1));
    assert!(facts.irregular_tool_names && facts.forced_tool_choice && facts.tool_history);
    assert_eq!(facts.structured_output, Some(StructuredOutput::JsonSchema));
    assert_eq!(facts.max_output_tokens, Some(9));
    assert_eq!(facts.user.as_deref(), Some("u"));
    assert_eq!(facts.session_id.as_deref(), Some("s"));
    assert_eq!(facts.opening.instructions, Fingerprint::of("Be brief."));
    let image = r#"{"type":"input_image","image_url":"data:image/png;base64,AAAA"}"#;
    assert_eq!(facts.opening.first_message, Fingerprint::of("Look").and(image));
    assert!(facts.provider.is_some() && !facts.prefill);
    for name in ["temperature", "tools", "reasoning", "max_tokens", "response_format", "verbosity"]
    {
        assert!(facts.parameters.contains(&name), "{name}: {:?}", facts.parameters);
    }
    assert!(!facts.parameters.contains(&"logprobs"));
}

#[test]
fn the_opening_is_the_same_from_turn_to_turn() {
    let opening = |body: &str| facts(body.as_bytes()).opening;
    let first = opening(r#"{"input":"Hello","instructions":"s"}"#);
    let next = opening(
        r#"{"instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"Hello"}]},
            {"role":"assistant","content":"Hi"},{"role":"user","content":"More"}]}"#,
    );
    assert_eq!(first, next);
}
