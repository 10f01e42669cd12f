use crate::exchange::{Effort, Fault};
use crate::json::Envelope;
use crate::openai_chat::{RequestPatch, decode_request, encode_request, patch_request};
use crate::parameter::Parameter;
use crate::target::{
    Abilities, Encoded, MaxTokensField, Quirks, ReasoningReplay, ReasoningRequest, ReasoningStyle,
    StreamUsage, Target,
};

fn encode(
    body: &str,
    quirks: &Quirks,
    abilities: &Abilities,
    patch: &RequestPatch,
) -> Result<Encoded, Fault> {
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let target = Target::new("native", quirks, abilities);
    patch_request(&envelope, &target, patch)
}

pub(super) fn sent(body: &str, quirks: &Quirks, abilities: &Abilities) -> String {
    String::from_utf8(encode(body, quirks, abilities, &RequestPatch::default()).unwrap().body)
        .unwrap()
}

const USER: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// CHAT-4, promise of fidelity
#[test]
fn unknown_members_and_messages_survive_byte_for_byte() {
    let messages = r#"[ {"role":"user", "content":"h\u00e9 \/", "x": 1.0e2} ]"#;
    let body = format!(
        r#"{{"model":"a/b","messages":{messages},"temperature":1.50,"safe_prompt" : true,"x":[1, 2],"provider":{{"only":["p"]}},"models":["c"],"route":"fallback","session_id":"s","usage":{{"include":true}},"plugins":[],"debug":null}}"#
    );
    assert_eq!(
        sent(&body, &Quirks::default(), &Abilities::default()),
        format!(
            r#"{{"model":"native","messages":{messages},"temperature":1.50,"safe_prompt":true,"x":[1, 2]}}"#
        )
    );
}

#[test]
fn each_top_level_quirk_changes_what_it_names() {
    let none = Quirks::default;
    let able = Abilities::default;
    let table: Vec<(&str, Quirks, Abilities, &str)> = vec![
        // Bug 23
        (
            r#""max_tokens":5"#,
            Quirks { max_tokens_field: MaxTokensField::MaxCompletionTokens, ..none() },
            able(),
            r#""max_completion_tokens":5"#,
        ),
        (
            r#""max_completion_tokens":5"#,
            Quirks { max_tokens_field: MaxTokensField::MaxTokens, ..none() },
            able(),
            r#""max_tokens":5"#,
        ),
        (r#""max_completion_tokens":5"#, none(), able(), r#""max_completion_tokens":5"#),
        // Bug 22
        (
            r#""stream":true,"stream_options":{"include_usage":false,"x":1}"#,
            none(),
            able(),
            r#""stream":true,"stream_options":{"x":1,"include_usage":true}"#,
        ),
        (
            r#""stream":true"#,
            none(),
            able(),
            r#""stream":true,"stream_options":{"include_usage":true}"#,
        ),
        (
            r#""stream":true,"stream_options":{"include_usage":true}"#,
            Quirks { stream_usage: StreamUsage::Always, ..none() },
            able(),
            r#""stream":true"#,
        ),
        (
            r#""stream":false,"stream_options":{"include_usage":true}"#,
            none(),
            able(),
            r#""stream":false"#,
        ),
        // Bug 24
        (
            r#""temperature":1,"top_p":0.5,"frequency_penalty":1,"seed":1"#,
            none(),
            Abilities { sampling: false, ..able() },
            r#""seed":1"#,
        ),
        (
            r#""temperature":1,"top_p":0.5"#,
            none(),
            Abilities { temperature_with_top_p: false, ..able() },
            r#""temperature":1"#,
        ),
        (r#""logprobs":true"#, none(), Abilities { logprobs: false, ..able() }, ""),
        (
            r#""presence_penalty":1,"top_k":1"#,
            Quirks { unsupported_parameters: vec!["top_k".into()], ..none() },
            Abilities { penalties: false, ..able() },
            "",
        ),
        (r#""seed":42"#, Quirks { random_seed: true, ..none() }, able(), r#""random_seed":42"#),
        // Bug 30
        (
            r#""tool_choice":"required""#,
            Quirks { tool_choice_any: true, ..none() },
            able(),
            r#""tool_choice":"any""#,
        ),
        (r#""tool_choice":"any""#, none(), able(), r#""tool_choice":"required""#),
        // Bug 18
        (
            r#""tool_choice":"required""#,
            none(),
            Abilities { forced_tool_choice: false, ..able() },
            r#""tool_choice":"auto""#,
        ),
        (r#""tools":[],"tool_choice":"auto""#, none(), Abilities { tools: false, ..able() }, ""),
        // TIER-1
        (r#""service_tier":"fast""#, none(), able(), r#""service_tier":"priority""#),
        (r#""speed":"fast""#, none(), able(), r#""service_tier":"priority""#),
        (
            r#""speed":"standard","service_tier":"priority""#,
            none(),
            able(),
            r#""service_tier":"priority""#,
        ),
        // PCACHE-1
        (r#""cache_control":{"type":"ephemeral"}"#, none(), able(), ""),
        (
            r#""cache_control":{"type":"ephemeral"}"#,
            Quirks { cache_control: true, ..none() },
            able(),
            r#""cache_control":{"type":"ephemeral"}"#,
        ),
        // USERT-1
        (r#""user":"ann@example.com","safety_identifier":"x""#, none(), able(), ""),
    ];
    for (given, quirks, abilities, expected) in table {
        let comma = if expected.is_empty() { "" } else { "," };
        assert_eq!(
            sent(&format!(r#"{{"model":"m",{USER},{given}}}"#), &quirks, &abilities),
            format!(r#"{{"model":"native",{USER}{comma}{expected}}}"#),
            "{given}"
        );
    }
}

/// CHAT-3, CHAT-4, bug 24
#[test]
fn parameters_an_endpoint_does_not_support_are_dropped() {
    use Parameter::{MaxCompletionTokens, MinP, Reasoning, RepetitionPenalty, Seed, Temperature};
    let sampler = r#""temperature":1,"top_k":40,"min_p":0.05,"repetition_penalty":1.1,"seed":1,"max_tokens":5,"safe_prompt":true,"n":1"#;
    let without_fixed = r#""seed":1,"max_tokens":5,"safe_prompt":true,"n":1"#;
    let table: [(&[Parameter], Quirks, &str, String); 6] = [
        // Nobody knows: everything is sent.
        (&[], Quirks::default(), sampler, sampler.to_owned()),
        // As OpenAI lists it; the two names of the limit are one parameter.
        (
            &[Temperature, Seed, MaxCompletionTokens],
            Quirks::default(),
            sampler,
            format!(r#""temperature":1,{without_fixed}"#),
        ),
        // As Together lists it.
        (
            &[Temperature, Seed, MaxCompletionTokens, Parameter::TopK, MinP, RepetitionPenalty],
            Quirks::default(),
            sampler,
            sampler.to_owned(),
        ),
        // What goes by another name is dropped by the listed one.
        (
            &[Temperature],
            Quirks { random_seed: true, ..Quirks::default() },
            r#""seed":1,"temperature":1"#,
            r#""temperature":1"#.to_owned(),
        ),
        (
            &[Temperature],
            Quirks { reasoning_request: ReasoningRequest::Reasoning, ..Quirks::default() },
            r#""reasoning":{"effort":"low"},"temperature":1"#,
            r#""temperature":1"#.to_owned(),
        ),
        (
            &[Reasoning],
            Quirks { reasoning_request: ReasoningRequest::Reasoning, ..Quirks::default() },
            r#""reasoning":{"effort":"low"},"temperature":1"#,
            r#""reasoning":{"effort":"low"}"#.to_owned(),
        ),
    ];
    let abilities = Abilities::default();
    for (supported, quirks, given, expected) in table {
        let body = format!(r#"{{"model":"m",{USER},{given}}}"#);
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let parameters = supported.iter().copied().collect();
        let target = Target { parameters, ..Target::new("native", &quirks, &abilities) };
        let encoded = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
        assert_eq!(
            String::from_utf8(encoded.body).unwrap(),
            format!(r#"{{"model":"native",{USER},{expected}}}"#),
            "{supported:?}"
        );
        let lost = given.matches("\":").count() - expected.matches("\":").count();
        assert!(encoded.losses.0.len() <= lost, "{:?}", encoded.losses);
    }
}

/// Bug 18: also where the host's own switch is used.
#[test]
fn a_choice_is_forced_where_the_model_does_not_reason() {
    let quirks =
        Quirks { reasoning_request: ReasoningRequest::ThinkingTypeAndEffort, ..Quirks::default() };
    let abilities = Abilities {
        reasoning: ReasoningStyle::Effort,
        reasoning_default_on: true,
        forced_tool_choice_while_reasoning: false,
        sampling_while_reasoning: false,
        ..Abilities::default()
    };
    for (given, forced) in [
        ("", false),
        (r#","reasoning":{"effort":"high"}"#, false),
        (r#","reasoning":{"enabled":false}"#, true),
        (r#","reasoning_effort":"none""#, true),
        (r#","thinking":{"type":"enabled"}"#, false),
        (r#","thinking":{"type":"disabled"}"#, true),
        (r#","thinking":null"#, false),
    ] {
        for choice in [r#""required""#, r#"{"type":"function","function":{"name":"f"}}"#] {
            let body = format!(
                r#"{{"model":"m",{USER},"temperature":0.5,"tool_choice":{choice}{given}}}"#
            );
            let expected = if forced { choice } else { r#""auto""# };
            let expected = format!(r#""tool_choice":{expected}"#);
            let patched = sent(&body, &quirks, &abilities);
            assert!(patched.contains(&expected), "{given} {patched}");
            assert_eq!(patched.contains("temperature"), forced, "{given} {patched}");
            let request = decode_request(body.as_bytes()).unwrap();
            let target = Target::new("native", &quirks, &abilities);
            let written = encode_request(&request, &target).unwrap().body;
            let written = String::from_utf8(written).unwrap();
            assert!(written.contains(&expected), "{given} {written}");
        }
    }
}

/// Bug 24
#[test]
fn sampling_is_steered_where_the_model_does_not_reason() {
    let abilities = Abilities {
        reasoning: ReasoningStyle::Effort,
        efforts: vec![Effort::None, Effort::Low],
        sampling_while_reasoning: false,
        ..Abilities::default()
    };
    let sampling = r#""temperature":0.5,"top_p":0.9,"logprobs":true"#;
    for (given, open) in [
        ("", true),
        (r#","reasoning_effort":"none""#, true),
        (r#","reasoning_effort":"low""#, false),
    ] {
        let body = format!(r#"{{"model":"m",{USER},{sampling}{given}}}"#);
        let encoded =
            encode(&body, &Quirks::default(), &abilities, &RequestPatch::default()).unwrap();
        let expected = if open { format!(",{sampling}") } else { String::new() };
        assert_eq!(
            String::from_utf8(encoded.body).unwrap(),
            format!(r#"{{"model":"native",{USER}{expected}{given}}}"#)
        );
        assert_eq!(encoded.losses.0.len(), if open { 0 } else { 3 }, "{given}");
    }
}

/// USERT-1
#[test]
fn the_end_user_is_never_told_raw() {
    let patch = RequestPatch { user_identity: Some("h4sh".into()), ..RequestPatch::default() };
    for (given, expected) in [
        (r#","user":"ann""#, r#","user":"h4sh""#),
        (r#","safety_identifier":"ann""#, r#","safety_identifier":"h4sh""#),
        ("", r#","user":"h4sh""#),
    ] {
        let body = format!(r#"{{"model":"m",{USER}{given}}}"#);
        let out = encode(&body, &Quirks::default(), &Abilities::default(), &patch).unwrap().body;
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(r#"{{"model":"native",{USER}{expected}}}"#)
        );
    }
}

#[test]
fn a_cap_lowers_or_sets_the_limit() {
    let patch = RequestPatch { max_output_tokens: Some(50), ..RequestPatch::default() };
    for (given, expected) in [
        (r#","max_tokens":100"#, r#","max_tokens":50"#),
        (r#","max_tokens":20"#, r#","max_tokens":20"#),
        (r#","max_completion_tokens":100"#, r#","max_completion_tokens":50"#),
        ("", r#","max_tokens":50"#),
    ] {
        let body = format!(r#"{{"model":"m",{USER}{given}}}"#);
        let out = encode(&body, &Quirks::default(), &Abilities::default(), &patch).unwrap().body;
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(r#"{{"model":"native",{USER}{expected}}}"#)
        );
    }
}

/// REASON-6, REASON-13
#[test]
fn reasoning_is_asked_for_in_the_hosts_words() {
    let reasons = Abilities {
        reasoning: ReasoningStyle::Effort,
        reasoning_default_on: true,
        efforts: vec![Effort::Low, Effort::High],
        ..Abilities::default()
    };
    let body = format!(r#"{{"model":"m",{USER},"reasoning":{{"effort":"xhigh","exclude":true}}}}"#);
    let encoded = encode(&body, &Quirks::default(), &reasons, &RequestPatch::default()).unwrap();
    assert!(encoded.context.exclude_reasoning, "REASON-4");
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        format!(r#"{{"model":"native",{USER},"reasoning_effort":"high"}}"#)
    );
    let router = Quirks { reasoning_request: ReasoningRequest::Reasoning, ..Quirks::default() };
    assert_eq!(
        sent(&body, &router, &reasons),
        format!(r#"{{"model":"native",{USER},"reasoning":{{"effort":"xhigh","exclude":true}}}}"#)
    );
    let mandatory = Abilities { reasoning_mandatory: true, ..reasons };
    let body = format!(r#"{{"model":"m",{USER},"reasoning_effort":"none"}}"#);
    let fault =
        encode(&body, &Quirks::default(), &mandatory, &RequestPatch::default()).unwrap_err();
    assert_eq!(fault.status, 400);
}

/// CHAT-1
#[test]
fn a_prompt_becomes_a_message_only_where_there_are_none() {
    let able = Abilities::default();
    assert_eq!(
        sent(r#"{"model":"m","prompt":"say \"hi\""}"#, &Quirks::default(), &able),
        r#"{"model":"native","messages":[{"role":"user","content":"say \"hi\""}]}"#
    );
    assert_eq!(
        sent(&format!(r#"{{"model":"m","prompt":"x",{USER}}}"#), &Quirks::default(), &able),
        format!(r#"{{"model":"native",{USER}}}"#)
    );
}

#[test]
fn each_message_quirk_changes_what_it_names() {
    let none = Quirks::default;
    let strict = || Quirks { strict_messages: true, ..none() };
    let nine = || Quirks { nine_character_tool_ids: true, ..none() };
    let replay = |reasoning_replay| Quirks { reasoning_replay, ..none() };
    let thought = r#"[{"role":"assistant","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}],"content":"a"}]"#;
    let called = r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"call_123456","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_123456","content":"r"},{"role":"user","content":"u"}]"#;
    let short = crate::openai_chat::wire::nine_characters("call_123456");
    let table: Vec<(&str, Quirks, String)> = vec![
        // Bug 21
        (thought, none(), r#"[{"role":"assistant","content":"a"}]"#.into()),
        (
            thought,
            replay(ReasoningReplay::ReasoningContent),
            r#"[{"role":"assistant","content":"a","reasoning_content":"hm"}]"#.into(),
        ),
        (
            thought,
            replay(ReasoningReplay::Reasoning),
            r#"[{"role":"assistant","reasoning":"hm","content":"a"}]"#.into(),
        ),
        (thought, replay(ReasoningReplay::ReasoningDetails), thought.into()),
        (
            thought,
            replay(ReasoningReplay::ThinkTags),
            r#"[{"role":"assistant","content":"<think>hm</think>a"}]"#.into(),
        ),
        (
            called,
            replay(ReasoningReplay::ReasoningContent),
            called.replacen("}}]},", r#"}}],"reasoning_content":""},"#, 1),
        ),
        (called, none(), called.into()),
        // Bug 6
        (called, nine(), called.replace("call_123456", &short)),
        // Mistral's order
        (
            called,
            Quirks { no_user_after_tool: true, ..none() },
            called.replace(
                r#",{"role":"user""#,
                r#",{"role":"assistant","content":"OK"},{"role":"user""#,
            ),
        ),
        // Bug 25
        (
            r#"[{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}],"reasoning_content":"x","audio":null}]"#,
            strict(),
            r#"[{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}]"#.into(),
        ),
        (
            r#"[{"role":"assistant","content":null,"refusal":"I can't"}]"#,
            strict(),
            r#"[{"role":"assistant","content":"I can't"}]"#.into(),
        ),
        (
            r#"[{"role":"developer","content":"x","name":"n"}]"#,
            Quirks { no_developer_role: true, ..none() },
            r#"[{"role":"system","content":"x","name":"n"}]"#.into(),
        ),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]"#,
            none(),
            r#"[{"role":"user","content":[{"type":"text","text":"x"}]}]"#.into(),
        ),
        // PCACHE-5
        (
            r#"[{"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]"#,
            Quirks { cache_control: true, ..none() },
            r#"[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]"#.into(),
        ),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]"#,
            none(),
            r#"[{"role":"user","content":[{"type":"text","text":"x"}]}]"#.into(),
        ),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]"#,
            Quirks { cache_breakpoints: true, ..none() },
            r#"[{"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]"#.into(),
        ),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x","detail":"low"}}, {"a": 1}]}]"#,
            Quirks { plain_image_url: true, ..none() },
            r#"[{"role":"user","content":[{"type":"image_url","image_url":"data:x"},{"a": 1}]}]"#.into(),
        ),
        (
            r#"[{"role":"user","content":"x"},{"role":"assistant","content":"{"}]"#,
            Quirks { prefix_flag: true, ..none() },
            r#"[{"role":"user","content":"x"},{"role":"assistant","content":"{","prefix":true}]"#.into(),
        ),
    ];
    for (given, quirks, expected) in table {
        assert_eq!(
            sent(&format!(r#"{{"model":"m","messages":{given}}}"#), &quirks, &Abilities::default()),
            format!(r#"{{"model":"native","messages":{expected}}}"#),
            "{quirks:?}"
        );
    }
}

/// PCACHE-5: breakpoints are told to models that know them, which are those asked with the options.
#[test]
fn marks_are_breakpoints_where_the_cache_is_asked_for_explicitly() {
    let quirks = Quirks { cache_breakpoints: true, ..Quirks::default() };
    let body = |options: &str, part: &str| {
        format!(
            r#"{{"model":"native","messages":[{{"role":"user","content":[{{"type":"text","text":"x"{part}}}]}}]{options}}}"#
        )
    };
    let options = r#","prompt_cache_options":{"mode":"explicit"}"#;
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    let breakpoint = r#","prompt_cache_breakpoint":{"mode":"explicit"}"#;
    for (options, part, expected) in [
        (options, mark, breakpoint),
        ("", mark, ""),
        (options, breakpoint, breakpoint),
        (options, "", ""),
    ] {
        let sent = sent(&body(options, part), &quirks, &Abilities::default());
        assert_eq!(sent, body(options, expected), "{part}");
    }
}

/// CHAT-7
#[test]
fn who_speaks_is_told_in_the_text_where_the_model_takes_no_names() {
    let wordy = Abilities { speaker_names: false, ..Abilities::default() };
    let messages = r#"[{"role":"system","name":"S","content":"a"},{"role":"user","name":"Ada","content":[{"type":"text","text":"b"}]},{"role":"assistant","name":"Bo","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","name":"f","content":"r"},{"role":"user","name":"","content":"d"},{"role":"assistant","name":"Bo","content":""},{"role":"assistant","name":"Bo","content":"e"}]"#;
    let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
    let patched = sent(&body, &Quirks::default(), &wordy);
    assert_eq!(
        patched,
        r#"{"model":"native","messages":[{"role":"system","content":"S: a"},{"role":"user","content":[{"type":"text","text":"Ada: "},{"type":"text","text":"b"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","name":"f","content":"r"},{"role":"user","content":"d"},{"role":"assistant","content":""},{"role":"assistant","content":"e"}]}"#
    );
    assert!(sent(&body, &Quirks::default(), &Abilities::default()).contains(r#""name":"Ada""#));
    let request = decode_request(body.as_bytes()).unwrap();
    let quirks = Quirks::default();
    let written = encode_request(&request, &Target::new("m", &quirks, &wordy)).unwrap();
    let written = String::from_utf8(written.body).unwrap();
    for (told, expected) in [("S: a", true), ("Ada: b", true), (r#""name":"Ada""#, false)] {
        assert_eq!(written.contains(told), expected, "{told} {written}");
    }
}

/// Bug 28
#[test]
fn tool_names_a_host_refuses_are_changed_everywhere_and_remembered() {
    let body = r#"{"model":"m","tools":[{"type":"function","function":{"name":"srv.get","parameters":{"a": 1}}},{"type":"function","function":{"name":"ok"}}],"tool_choice":{"type":"function","function":{"name":"srv.get"}},"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"srv.get","arguments":"{}"}}]}]}"#;
    let encoded =
        encode(body, &Quirks::default(), &Abilities::default(), &RequestPatch::default()).unwrap();
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        body.replace("srv.get", "srv_get").replace("\"m\"", "\"native\"")
    );
    assert_eq!(encoded.context.tool_names, [("srv_get".to_owned(), "srv.get".to_owned())].into());
}

/// Bug 28: a tool that was called need not be offered any more.
#[test]
fn names_in_the_history_are_changed_without_being_declared() {
    for tools in ["", r#""tools":[{"type":"function","function":{"name":"srv_get"}}],"#] {
        let body = format!(
            r#"{{"model":"m",{tools}"messages":[{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"arguments":"{{}}", "name" : "srv.get"}}}}]}},{{"role":"tool","tool_call_id":"c","name":"srv.get","content":"r"}}]}}"#
        );
        let encoded =
            encode(&body, &Quirks::default(), &Abilities::default(), &RequestPatch::default())
                .unwrap();
        let sent = String::from_utf8(encoded.body).unwrap();
        assert!(!sent.contains("srv.get"), "{sent}");
        let (plain, declared) = encoded.context.tool_names.iter().next().unwrap();
        assert_eq!(declared, "srv.get");
        assert_eq!(sent.matches(&format!("\"{plain}\"")).count(), 2, "{sent}");
        assert_eq!(plain == "srv_get", tools.is_empty(), "names never collapse");
    }
}

/// Bug 28
#[test]
fn many_irregular_names_are_no_burden() {
    let mut tools = String::new();
    for number in 0..20_000 {
        let comma = if number == 0 { "" } else { "," };
        tools.push_str(&format!(
            r#"{comma}{{"type":"function","function":{{"name":"a.{number}"}}}}"#
        ));
    }
    let body = format!(r#"{{"model":"m",{USER},"tools":[{tools}]}}"#);
    let encoded =
        encode(&body, &Quirks::default(), &Abilities::default(), &RequestPatch::default()).unwrap();
    assert_eq!(encoded.context.tool_names.len(), 20_000);
}

/// STRUCT-2
#[test]
fn a_schema_the_host_does_not_take_is_asked_for_in_words() {
    let body = format!(
        r#"{{"model":"m",{USER},"response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{{"type":"object"}}}}}}}}"#
    );
    let out =
        sent(&body, &Quirks { no_json_schema: true, ..Quirks::default() }, &Abilities::default());
    assert!(out.contains(r#""response_format":{"type":"json_object"}"#), "{out}");
    assert!(out.contains(r#"[{"role":"system","content":"Answer with one JSON value"#), "{out}");
}

#[test]
fn a_url_is_refused_where_media_must_be_bytes() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y"}}]}]}"#;
    let quirks = Quirks { no_media_urls: true, ..Quirks::default() };
    let fault = encode(body, &quirks, &Abilities::default(), &RequestPatch::default()).unwrap_err();
    assert!(fault.message.starts_with("messages[0].content[0].image_url: "), "{}", fault.message);
}

/// CHAT-9
#[test]
fn tools_are_told_in_words_where_the_model_takes_none() {
    let body = r#"{"model":"m","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":"required","parallel_tool_calls":true,"messages":[{"role":"user","content":"go"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"r"},{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"s"}]}]}"#;
    let without = Abilities { tools: false, ..Abilities::default() };
    let refused = Quirks { unsupported_parameters: vec!["tools".into()], ..Quirks::default() };
    for (quirks, abilities) in [(Quirks::default(), without), (refused, Abilities::default())] {
        let out = sent(body, &quirks, &abilities);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(value.get("tools").is_none(), "{out}");
        let messages = &value["messages"];
        assert_eq!(messages[0]["role"], "system");
        let told = messages[0]["content"].as_str().unwrap();
        assert!(told.contains("must call one") && told.contains("- name: \"f\""), "{told}");
        assert_eq!(
            messages[2],
            serde_json::json!({"role":"assistant","content":"Call of f: {\"a\":1}"})
        );
        assert_eq!(messages[3], serde_json::json!({"role":"user","content":"Result of f: r"}));
        assert_eq!(messages[4]["content"][0]["text"], "Result of f: ");
    }
}
