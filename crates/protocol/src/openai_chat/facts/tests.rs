use super::*;
use proptest::prelude::*;

fn facts(body: &str) -> Result<RequestFacts, String> {
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    read_facts(&envelope).map_err(|fault| fault.message)
}

#[test]
fn everything_routing_asks_is_found() {
    let found = facts(
        r#"{"model":"a/b","models":["c/d"],"stream":true,"temperature":1,"max_tokens":100,
        "tools":[{"type":"function","function":{"name":"a.b","parameters":{}}}],"tool_choice":"required",
        "response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}},
        "reasoning":{"effort":"low"},"verbosity":"high","session_id":"s","user":"u","service_tier":"flex",
        "provider":{"order":["x"]},"plugins":[],"debug":{"echo_upstream_body":true},"n":2,
        "modalities":["text","image"],"top_k":null,
        "messages":[{"role":"system","content":"be kind"},
          {"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#,
    )
    .unwrap();
    assert_eq!(found.model.as_deref(), Some("a/b"));
    assert_eq!(found.models, ["c/d"]);
    assert_eq!(
        found.parameters,
        [
            "temperature",
            "max_tokens",
            "tools",
            "tool_choice",
            "response_format",
            "reasoning",
            "verbosity"
        ]
    );
    assert!(found.stream && found.image_input && found.cache_marks && found.tool_choice);
    assert!(found.forced_tool_choice && found.irregular_tool_names && found.echo_upstream_body);
    assert!(!found.audio_input && !found.video_input && !found.file_input && !found.prefill);
    assert_eq!((found.tools, found.answers, found.message_count), (1, 2, 2));
    assert_eq!(found.images, 1);
    assert_eq!(found.structured_output, Some(StructuredOutput::JsonSchema));
    assert_eq!(found.max_output_tokens, Some(100));
    assert_eq!(found.opening.instructions, Fingerprint::of("be kind"));
    let image = [r#""image_url""#, r#"{"url":"data:image/png;base64,AAAA"}"#];
    let first = image.into_iter().fold(Fingerprint::of("hi"), Fingerprint::and);
    assert_eq!(found.opening.first_message, first);
    assert_eq!(found.output_modalities, ["text", "image"]);
    assert_eq!(found.provider.unwrap().get(), r#"{"order":["x"]}"#);
}

/// A text that only mentions a part must not be taken for one.
#[test]
fn text_that_speaks_of_media_is_text() {
    let found = facts(
        r#"{"messages":[{"role":"user","content":"use {\"type\":\"image_url\"} and \"file\""},
           {"role":"user","content":[{"type":"text","text":"\"input_audio\" \"image_url\""}]}]}"#,
    )
    .unwrap();
    assert!(!found.image_input && !found.audio_input && !found.file_input);
    let hidden = facts(
        r#"{"messages":[{"role":"user","content":[{"type":"image\u005furl","image\u005furl":{"url":"x"}}]}]}"#,
    )
    .unwrap();
    assert!(hidden.image_input, "an escaped spelling is the same part");
}

#[test]
fn media_bytes_are_not_counted_as_text() {
    let data = "A".repeat(100_000);
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
    );
    assert!(facts(&body).unwrap().estimated_prompt_tokens < 30);
}

/// CHAT-1, CHAT-7
#[test]
fn what_no_provider_should_see_is_refused_with_its_place() {
    for (body, message) in [
        (r#"{"model":"x"}"#, "messages: is missing; send at least one message"),
        (r#"{"messages":[]}"#, "messages: is empty; send at least one message"),
        (r#"{"messages":[1]}"#, "messages[0]: expected an object, got a number"),
        (r#"{"messages":[{"content":"x"}]}"#, "messages[0].role: is missing"),
        (
            r#"{"messages":[{"role":"user","content":"x"},{"role":"king","content":"x"}]}"#,
            "messages[1].role: unknown role `king`; use system, developer, user, assistant or tool",
        ),
        (
            r#"{"messages":[{"role":"user","content":7}]}"#,
            "messages[0].content: expected a string or an array of parts, got a number",
        ),
        (r#"{"messages":[{"role":"user"}]}"#, "messages[0].content: is missing"),
        (
            r#"{"messages":[{"role":"tool","tool_call_id":"c","content":"x"}]}"#,
            "messages[0].tool_call_id: no tool call with the id `c` comes before this result",
        ),
        (r#"{"messages":[{"role":"tool","content":"x"}]}"#, "messages[0].tool_call_id: is missing"),
        (
            r#"{"prompt":["a","b"]}"#,
            "prompt: several prompts in one request are not supported; send one request for each",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"provider":1}"#,
            "provider: expected an object, got a number",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}"#,
            "tools[0].function: is missing",
        ),
    ] {
        assert_eq!(facts(body).unwrap_err(), message, "{body}");
    }
}

/// Bug 25: what we sent before may come back as it was.
#[test]
fn explicit_nulls_are_accepted_everywhere() {
    let found = facts(
        r#"{"model":null,"messages":[{"role":"user","content":"x","name":null},
        {"role":"assistant","content":null,"refusal":null,"tool_calls":null,"reasoning":null},
        {"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c","content":""}],"tools":null,"provider":null,"plugins":null,"debug":null}"#,
    )
    .unwrap();
    assert!(found.tool_history && !found.prefill);
    assert!(facts(r#"{"prompt":"hello","messages":null}"#).is_ok());
}

#[test]
fn the_opening_is_the_same_for_a_string_and_for_one_part() {
    let string = facts(r#"{"messages":[{"role":"user","content":"hi"}]}"#).unwrap();
    let part =
        facts(r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#).unwrap();
    assert_eq!(string.opening, part.opening);
}

proptest! {
    #[test]
    fn facts_never_panic(body in "\\{\"messages\":\\[[\\[\\]{}\":,a-z0-9]{0,60}\\]\\}") {
        if let Ok(envelope) = Envelope::parse(body.as_bytes()) {
            let _ = read_facts(&envelope);
        }
    }
}
/// No caller needs as many, and what is done for each is not free.
#[test]
fn tools_and_calls_are_bounded() {
    let many = |entry: &str| vec![entry; 1_025].join(",");
    let tools = many(r#"{"type":"function","function":{"name":"f"}}"#);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"x"}}],"tools":[{tools}]}}"#);
    assert!(facts(&body).unwrap_err().starts_with("tools: has 1025 entries"));
    let calls = many(r#"{"id":"c","function":{"name":"f","arguments":""}}"#);
    let body = format!(r#"{{"messages":[{{"role":"assistant","tool_calls":[{calls}]}}]}}"#);
    assert!(facts(&body).unwrap_err().starts_with("messages[0].tool_calls: has 1025 entries"));
}

/// Promise 5
#[test]
fn a_part_without_a_kind_is_left_to_the_provider() {
    let body = |part: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#)
    };
    assert!(facts(&body(r#"{"text":"hi","cache_control":{}}"#)).unwrap().cache_marks);
    assert_eq!(
        facts(&body(r#"{"type":1}"#)).unwrap_err(),
        "messages[0].content[0].type: expected a string, got a number"
    );
}
