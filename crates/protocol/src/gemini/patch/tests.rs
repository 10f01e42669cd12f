use super::*;
use crate::exchange::{Additions, ErrorType, FinishReason, Identity};
use crate::json::Envelope;
use crate::sse::Frame;
use crate::target::{Abilities, Quirks, ResponseContext, Target};

#[test]
fn only_what_speaks_to_the_router_is_removed() {
    let body = br#"{"model":"x","contents":[{"parts":[{"text":"h\u0069"}]}], "provider":{"order":["a"]},"newThing":1.0e0,"serviceTier":"flex"}"#;
    let envelope = Envelope::parse(body).unwrap();
    let (mut quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let encoded = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    assert_eq!(
        String::from_utf8(encoded.body).unwrap(),
        r#"{"contents":[{"parts":[{"text":"h\u0069"}]}],"newThing":1.0e0,"serviceTier":"flex"}"#
    );
    quirks.no_function_call_ids = true;
    let target = Target::new("m", &quirks, &abilities);
    let encoded = patch_request(&envelope, &target, &RequestPatch::default()).unwrap();
    assert!(!String::from_utf8(encoded.body).unwrap().contains("serviceTier"));
    assert_eq!(encoded.headers[0].1, "flex");
}

#[test]
fn answers_are_kept_as_short_as_the_money_lasts() {
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let patch = RequestPatch { max_output_tokens: Some(50) };
    for (config, expected) in [
        (
            r#""generationConfig":{"maxOutputTokens":90,"new":1.0e0}"#,
            Some(r#"{"new":1.0e0,"maxOutputTokens":50}"#),
        ),
        (r#""generation_config":{"max_output_tokens":"90"}"#, Some(r#"{"maxOutputTokens":50}"#)),
        (r#""x":1"#, Some(r#"{"maxOutputTokens":50}"#)),
        (r#""generationConfig":{"maxOutputTokens":20}"#, None),
    ] {
        let body = format!(r#"{{"contents":[],{config}}}"#);
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let encoded = patch_request(&envelope, &target, &patch).unwrap();
        let sent = Envelope::parse(&encoded.body).unwrap();
        match expected {
            Some(expected) => assert_eq!(sent.raw("generationConfig").unwrap().get(), expected),
            None => assert_eq!(encoded.body, body.as_bytes()),
        }
        assert!(!sent.has("generation_config"));
    }
}

fn stream() -> PatchStream {
    PatchStream::new(
        Identity { id: "gen-1".into(), ..Identity::default() },
        ResponseContext::default(),
    )
}

/// The end waits for the books; everything else does not.
#[test]
fn frames_pass_untouched_and_the_last_ones_wait() {
    let mut stream = stream();
    let mut out = Vec::new();
    let first = br#"{"candidates": [{"content":{"parts":[{"text":"a"}]}}],"unknown":[1]}"#;
    let outcome = stream.push(&Frame { event: None, data: first }, &mut out);
    assert!(outcome.content && !outcome.finished);
    assert_eq!(out, [b"data: ", &first[..], b"\n\n"].concat());
    out.clear();
    let last = br#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#;
    let usage = br#"{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}"#;
    let outcome = stream.push(&Frame { event: None, data: last }, &mut out);
    assert!(outcome.content && outcome.finished);
    assert_eq!(stream.progress(), (1, 1));
    stream.push(&Frame { event: None, data: usage }, &mut out);
    assert_eq!(out, b"");
    stream.end().unwrap();
    assert_eq!(stream.usage().unwrap().output, 2);
    assert_eq!(stream.finish_reason(), Some(FinishReason::Stop));
    assert_eq!(stream.text_bytes(), 2);
    stream.finish(Additions::default(), &mut out);
    assert_eq!(out, [b"data: ", &last[..], b"\n\ndata: ", &usage[..], b"\n\n"].concat());
}

/// An answer may end in its first frame, without a word: it is not empty if it says why.
#[test]
fn the_reason_is_known_with_the_frame_that_tells_it() {
    let frame = |parts: &str, reason: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":"{reason}","index":0}}]}}"#
        )
    };
    let image = r#"{"inlineData":{"mimeType":"image/png","data":"AA=="}}"#;
    for (data, content, reason, native) in [
        (frame("", "MAX_TOKENS"), false, FinishReason::Length, "MAX_TOKENS"),
        (frame(image, "STOP"), true, FinishReason::Stop, "STOP"),
        (frame(r#"{"executableCode":{"code":"1"}}"#, "STOP"), true, FinishReason::Stop, "STOP"),
        (frame(r#"{"fileData":{"fileUri":"x"}}"#, "STOP"), true, FinishReason::Stop, "STOP"),
        (frame(r#"{"somethingNew":{}}"#, "STOP"), true, FinishReason::Stop, "STOP"),
        (
            frame(r#"{"functionCall":{"name":"f","willContinue":true}}"#, "STOP"),
            false,
            FinishReason::ToolCalls,
            "STOP",
        ),
        (
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.to_owned(),
            false,
            FinishReason::ContentFilter,
            "SAFETY",
        ),
    ] {
        let mut stream = stream();
        let mut out = Vec::new();
        let outcome = stream.push(&Frame { event: None, data: data.as_bytes() }, &mut out);
        assert_eq!((outcome.content, outcome.finished), (content, true), "{data}");
        assert_eq!(stream.finish_reason(), Some(reason), "{data}");
        assert_eq!(stream.native_finish_reason(), Some(native), "{data}");
        assert_eq!(stream.progress(), (1, 1), "{data}");
        assert!(out.is_empty(), "the end waits for the books");
        stream.end().unwrap();
        assert_eq!(stream.finish_reason(), Some(reason), "{data}");
        assert_eq!(stream.native_finish_reason(), Some(native), "{data}");
    }
}

/// Some send with every chunk what stands for no reason at all.
#[test]
fn a_reason_that_is_none_ends_nothing() {
    for data in [
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"","index":0}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#,
        r#"{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}"#,
    ] {
        let (mut stream, mut out) = (stream(), Vec::new());
        let outcome = stream.push(&Frame { event: None, data: data.as_bytes() }, &mut out);
        assert!(!outcome.finished && stream.finish_reason().is_none(), "{data}");
        let mut cut = self::stream();
        cut.push(&Frame { event: None, data: data.as_bytes() }, &mut Vec::new());
        assert!(cut.end().is_err(), "{data}");
        let end = r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#;
        let outcome = stream.push(&Frame { event: None, data: end.as_bytes() }, &mut out);
        assert!(outcome.finished, "{data}");
        stream.end().unwrap();
        assert_eq!(stream.finish_reason(), Some(FinishReason::Stop), "{data}");
    }
}

/// One of several candidates that ends first holds up no other.
#[test]
fn what_is_held_goes_on_with_the_next_content() {
    let mut stream = stream();
    let mut out = Vec::new();
    let first = br#"{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#;
    let second = br#"{"candidates":[{"index":1,"content":{"parts":[{"text":"c"}]}}]}"#;
    stream.push(&Frame { event: None, data: first }, &mut out);
    assert_eq!((out.len(), stream.progress()), (0, (2, 1)));
    stream.push(&Frame { event: None, data: second }, &mut out);
    assert_eq!(out, [b"data: ", &first[..], b"\n\ndata: ", &second[..], b"\n\n"].concat());
}

/// Bug 16
#[test]
fn a_cut_stream_is_told() {
    let mut stream = stream();
    let mut out = Vec::new();
    let data = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    stream.push(&Frame { event: None, data }, &mut out);
    let fault = stream.end().unwrap_err();
    assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
    out.clear();
    stream.fail(&fault, &mut out);
    let told = String::from_utf8(out).unwrap();
    assert!(told.starts_with("data: {\"error\":") && told.ends_with("\n\n"), "{told}");
}
