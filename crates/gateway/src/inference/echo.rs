//! The echo of the body sent upstream, for development. DEBUG

use protocol::exchange::Identity;
use serde_json::Value;

/// The longest string that is shown whole, in bytes; longer ones are most likely media.
const SHOWN: usize = 4096;

/// A chunk without choices that shows the body as it was sent. DEBUG-2
pub fn echo_chunk(identity: &Identity, body: &[u8]) -> Vec<u8> {
    let Ok(mut shown) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    hide_user(&mut shown);
    redact(&mut shown);
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

/// Hides inline media. DEBUG-4
fn redact(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text.len() > SHOWN || text.starts_with("data:") {
                *text = format!("[redacted: {} bytes]", text.len());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::Object(members) => {
            members.values_mut().for_each(redact);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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
}
