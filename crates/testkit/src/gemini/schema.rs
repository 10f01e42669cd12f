//! The subset of OpenAPI schema that `parameters` and `responseSchema` take.

use serde_json::Value;

use super::fields::{get, object, violation};
use crate::rejection::Rejection;

/// Keywords of the subset; any other fails the whole request.
const KNOWN: [&str; 22] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "items",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "minimum",
    "maximum",
];

/// Nesting the vendor accepts.
const DEPTH: usize = 32;

/// Checks a schema at `path`.
pub(super) fn check(schema: &Value, path: &str) -> Result<(), Rejection> {
    check_nested(schema, path, 0)
}

fn check_nested(schema: &Value, path: &str, depth: usize) -> Result<(), Rejection> {
    if depth > DEPTH {
        return Err(Rejection::invalid(
            "A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth.",
        ));
    }
    let fields = object(schema, path, &KNOWN)?;
    match fields.get("type") {
        Some(Value::Array(_)) => {
            return Err(violation(
                path,
                format!(
                    "Invalid JSON payload received. Unknown name \"type\" at '{path}': Proto field is not repeating, cannot start list."
                ),
            ));
        }
        Some(Value::String(name)) => {
            let known = ["string", "number", "integer", "boolean", "array", "object", "null"];
            if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(violation(
                    path,
                    format!(
                        "Invalid value at '{path}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), \"{name}\""
                    ),
                ));
            }
        }
        _ => {}
    }
    for (index, value) in
        fields.get("enum").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        if !value.is_string() {
            return Err(violation(
                path,
                format!("Invalid value at '{path}.enum[{index}]' (TYPE_STRING), {value}"),
            ));
        }
    }
    if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
        if properties.is_empty() {
            return Err(Rejection::invalid(format!(
                "* GenerateContentRequest.{path}.properties: should be non-empty for OBJECT type"
            )));
        }
        for (index, property) in properties.values().enumerate() {
            check_nested(property, &format!("{path}.properties[{index}].value"), depth + 1)?;
        }
        let required = fields.get("required").and_then(Value::as_array).into_iter().flatten();
        for (index, name) in required.filter_map(Value::as_str).enumerate() {
            if !properties.contains_key(name) {
                return Err(Rejection::invalid(format!(
                    "* GenerateContentRequest.{path}.required[{index}]: property is not defined"
                )));
            }
        }
    }
    if let Some(items) = fields.get("items") {
        check_nested(items, &format!("{path}.items"), depth + 1)?;
    } else if fields
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("array"))
    {
        return Err(Rejection::invalid(format!(
            "* GenerateContentRequest.{path}.items: missing field."
        )));
    }
    let choices = get(fields, "anyOf").and_then(Value::as_array);
    for (index, choice) in choices.into_iter().flatten().enumerate() {
        check_nested(choice, &format!("{path}.any_of[{index}]"), depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keywords_outside_the_subset_are_refused() {
        for schema in [
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}),
            json!({"$schema": "x", "type": "string"}),
            json!({"type": ["string", "null"]}),
            json!({"type": "object", "properties": {"a": {"const": 1}}}),
            json!({"type": "integer", "exclusiveMinimum": 0}),
            json!({"type": "integer", "enum": [1]}),
            json!({"type": "object", "properties": {}}),
            json!({"type": "array"}),
            json!({"oneOf": []}),
        ] {
            assert!(check(&schema, "p").is_err(), "{schema}");
        }
        let good = json!({"type": "OBJECT", "properties": {"a": {"anyOf": [{"type": "STRING"}], "nullable": true}}, "required": ["a"]});
        assert_eq!(check(&good, "p"), Ok(()));
    }
}
