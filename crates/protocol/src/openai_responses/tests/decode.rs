use crate::exchange::{
    BlockKind, MediaSource, ReasoningContent, ReasoningFormat, Role, ToolChoice, ToolKind,
};
use crate::openai_responses::decode_request;

fn refusal(body: &str) -> String {
    let fault = decode_request(body.as_bytes()).unwrap_err();
    assert_eq!(fault.status, 400);
    fault.message
}

#[test]
fn every_refusal_names_the_place_and_the_fix() {
    for (body, start) in [
        (r#"{}"#, "input: is missing"),
        (r#"{"input":[]}"#, "input: is empty"),
        (r#"{"input":1}"#, "input: expected a string or an array of items, got a number"),
        (r#"{"input":[{"content":"x"}]}"#, "input[0].type: is missing"),
        (r#"{"input":[{"role":"tool","content":"x"}]}"#, "input[0].role: unknown role `tool`"),
        (r#"{"input":[{"role":"user"}]}"#, "input[0].content: is missing"),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_image"}]}]}"#,
            "input[0].content[0]: needs `image_url` or `file_id`",
        ),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_file","filename":"a"}]}]}"#,
            "input[0].content[0]: needs `file_data`, `file_url` or `file_id`",
        ),
        (
            r#"{"input":[{"type":"item_reference","id":"rs_1"}]}"#,
            "input[0]: references to stored items are not supported",
        ),
        (
            r#"{"input":[{"type":"function_call_output","call_id":"c","output":"x"}]}"#,
            "input[0].call_id: no tool call with the id `c` comes before this result",
        ),
        (r#"{"input":"x","previous_response_id":"resp_1"}"#, "previous_response_id: "),
        (r#"{"input":"x","prompt":{"id":"pmpt_1"}}"#, "prompt: "),
        (r#"{"input":"x","instructions":1}"#, "instructions: expected a string, got a number"),
        (r#"{"input":"x","temperature":3}"#, "temperature: must be between 0 and 2"),
        (r#"{"input":"x","max_output_tokens":0}"#, "max_output_tokens: must be at least 1"),
        (r#"{"input":"x","tool_choice":"any"}"#, "tool_choice: must be none, auto, required"),
        (
            r#"{"input":"x","tools":[{"type":"function","function":{"name":"f"}}]}"#,
            "tools[0].function: tools are flat here",
        ),
        (r#"{"input":"x","text":{"format":{"type":"json_schema"}}}"#, "text.format.schema: "),
        (r#"{"input":"x","include":"y"}"#, "include: expected an array, got a string"),
    ] {
        let message = refusal(body);
        assert!(message.starts_with(start), "{body}: {message}");
    }
}

/// RESP-2
#[test]
fn what_a_model_put_out_in_one_go_is_one_turn() {
    let request = decode_request(
        br#"{"instructions":"s","input":[
            {"role":"user","content":"q"},
            {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"E"},
            {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"t","annotations":[]}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"r"},{"type":"input_image","image_url":"https://x/y"}]},
            {"role":"developer","content":"d"}]}"#,
    )
    .unwrap();
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Developer]);
    let blocks = &request.turns[2].blocks;
    assert_eq!(blocks.len(), 5);
    for (at, content) in [
        (0, ReasoningContent::Summary { summary: "a".into() }),
        (1, ReasoningContent::Summary { summary: "b".into() }),
        (2, ReasoningContent::Encrypted { data: "E".into() }),
    ] {
        let BlockKind::Reasoning(block) = &blocks[at].kind else { panic!("{:?}", blocks[at]) };
        assert_eq!(block.content, content);
        assert_eq!(block.id.as_deref(), Some("rs_1"));
        assert_eq!(block.format, ReasoningFormat::OpenaiResponses);
    }
    let BlockKind::ToolResult { content, .. } = &request.turns[3].blocks[0].kind else { panic!() };
    assert!(matches!(
        &content[1].kind,
        BlockKind::Image { source: MediaSource::Url(url), .. } if url == "https://x/y"
    ));
}

/// TOOLS-3
#[test]
fn every_form_of_tool_choice_is_read() {
    let choice = |json: &str| {
        let body = format!(r#"{{"input":"x","tool_choice":{json}}}"#);
        decode_request(body.as_bytes()).unwrap().tool_choice.unwrap()
    };
    assert_eq!(choice("\"auto\""), ToolChoice::Auto);
    assert_eq!(choice("\"none\""), ToolChoice::None);
    assert_eq!(choice("\"required\""), ToolChoice::Required);
    assert_eq!(choice(r#"{"type":"function","name":"f"}"#), ToolChoice::Named("f".into()));
    assert_eq!(
        choice(
            r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}"#
        ),
        ToolChoice::Allowed { names: vec!["f".into()], required: false }
    );
    for own in [
        r#"{"type":"web_search_preview"}"#,
        r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp","server_label":"s"}]}"#,
    ] {
        assert!(matches!(choice(own), ToolChoice::Opaque { .. }), "{own}");
    }
}

#[test]
fn what_the_router_reads_is_no_part_of_the_request_and_the_rest_is_kept() {
    let request = decode_request(
        br#"{"model":"m","input":"x","models":["a"],"provider":{},"plugins":[],"session_id":"s",
            "trace":{},"preset":"p","store":false,"truncation":"auto","max_tool_calls":2,
            "include":["reasoning.encrypted_content","file_search_call.results"],
            "tools":[{"type":"web_search"}],"stream_options":{"include_obfuscation":false}}"#,
    )
    .unwrap();
    let kept: Vec<(&str, &str)> =
        request.extras.members.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
    assert_eq!(
        kept,
        [
            ("truncation", "\"auto\""),
            ("max_tool_calls", "2"),
            ("include", r#"["file_search_call.results"]"#),
        ]
    );
    assert!(matches!(request.tools[0].kind, ToolKind::Opaque { .. }));
}
