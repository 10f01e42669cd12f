use super::*;
use crate::exchange::Charge;

const SURFACES: [Surface; 5] =
    [Surface::Chat, Surface::Completions, Surface::Responses, Surface::Messages, Surface::Gemini];

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);
const CHAT: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);
const GEMINI: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}],\"role\":\"model\"},\"index\":0}],\"responseId\":\"r\"}\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2,\"totalTokenCount\":5}}\n\n",
);

const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"in_progress\",\"model\":\"m\",\"output\":[],\"usage\":null}}\n\n",
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n",
    "event: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"hi\"}\n\n",
    "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"text\":\"hi\"}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"sequence_number\":5,\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\",\"annotations\":[]}]}}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":6,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}\n\n",
);
const COHERE: &str = concat!(
    "data: {\"type\":\"message-start\",\"id\":\"c\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
    "data: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
    "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"hi\"}}}}\n\n",
    "data: {\"type\":\"content-end\",\"index\":0}\n\n",
    "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":2},\"tokens\":{\"input_tokens\":3,\"output_tokens\":2}}}}\n\n",
);
const OLLAMA: &str = concat!(
    "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"done\":false}\n",
    "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":2}\n",
);

/// A stream that says `hi`, in its pieces.
fn of(dialect: Dialect) -> Vec<Vec<u8>> {
    let events =
        |text: &str| text.split_inclusive("\n\n").map(|it| it.as_bytes().to_vec()).collect();
    match dialect {
        Dialect::OpenaiChat => events(CHAT),
        Dialect::OpenaiResponses => events(RESPONSES),
        Dialect::Anthropic => events(ANTHROPIC),
        Dialect::Gemini => events(GEMINI),
        Dialect::Cohere => events(COHERE),
        Dialect::Ollama => {
            OLLAMA.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect()
        }
        Dialect::Bedrock => [
            ("messageStart", r#"{"role":"assistant"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hi"}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("messageStop", r#"{"stopReason":"end_turn"}"#),
            ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}"#),
        ]
        .map(|(name, json)| {
            let mut out = Vec::new();
            crate::event_stream::write_event(&mut out, name, json.as_bytes());
            out
        })
        .to_vec(),
    }
}

/// Whatever both sides speak, the caller gets the text before the provider is done and the end
/// when the books are, and the books learn the same.
#[test]
fn every_dialect_reaches_every_surface() {
    for dialect in Dialect::ALL {
        for surface in SURFACES {
            let mut relay =
                Relay::new(dialect, surface, identity(), ResponseContext::default(), None);
            let (mut content, mut out) = (false, Vec::new());
            // Byte for byte: no split changes anything.
            for byte in of(dialect).concat() {
                let step = relay.push(&[byte], &mut out);
                assert!(step.fault.is_none(), "{dialect:?} to {surface:?}: {:?}", step.fault);
                content |= step.content;
            }
            assert!(content, "{dialect:?} to {surface:?}");
            let end = relay.end(&mut out);
            assert!(end.fault.is_none(), "{dialect:?} to {surface:?}: {:?}", end.fault);
            let told = String::from_utf8(out.clone()).unwrap();
            assert!(told.contains("hi"), "{dialect:?} to {surface:?}: {told}");
            let over = match surface {
                Surface::Responses => "response.completed",
                Surface::Messages => "message_stop",
                Surface::Gemini => "finishReason",
                _ => "[DONE]",
            };
            assert!(!told.contains(over), "{dialect:?} to {surface:?}: {told}");
            assert_eq!(relay.finish_reason(), Some(FinishReason::Stop));
            assert_eq!(relay.usage().map(|usage| (usage.input, usage.output)), Some((3, 2)));
            assert_eq!(relay.text_bytes(), 2, "{dialect:?} to {surface:?}");
            assert!(relay.all_finished(1), "{dialect:?} to {surface:?}");
            let charge = Charge { cost: "0.5".into(), ..Charge::default() };
            relay.finish(
                Additions { charge: Some(&charge), members: &[], ..Additions::default() },
                &mut out,
            );
            let told = String::from_utf8(out).unwrap();
            assert!(told.contains(over), "{dialect:?} to {surface:?}: {told}");
        }
    }
}

/// STREAM-5: the error of a stream is told as the surface tells errors.
#[test]
fn a_stream_that_breaks_off_ends_in_an_error() {
    for dialect in Dialect::ALL {
        for surface in SURFACES {
            let mut relay =
                Relay::new(dialect, surface, identity(), ResponseContext::default(), None);
            let pieces = of(dialect);
            let said = pieces.iter().position(|piece| piece.windows(2).any(|it| it == b"hi"));
            let cut = pieces[..=said.expect("it says hi")].concat();
            let mut out = Vec::new();
            relay.push(&cut, &mut out);
            let fault = relay.end(&mut out).fault.expect("it was cut");
            relay.fail(&fault, &mut out);
            let told = String::from_utf8(out).unwrap();
            assert!(told.contains("\"error\""), "{dialect:?} to {surface:?}: {told}");
        }
    }
}

/// A request that was written anew may ask for its structured output through a tool, and call tools
/// by other names: the caller, who spoke the same protocol, must see neither. Bug 13, Bug 28
#[test]
fn the_answer_to_a_request_written_anew_is_translated_back() {
    let context = |rewritten| ResponseContext {
        tool_names: [("get_x".to_owned(), "get.x".to_owned())].into(),
        emulated_output_tool: Some("json".to_owned()),
        rewritten,
        ..ResponseContext::default()
    };
    let whole = |name: &str| {
        let body = format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{{"type":"tool_use","id":"toolu_1","name":"{name}","input":{{"a":1}}}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{{"input_tokens":3,"output_tokens":2}}}}"#
        );
        let told = |rewritten| {
            let answer = Answer::read(
                Dialect::Anthropic,
                Surface::Messages,
                body.as_bytes(),
                &identity(),
                &context(rewritten),
                None,
            );
            let told = answer.unwrap().write(&identity(), None, Additions::default());
            serde_json::from_slice::<serde_json::Value>(&told).unwrap()
        };
        (told(true), told(false))
    };
    let (told, as_it_came) = whole("json");
    assert_eq!(told["content"][0]["type"], "text", "{told}");
    assert_eq!(told["content"][0]["text"], r#"{"a":1}"#, "{told}");
    assert_eq!(told["stop_reason"], "end_turn", "{told}");
    assert_eq!(as_it_came["content"][0]["type"], "tool_use", "{as_it_came}");
    let (told, _) = whole("get_x");
    assert_eq!(told["content"][0]["name"], "get.x", "{told}");

    let streamed = |name: &str| {
        let start = format!(
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"{name}\",\"input\":{{}}}}}}\n\n"
        );
        let pieces = of(Dialect::Anthropic);
        let frames = [
            String::from_utf8(pieces[0].clone()).unwrap(),
            start,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n".to_owned(),
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n".to_owned(),
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":2}}\n\n".to_owned(),
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned(),
        ];
        let mut relay =
            Relay::new(Dialect::Anthropic, Surface::Messages, identity(), context(true), None);
        let mut out = Vec::new();
        let step = relay.push(frames.concat().as_bytes(), &mut out);
        assert!(step.fault.is_none(), "{:?}", step.fault);
        assert!(relay.end(&mut out).fault.is_none());
        relay.finish(Additions::default(), &mut out);
        String::from_utf8(out).unwrap()
    };
    let told = streamed("json");
    assert!(told.contains("text_delta") && !told.contains("\"type\":\"tool_use\""), "{told}");
    assert!(streamed("get_x").contains("\"get.x\""));
}

/// Nothing but the word that it is over may be missing: the gateway does not wait for it as long
/// as for content.
#[test]
fn an_end_is_known_as_soon_as_the_provider_says_why() {
    for dialect in [Dialect::Anthropic, Dialect::Gemini] {
        for surface in SURFACES {
            let mut relay =
                Relay::new(dialect, surface, identity(), ResponseContext::default(), None);
            let mut pieces = of(dialect);
            if dialect == Dialect::Anthropic {
                pieces.pop();
            }
            let last = pieces.pop().unwrap();
            let mut out = Vec::new();
            let step = relay.push(&pieces.concat(), &mut out);
            assert!(!step.finished && !relay.all_finished(1), "{dialect:?} to {surface:?}");
            assert_eq!(relay.finish_reason(), None);
            let step = relay.push(&last, &mut out);
            assert!(step.finished && !step.done, "{dialect:?} to {surface:?}");
            assert!(relay.all_finished(1), "{dialect:?} to {surface:?}");
            assert_eq!(relay.finish_reason(), Some(FinishReason::Stop));
            let native = if dialect == Dialect::Gemini { "STOP" } else { "end_turn" };
            assert_eq!(relay.native_finish_reason(), Some(native), "{dialect:?} to {surface:?}");
            // Counts may follow the reason.
            let counts: &[u8] = match dialect {
                Dialect::Gemini => {
                    b"data: {\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":9}}\n\n"
                }
                _ => {
                    b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":9}}\n\n"
                }
            };
            assert!(!relay.push(counts, &mut out).finished);
            assert!(relay.end(&mut out).fault.is_none(), "{dialect:?} to {surface:?}");
            assert!(relay.all_finished(1), "{dialect:?} to {surface:?}");
            assert_eq!(relay.usage().map(|usage| usage.output), Some(9));
            relay.finish(Additions::default(), &mut out);
            assert!(String::from_utf8(out).unwrap().contains("hi"));
        }
    }
}

/// Where blocks follow each other, what comes between the pieces of a call's arguments waits.
#[test]
fn a_call_is_whole_whatever_stands_between_its_pieces() {
    let chunk = |delta: &str| {
        format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
    };
    let start = chunk(
        r#"{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\"a\":"}}]}"#,
    );
    let more = chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#);
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    for between in [r#"{"content":"mid"}"#, r#"{"reasoning_content":"mid"}"#] {
        let between = chunk(between);
        for surface in [Surface::Messages, Surface::Gemini] {
            let dialect = match surface {
                Surface::Messages => Dialect::Anthropic,
                _ => Dialect::Gemini,
            };
            let context = ResponseContext::default;
            let mut relay = Relay::new(Dialect::OpenaiChat, surface, identity(), context(), None);
            let mut out = Vec::new();
            for piece in [&start, &between, &more, end] {
                assert!(relay.push(piece.as_bytes(), &mut out).fault.is_none());
            }
            assert!(relay.end(&mut out).fault.is_none());
            relay.finish(Additions::default(), &mut out);
            let (mut decoder, mut events) = (StreamDecoder::new(dialect, context()), Vec::new());
            decoder.push(&out, &mut events);
            decoder.finish(&mut events);
            let mut arguments = String::new();
            for event in &events {
                if let Event::ToolCallArguments { arguments: piece, .. } = event {
                    arguments.push_str(piece);
                }
            }
            let told = String::from_utf8(out).unwrap();
            assert_eq!(arguments, r#"{"a":1}"#, "{surface:?}: {told}");
            assert!(told.contains("mid"), "{surface:?}: {told}");

            // What the provider never ended is told at the end, as far as it came.
            let mut relay = Relay::new(Dialect::OpenaiChat, surface, identity(), context(), None);
            let mut out = Vec::new();
            let end = end.replace("tool_calls", "length");
            relay.push([&start, &between, &end].map(String::as_str).concat().as_bytes(), &mut out);
            assert!(relay.end(&mut out).fault.is_none());
            relay.finish(Additions::default(), &mut out);
            assert!(String::from_utf8(out).unwrap().contains("mid"), "{surface:?}");

            // And before the error of what broke off.
            let mut relay = Relay::new(Dialect::OpenaiChat, surface, identity(), context(), None);
            let mut out = Vec::new();
            relay.push((start.clone() + &between).as_bytes(), &mut out);
            relay.fail(&Fault::new(ErrorType::ProviderUnavailable, "gone"), &mut out);
            let told = String::from_utf8(out).unwrap();
            assert!(told.find("mid").unwrap() < told.find("gone").unwrap(), "{surface:?}: {told}");
        }
    }
}

/// An answer that says a thing twice is an answer.
#[test]
fn of_a_member_that_stands_twice_in_an_answer_the_last_counts() {
    let answers = [
        (
            Dialect::OpenaiChat,
            r#"{"id":"a","id":"b","choices":[{"index":0,"message":{"content":"no","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"prompt_tokens":3,"completion_tokens":2}}"#,
        ),
        (
            Dialect::Anthropic,
            r#"{"id":"a","id":"b","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"no","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"input_tokens":3,"output_tokens":2}}"#,
        ),
        (
            Dialect::Gemini,
            r#"{"responseId":"a","responseId":"b","candidates":[{"content":{"parts":[{"text":"no","text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"promptTokenCount":3,"candidatesTokenCount":2}}"#,
        ),
        (
            Dialect::OpenaiResponses,
            r#"{"id":"a","id":"b","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"no","text":"hi","annotations":[]}]}],"usage":{"input_tokens":1,"input_tokens":3,"output_tokens":2,"total_tokens":5}}"#,
        ),
    ];
    for (dialect, body) in answers {
        for surface in SURFACES {
            let context = ResponseContext::default();
            let answer =
                Answer::read(dialect, surface, body.as_bytes(), &identity(), &context, None)
                    .unwrap();
            assert_eq!(answer.upstream_id.as_deref(), Some("b"), "{dialect:?} to {surface:?}");
            assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)));
            let told = answer.write(&identity(), None, Additions::default());
            let told = String::from_utf8(told).unwrap();
            assert!(told.contains("\"hi\"") && !told.contains("\"no\""), "{told}");
        }
    }
}

/// More than any context holds was not counted. What is told as text was.
#[test]
fn counts_beyond_belief_are_no_counts() {
    for (counts, expected) in [
        (r#""prompt_tokens":1e300,"completion_tokens":2"#, None),
        (r#""prompt_tokens":3,"completion_tokens":18446744073709551615"#, None),
        (r#""prompt_tokens":3,"completion_tokens":100000001"#, None),
        (r#""prompt_tokens":"1000","completion_tokens":"2""#, Some((1_000, 2))),
        (r#""prompt_tokens":100000000,"completion_tokens":2"#, Some((100_000_000, 2))),
    ] {
        let body = format!(
            r#"{{"id":"c","choices":[{{"index":0,"message":{{"content":"hi"}},"finish_reason":"stop"}}],"usage":{{{counts}}}}}"#
        );
        let chunk = format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"hi\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{{counts}}}}}\n\n"
        );
        for surface in SURFACES {
            let context = ResponseContext::default();
            let dialect = Dialect::OpenaiChat;
            let answer =
                Answer::read(dialect, surface, body.as_bytes(), &identity(), &context, None)
                    .unwrap();
            let told = |usage: Option<Usage>| usage.map(|usage| (usage.input, usage.output));
            assert_eq!(told(answer.usage), expected, "{surface:?} {counts}");
            let mut relay = Relay::new(dialect, surface, identity(), context, None);
            relay.push(chunk.as_bytes(), &mut Vec::new());
            assert_eq!(told(relay.usage()), expected, "{surface:?} {counts}");
        }
    }
}
