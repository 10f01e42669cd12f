use proptest::prelude::*;

use super::*;

fn read(documents: &[&str]) -> Report {
    let mut report = Report::default();
    documents.iter().for_each(|document| report.read(document.as_bytes()));
    report
}

#[test]
fn counts_beyond_belief_are_no_counts() {
    let counts = |prompt: &str| {
        let body = format!(r#"{{"usage":{{"prompt_tokens":{prompt},"completion_tokens":5}}}}"#);
        read(&[&body]).usage().map(|usage| usage.input)
    };
    assert_eq!(counts("1e300"), None);
    assert_eq!(counts("\"1000\""), Some(1_000));
}

#[test]
fn every_protocol_is_told_by_its_spelling() {
    let chat = r#"{"id":"chatcmpl-1","model":"gpt-4o","service_tier":"flex","usage":
        {"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
         "prompt_tokens_details":{"cached_tokens":4}}}"#;
    let report = read(&[chat]);
    let usage = report.usage().unwrap();
    assert_eq!((usage.input, usage.cached_input, usage.output), (10, 4, 5));
    assert_eq!(report.model.as_deref(), Some("gpt-4o"));
    assert_eq!(report.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(report.service_tier.as_deref(), Some("flex"));

    let responses = r#"{"id":"resp_1","model":"gpt-5","usage":{"input_tokens":10,
        "input_tokens_details":{"cached_tokens":4},"output_tokens":5,
        "output_tokens_details":{"reasoning_tokens":3},"total_tokens":15}}"#;
    let usage = read(&[responses]).usage().unwrap();
    assert_eq!((usage.input, usage.cached_input), (10, 4), "the cache is part of the input");
    assert_eq!((usage.output, usage.reasoning), (5, 3));

    let anthropic = r#"{"id":"msg_1","type":"message","model":"claude","usage":{"input_tokens":10,
        "cache_read_input_tokens":4,"output_tokens":5}}"#;
    let usage = read(&[anthropic]).usage().unwrap();
    assert_eq!((usage.input, usage.cached_input, usage.output), (14, 4, 5), "Bug 17");

    let gemini = r#"{"responseId":"r","modelVersion":"gemini-3","usageMetadata":
        {"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}}"#;
    let report = read(&[gemini]);
    let usage = report.usage().unwrap();
    assert_eq!((usage.input, usage.output), (10, 5));
    assert_eq!(report.model.as_deref(), Some("gemini-3"));

    let embeddings = r#"{"model":"e","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    assert_eq!(read(&[embeddings]).usage().unwrap().input, 8);
}

#[test]
fn streams_are_read_event_by_event() {
    let anthropic = [
        r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":
            {"input_tokens":10,"cache_creation_input_tokens":2,"output_tokens":1}}}"#,
        r#"{"type":"content_block_delta","delta":{"text":"\"usage\""}}"#,
        r#"{"type":"message_delta","usage":{"output_tokens":7}}"#,
    ];
    let report = read(&anthropic);
    let usage = report.usage().unwrap();
    assert_eq!((usage.input, usage.cache_write, usage.output), (12, 2, 7));
    assert_eq!(report.model.as_deref(), Some("claude"));

    let responses = [
        r#"{"type":"response.created","response":{"id":"r","model":"gpt-5","usage":null}}"#,
        r#"{"type":"response.completed","response":{"id":"r","model":"gpt-5","usage":
            {"input_tokens":3,"output_tokens":4,"total_tokens":7}}}"#,
    ];
    let usage = read(&responses).usage().unwrap();
    assert_eq!((usage.input, usage.output), (3, 4));

    let chat = [
        r#"{"model":"m","choices":[{"delta":{}}],"usage":null}"#,
        r#"{"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        "[DONE]",
    ];
    assert_eq!(read(&chat).usage().unwrap().input, 3);

    let gemini = r#"[{"usageMetadata":{"promptTokenCount":3}},
        {"modelVersion":"g","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}]"#;
    let usage = read(&[gemini]).usage().unwrap();
    assert_eq!((usage.input, usage.output), (3, 2));
}

#[test]
fn what_tells_nothing_is_not_zero() {
    for document in [
        "",
        "[DONE]",
        "{}",
        "{\"usage\":null}",
        "{\"usage\":5}",
        "{\"usage\":{\"type\":\"duration\",\"seconds\":3}}",
        "{\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}}",
        "not json",
    ] {
        assert_eq!(read(&[document]).usage(), None, "{document}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(read(&[&deep]).usage(), None);
}

proptest! {
    #[test]
    fn nothing_a_peer_sends_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut report = Report::default();
        report.read(&bytes);
    }
}
