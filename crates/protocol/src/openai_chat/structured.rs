//! A schema asked for in words, for hosts that take none. STRUCT-2

use serde_json::value::RawValue;

/// What such hosts get instead of the schema.
pub(crate) const JSON_OBJECT: &str = r#"{"type":"json_object"}"#;

/// The instruction that stands for the schema.
pub(crate) fn instruction(schema: &RawValue) -> String {
    format!(
        "Answer with one JSON value and nothing else. It must conform to this JSON Schema:\n{}",
        schema.get()
    )
}
