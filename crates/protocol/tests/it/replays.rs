//! An answer that a caller sends back as it came reaches its maker as it was.

use protocol::Dialect;
use serde_json::{Value, json};

use crate::dialects;

/// What Gemini is sent when a chat caller puts its answer back into the conversation.
fn replayed(parts: &Value) -> Value {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]});
    let answer = dialects::decode_response(Dialect::Gemini, body.to_string().as_bytes()).unwrap();
    let told = dialects::encode_response(Dialect::OpenaiChat, &answer);
    let told: Value = serde_json::from_slice(&told).unwrap();
    let message = &told["choices"][0]["message"];
    let next = json!({"messages": [
        {"role": "user", "content": "draw"}, message, {"role": "user", "content": "again"}]});
    let next = dialects::decode_request(Dialect::OpenaiChat, next.to_string().as_bytes()).unwrap();
    let sent = dialects::encode_request(Dialect::Gemini, &next).unwrap();
    let mut sent: Value = serde_json::from_slice(&sent.body).unwrap();
    sent["contents"][1]["parts"].take()
}

fn image(data: &str, signature: Option<&str>) -> Value {
    let mut part = json!({"inlineData": {"mimeType": "image/png", "data": data}});
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.into();
    }
    part
}

/// wire-formats 3.6
#[test]
fn the_signature_of_an_image_comes_back_in_its_part() {
    for parts in [
        json!([{"text": "pic", "thoughtSignature": "VFhU"}, image("AAAA", Some("SU1H"))]),
        json!([{"text": "pic"}, image("AAAA", Some("SU1H"))]),
        json!([image("AAAA", Some("SU1H")), image("BBBB", Some("SU1J"))]),
        json!([image("AAAA", None), image("BBBB", Some("SU1J"))]),
        json!([{"text": "pic"}, image("AAAA", Some("SU1H")), image("BBBB", None)]),
    ] {
        assert_eq!(replayed(&parts), parts);
    }
    // A message has one text, which stands first.
    let between = json!([
        image("AAAA", Some("SU1H")),
        {"text": "after", "thoughtSignature": "VFhU"},
        image("BBBB", Some("SU1J"))
    ]);
    let first = json!([between[1], between[0], between[2]]);
    assert_eq!(replayed(&between), first);
}

#[test]
fn the_signature_of_an_image_that_was_left_out_is_left_out() {
    let next = json!({"messages": [
        {"role": "user", "content": "draw"},
        {"role": "assistant", "content": "here", "reasoning_details": [{"type": "reasoning.encrypted",
            "data": "SU1H", "id": "image_0", "format": "google-gemini-v1", "index": 0}]},
        {"role": "user", "content": "again"}]});
    let next = dialects::decode_request(Dialect::OpenaiChat, next.to_string().as_bytes()).unwrap();
    let sent = dialects::encode_request(Dialect::Gemini, &next).unwrap();
    let sent = String::from_utf8(sent.body).unwrap();
    assert!(sent.contains("here") && !sent.contains("SU1H"), "{sent}");
}

#[test]
fn a_streamed_signature_names_its_image() {
    let chunk = |parts: Value, end: &str| {
        let content = json!({"role": "model", "parts": parts});
        let mut candidate = json!({"content": content});
        if !end.is_empty() {
            candidate["finishReason"] = end.into();
        }
        format!("data: {}\n\n", json!({"candidates": [candidate]}))
    };
    let stream = chunk(json!([{"text": "pic"}, image("AAAA", Some("SU1H"))]), "")
        + &chunk(json!([image("BBBB", Some("SU1J"))]), "")
        + &chunk(json!([{"text": "end", "thoughtSignature": "VFhU"}]), "STOP");
    let events = dialects::decode_stream(Dialect::Gemini, stream.as_bytes());
    let told = String::from_utf8(dialects::encode_stream(Dialect::OpenaiChat, &events)).unwrap();
    let details: Vec<Value> = told
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk: Value| {
            chunk["choices"][0]["delta"]["reasoning_details"].get(0).cloned()
        })
        .map(|detail| json!([detail["data"], detail["id"]]))
        .collect();
    assert_eq!(
        Value::from(details),
        json!([["SU1H", "image_0"], ["SU1J", "image_1"], ["VFhU", null]])
    );
}
