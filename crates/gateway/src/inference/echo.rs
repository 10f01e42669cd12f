//! The echo of the body sent upstream, for development. DEBUG

use protocol::exchange::Identity;
use serde_json::Value;

/// The longest string of nothing but base64 that is shown whole, in bytes; longer ones are most likely
/// media.
const SHOWN: usize = 4096;

/// The members in which protocols carry bytes.
const OF_BYTES: [&str; 4] = ["data", "bytes", "file_data", "b64_json"];

/// A chunk without choices that shows the body as it was sent. DEBUG-2
pub fn echo_chunk(identity: &Identity, body: &[u8]) -> Vec<u8> {
    let Ok(mut shown) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    hide_user(&mut shown);
    redact("", &mut shown);
    let chunk = serde_json::json!({
        "id": identity.id,
        "object": "chat.completion.chunk",
        "created": identity.created,
        "model": identity.model,
        "provider": identity.provider,
        "choices": [],
        "debug": { "echo_upstream_body": shown },
    });
    let mut out = Vec::new();
    protocol::sse::write_data(&mut out, chunk.to_string().as_bytes());
    out
}

/// Hides who the user is, where the protocols say it: a tool's parameter of the same name is no
/// secret. DEBUG-4
fn hide_user(body: &mut Value) {
    for path in ["/user", "/safety_identifier", "/metadata/user_id"] {
        if let Some(user) = body.pointer_mut(path) {
            *user = Value::String("[redacted]".to_owned());
        }
    }
}

/// Hides inline media. `name`: of the member that has the value, or the list with it. DEBUG-4
fn redact(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            let is_url = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
            let is_media =
                is_url || ((OF_BYTES.contains(&name) || text.len() > SHOWN) && is_base64(text));
            if is_media {
                *text = format!("[redacted: {} bytes]", text.len());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact(name, value)),
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, value)| redact(name, value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a text could be bytes in base64, of either alphabet.
fn is_base64(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_and_users_are_hidden() {
        let body = br#"{"user":"ann","metadata":{"user_id":"ann"},"tools":[{"properties":{"user":{"type":"string"}}}],"messages":[{"content":[{"image_url":{"url":"data:image/png;base64,AAAA"}},{"text":"hi"}]}]}"#;
        let chunk = String::from_utf8(echo_chunk(&Identity::default(), body)).unwrap();
        assert!(!chunk.contains("ann") && !chunk.contains("AAAA"), "{chunk}");
        assert!(chunk.contains(r#""user":{"type":"string"}"#), "{chunk}");
        assert!(chunk.contains("\"text\":\"hi\"") && chunk.contains("\"choices\":[]"));
    }

    /// DEBUG-4
    #[test]
    fn bytes_are_hidden_in_every_protocol_and_long_texts_are_not() {
        let text = "words and words ".repeat(500);
        for media in [
            serde_json::json!({"source": {"type": "base64", "data": "QUJDREVG"}}),
            serde_json::json!({"inlineData": {"mimeType": "image/png", "data": "QUJDREVG"}}),
            serde_json::json!({"image": {"source": {"bytes": "QUJDREVG"}}}),
            serde_json::json!({"input_audio": {"data": "QUJDREVG\r\nQUJDREVG\n"}}),
            serde_json::json!({"file": "DATA:text/plain;base64,QUJDREVG"}),
            serde_json::json!({"images": ["QUJDREVG".repeat(1000)]}),
        ] {
            let body = serde_json::json!({"text": text, "data": "two words", "media": media});
            let chunk = echo_chunk(&Identity::default(), body.to_string().as_bytes());
            let chunk = String::from_utf8(chunk).unwrap();
            assert!(!chunk.contains("QUJDREVG"), "{media}");
            assert!(chunk.contains(&text) && chunk.contains("two words"), "{media}");
        }
    }
}
