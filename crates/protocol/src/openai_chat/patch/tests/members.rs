//! Members and forms of contents that a provider must not see.

use crate::exchange::Losses;
use crate::json::Envelope;
use crate::openai_chat::{RequestPatch, decode_request, encode_request, patch_request};
use crate::target::{Abilities, Quirks, ReasoningReplay, ReasoningRequest, Target};

const USER: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// The body as it is edited, and as it is written anew.
fn both(body: &str, quirks: &Quirks, keeps_nothing: bool) -> [(String, Losses); 2] {
    let abilities = Abilities::default();
    let target = Target { keeps_nothing, ..Target::new("native", quirks, &abilities) };
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let patched = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    let encoded = encode_request(&decode_request(body.as_bytes()).unwrap(), &target).unwrap();
    [patched, encoded].map(|it| (String::from_utf8(it.body).unwrap(), it.losses))
}

/// CHAT-4
#[test]
fn what_speaks_to_a_router_reaches_no_provider() {
    let router = Quirks {
        reasoning_request: ReasoningRequest::Reasoning,
        reasoning_replay: ReasoningReplay::ReasoningDetails,
        ..Quirks::default()
    };
    for (member, losses) in [
        (r#""reasoning":null"#, 0),
        (r#""top_k":null,"min_p":null"#, 0),
        (r#""image_config":null"#, 0),
        (r#""image_config":{"aspect_ratio":"1:1"}"#, 1),
    ] {
        let body = format!(r#"{{"model":"native",{USER},{member}}}"#);
        for (sent, lost) in both(&body, &Quirks::default(), false) {
            assert_eq!(sent, format!(r#"{{"model":"native",{USER}}}"#));
            assert_eq!(lost.0.len(), losses, "{member}: {lost:?}");
        }
    }
    let body = format!(r#"{{"model":"native",{USER},"image_config":{{"aspect_ratio":"1:1"}}}}"#);
    for (sent, _) in both(&body, &router, false) {
        assert_eq!(sent, body);
    }
}

#[test]
fn no_provider_is_told_to_keep_anything() {
    let kept = r#""prompt_cache_retention":"24h""#;
    for (member, keeps_nothing, expected) in [
        (r#""store":true"#, false, ""),
        (r#""store":false"#, false, r#","store":false"#),
        (kept, true, ""),
        (kept, false, r#","prompt_cache_retention":"24h""#),
    ] {
        let body = format!(r#"{{"model":"native",{USER},{member}}}"#);
        for (sent, lost) in both(&body, &Quirks::default(), keeps_nothing) {
            assert_eq!(sent, format!(r#"{{"model":"native",{USER}{expected}}}"#));
            assert_eq!(lost.0.len(), usize::from(expected.is_empty()), "{member}");
        }
    }
}

#[test]
fn texts_alone_become_one_string_where_the_host_takes_no_parts() {
    let quirks = Quirks { text_as_string: true, ..Quirks::default() };
    let part = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let call = r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let image = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}"#;
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{0},{1}]}},{{"role":"assistant","content":[{0}],"tool_calls":[{call}]}},{{"role":"tool","tool_call_id":"c","content":[{0},{1}]}},{{"role":"user","content":[{0},{image}]}}]}}"#,
        part("a"),
        part("b"),
    );
    for (sent, _) in both(&body, &quirks, false) {
        let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
        let content = |at: usize| &sent["messages"][at]["content"];
        assert_eq!([content(0), content(1), content(2)], ["a\nb", "a", "a\nb"]);
        assert!(content(3).is_array());
    }
    // A text that only looks like a part costs the reading alone.
    let plain = r#"{"model":"native","messages":[ {"role":"user","content":"\"text\""}]}"#;
    assert_eq!(both(plain, &quirks, false)[0].0, plain);
}

/// Bug 6
#[test]
fn long_ids_of_calls_are_shortened_in_pairs() {
    let quirks = Quirks { short_tool_ids: true, ..Quirks::default() };
    let long = "x".repeat(41);
    let body = |id: &str| {
        format!(
            r#"{{"model":"native","messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":"ok"}}]}}"#
        )
    };
    for (sent, _) in both(&body(&long), &quirks, false) {
        let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
        let id = sent["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
        assert!(id.len() <= 40, "{id}");
        assert_eq!(sent["messages"][2]["tool_call_id"], id);
    }
    for (id, quirks) in [(&long[1..], &quirks), (&long, &Quirks::default())] {
        for (sent, _) in both(&body(id), quirks, false) {
            assert_eq!(sent, body(id));
        }
    }
}

#[test]
fn more_stop_sequences_than_the_protocol_has_are_cut() {
    let mut request = decode_request(format!(r#"{{"model":"m",{USER}}}"#).as_bytes()).unwrap();
    request.sampling.stop = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let encoded = encode_request(&request, &Target::new("m", &quirks, &abilities)).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["stop"], serde_json::json!(["a", "b", "c", "d"]));
    assert_eq!(encoded.losses.0[0].path, "stop");
}
