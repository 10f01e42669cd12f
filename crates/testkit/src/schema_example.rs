//! A small JSON value that fits a JSON Schema, made up of the user's own words.

use serde_json::{Map, Number, Value, json};

/// Nesting beyond this is cut to `null`: a recursive schema has no smallest example.
const DEPTH: usize = 16;
/// Values made for one schema; bounds schemas whose references multiply.
const VALUES: usize = 4096;
/// Longest array and string made for `minItems` and `minLength`.
const LONGEST_ARRAY: u64 = 64;
const LONGEST_STRING: u64 = 4096;

/// A value that fits `schema`, with strings taken from `words` in turn.
///
/// Objects get their required properties, or all of them if none is required; enumerations and
/// unions their first choice. References are followed within the schema itself.
pub fn example(schema: &Value, words: &[String]) -> Value {
    Maker { root: schema, words, next_word: 0, values: 0 }.make(schema, 0)
}

struct Maker<'a> {
    root: &'a Value,
    words: &'a [String],
    next_word: usize,
    values: usize,
}

impl<'a> Maker<'a> {
    fn make(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.values += 1;
        if depth > DEPTH || self.values > VALUES {
            return Value::Null;
        }
        let Some(fields) = schema.as_object() else {
            return Value::Null;
        };
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            return match target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => self.make(target, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(constant) = fields.get("const") {
            return constant.clone();
        }
        if let Some(first) = fields.get("enum").and_then(|choices| choices.get(0)) {
            return first.clone();
        }
        if let Some(choice) =
            ["anyOf", "oneOf"].iter().find_map(|key| first_choice(fields.get(*key)))
        {
            return self.make(choice, depth + 1);
        }
        if let Some(parts) = fields.get("allOf").and_then(Value::as_array) {
            return self.merged(fields, parts, depth);
        }
        match kind(fields) {
            "object" => self.object(fields, depth),
            "array" => self.array(fields, depth),
            "integer" => number(fields, true),
            "number" => number(fields, false),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(self.string(fields)),
        }
    }

    fn merged(
        &mut self,
        fields: &'a Map<String, Value>,
        parts: &'a [Value],
        depth: usize,
    ) -> Value {
        let mut merged = match kind(fields) {
            "object" => self.object(fields, depth),
            _ => Value::Null,
        };
        for part in parts {
            match (&mut merged, self.make(part, depth + 1)) {
                (Value::Object(merged), Value::Object(part)) => merged.extend(part),
                (merged, part) => *merged = part,
            }
        }
        merged
    }

    fn object(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Value {
        let mut object = Map::new();
        let Some(properties) = fields.get("properties").and_then(Value::as_object) else {
            return Value::Object(object);
        };
        let required: Option<Vec<&str>> = fields
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect());
        for (name, schema) in properties {
            let wanted = match &required {
                Some(names) if !names.is_empty() => names.contains(&name.as_str()),
                // Optional properties are left out once deep, so that optional recursion ends.
                _ => depth < 4,
            };
            if wanted {
                object.insert(name.clone(), self.make(schema, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Value {
        let bound = |key| fields.get(key).and_then(Value::as_u64);
        let length = bound("minItems").unwrap_or(1).clamp(1, LONGEST_ARRAY);
        let length = bound("maxItems").map_or(length, |most| length.min(most));
        let prefix = fields.get("prefixItems").and_then(Value::as_array);
        let length = length.max(prefix.map_or(0, |prefix| prefix.len() as u64)).min(LONGEST_ARRAY);
        let mut items = Vec::new();
        for index in 0..usize::try_from(length).unwrap_or_default() {
            let schema =
                prefix.and_then(|prefix| prefix.get(index)).or_else(|| fields.get("items"));
            items.push(match schema {
                Some(schema) => self.make(schema, depth + 1),
                None => Value::String(self.word()),
            });
        }
        Value::Array(items)
    }

    fn string(&mut self, fields: &Map<String, Value>) -> String {
        if let Some(format) = fields.get("format").and_then(Value::as_str) {
            let fixed = match format {
                "date-time" => "2026-01-02T03:04:05Z",
                "date" => "2026-01-02",
                "time" => "03:04:05Z",
                "duration" => "PT1H",
                "email" => "someone@example.com",
                "hostname" => "example.com",
                "uri" | "url" => "https://example.com/",
                "uuid" => "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                "ipv4" => "192.0.2.1",
                "ipv6" => "2001:db8::1",
                _ => "",
            };
            if !fixed.is_empty() {
                return fixed.to_owned();
            }
        }
        let mut text = self.word();
        let least =
            fields.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(LONGEST_STRING);
        let missing = least.saturating_sub(text.chars().count() as u64);
        text.extend(std::iter::repeat_n('x', usize::try_from(missing).unwrap_or_default()));
        if let Some(most) = fields.get("maxLength").and_then(Value::as_u64) {
            text = text.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        }
        text
    }

    fn word(&mut self) -> String {
        if self.words.is_empty() {
            return "example".to_owned();
        }
        let word = self.words[self.next_word % self.words.len()].clone();
        self.next_word += 1;
        word
    }
}

fn first_choice(choices: Option<&Value>) -> Option<&Value> {
    let choices = choices?.as_array()?;
    let null = json!("null");
    choices.iter().find(|choice| choice.get("type") != Some(&null)).or_else(|| choices.first())
}

/// The schema's type in lower case (Gemini writes `STRING`), guessed from its keywords if absent.
fn kind(fields: &Map<String, Value>) -> &'static str {
    let named = match fields.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null")
        }
        _ => None,
    };
    let Some(named) = named else {
        return if fields.contains_key("properties") {
            "object"
        } else if fields.contains_key("items") {
            "array"
        } else {
            "string"
        };
    };
    ["object", "array", "integer", "number", "boolean", "null"]
        .into_iter()
        .find(|kind| kind.eq_ignore_ascii_case(named))
        .unwrap_or("string")
}

fn number(fields: &Map<String, Value>, integer: bool) -> Value {
    let bound = |key| fields.get(key).and_then(Value::as_f64);
    let low = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|low| low + 1.0));
    let high = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|high| high - 1.0));
    let mut value = match (low, high) {
        (Some(low), _) if low > 1.0 => low,
        (_, Some(high)) if high < 1.0 => high,
        _ => 1.0,
    };
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        value = (value / step).ceil() * step;
    }
    if integer {
        // The cast saturates, which is what an absurd bound deserves.
        return Value::from(value.ceil() as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn each_schema_gets_a_fitting_value() {
        let cases = [
            (json!({"type": "string"}), json!("Paris")),
            (json!({"type": "string", "enum": ["b", "a"]}), json!("b")),
            (json!({"const": 7}), json!(7)),
            (json!({"type": "integer", "minimum": 5}), json!(5)),
            (json!({"type": "integer", "exclusiveMaximum": 0}), json!(-1)),
            (json!({"type": "number", "multipleOf": 0.5}), json!(1.0)),
            (json!({"type": ["string", "null"]}), json!("Paris")),
            (json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}), json!(true)),
            (
                json!({"type": "array", "items": {"type": "string"}, "minItems": 2}),
                json!(["Paris", "now"]),
            ),
            (json!({"type": "STRING", "format": "date"}), json!("2026-01-02")),
            (json!({"type": "string", "minLength": 7}), json!("Parisxx")),
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["b"]}),
                json!({"b": 1}),
            ),
            (
                json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/city"}}, "$defs": {"city": {"type": "string"}}}),
                json!({"a": "Paris"}),
            ),
            (
                json!({"allOf": [{"type": "object", "properties": {"a": {"type": "boolean"}}}, {"type": "object", "properties": {"b": {"type": "null"}}}]}),
                json!({"a": true, "b": null}),
            ),
            (json!({}), json!("Paris")),
            (json!({"type": "object"}), json!({})),
        ];
        for (schema, expected) in cases {
            assert_eq!(example(&schema, &words("Paris now")), expected, "{schema}");
        }
    }

    #[test]
    fn recursion_and_blow_up_end() {
        let tree = json!({
            "$ref": "#/$defs/node",
            "$defs": {"node": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
                "required": ["left", "right"]
            }}
        });
        assert!(example(&tree, &[]).is_object());
        assert_eq!(example(&json!({"$ref": "#"}), &[]), Value::Null);
    }
}
