//! The subset of OpenAPI → JSON Schema, for requests of this protocol that go elsewhere.

use serde_json::value::RawValue;

use crate::gemini::tree::Tree;
use crate::json::RawJson;

/// The schema as JSON Schema: types in lower case, `nullable` as a type. What is no schema stays
/// as it is, for the provider to judge.
pub(in crate::gemini) fn to_json_schema(raw: &RawValue) -> RawJson {
    serde_json::from_str::<Tree>(raw.get())
        .ok()
        .and_then(|tree| RawJson::of(&restored(tree)).ok())
        .unwrap_or_else(|| RawJson::from_raw(raw))
}

fn restored(schema: Tree) -> Tree {
    let Tree::Map(members) = schema else { return schema };
    let nullable =
        members.iter().any(|(name, value)| name == "nullable" && *value == Tree::Bool(true));
    let mut out = Vec::with_capacity(members.len());
    for (name, value) in members {
        let value = match (name.as_str(), value) {
            ("nullable" | "propertyOrdering" | "property_ordering", _) => continue,
            ("type", Tree::Text(kind)) => {
                let kind = Tree::Text(kind.to_ascii_lowercase());
                if nullable { Tree::List(vec![kind, Tree::of_text("null")]) } else { kind }
            }
            ("properties" | "$defs", Tree::Map(properties)) => Tree::Map(
                properties.into_iter().map(|(name, value)| (name, restored(value))).collect(),
            ),
            ("anyOf" | "any_of", Tree::List(parts)) => {
                out.push((
                    "anyOf".to_owned(),
                    Tree::List(parts.into_iter().map(restored).collect()),
                ));
                continue;
            }
            ("items" | "additionalProperties", value) => restored(value),
            // 64-bit integers may come as strings.
            ("minItems" | "maxItems" | "minLength" | "maxLength", Tree::Text(text)) => {
                match text.parse::<u64>() {
                    Ok(count) => Tree::Number(count.into()),
                    Err(_) => Tree::Text(text),
                }
            }
            ("enum", Tree::List(mut values)) if nullable => {
                if !values.contains(&Tree::Null) {
                    values.push(Tree::Null);
                }
                Tree::List(values)
            }
            (_, value) => value,
        };
        out.push((name, value));
    }
    Tree::Map(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_nullability_become_json_schema() {
        let raw: &RawValue = serde_json::from_str(
            r#"{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true,"enum":["a"]},
            "n":{"type":"ARRAY","items":{"type":"INTEGER"},"minItems":"2"}},"required":["n"],"propertyOrdering":["n"]}"#,
        )
        .unwrap();
        assert_eq!(
            to_json_schema(raw).get(),
            r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["a",null]},"n":{"type":"array","items":{"type":"integer"},"minItems":2}},"required":["n"]}"#
        );
    }
}
