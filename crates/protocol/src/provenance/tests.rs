use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;
use crate::exchange::{
    Additions, BlockKind, ErrorType, Event, Fault, Identity, ReasoningContent, ReasoningDelta,
    ReasoningFormat, Request,
};
use crate::relay::{Answer, Relay};
use crate::surface::Addressed;
use crate::target::ResponseContext;
use crate::{Dialect, Surface};

const BYTES: StampBytes = StampBytes([0xa7; StampBytes::LENGTH]);

fn stamp() -> String {
    BYTES.stamp().as_str().to_owned()
}

fn ours(found: &StampBytes) -> Option<()> {
    (*found == BYTES).then_some(())
}

fn taken(body: &str) -> Option<(String, Vec<String>)> {
    let taken = take(body.as_bytes(), ours)?;
    let made = taken.made.into_iter().map(|(text, ())| text).collect();
    Some((String::from_utf8(taken.body).unwrap(), made))
}

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

/// Client libraries of Google decode signatures, in one alphabet or the other.
#[test]
fn what_follows_a_stamp_is_base64_exactly_if_it_was_without() {
    assert_eq!(stamp().len(), STAMP_LENGTH);
    assert_eq!(STAMP_LENGTH % 4, 0);
    for bytes in [&[0xfb_u8, 0xff, 0xfe][..], &[0xff; 7], &[1, 2]] {
        let text = format!("{}{}", stamp(), STANDARD.encode(bytes));
        let decoded = STANDARD.decode(&text).unwrap();
        assert_eq!(STANDARD.encode(&decoded), text);
        // As the other alphabet writes it, it is the same stamp.
        let other = URL_SAFE.encode(&decoded);
        assert_eq!(split(&other), (&*stamp(), &*URL_SAFE.encode(bytes)));
    }
    assert!(STANDARD.decode(format!("{}?", stamp())).is_err());
}

#[test]
fn stamps_are_taken_from_proofs_and_from_nothing_else() {
    let s = stamp();
    for (sent, plain, made) in [
        (r#"{"signature":"$abc"}"#, r#"{"signature":"abc"}"#, vec!["abc"]),
        (r#"{"data" : "$abc","x":1}"#, r#"{"data" : "abc","x":1}"#, vec!["abc"]),
        (r#"[{"thoughtSignature":"$a+/="}]"#, r#"[{"thoughtSignature":"a+/="}]"#, vec!["a+/="]),
        (r#"{"thought_signature":"$a\/b"}"#, r#"{"thought_signature":"a\/b"}"#, vec!["a/b"]),
        (
            r#"{"a":{"encrypted_content":"$1"},"b":{"encrypted_content":"$2"}}"#,
            r#"{"a":{"encrypted_content":"1"},"b":{"encrypted_content":"2"}}"#,
            vec!["1", "2"],
        ),
    ] {
        let found = taken(&sent.replace('$', &s)).unwrap();
        assert_eq!(
            (found.0.as_str(), found.1),
            (plain, made.iter().map(|it| it.to_string()).collect())
        );
    }
    for body in [
        r#"{"text":"$abc"}"#,
        r#"{"content":"say \"signature\":\"$abc\""}"#,
        r#"{"my_signature":"$abc"}"#,
        r#"{"signature":["$abc"]}"#,
        r#"{"signature":"x$abc"}"#,
        r#"{"signature":"$abc"#,
        r#"{"signature":"tlr1abc"}"#,
    ] {
        assert_eq!(taken(&body.replace('$', &s)), None, "{body}");
    }
    let foreign = StampBytes([1; StampBytes::LENGTH]).stamp();
    assert_eq!(taken(&format!(r#"{{"signature":"{}abc"}}"#, foreign.as_str())), None);
}

/// The whole answers of the four protocols, with a text that is opaque, and tools whose arguments
/// are called like members that hold one.
fn answers(opaque: &str) -> [(Surface, Dialect, String); 4] {
    [
        (
            Surface::Messages,
            Dialect::Anthropic,
            r#"{"type":"message","role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"$"},{"type":"redacted_thinking","data":"$"},{"type":"tool_use","id":"c","name":"f","input":{"type":"thinking","signature":"mine","data":"mine"}}],"stop_reason":"tool_use"}"#,
        ),
        (
            Surface::Responses,
            Dialect::OpenaiResponses,
            r#"{"object":"response","status":"completed","output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"$"},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"encrypted_content\":\"mine\"}"}]}"#,
        ),
        (
            Surface::Chat,
            Dialect::OpenaiChat,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","signature":"$","index":0},{"type":"reasoning.encrypted","data":"$","index":1}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"signature\":\"mine\"}"},"extra_content":{"google":{"thought_signature":"$"}}}]},"finish_reason":"tool_calls","native_finish_reason":"x"}]}"#,
        ),
        (
            Surface::Gemini,
            Dialect::Gemini,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm","thought":true,"thoughtSignature":"$"},{"functionCall":{"name":"f","args":{"thoughtSignature":"mine"}},"thoughtSignature":"$"}]},"finishReason":"STOP"}]}"#,
        ),
    ]
    .map(|(surface, dialect, body)| (surface, dialect, body.replace('$', opaque)))
}

/// Promise 5: of an answer that is passed on, nothing changes but the stamps, and what comes back
/// without them is as the provider wrote it.
#[test]
fn answers_that_are_passed_on_get_stamps_and_no_other_change() {
    for (surface, dialect, body) in answers("EqQB+/w=") {
        let marked = stamp_answer(dialect, body.as_bytes(), &BYTES.stamp());
        let marked = std::str::from_utf8(&marked).unwrap();
        let expected = body.replace("EqQB+/w=", &format!("{}EqQB+/w=", stamp()));
        assert_eq!(marked, expected, "{surface:?}");
        let written = |stamp: Option<Stamp>| {
            Answer::read(
                dialect,
                surface,
                body.as_bytes(),
                &identity(),
                &ResponseContext::default(),
                stamp.as_ref(),
            )
            .unwrap()
            .write(&identity(), None, Additions::default())
        };
        let (with, without) = (written(Some(BYTES.stamp())), written(None));
        let with = String::from_utf8(with).unwrap();
        assert_ne!(with.as_bytes(), without, "{surface:?}");
        let (back, made) = taken(&with).unwrap();
        assert_eq!(back.as_bytes(), without, "{surface:?}");
        assert!(made.iter().all(|text| text == "EqQB+/w="), "{surface:?} {made:?}");
    }
}

#[test]
fn answers_without_reasoning_pass_as_they_are() {
    let body = r#"{"content":[{"type":"text","text":"\"signature\":\"x\""},{"type":"thinking","thinking":"","signature":""}]}"#;
    assert!(matches!(
        stamp_answer(Dialect::Anthropic, body.as_bytes(), &BYTES.stamp()),
        std::borrow::Cow::Borrowed(_)
    ));
}

/// The stream of a provider, as frames.
fn stream(dialect: Dialect) -> &'static str {
    match dialect {
        // The signature in two pieces.
        Dialect::Anthropic => {
            r#"event: message_start
data: {"type":"message_start","message":{"id":"m","role":"assistant","model":"x","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"cmVk"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Yes"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

"#
        }
        Dialect::OpenaiResponses => {
            r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":2,"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAABBBB"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":3,"output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":1,"content_index":0,"delta":"Yes"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":5,"output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Yes","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","sequence_number":6,"response":{"id":"resp_1","object":"response","status":"completed","output":[{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAABBBB"},{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Yes","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":3,"total_tokens":4}}}

"#
        }
        Dialect::OpenaiChat => {
            r#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]}

data: {"id":"c","choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"EqQB","format":"anthropic-claude-v1","index":0}]},"finish_reason":null}]}

data: {"id":"c","choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":null}]}

data: {"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}

data: [DONE]

"#
        }
        _ => {
            r#"data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"id":"c","name":"f","args":{}},"thoughtSignature":"c2ln"}]}}]}

data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Yes","thoughtSignature":"dGV4dA=="}]},"finishReason":"STOP"}]}

"#
        }
    }
}

fn relayed(dialect: Dialect, surface: Surface, stamp: Option<Stamp>, input: &str) -> String {
    let relay = Relay::new(dialect, surface, identity(), ResponseContext::default(), None);
    let mut relay = relay.stamping(stamp);
    let mut out = Vec::new();
    for piece in input.as_bytes().chunks(97) {
        assert!(relay.push(piece, &mut out).fault.is_none());
    }
    assert!(relay.end(&mut out).fault.is_none());
    relay.finish(Additions::default(), &mut out);
    String::from_utf8(out).unwrap()
}

const DIALECTS: [Dialect; 4] =
    [Dialect::Anthropic, Dialect::OpenaiResponses, Dialect::OpenaiChat, Dialect::Gemini];
const SURFACES: [Surface; 4] =
    [Surface::Chat, Surface::Responses, Surface::Messages, Surface::Gemini];

/// Whatever goes where: without its stamps a stream is as it would be with none.
#[test]
fn streams_get_stamps_and_no_other_change() {
    for dialect in DIALECTS {
        for surface in SURFACES {
            let plain = relayed(dialect, surface, None, stream(dialect));
            let marked = relayed(dialect, surface, Some(BYTES.stamp()), stream(dialect));
            // Google's protocol has no place for the proofs of others.
            if surface == Surface::Gemini && dialect != Dialect::Gemini {
                assert_eq!(plain, marked);
                continue;
            }
            let (back, made) = taken(&marked).unwrap_or_else(|| panic!("{dialect:?} {surface:?}"));
            assert_eq!(back, plain, "{dialect:?} {surface:?}");
            let known = ["EqQB", "cmVk", "gAAA", "gAAABBBB", "c2ln", "dGV4dA=="];
            let all = made.iter().all(|text| known.contains(&text.as_str()));
            assert!(all, "{dialect:?} {surface:?} {made:?}");
        }
    }
}

#[test]
fn a_signature_in_pieces_has_one_stamp() {
    let frames = stream(Dialect::Anthropic).replace(
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"QB"}}"#,
    );
    let passed = relayed(Dialect::Anthropic, Surface::Messages, Some(BYTES.stamp()), &frames);
    assert!(passed.contains(&format!(r#""signature":"{}Eq""#, stamp())), "{passed}");
    assert!(passed.contains(r#""signature":"QB""#), "{passed}");
    // One for the signature, one for what is redacted.
    assert_eq!(passed.matches(&stamp()).count(), 2);
    let translated = relayed(Dialect::Anthropic, Surface::Chat, Some(BYTES.stamp()), &frames);
    assert_eq!(translated.matches(&stamp()).count(), 2, "{translated}");
}

fn read(surface: Surface, body: &str) -> Request {
    let addressed = Addressed { model: Some("a/b".into()), ..Addressed::default() };
    surface.decode(body.as_bytes(), &addressed).unwrap()
}

/// The proofs in a conversation, with their form.
fn proofs(request: &Request) -> Vec<(String, ReasoningFormat)> {
    request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match &block.kind {
            BlockKind::Reasoning(reasoning) => match &reasoning.content {
                ReasoningContent::Text { signature: Some(text), .. }
                | ReasoningContent::Encrypted { data: text } => {
                    Some((text.clone(), reasoning.format.clone()))
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Bugs 7, 19: what one vendor made travels through callers of another's protocol, with its maker.
#[test]
fn anothers_proof_keeps_its_stamp_through_callers_of_anthropics_protocol() {
    let body = answers("c2ln")[3].2.clone();
    let answer = Answer::read(
        Dialect::Gemini,
        Surface::Messages,
        body.as_bytes(),
        &identity(),
        &ResponseContext::default(),
        Some(&BYTES.stamp()),
    );
    let written = answer.unwrap().write(&identity(), None, Additions::default());
    let answer: serde_json::Value = serde_json::from_slice(&written).unwrap();
    let body = serde_json::json!({"model": "a/b", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": answer["content"][2]["id"], "content": "r"}]},
    ]})
    .to_string();
    assert_eq!(body.matches(&stamp()).count(), 2, "{body}");
    let (plain, made) = taken(&body).unwrap();
    assert_eq!(made, ["c2ln", "c2ln"]);
    let sent = proofs(&read(Surface::Messages, &plain));
    assert_eq!(sent, vec![("c2ln".to_owned(), ReasoningFormat::Gemini); 2]);
    // A stamp that is not ours is part of what the vendor wrote, wrapped or not.
    let sent = proofs(&read(Surface::Messages, &body));
    assert_eq!(sent, vec![(format!("{}c2ln", stamp()), ReasoningFormat::Gemini); 2]);
}

#[test]
fn without_its_proofs_a_conversation_keeps_all_that_was_said() {
    let body = r#"{"model":"a/b","max_tokens":9,"messages":[
        {"role":"user","content":"x"},
        {"role":"assistant","content":[
            {"type":"thinking","thinking":"Hm","signature":"one"},
            {"type":"thinking","thinking":"","signature":"one"},
            {"type":"redacted_thinking","data":"two"},
            {"type":"text","text":"I look"},
            {"type":"tool_use","id":"c","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"r"}]}]}"#;
    let request = read(Surface::Messages, body);
    assert_eq!(without(&request, &|_| false), None);
    assert_eq!(without(&request, &|proof| proof == "three"), None);
    let one = without(&request, &|proof| proof == "one").unwrap();
    assert_eq!(proofs(&one), [("two".to_owned(), ReasoningFormat::Anthropic)]);
    let blocks = &one.turns[1].blocks;
    assert_eq!(blocks.len(), 4, "{blocks:?}");
    assert!(matches!(&blocks[0].kind, BlockKind::Reasoning(it)
        if matches!(&it.content, ReasoningContent::Text { text, signature: None } if text == "Hm")));
    let none = without(&request, &|_| true).unwrap();
    assert!(proofs(&none).is_empty());
    assert_eq!(none.turns[1].blocks[1..], request.turns[1].blocks[3..]);
    assert_eq!((&none.turns[0], &none.turns[2]), (&request.turns[0], &request.turns[2]));
}

/// Hosts of OpenAI's dialect tell entries apart in several ways, and send one in several pieces: each
/// text has one stamp, at its beginning.
#[test]
fn texts_in_pieces_get_one_stamp_each() {
    let choice = |at: u8, details: &str| {
        format!(r#"{{"index":{at},"delta":{{"reasoning_details":[{details}]}}}}"#)
    };
    let encrypted = |index: &str, id: &str, data: &str| {
        format!(r#"{{"type":"reasoning.encrypted",{index}{id}"data":"{data}"}}"#)
    };
    let text = |index: &str, signature: &str| {
        format!(r#"{{"type":"reasoning.text",{index}"signature":"{signature}"}}"#)
    };
    for (frames, expected) in [
        // Two entries of one index, with different ids, in pieces.
        (
            vec![
                choice(0, &encrypted(r#""index":0,"#, r#""id":"a","#, "$A1")),
                choice(0, &encrypted(r#""index":0,"#, "", "A2")),
                choice(0, &encrypted(r#""index":0,"#, r#""id":"b","#, "$B1")),
                choice(0, &encrypted(r#""index":0,"#, r#""id":"b","#, "B2")),
            ],
            2,
        ),
        // Pieces without an index.
        (
            vec![
                choice(0, &text("", "$A1")),
                choice(0, &text("", "A2")),
                choice(0, &text("", "A3")),
            ],
            1,
        ),
        // Two answers, whose pieces take turns.
        (
            vec![
                choice(0, &text(r#""index":0,"#, "$A1")),
                choice(1, &text(r#""index":0,"#, "$B1")),
                choice(0, &text(r#""index":0,"#, "A2")),
                choice(1, &text(r#""index":0,"#, "B2")),
            ],
            2,
        ),
    ] {
        let mut stamper = Stamper::new(BYTES.stamp());
        let mut stamps = 0;
        for frame in frames.iter().map(|choice| format!(r#"{{"choices":[{choice}]}}"#)) {
            let data = frame.replace('$', "");
            let marked = stamper.frame(Dialect::OpenaiChat, data.as_bytes());
            let marked = marked.unwrap_or_else(|| data.clone().into_bytes());
            assert_eq!(String::from_utf8(marked).unwrap(), frame.replace('$', &stamp()));
            stamps += frame.matches('$').count();
        }
        assert_eq!(stamps, expected);
    }
}

/// The same of streams that are translated.
#[test]
fn events_of_answers_that_take_turns_get_one_stamp_each() {
    let mut stamper = Stamper::new(BYTES.stamp());
    let marked: Vec<bool> = [(0, "A1"), (1, "B1"), (0, "A2"), (1, "B2")]
        .into_iter()
        .map(|(choice, text)| {
            let mut event = Event::Reasoning {
                choice,
                index: 0,
                id: None,
                format: ReasoningFormat::Anthropic,
                delta: ReasoningDelta::Signature(text.to_owned()),
            };
            stamper.event(&mut event);
            format!("{event:?}").contains(&stamp())
        })
        .collect();
    assert_eq!(marked, [true, true, false, false]);
}

/// What Google's hosts of OpenAI's dialect put beside calls is left out too, and nothing else there.
#[test]
fn signatures_beside_calls_are_left_out() {
    let body = r#"{"model":"a/b","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[
        {"id":"1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"one"}}},
        {"id":"2","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"two","x":1},"y":2}}]}]}"#;
    let request = read(Surface::Chat, body);
    let beside = |request: &Request| -> Vec<Vec<(String, String)>> {
        let calls = request.turns[1].blocks.iter();
        calls
            .map(|block| {
                let members = block.extras.members.iter();
                members.map(|(name, raw)| (name.clone(), raw.get().to_owned())).collect()
            })
            .collect()
    };
    let with = |raw: &str| vec![("extra_content".to_owned(), raw.to_owned())];
    let before = beside(&request);
    let one = without(&request, &|proof| proof == "one").unwrap();
    assert_eq!(beside(&one), [vec![], before[1].clone()]);
    let none = without(&request, &|_| true).unwrap();
    assert_eq!(beside(&none), [vec![], with(r#"{"google":{"x":1},"y":2}"#)]);
    assert!(without(&request, &|proof| proof == "three").is_none());
}

/// What providers say, in their own words, and what they say of other things. Bugs 7, 19, 20
#[test]
fn refusals_of_proofs_are_told_from_other_refusals() {
    let fault = |message: &str| Fault::new(ErrorType::InvalidRequest, message);
    for said in [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "The model returned the following errors: messages.7.content.2: Invalid signature in thinking block",
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
        "messages.3.content.8: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.",
        "messages.129.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.",
        "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
        "The encrypted content gAAA...Rg== could not be verified.",
        "The encrypted content for item rs_1 could not be verified. Reason: Encrypted content organization_id did not match the target organization.",
        "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
        "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
        "Corrupted thought signature.",
        "Invalid thought signature.",
        "Unable to submit request because Thought signature is not valid.",
        "Function call is missing a thought_signature in functionCall parts.",
        "Invalid value at 'contents[1].parts[0].thought_signature' (TYPE_BYTES), Base64 decoding failed",
    ] {
        assert!(is_refusal(&fault(said)), "{said}");
    }
    assert!(is_refusal(&fault("no").with_provider_code("invalid_encrypted_content")));
    for said in [
        "Encrypted content is not supported with this model",
        "messages: text content blocks must be non-empty",
        "max_tokens must be greater than thinking.budget_tokens",
        "Your organization could not be verified",
        "",
    ] {
        assert!(!is_refusal(&fault(said)), "{said}");
    }
    let elsewhere = Fault::new(ErrorType::ProviderUnavailable, "Corrupted thought signature.");
    assert!(!is_refusal(&elsewhere));
}

proptest! {
    #[test]
    fn any_proof_comes_back_as_it_was(opaque in "[A-Za-z0-9+/_=.-]{1,80}") {
        for (_, dialect, body) in answers(&opaque) {
            let marked = stamp_answer(dialect, body.as_bytes(), &BYTES.stamp()).into_owned();
            let (back, made) = taken(std::str::from_utf8(&marked).unwrap()).unwrap();
            prop_assert_eq!(back, body);
            prop_assert!(made.iter().all(|text| *text == opaque));
        }
    }

    #[test]
    fn no_body_breaks_the_search(
        before in prop::collection::vec(any::<u8>(), 0..40),
        after in prop::collection::vec(any::<u8>(), 0..60),
        cut in 0..=STAMP_LENGTH,
    ) {
        let mut body = before.clone();
        body.extend_from_slice(b"\"signature\":\"");
        body.extend_from_slice(&stamp().as_bytes()[..cut]);
        body.extend_from_slice(&after);
        if let Some(taken) = take(&body, ours) {
            prop_assert_eq!(taken.body.len() + taken.made.len() * STAMP_LENGTH, body.len());
        }
        for dialect in DIALECTS {
            let _ = stamp_answer(dialect, &body, &BYTES.stamp());
        }
    }
}
