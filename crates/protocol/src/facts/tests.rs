use proptest::prelude::*;

use super::*;
use crate::json::Envelope;
use crate::openai_chat::read_router_facts;
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
            facts.opening.instructions,
            facts.provider.clone(),
        )
    };
    assert_eq!(shown(&chat), shown(&messages));
    let parameters = &messages.parameters;
    assert_eq!(parameters[..], ["temperature", "stop", "max_tokens", "tools", "tool_choice"]);
}

/// TIER-1
#[test]
fn the_ordinary_tier_has_one_name_whichever_api_names_it() {
    let asked = |tier: &str| {
        let body = format!(
            r#"{{"model":"a/b","max_tokens":1,"messages":[{{"role":"user","content":"x"}}],"service_tier":"{tier}"}}"#
        );
        facts(Surface::Messages, &body).service_tier
    };
    assert_eq!(asked("standard_only").as_deref(), Some("default"));
    assert_eq!(asked("auto").as_deref(), Some("auto"));
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

/// The facts that decide about a route, of a body that is gathered and of one that is decoded.
fn shown(facts: &RequestFacts) -> String {
    let mut facts = facts.clone();
    facts.parameters.sort_unstable();
    // How media are told apart is not the same, and does not have to be.
    let opening = facts.opening.instructions.number();
    facts.opening = Default::default();
    // Results stand in turns of their own only where they are decoded.
    facts.message_count = 0;
    facts.unknown_parts = false;
    facts.web_searches = 0;
    facts.estimated_prompt_tokens = 0;
    if let Some(reasoning) = &mut facts.reasoning {
        reasoning.extras = Default::default();
    }
    format!("{opening} {facts:?}")
}

/// Gathering sees what decoding sees, in every request whose vendor's documentation has one like it.
#[test]
fn facts_that_are_gathered_are_those_of_the_decoded_request() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let addressed = Addressed { model: Some("a/b".to_owned()), stream: true };
    let mut compared = 0;
    for surface in [Surface::Responses, Surface::Messages, Surface::Gemini] {
        for case in std::fs::read_dir(golden.join(surface.dialect().name())).unwrap() {
            let path = case.unwrap().path().join("request.json");
            let Ok(body) = std::fs::read(&path) else { continue };
            let (gathered, _) = surface.read(&body, &addressed).unwrap();
            let envelope = Envelope::parse(&body).unwrap();
            let mut router = read_router_facts(&envelope).unwrap();
            if surface == Surface::Gemini {
                router.model.clone_from(&addressed.model);
            }
            let decoded = surface.decode(&body, &addressed).unwrap();
            let decoded = complete(router, &decoded).unwrap();
            assert_eq!(shown(&gathered), shown(&decoded), "{}", path.display());
            let (least, most) = (decoded.estimated_prompt_tokens, gathered.estimated_prompt_tokens);
            assert!(
                most * 4 + 300 >= least * 4 && most <= least * 2 + 100,
                "{}: {most} gathered, {least} decoded",
                path.display()
            );
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

/// What nobody here knows is the provider's to judge, and counts for what it may bring along.
#[test]
fn unknown_values_are_gathered_and_only_what_money_hangs_on_is_strict() {
    let messages = |more: &str, content: &str| {
        format!(
            r#"{{"model":"a/b","max_tokens":9,"messages":[{{"role":"user","content":{content}}}]{more}}}"#
        )
    };
    let read = |surface: Surface, body: &str| surface.read(body.as_bytes(), &Addressed::default());
    for body in [
        messages("", r#"[{"type":"hologram","raw":{}}]"#),
        messages("", "7"),
        messages("", r#"[{"type":"image","source":{"type":"satellite"}}]"#),
        messages(r#","tools":{"new":1}"#, "\"x\""),
    ] {
        let facts = read(Surface::Messages, &body).unwrap().0;
        assert!(facts.unknown_parts, "{body}");
    }
    for (surface, body) in [
        (Surface::Messages, messages(r#","thinking":{"type":"dreaming"},"output_config":{"effort":"ultra"},"temperature":"hot","metadata":7,"tool_choice":{"type":"hint"}"#, "\"x\"")),
        (Surface::Responses, r#"{"input":"x","reasoning":{"effort":"ultra","summary":7},"temperature":9,"text":{"format":{"type":"xml"},"verbosity":1},"metadata":{"a":1},"tool_choice":{"type":"hint"},"include":7}"#.to_owned()),
        (Surface::Gemini, r#"{"contents":[{"role":"director","parts":[{"text":"x"}]}],"generationConfig":{"thinkingConfig":{"thinkingLevel":"ULTRA"},"temperature":"hot","seed":1.5},"toolConfig":{"functionCallingConfig":{"mode":"HINT"}}}"#.to_owned()),
    ] {
        let facts = read(surface, &body).unwrap().0;
        let reasoning = facts.reasoning.clone().unwrap();
        assert_eq!(reasoning.wanted(), Some(true), "{body}");
        assert!(!facts.unknown_parts && facts.tool_choice && !facts.forced_tool_choice, "{body}");
    }
    for (surface, body, place) in [
        (Surface::Messages, r#"{"max_tokens":"9","messages":[{}]}"#, "max_tokens"),
        (Surface::Messages, r#"{"max_tokens":9,"stream":"yes","messages":[{}]}"#, "stream"),
        (Surface::Messages, r#"{"max_tokens":9,"messages":"x"}"#, "messages"),
        (Surface::Responses, r#"{"input":7}"#, "input"),
        (Surface::Responses, r#"{"input":[]}"#, "input"),
        (Surface::Responses, r#"{"input":"x","max_output_tokens":-1}"#, "max_output_tokens"),
        (Surface::Responses, r#"{"input":"x","prompt":{"id":"p"}}"#, "prompt"),
        (Surface::Gemini, r#"{"contents":[]}"#, "contents"),
        (Surface::Gemini, r#"{"contents":[{}],"generationConfig":7}"#, "generationConfig"),
        (
            Surface::Gemini,
            r#"{"contents":[{}],"generationConfig":{"candidateCount":0}}"#,
            "generationConfig.candidateCount",
        ),
    ] {
        let message = read(surface, body).unwrap_err().message;
        assert!(message.starts_with(&format!("{place}: ")), "{body}: {message}");
    }
}

/// What searches cost is held for as many as the caller allows, or as are expected.
#[test]
fn searches_of_the_web_are_bounded() {
    let messages = r#"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[TOOL]}"#;
    let responses = r#"{"input":"x","tools":[TOOL],"max_tool_calls":4}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"x"}]}],"tools":[TOOL]}"#;
    let chat = r#"{"messages":[{"role":"user","content":"x"}],"tools":[TOOL]}"#;
    for (surface, body, tool, most) in [
        (
            Surface::Messages,
            messages,
            r#"{"type":"web_search_20250305","name":"web_search","max_uses":3}"#,
            3,
        ),
        (Surface::Messages, messages, r#"{"type":"web_search_20250305","name":"web_search"}"#, 10),
        (Surface::Messages, messages, r#"{"type":"bash_20250124","name":"bash"}"#, 0),
        (Surface::Responses, responses, r#"{"type":"web_search_preview"}"#, 4),
        (Surface::Responses, responses, r#"{"type":"file_search"}"#, 0),
        (Surface::Gemini, gemini, r#"{"googleSearch":{}}"#, 10),
        (Surface::Gemini, gemini, r#"{"fileSearch":{}}"#, 0),
        (Surface::Chat, chat, r#"{"type":"openrouter:web_search"}"#, 10),
        (Surface::Chat, chat, r#"{"type":"function","function":{"name":"web_search"}}"#, 0),
    ] {
        assert_eq!(facts(surface, &body.replace("TOOL", tool)).web_searches, most, "{tool}");
    }
}

/// What another model's tokens or a place cost, nobody here knows.
#[test]
fn what_cannot_be_billed_is_refused() {
    let read = |member: &str| {
        let body =
            format!(r#"{{"max_tokens":9,"messages":[{{"role":"user","content":"x"}}],{member}}}"#);
        Surface::Messages.read(body.as_bytes(), &Addressed::default()).err().map(|it| it.message)
    };
    for (member, place) in [
        (r#""tools":[{"name":"f"},{"type":"advisor_20260301","name":"advisor"}]"#, "tools[1]: "),
        (r#""inference_geo":"us""#, "inference_geo: "),
    ] {
        let told = read(member);
        assert!(told.as_deref().is_some_and(|told| told.starts_with(place)), "{member} {told:?}");
    }
    assert_eq!(read(r#""inference_geo":"global""#), None);
    assert_eq!(read(r#""inference_geo":null,"tools":[{"type":"custom","name":"advisor"}]"#), None);
}

/// What stands in a namespace is its caller's, as functions beside it are, and as many.
#[test]
fn tools_in_namespaces_are_tools() {
    let of = |tool: &str, count: usize| {
        let tools = vec![tool; count].join(",");
        let tools = format!(r#"{{"type":"namespace","name":"n","tools":[{tools}]}}"#);
        let body = format!(r#"{{"input":"x","tools":[{tools}]}}"#);
        Surface::Responses.read(body.as_bytes(), &Addressed::default()).map(|(facts, _)| facts)
    };
    let facts = of(r#"{"type":"function","name":"f"}"#, 3).unwrap();
    assert_eq!((facts.tools, facts.hosted_tools), (4, false));
    // Their names may become as long as names may be.
    assert!(facts.namespace_bytes >= 3 * 64, "{}", facts.namespace_bytes);
    assert!(of(r#"{"type":"mcp","server_label":"s"}"#, 1).unwrap().hosted_tools);
    let many = of(r#"{"type":"custom","name":"f"}"#, 2_000).unwrap_err().message;
    assert!(many.starts_with("tools: has "), "{many}");
}

/// So are those that are told between the turns.
#[test]
fn tools_that_are_told_later_are_tools() {
    let of = |tool: &str, count: usize| {
        let tools = vec![tool; count].join(",");
        let body = format!(
            r#"{{"input":[{{"type":"additional_tools","role":"developer","tools":[{tools}]}}],
            "tools":[{{"type":"function","name":"g"}}]}}"#
        );
        Surface::Responses.read(body.as_bytes(), &Addressed::default()).map(|(facts, _)| facts)
    };
    let facts = of(r#"{"type":"function","name":"a b"}"#, 3).unwrap();
    assert_eq!((facts.tools, facts.hosted_tools, facts.unknown_parts), (4, false, false));
    assert!(facts.irregular_tool_names && facts.parameters.contains(&"tools"));
    assert_eq!(of(r#"{"type":"web_search"}"#, 1).unwrap().web_searches, 10);
    let many = of(r#"{"type":"function","name":"f"}"#, 2_000).unwrap_err().message;
    assert!(many.starts_with("input: has "), "{many}");
    let many = of(r#"{"type":"function","name":"f"}"#, 1_024).unwrap_err().message;
    assert!(many.starts_with("tools: has 1025"), "{many}");
}

/// Google's callers may leave the lists out around single ones.
#[test]
fn a_single_tool_is_a_tool() {
    let body =
        r#"{"contents":{"parts":{"text":"x"}},"tools":{"functionDeclarations":{"name":"f"}}}"#;
    let facts = facts(Surface::Gemini, body);
    assert_eq!((facts.tools, facts.unknown_parts), (1, false));
}

/// A prompt that is kept at the provider is as long as it may be.
#[test]
fn references_to_stored_prompts_are_known() {
    let body = r#"{"contents":[{"parts":[{"text":"x"}]}],"cachedContent":"cachedContents/1"}"#;
    assert!(facts(Surface::Gemini, body).unknown_parts);
}

/// What a vendor's servers bring into the prompt is held, and what is only said of it is not.
#[test]
fn members_beside_a_conversation_that_may_bring_more_are_known() {
    let of = |more: &str| {
        let body =
            format!(r#"{{"max_tokens":9,"messages":[{{"role":"user","content":"x"}}],{more}}}"#);
        let facts = facts(Surface::Messages, &body);
        (facts.hosted_tools, facts.unknown_parts)
    };
    let servers = r#""mcp_servers":[{"type":"url","url":"https://a","name":"a"}]"#;
    assert_eq!(of(servers), (true, false));
    for more in [
        r#""container":{"skills":[{"type":"anthropic","skill_id":"xlsx"}]}"#,
        r#""dreams":[1]"#,
        r#""context_management":{"edits":[{"type":"compact_20260112"}]}"#,
    ] {
        assert_eq!(of(more), (false, true), "{more}");
    }
    for more in [
        r#""container":"c_1""#,
        r#""inference_geo":"global""#,
        r#""mcp_servers":null,"dreams":null"#,
        r#""metadata":{"user_id":"u"},"thinking":{"type":"disabled"},"stop_sequences":["x"]"#,
        r#""provider":{"order":["a"]},"models":["a/b"],"plugins":[{"id":"web"}]"#,
        r#""context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}"#,
    ] {
        assert_eq!(of(more), (false, false), "{more}");
    }
}

/// Which of two spellings counts is not known here, so nothing would hold.
#[test]
fn no_member_of_googles_is_there_under_both_names() {
    let read = |body: &str| Surface::Gemini.read(body.as_bytes(), &Addressed::default());
    let settings = |one: &str, two: &str, value: &str| {
        format!(r#"{{"contents":[{{}}],"generationConfig":{{"{one}":{value},"{two}":{value}}}}}"#)
    };
    for (body, camel, snake) in [
        (
            r#"{"contents":[{}],"generation_config":{},"generationConfig":{}}"#.to_owned(),
            "generationConfig",
            "generation_config",
        ),
        (
            settings("maxOutputTokens", "max_output_tokens", "9"),
            "maxOutputTokens",
            "max_output_tokens",
        ),
        (settings("candidate_count", "candidateCount", "1"), "candidateCount", "candidate_count"),
        (settings("thinkingConfig", "thinking_config", "{}"), "thinkingConfig", "thinking_config"),
        (
            r#"{"contents":[{}],"tools":[{"functionDeclarations":[],"function_declarations":[]}]}"#
                .to_owned(),
            "functionDeclarations",
            "function_declarations",
        ),
        (
            r#"{"contents":[{}],"systemInstruction":{},"system_instruction":null}"#.to_owned(),
            "systemInstruction",
            "system_instruction",
        ),
    ] {
        let message = read(&body).unwrap_err().message;
        assert!(message.contains(camel) && message.contains(snake), "{body}: {message}");
    }
    for body in [
        r#"{"contents":[{}],"generation_config":{"maxOutputTokens":9,"top_p":1}}"#,
        r#"{"contents":[{}],"generationConfig":{"responseLogprobs":true,"response_mime_type":"text/plain"}}"#,
    ] {
        assert!(read(body).is_ok(), "{body}");
    }
    let part = r#"{"inlineData":{"mimeType":"image/png"},"inline_data":{"mimeType":"video/mp4"}}"#;
    let body = format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
    assert!(facts(Surface::Gemini, &body).unknown_parts);
}

/// A part is told by its bytes only if all that stands in it is known.
#[test]
fn a_signature_does_not_hide_what_stands_beside_it() {
    let unknown = |part: &str| {
        let body = format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
        facts(Surface::Gemini, &body).unknown_parts
    };
    assert!(!unknown(r#"{"thoughtSignature":"c2ln","thought":true}"#));
    assert!(!unknown(r#"{"executableCode":{"code":"1"},"thought_signature":"c2ln"}"#));
    assert!(unknown(r#"{"thoughtSignature":"c2ln","hologram":{"uri":"x"}}"#));
    assert!(unknown(r#"{"executableCode":{"code":"1"},"hologram":{"uri":"x"}}"#));
    assert!(unknown("{}"));
}

/// The limit on tools is one of all entries together.
#[test]
fn functions_of_several_entries_are_counted_together() {
    let functions = |count: usize| {
        let each = vec![r#"{"name":"f"}"#; count].join(",");
        format!(r#"{{"functionDeclarations":[{each}]}}"#)
    };
    let read = |first: usize, second: usize| {
        let tools = [functions(first), functions(second)].join(",");
        let body = format!(r#"{{"contents":[{{}}],"tools":[{tools}]}}"#);
        Surface::Gemini.read(body.as_bytes(), &Addressed::default())
    };
    assert!(read(600, 424).is_ok());
    let message = read(600, 425).unwrap_err().message;
    assert!(message.starts_with("tools: "), "{message}");
}

proptest! {
    /// Whatever a caller sends is told apart without a panic.
    #[test]
    fn nothing_breaks_gathering(
        at in 0_usize..12, value in prop::sample::select(vec!["null", "7", "\"x\"", "[]", "{}", "[null]", "[7]", "[{}]", "[[]]", "{\"type\":7}", "[{\"type\":\"text\"}]", "[{\"text\":7}]", "{\"parts\":7}", "[{\"parts\":[{\"fileData\":7}]}]"]),
    ) {
        let names = ["messages", "system", "input", "instructions", "contents", "systemInstruction",
            "tools", "tool_choice", "thinking", "reasoning", "generationConfig", "output_config"];
        let mut body = serde_json::json!({
            "messages": [{"role": "user", "content": "x"}], "input": "x", "contents": [{"parts": []}],
        });
        body[names[at]] = serde_json::from_str(value).unwrap();
        for surface in [Surface::Responses, Surface::Messages, Surface::Gemini] {
            if let Err(fault) = surface.read(body.to_string().as_bytes(), &Addressed::default()) {
                prop_assert!(fault.message.contains(": "), "{}", fault.message);
            }
        }
    }
}
