use super::*;
use crate::codec::encode_request;
use crate::surface::{Addressed, Surface};
use crate::target::{Abilities, Quirks, Target};

fn checked(surface: Surface, body: &str) -> Vec<(Dialect, Result<(), String>)> {
    let request = surface.decode(body.as_bytes(), &Addressed::default()).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let encoded = Dialect::ALL.into_iter().map(|dialect| {
        let encoded = encode_request(dialect, &request, &target, &[]);
        (dialect, encoded.map(|_| ()).map_err(|fault| fault.message))
    });
    encoded.collect()
}

#[test]
fn what_nobody_knows_does_not_vanish() {
    let chat = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},PART]}]}"#;
    let messages = r#"{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},PART]}]}"#;
    let nested = r#"{"max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[PART]}]}]}"#;
    let responses = r#"{"input":[{"role":"user","content":"x"},PART]}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"hi"},PART]}]}"#;
    let tools =
        r#"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"input":"x","tools":[PART]}"#;
    let gemini_tools = r#"{"contents":[{"parts":[{"text":"hi"}]}],"tools":[PART]}"#;
    let hologram = r#"{"type":"hologram","raw":{}}"#;
    for (surface, body, part, place) in [
        (Surface::Chat, chat, hologram, "messages[0].content[1]"),
        (Surface::Messages, messages, hologram, "messages[0].content[1]"),
        (Surface::Messages, nested, hologram, "messages[1].content[0].content[0]"),
        (Surface::Responses, responses, hologram, "input[1]"),
        (Surface::Gemini, gemini, r#"{"hologram":{}}"#, "contents[0].parts[1]"),
        (Surface::Messages, tools, hologram, "tools[0]"),
        (Surface::Responses, tools, hologram, "tools[0]"),
        (Surface::Gemini, gemini_tools, r#"{"hologram":{}}"#, "tools"),
    ] {
        let body = body.replace("PART", part).replace(
            r#""input":"x","tools""#,
            match surface {
                Surface::Responses => r#""input":"x","tools""#,
                _ => r#""tools""#,
            },
        );
        for (dialect, outcome) in checked(surface, &body) {
            match outcome {
                Ok(()) => assert_eq!(dialect, surface.dialect(), "{body}"),
                Err(message) => {
                    assert_ne!(dialect, surface.dialect(), "{message}");
                    assert!(message.starts_with(&format!("{place}: ")), "{message}");
                    assert!(message.contains("`hologram`"), "{message}");
                }
            }
        }
    }
}

#[test]
fn what_a_vendors_own_tools_did_is_no_loss_to_others() {
    for (surface, body) in [
        (
            Surface::Messages,
            r#"{"max_tokens":9,"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"x"},
            {"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"y"}]}]}"#,
        ),
        (
            Surface::Responses,
            r#"{"input":[{"role":"user","content":"x"},{"type":"web_search_call","id":"ws_1"},
            {"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}],"tools":[{"type":"web_search_preview_2025_03_11"},{"type":"function","name":"f"}]}"#,
        ),
        (
            Surface::Gemini,
            r#"{"contents":[{"parts":[{"text":"hi"}]},{"role":"model","parts":[{"executableCode":{"code":"1"}},{"text":"1"}]}],"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f"}]}]}"#,
        ),
    ] {
        for (dialect, outcome) in checked(surface, body) {
            assert_eq!(outcome, Ok(()), "{surface:?} {dialect:?}");
        }
    }
}

/// Calls that the caller ran itself, and compacted history, another protocol cannot carry on.
#[test]
fn items_that_matter_are_named() {
    for item in [
        r#"{"type":"local_shell_call","call_id":"c"}"#,
        r#"{"type":"compaction","encrypted_content":"x"}"#,
    ] {
        let body = format!(r#"{{"input":[{{"role":"user","content":"x"}},{item}]}}"#);
        let refused = checked(Surface::Responses, &body).into_iter().filter(|(_, it)| it.is_err());
        assert_eq!(refused.count(), Dialect::ALL.len() - 1, "{item}");
    }
}

#[test]
fn what_an_sdk_cannot_name_in_a_tools_result_is_no_reason_to_refuse() {
    let body = r#"{"model":"m","messages":[
        {"role":"user","content":"look"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"here"},PART]}]}"#;
    let body = body.replace("PART", r#"{"type":"UNKNOWN","raw":{},"is_unknown":true}"#);
    let read = Surface::Chat.decode(body.as_bytes(), &Addressed::default()).unwrap();
    for dialect in [Dialect::Anthropic, Dialect::Gemini, Dialect::Bedrock] {
        super::refuse(dialect, &read).unwrap();
    }
}

/// Without them a model would answer in another form, or call what it should not.
#[test]
fn settings_of_a_kind_that_nobody_knows_do_not_vanish() {
    let messages = r#"{"max_tokens":9,"messages":[{"role":"user","content":"x"}],MORE}"#;
    let responses = r#"{"input":"x",MORE}"#;
    let chat = r#"{"model":"m","messages":[{"role":"user","content":"x"}],MORE}"#;
    for (surface, body, more, place) in [
        (Surface::Messages, messages, r#""tool_choice":{"type":"zz"}"#, "tool_choice"),
        (Surface::Messages, messages, r#""thinking":{"type":"zz"}"#, "thinking"),
        (
            Surface::Messages,
            messages,
            r#""output_config":{"format":{"type":"zz"}}"#,
            "output_config.format",
        ),
        (Surface::Responses, responses, r#""tool_choice":{"type":"zz"}"#, "tool_choice"),
        (Surface::Responses, responses, r#""text":{"format":{"type":"zz"}}"#, "text.format"),
        (Surface::Chat, chat, r#""response_format":{"type":"zz"}"#, "response_format"),
        (
            Surface::Gemini,
            r#"{"contents":[{"parts":[{"text":"x"}]}],MORE}"#,
            r#""generationConfig":{"responseMimeType":"zz"}"#,
            "generationConfig.responseMimeType",
        ),
    ] {
        for (dialect, outcome) in checked(surface, &body.replace("MORE", more)) {
            match outcome {
                Ok(()) => assert_eq!(dialect, surface.dialect(), "{more}"),
                Err(message) => {
                    assert_ne!(dialect, surface.dialect(), "{message}");
                    assert!(message.starts_with(&format!("{place}: ")), "{message}");
                    assert!(message.contains("`zz`"), "{message}");
                }
            }
        }
    }
    for (surface, body, more) in [
        (Surface::Responses, responses, r#""tool_choice":{"type":"web_search_preview"}"#),
        (Surface::Messages, messages, r#""thinking":{"type":"adaptive"}"#),
        (Surface::Chat, chat, r#""response_format":{"type":"grammar","grammar":"x"}"#),
    ] {
        for (dialect, outcome) in checked(surface, &body.replace("MORE", more)) {
            assert_eq!(outcome, Ok(()), "{dialect:?} {more}");
        }
    }
}

/// A model would answer as if it had searched. Beside functions, which coding agents always have, it
/// is no reason to refuse.
#[test]
fn a_vendors_tool_that_an_answer_rests_on_is_not_left_out() {
    let body = |tools: &str, choice: &str| {
        format!(
            r#"{{"max_tokens":9,"messages":[{{"role":"user","content":"x"}}],"tools":[{tools}]{choice}}}"#
        )
    };
    let search = r#"{"type":"web_search_20250305","name":"web_search"}"#;
    let function = r#"{"name":"f","input_schema":{"type":"object"}}"#;
    let both = format!("{function},{search}");
    let named = r#","tool_choice":{"type":"tool","name":"web_search"}"#;
    for (tools, choice, refused) in [
        (search, "", Some("tools[0]")),
        (search, r#","tool_choice":{"type":"any"}"#, Some("tools[0]")),
        (search, r#","tool_choice":{"type":"none"}"#, None),
        (both.as_str(), "", None),
        (both.as_str(), r#","tool_choice":{"type":"any"}"#, None),
        (both.as_str(), named, Some("tools[1]")),
    ] {
        for (dialect, outcome) in checked(Surface::Messages, &body(tools, choice)) {
            let refused = refused.filter(|_| dialect != Dialect::Anthropic);
            match (outcome, refused) {
                (Ok(()), None) => {}
                (Err(message), Some(place)) => {
                    assert!(message.starts_with(place), "{message}");
                    assert!(message.contains("`web_search_20250305`"), "{message}");
                }
                (outcome, _) => panic!("{dialect:?} {tools} {choice}: {outcome:?}"),
            }
        }
    }
    let responses = |tools: &str| {
        format!(
            r#"{{"input":"x","tools":[{tools}{{"type":"web_search"}}],"tool_choice":{{"type":"web_search"}}}}"#
        )
    };
    let chat = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"openrouter:web_search"}]}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"googleSearch":{}}]}"#;
    for (surface, body) in [
        (Surface::Responses, responses("")),
        (Surface::Responses, responses(r#"{"type":"function","name":"f"},"#)),
        (Surface::Chat, chat.to_owned()),
        (Surface::Gemini, gemini.to_owned()),
    ] {
        let refused = checked(surface, &body).into_iter().filter(|(_, it)| it.is_err());
        assert_eq!(refused.count(), Dialect::ALL.len() - 1, "{body}");
    }
}
