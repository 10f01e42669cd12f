//! Members of messages in Google's JSON mapping: camelCase or snake_case alike, none unknown.

use serde_json::{Map, Value, json};

use crate::rejection::Rejection;

/// The member `name` (given in camelCase), however the request spells it.
pub(super) fn get<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let value = fields.get(name).or_else(|| fields.get(&snake(name)))?;
    // A null is as good as absent.
    (!value.is_null()).then_some(value)
}

/// The object at `path`, once every member is among `known` (given in camelCase).
pub(super) fn object<'a>(
    value: &'a Value,
    path: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Rejection> {
    let Some(fields) = value.as_object() else {
        return Err(Rejection::invalid(format!(
            "Invalid value at '{path}' (type.googleapis.com/google.ai.generativelanguage.v1beta), {value}"
        )));
    };
    for key in fields.keys() {
        if !known.iter().any(|name| name == key || snake(name) == *key) {
            return Err(unknown(key, path));
        }
    }
    Ok(fields)
}

/// A member that the message at `path` does not have; an empty path is the request itself.
pub(super) fn unknown(key: &str, path: &str) -> Rejection {
    let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
    violation(
        path,
        format!("Invalid JSON payload received. Unknown name \"{key}\"{place}: Cannot find field."),
    )
}

/// A malformed request, with the place in the details.
pub(super) fn violation(path: &str, message: String) -> Rejection {
    let mut entry = json!({"description": message});
    if !path.is_empty() {
        entry["field"] = path.into();
    }
    Rejection {
        details: vec![json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [entry],
        })],
        ..Rejection::invalid(message)
    }
}

/// The elements of a repeated field; a single message counts as one.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_either_spelling() {
        let value = json!({"system_instruction": 1, "toolConfig": 2, "contents": null});
        let fields = object(&value, "", &["systemInstruction", "toolConfig", "contents"]).unwrap();
        assert_eq!(get(fields, "systemInstruction"), Some(&json!(1)));
        assert_eq!(get(fields, "toolConfig"), Some(&json!(2)));
        assert_eq!(get(fields, "contents"), None);
        let error = object(&value, "", &["contents"]).unwrap_err();
        assert!(error.message.unwrap().starts_with("Invalid JSON payload received. Unknown name"));
    }
}
