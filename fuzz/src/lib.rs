//! What must hold for every input, however hostile: the bodies of the fuzz targets. The tests of
//! the protocol crate run the same functions over mutated golden files.

pub mod targets;
pub mod vectors;

use protocol::exchange::{Additions, Event, Fault, Identity, Request, Response};
use protocol::json::{Envelope, Object};
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::target::{Abilities, Encoded, Quirks, ReasoningStyle, ResponseContext, Target};
use protocol::{
    Dialect, anthropic, bedrock, cohere, event_stream, gemini, ndjson, ollama, openai_chat,
    openai_responses,
};
use serde_json::Value;
use serde_json::value::RawValue;

/// The longest frame of these streams, small enough to be met.
const FRAME_LIMIT: usize = 1 << 20;

/// How much of a stream is cut anywhere, in bytes.
const ENOUGH: usize = 2_048;

/// The most bytes one byte of input may become: the smallest piece of a stream becomes a chunk
/// with a head of its own.
const GROWTH: usize = 512;

/// What any input may become on top: the beginning and the end of an answer.
const OVERHEAD: usize = 16_384;

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

/// Every body and every frame written must be JSON. Numbers beyond every float are.
fn assert_json(written: &[u8]) {
    if let Err(error) = serde_json::from_slice::<&RawValue>(written) {
        panic!("wrote invalid JSON: {error}: {}", String::from_utf8_lossy(written));
    }
    // An object that is read member by member holds none twice.
    let text = String::from_utf8_lossy(written);
    if let Err(error) = Object::parse(&text) {
        panic!("wrote no proper object: {error}: {text}");
    }
}

fn is_beyond_values(error: &str) -> bool {
    ["number out of range", "hex escape"].iter().any(|known| error.contains(known))
}

fn assert_bounded(written: usize, read: usize) {
    let most = OVERHEAD.saturating_add(read.saturating_mul(GROWTH));
    assert!(written <= most, "{written} bytes were written for {read}");
}

fn frames(parts: &[&[u8]]) -> Option<Vec<(Option<String>, Vec<u8>)>> {
    let mut splitter = Splitter::with_limit(FRAME_LIMIT);
    let mut found = Vec::new();
    let mut keep = |frame: Frame<'_>| {
        found.push((frame.event.map(str::to_owned), frame.data.to_vec()));
        Ok::<(), FrameTooLong>(())
    };
    for part in parts {
        splitter.push(part, &mut keep).ok()?;
    }
    splitter.finish(&mut keep).ok()?;
    Some(found)
}

fn each_frame(stream: &[u8], mut take: impl FnMut(&Frame<'_>)) {
    for (event, data) in frames(&[stream]).unwrap_or_default() {
        take(&Frame { event: event.as_deref(), data: &data });
    }
}

fn assert_stream(dialect: Dialect, written: &[u8]) {
    let mut count = 0;
    each_frame(written, |frame| {
        count += 1;
        let done = matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses);
        if done && frame.is_done() {
            return;
        }
        assert_json(frame.data);
        assert!(!frame.data.contains(&b'\n'), "a line break in a frame");
    });
    assert_eq!(
        count,
        written.windows(2).filter(|pair| pair == b"\n\n").count(),
        "every frame ends in one blank line: {}",
        String::from_utf8_lossy(written)
    );
}

/// The index of a body accepts only what a full JSON reader accepts, finds the same members, and
/// its edits are seen by that reader.
pub fn envelope(body: &[u8]) {
    let Ok(envelope) = Envelope::parse(body) else { return };
    let whole: Value = match serde_json::from_slice(body) {
        Ok(whole) => whole,
        // Grammar allows numbers beyond every float and halves of surrogate pairs, though no
        // reader can hold them.
        Err(error) if is_beyond_values(&error.to_string()) => return,
        Err(error) => panic!("accepted what is no JSON: {error}"),
    };
    let Value::Object(members) = &whole else { panic!("accepted what is no object") };
    assert_eq!(envelope.members().count(), members.len());
    for (name, raw) in envelope.members() {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        assert_eq!(members.get(name), Some(&value), "{name}");
    }
    let mut edit = envelope.edit();
    edit.set("model", "\"x\"");
    edit.remove("stream");
    edit.set("quote\"d", "[1]");
    let edited: Value = serde_json::from_slice(&edit.finish()).unwrap_or_default();
    assert_eq!(edited.get("model"), Some(&Value::from("x")));
    assert_eq!(edited.get("stream"), None);
    assert!(edited.get("quote\"d").is_some());
    for (name, value) in members {
        if !matches!(name.as_str(), "model" | "stream" | "quote\"d") {
            assert_eq!(edited.get(name), Some(value), "{name}");
        }
    }
}

/// Cutting a stream anywhere changes nothing. The first two bytes say where.
pub fn splitter(data: &[u8]) {
    let Some((stream, at)) = thirds(data) else { return };
    let (head, tail) = stream.split_at(at[1]);
    let (head, middle) = head.split_at(at[0]);
    assert_eq!(frames(&[head, middle, tail]), frames(&[stream]));
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(frames(&bytes), frames(&[stream]));
}

/// The messages that lines tell: a type and a payload each, in binary framing. Types that end in
/// `Exception` are exceptions. A line `cut` leaves half of the message before it, and the end.
pub fn framed(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = 0;
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if line == b"cut" {
            out.truncate(last + (out.len() - last) / 2);
            break;
        }
        last = out.len();
        let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let payload = line.get(name.len() + 1..).unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        if name.ends_with("Exception") {
            event_stream::write_exception(&mut out, &name, payload);
        } else {
            event_stream::write_event(&mut out, &name, payload);
        }
    }
    out
}

/// Where a stream is cut in three, by the first two bytes.
fn thirds(data: &[u8]) -> Option<(&[u8], [usize; 2])> {
    let [first, second, stream @ ..] = data else { return None };
    let mut at = [usize::from(*first), usize::from(*second)];
    for cut in &mut at {
        *cut = *cut * (stream.len() + 1) / 256;
    }
    at.sort_unstable();
    Some((stream, at))
}

/// The headers and the payload of a message, shown.
type Message = (String, Vec<u8>);

fn messages(parts: &[&[u8]]) -> (Vec<Message>, bool) {
    let mut splitter = event_stream::Splitter::with_limit(FRAME_LIMIT);
    let mut found = Vec::new();
    let mut keep = |frame: event_stream::Frame<'_>| {
        found.push((format!("{:?} {:?}", frame.kind(), frame.headers), frame.payload.to_vec()));
        Ok::<(), event_stream::FrameError>(())
    };
    let read = parts.iter().all(|part| splitter.push(part, &mut keep).is_ok());
    let whole = read && splitter.finish().is_ok();
    (found, whole)
}

/// Cutting a stream of binary messages anywhere changes nothing, whether it is one or not.
pub fn event_stream(data: &[u8]) {
    let Some((lines, _)) = thirds(data) else { return };
    // Byte by byte, long streams take long.
    let lines = &lines[..lines.len().min(ENOUGH)];
    let mut stream = framed(lines);
    // Well-formed messages, with anything behind them.
    stream.extend_from_slice(lines);
    let marked = [&data[..2], &stream].concat();
    let Some((stream, at)) = thirds(&marked) else { return };
    let (head, tail) = stream.split_at(at[1]);
    let (head, middle) = head.split_at(at[0]);
    let whole = messages(&[stream]);
    assert_eq!(messages(&[head, middle, tail]), whole);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(messages(&bytes), whole);
}

fn split_lines(parts: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut splitter = ndjson::Splitter::with_limit(FRAME_LIMIT);
    let mut found = Vec::new();
    let mut keep = |line: &[u8]| {
        assert!(!line.is_empty() && !line.contains(&b'\n'));
        found.push(line.to_vec());
        Ok::<(), ndjson::LineTooLong>(())
    };
    let read = parts.iter().all(|part| splitter.push(part, &mut keep).is_ok());
    let whole = read && splitter.finish(&mut keep).is_ok();
    (found, whole)
}

/// Cutting a stream of lines anywhere changes nothing.
pub fn lines(data: &[u8]) {
    let data = &data[..data.len().min(ENOUGH)];
    let Some((stream, at)) = thirds(data) else { return };
    let (head, tail) = stream.split_at(at[1]);
    let (head, middle) = head.split_at(at[0]);
    let whole = split_lines(&[stream]);
    assert_eq!(split_lines(&[head, middle, tail]), whole);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(split_lines(&bytes), whole);
}

/// The shapes of targets a request is written for: what a codec does depends on them.
fn targets() -> [(Quirks, Abilities); 3] {
    let narrow = Abilities {
        sampling: false,
        temperature_with_top_p: false,
        forced_tool_choice: false,
        structured_output: false,
        system_prompt: false,
        prefill: false,
        tools_with_schema: false,
        ..Abilities::default()
    };
    let rich = Abilities {
        max_output_tokens: Some(64_000),
        reasoning: ReasoningStyle::Budget,
        inline_system: true,
        thought_signatures: true,
        media_in_tool_results: true,
        ..Abilities::default()
    };
    let picky = Quirks {
        strict_messages: true,
        nine_character_tool_ids: true,
        no_user_after_tool: true,
        no_developer_role: true,
        plain_image_url: true,
        no_json_schema: true,
        ..Quirks::default()
    };
    [(Quirks::default(), Abilities::default()), (Quirks::default(), rich), (picky, narrow)]
}

fn read_request(dialect: Dialect, body: &[u8]) -> Option<Result<Request, Fault>> {
    Some(match dialect {
        Dialect::OpenaiChat => openai_chat::decode_request(body),
        Dialect::OpenaiResponses => openai_responses::decode_request(body),
        Dialect::Anthropic => anthropic::decode_request(body),
        Dialect::Gemini => gemini::decode_request(body, "m", true),
        // No caller speaks the others.
        _ => return None,
    })
}

/// The models a request is written for, where the id tells something: Claude, and one that differs
/// from it in what it takes.
fn models(to: Dialect) -> &'static [&'static str] {
    match to {
        Dialect::Bedrock => &["us.anthropic.claude-x-v1:0", "meta.llama-v1:0", "amazon.nova-v1:0"],
        _ => &["m"],
    }
}

/// A request that is understood can be written for every protocol, or is refused with a fault.
pub fn request(dialect: Dialect, body: &[u8]) {
    if dialect == Dialect::OpenaiChat
        && let Ok(envelope) = Envelope::parse(body)
    {
        let _ = openai_chat::read_facts(&envelope);
    }
    if dialect == Dialect::OpenaiResponses
        && let Ok(envelope) = Envelope::parse(body)
    {
        let _ = openai_responses::refuse_stored(&envelope);
    }
    let Some(Ok(request)) = read_request(dialect, body) else { return };
    for (quirks, abilities) in &targets() {
        let all = Dialect::ALL.into_iter().flat_map(|to| models(to).iter().map(move |it| (to, it)));
        for (to, model) in all {
            let target = Target::new(model, quirks, abilities);
            let encoded: Result<Encoded, Fault> = match to {
                Dialect::OpenaiChat => openai_chat::encode_request(&request, &target),
                Dialect::OpenaiResponses => openai_responses::encode_request(&request, &target),
                Dialect::Anthropic => anthropic::encode_request(&request, &target),
                Dialect::Gemini => gemini::encode_request(&request, &target),
                Dialect::Bedrock => bedrock::encode_request(&request, &target),
                Dialect::Cohere => cohere::encode_request(&request, &target),
                Dialect::Ollama => ollama::encode_request(&request, &target),
            };
            if let Ok(encoded) = encoded {
                assert_json(&encoded.body);
                assert_bounded(encoded.body.len(), body.len());
            }
        }
    }
}

/// A whole answer that is understood can be told in every protocol.
pub fn response(dialect: Dialect, body: &[u8]) {
    let context = ResponseContext::default();
    let response: Result<Response, Fault> = match dialect {
        Dialect::OpenaiChat => openai_chat::decode_response(body, &context),
        Dialect::OpenaiResponses => openai_responses::decode_response(body, &context),
        Dialect::Anthropic => anthropic::decode_response(body, &context),
        Dialect::Gemini => gemini::decode_response(body, &context),
        Dialect::Bedrock => bedrock::decode_response(body, &context),
        Dialect::Cohere => cohere::decode_response(body, &context),
        Dialect::Ollama => ollama::decode_response(body, &context),
    };
    let Ok(response) = response else { return };
    let (identity, additions) = (identity(), Additions::default());
    for written in [
        openai_chat::encode_response(&response, &identity, additions),
        openai_chat::completions::encode_response(&response, &identity, additions),
        openai_responses::encode_response(&response, &identity, additions),
        anthropic::encode_response(&response, &identity, additions),
        gemini::encode_response(&response, &identity, additions),
    ] {
        assert_json(&written);
        assert_bounded(written.len(), body.len());
    }
}

fn events(dialect: Dialect, stream: &[u8]) -> Vec<Event> {
    let context = ResponseContext::default();
    let mut events = Vec::new();
    match dialect {
        Dialect::OpenaiChat => {
            let mut decoder = openai_chat::StreamDecoder::new(context);
            each_frame(stream, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::OpenaiResponses => {
            let mut decoder = openai_responses::StreamDecoder::new(context);
            each_frame(stream, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Anthropic => {
            let mut decoder = anthropic::StreamDecoder::new(context);
            each_frame(stream, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Gemini => {
            let mut decoder = gemini::StreamDecoder::new(context);
            each_frame(stream, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        // Hostile bytes rarely have the right checksums: they are what the messages hold.
        Dialect::Bedrock => {
            let mut decoder = bedrock::StreamDecoder::new(context);
            let outcome = event_stream::Splitter::new().push(&framed(stream), |frame| {
                decoder.push(&frame, &mut events);
                Ok::<(), event_stream::FrameError>(())
            });
            assert!(outcome.is_ok(), "what was written is read");
            decoder.finish(&mut events);
        }
        Dialect::Cohere => {
            let mut decoder = cohere::StreamDecoder::new(context);
            each_frame(stream, |frame| decoder.push(frame, &mut events));
            decoder.finish(&mut events);
        }
        Dialect::Ollama => {
            let mut decoder = ollama::StreamDecoder::new(context);
            for line in split_lines(&[stream]).0 {
                decoder.push(&line, &mut events);
            }
            decoder.finish(&mut events);
        }
    }
    events
}

/// A stream that is understood can be told in every protocol; one that is not becomes a fault.
pub fn stream(dialect: Dialect, bytes: &[u8]) {
    let events = events(dialect, bytes);
    let ended = |event: &Event| matches!(event, Event::Fault(_) | Event::Finish { .. });
    assert!(events.iter().any(ended), "a stream ends in a finish or a fault");
    for to in Dialect::CALLERS {
        let mut out = Vec::new();
        match to {
            Dialect::OpenaiChat => {
                let mut encoder = openai_chat::StreamEncoder::new(identity());
                events.iter().for_each(|event| encoder.push(event, &mut out));
                encoder.finish(Additions::default(), &mut out);
            }
            Dialect::OpenaiResponses => {
                let mut encoder = openai_responses::StreamEncoder::new(identity());
                events.iter().for_each(|event| encoder.push(event, &mut out));
                encoder.finish(Additions::default(), &mut out);
            }
            Dialect::Anthropic => {
                let mut encoder = anthropic::StreamEncoder::new(identity());
                events.iter().for_each(|event| encoder.push(event, &mut out));
                encoder.finish(Additions::default(), &mut out);
            }
            Dialect::Gemini => {
                let mut encoder = gemini::StreamEncoder::new(identity());
                events.iter().for_each(|event| encoder.push(event, &mut out));
                encoder.finish(Additions::default(), &mut out);
            }
            _ => continue,
        }
        assert_stream(to, &out);
        assert_bounded(out.len(), bytes.len());
    }
}

/// Any body is some error, and every error can be told in every protocol. The first byte chooses
/// the status.
pub fn error(dialect: Dialect, data: &[u8]) {
    let [choice, body @ ..] = data else { return };
    let statuses = [200, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529];
    let status = statuses[usize::from(*choice) % statuses.len()];
    let retry_after =
        (choice % 2 == 0).then(|| String::from_utf8_lossy(&body[..body.len().min(9)]));
    let fault = match dialect {
        Dialect::OpenaiChat => openai_chat::decode_error(status, retry_after.as_deref(), body),
        Dialect::OpenaiResponses => {
            openai_responses::decode_error(status, retry_after.as_deref(), body)
        }
        Dialect::Anthropic => anthropic::decode_error(status, retry_after.as_deref(), body),
        Dialect::Gemini => gemini::decode_error(status, retry_after.as_deref(), body),
        Dialect::Bedrock => bedrock::decode_error(status, retry_after.as_deref(), body),
        Dialect::Cohere => cohere::decode_error(status, retry_after.as_deref(), body),
        Dialect::Ollama => ollama::decode_error(status, retry_after.as_deref(), body),
    };
    assert!((400..600).contains(&fault.status), "{}", fault.status);
    for rendered in [
        openai_chat::encode_error(&fault, Some("gen-1"), &[]),
        openai_responses::encode_error(&fault, Some("gen-1"), &[]),
        anthropic::encode_error(&fault, Some("gen-1"), &[]),
        gemini::encode_error(&fault, Some("gen-1"), &[]),
    ] {
        assert_json(&rendered.body);
        assert_bounded(rendered.body.len(), body.len());
    }
}

/// A request passed on in its own protocol stays JSON.
pub fn patch_request(dialect: Dialect, body: &[u8]) {
    let Ok(envelope) = Envelope::parse(body) else { return };
    let turns = openai_chat::read_facts(&envelope).map(|facts| facts.turns).unwrap_or_default();
    for (quirks, abilities) in &targets() {
        let target = Target::new("m", quirks, abilities);
        let encoded = match dialect {
            Dialect::OpenaiChat => {
                let patch = openai_chat::RequestPatch {
                    user_identity: Some("u".into()),
                    max_output_tokens: Some(100),
                    turns,
                };
                openai_chat::patch_request(&envelope, &target, &patch)
            }
            Dialect::OpenaiResponses => {
                let patch = openai_responses::RequestPatch {
                    user_identity: Some("u".into()),
                    max_output_tokens: Some(100),
                };
                openai_responses::patch_request(&envelope, &target, &patch)
            }
            Dialect::Anthropic => anthropic::patch_request(&envelope, &target),
            Dialect::Gemini => {
                let patch = gemini::RequestPatch { max_output_tokens: Some(100) };
                gemini::patch_request(&envelope, &target, &patch)
            }
            _ => return,
        };
        if let Ok(encoded) = encoded {
            assert_json(&encoded.body);
            assert_bounded(encoded.body.len(), body.len());
        }
    }
}

/// An answer passed on in its own protocol stays JSON.
pub fn patch_response(dialect: Dialect, body: &[u8]) {
    let (identity, context) = (identity(), ResponseContext::default());
    let written = match dialect {
        Dialect::OpenaiChat => openai_chat::patch_response(body, &identity, &context)
            .map(|patched| patched.finish(Additions::default())),
        Dialect::OpenaiResponses => openai_responses::patch_response(body, &identity, &context)
            .map(|patched| patched.finish(Additions::default())),
        Dialect::Anthropic => anthropic::patch_response(body, &identity, &context)
            .map(|patched| patched.finish(Additions::default())),
        Dialect::Gemini => return drop(gemini::patch_response(body, &context)),
        _ => return,
    };
    if let Ok(written) = written {
        assert_json(&written);
        assert_bounded(written.len(), body.len());
    }
}

/// A stream passed on in its own protocol stays a stream of JSON, and ends well or in a fault.
pub fn patch_stream(dialect: Dialect, bytes: &[u8]) {
    let mut out = Vec::new();
    let mut fault = None;
    match dialect {
        Dialect::OpenaiChat => {
            let mut stream = openai_chat::PatchStream::new(identity(), ResponseContext::default());
            each_frame(bytes, |frame| {
                let outcome = stream.push(frame, &mut out);
                fault = fault.take().or(outcome.fault);
            });
            match fault.or_else(|| stream.end().err()) {
                Some(fault) => stream.fail(&fault, &mut out),
                None => stream.finish(Additions::default(), &mut out),
            }
        }
        Dialect::OpenaiResponses => {
            let mut stream =
                openai_responses::PatchStream::new(identity(), ResponseContext::default());
            each_frame(bytes, |frame| {
                let outcome = stream.push(frame, &mut out);
                fault = fault.take().or(outcome.fault);
            });
            match fault.or_else(|| stream.end().err()) {
                Some(fault) => stream.fail(&fault, &mut out),
                None => stream.finish(Additions::default(), &mut out),
            }
        }
        Dialect::Anthropic => {
            let mut stream = anthropic::PatchStream::new(identity(), ResponseContext::default());
            each_frame(bytes, |frame| {
                let outcome = stream.push(frame, &mut out);
                fault = fault.take().or(outcome.fault);
            });
            match fault.or_else(|| stream.end().err()) {
                Some(fault) => stream.fail(&fault, &mut out),
                None => stream.finish(Additions::default(), &mut out),
            }
        }
        Dialect::Gemini => {
            let mut stream = gemini::PatchStream::new(identity(), ResponseContext::default());
            each_frame(bytes, |frame| {
                let outcome = stream.push(frame, &mut out);
                fault = fault.take().or(outcome.fault);
            });
            match fault.or_else(|| stream.end().err()) {
                Some(fault) => stream.fail(&fault, &mut out),
                None => stream.finish(Additions::default(), &mut out),
            }
            // Frames of this dialect pass as they came, whatever they are.
            return;
        }
        _ => return,
    }
    assert_stream(dialect, &out);
    assert_bounded(out.len(), bytes.len());
}
