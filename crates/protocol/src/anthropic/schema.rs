//! JSON Schemas as the vendor takes them. wire-formats 2.7
//!
//! Schemas are rewritten member by member over their raw text: the order of properties survives,
//! and with it the order in which the model writes them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::wire::{array, into_text, key, raw, string};
use crate::json::{Object, RawJson, scan};

/// The schema of a tool without arguments.
const EMPTY: &str = r#"{"type":"object","properties":{}}"#;

/// The most optional properties the native mode is trusted with: grammars of more fail to compile.
const MOST_OPTIONAL: usize = 10;

/// The most properties of several types the native mode takes.
const MOST_UNIONS: usize = 16;

/// The longest schema the native mode is tried with, in bytes.
const LONGEST: usize = 256 * 1024;

/// The most references between definitions that are followed.
const MOST_REFERENCES: usize = 500;

/// The string formats the native mode enforces.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema of a tool's input: always an object, as the vendor demands. A schema that already
/// is one goes out byte for byte.
pub(crate) fn input_schema(parameters: Option<&RawJson>) -> Cow<'_, str> {
    let Some(text) = parameters.map(RawJson::get) else { return Cow::Borrowed(EMPTY) };
    let Ok(object) = Object::parse(text) else { return Cow::Borrowed(EMPTY) };
    let combined = ["anyOf", "oneOf", "allOf"].iter().any(|name| object.peek(name).is_some());
    if !combined && object.peek_str("type").as_deref() == Some("object") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(as_object(&object))
}

/// Makes an object schema of one that has no type or combines several at its root: the properties
/// of all branches, of which only those are required that every branch requires.
fn as_object(root: &Object<'_>) -> String {
    let mut properties = Properties::default();
    let mut required = required_of(root);
    properties.take(root);
    for word in ["allOf", "anyOf", "oneOf"] {
        let Some(branches) = root.peek(word) else { continue };
        let branches = scan::elements(branches).unwrap_or_default();
        let mut common: Option<HashSet<String>> = None;
        for branch in branches.iter().filter_map(|branch| Object::of(branch).ok()) {
            properties.take(&branch);
            let needed: HashSet<String> = required_of(&branch).into_iter().collect();
            common = Some(match common {
                None => needed,
                Some(so_far) if word == "allOf" => so_far.union(&needed).cloned().collect(),
                Some(so_far) => so_far.intersection(&needed).cloned().collect(),
            });
        }
        let mut common: Vec<String> = common.unwrap_or_default().into_iter().collect();
        common.sort_unstable();
        required.extend(common);
    }
    let mut seen = HashSet::new();
    required.retain(|name| properties.names.contains(name) && seen.insert(name.clone()));

    let mut out = vec![b'{'];
    string(&mut out, "type", "object");
    key(&mut out, "properties");
    out.push(b'{');
    for (name, schema) in &properties.list {
        raw(&mut out, name, schema.get());
    }
    out.push(b'}');
    if !required.is_empty() {
        key(&mut out, "required");
        let _ = serde_json::to_writer(&mut out, &required);
    }
    let written = ["type", "properties", "required", "anyOf", "oneOf", "allOf"];
    for (name, value) in root.iter().filter(|(name, _)| !written.contains(name)) {
        raw(&mut out, name, value.get());
    }
    out.push(b'}');
    into_text(out)
}

/// The properties of several schemas, each once.
#[derive(Default)]
struct Properties {
    names: HashSet<String>,
    list: Vec<(String, RawJson)>,
}

impl Properties {
    fn take(&mut self, schema: &Object<'_>) {
        let found = schema.peek("properties").and_then(|raw| Object::of(raw).ok());
        for (name, schema) in found.iter().flat_map(Object::iter) {
            if self.names.insert(name.to_owned()) {
                self.list.push((name.to_owned(), RawJson::from_raw(schema)));
            }
        }
    }
}

fn required_of(object: &Object<'_>) -> Vec<String> {
    object.peek("required").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Whether the root of a schema describes an object, so that it can stand as a tool's input.
pub(crate) fn describes_object(schema: &RawJson) -> bool {
    Object::of(schema.as_raw()).is_ok_and(|object| {
        object.peek_str("type").as_deref() == Some("object")
            || (object.peek("type").is_none() && object.peek("properties").is_some())
    })
}

/// The schema as the native mode takes it, or `None` if it is beyond what that mode can do
/// faithfully: too many optional properties, open objects, recursion.
pub(crate) fn native(schema: &RawJson) -> Option<String> {
    if schema.get().len() > LONGEST || !describes_object(schema) {
        return None;
    }
    let mut rewriting = Rewriting::default();
    let mut out = Vec::with_capacity(schema.get().len() + 64);
    rewriting.write(schema.as_raw(), "", &mut out);
    let fits = !rewriting.beyond
        && rewriting.optional <= MOST_OPTIONAL
        && rewriting.unions <= MOST_UNIONS
        && !rewriting.is_recursive();
    fits.then(|| into_text(out))
}

/// What was met on the way through a schema.
#[derive(Default)]
struct Rewriting {
    optional: usize,
    unions: usize,
    /// Something the native mode would silently change: an open object, a tuple.
    beyond: bool,
    /// Definition → what it refers to.
    references: HashMap<String, Vec<String>>,
}

impl Rewriting {
    fn write(&mut self, schema: &RawValue, inside: &str, out: &mut Vec<u8>) {
        let Ok(object) = Object::of(schema) else {
            // `true`, `false` or nonsense: anything is allowed here.
            self.beyond = true;
            out.extend_from_slice(b"{}");
            return;
        };
        let mut description =
            object.peek_str("description").map(Cow::into_owned).unwrap_or_default();
        let mut rules: Vec<String> = Vec::new();
        let is_object = object.peek_str("type").as_deref() == Some("object")
            || object.peek("properties").is_some();
        out.push(b'{');
        for (name, value) in object.iter() {
            match name {
                "properties" => self.properties(value, &required_of(&object), inside, out),
                "$defs" | "definitions" => self.definitions(name, value, out),
                "items" if value.get().starts_with('{') => {
                    key(out, name);
                    self.write(value, inside, out);
                }
                "anyOf" | "oneOf" => {
                    self.unions += 1;
                    if name == "anyOf" || object.peek("anyOf").is_none() {
                        self.list("anyOf", value, inside, out);
                    } else {
                        self.beyond = true;
                    }
                }
                "allOf" => self.list("allOf", value, inside, out),
                "$ref" => {
                    if let Ok(target) = serde_json::from_str::<String>(value.get()) {
                        self.references.entry(inside.to_owned()).or_default().push(target);
                    }
                    raw(out, name, value.get());
                }
                "type" => {
                    self.unions += usize::from(value.get().starts_with('['));
                    raw(out, name, value.get());
                }
                "format" => match object.peek_str("format") {
                    Some(format) if FORMATS.contains(&format.as_ref()) => {
                        raw(out, name, value.get());
                    }
                    _ => rules.push(format!("format: {}", value.get())),
                },
                "enum" | "const" | "default" | "title" | "required" => {
                    raw(out, name, value.get());
                }
                "additionalProperties" => self.beyond |= value.get() != "false",
                "items" | "prefixItems" | "patternProperties" | "if" | "then" | "else"
                | "dependentSchemas" => self.beyond = true,
                "description" | "$schema" | "$id" | "$comment" | "examples" | "example" => {}
                _ => rules.push(format!("{name}: {}", value.get())),
            }
        }
        if is_object {
            let closed = object
                .peek("properties")
                .and_then(|value| Object::of(value).ok())
                .is_some_and(|properties| !properties.is_empty())
                || object.peek("additionalProperties").is_some_and(|value| value.get() == "false");
            self.beyond |= !closed;
            raw(out, "additionalProperties", "false");
        }
        if !rules.is_empty() {
            if !description.is_empty() {
                description.push(' ');
            }
            description.push_str(&format!("({})", rules.join(", ")));
        }
        if !description.is_empty() {
            string(out, "description", &description);
        }
        out.push(b'}');
    }

    fn properties(
        &mut self,
        value: &RawValue,
        required: &[String],
        inside: &str,
        out: &mut Vec<u8>,
    ) {
        key(out, "properties");
        out.push(b'{');
        let required: HashSet<&str> = required.iter().map(String::as_str).collect();
        if let Ok(properties) = Object::of(value) {
            for (name, schema) in properties.iter() {
                self.optional += usize::from(!required.contains(name));
                key(out, name);
                self.write(schema, inside, out);
            }
        }
        out.push(b'}');
    }

    fn definitions(&mut self, word: &str, value: &RawValue, out: &mut Vec<u8>) {
        key(out, word);
        out.push(b'{');
        if let Ok(definitions) = Object::of(value) {
            for (name, schema) in definitions.iter() {
                key(out, name);
                self.write(schema, &format!("#/{word}/{name}"), out);
            }
        }
        out.push(b'}');
    }

    fn list(&mut self, word: &str, value: &RawValue, inside: &str, out: &mut Vec<u8>) {
        key(out, word);
        let branches = scan::elements(value).unwrap_or_default();
        array(out, branches, |out, branch| self.write(branch, inside, out));
    }

    /// Whether a definition leads back to itself; the root is the definition without a name.
    fn is_recursive(&self) -> bool {
        if self.references.values().map(Vec::len).sum::<usize>() > MOST_REFERENCES {
            return true;
        }
        let mut done = HashSet::new();
        self.references.keys().any(|start| {
            let mut open = vec![start.as_str()];
            done.clear();
            while let Some(at) = open.pop() {
                for target in self.references.get(at).into_iter().flatten() {
                    if target == "#" || target == start {
                        return true;
                    }
                    if done.insert(target.as_str()) {
                        open.push(target);
                    }
                }
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> RawJson {
        RawJson::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn a_tool_schema_is_always_an_object() {
        for (given, expected) in [
            (
                r#"{"type":"object","properties":{"b":{},"a":{}}}"#,
                r#"{"type":"object","properties":{"b":{},"a":{}}}"#,
            ),
            ("{}", r#"{"type":"object","properties":{}}"#),
            ("null", r#"{"type":"object","properties":{}}"#),
            (
                r#"{"properties":{"a":{}},"required":["a"],"title":"T"}"#,
                r#"{"type":"object","properties":{"a":{}},"required":["a"],"title":"T"}"#,
            ),
            (
                r#"{"anyOf":[{"properties":{"a":{},"b":{}},"required":["a","b"]},{"properties":{"a":{},"c":{}},"required":["a"]}]}"#,
                r#"{"type":"object","properties":{"a":{},"b":{},"c":{}},"required":["a"]}"#,
            ),
        ] {
            assert_eq!(input_schema(Some(&json(given))), expected);
        }
        assert_eq!(input_schema(None), EMPTY);
    }

    #[test]
    fn a_native_schema_is_closed_and_keeps_its_order_and_its_rules_as_words() {
        let schema = json(
            r##"{"$schema":"x","type":"object","properties":{"z":{"type":"integer","minimum":1,"description":"how many"},"a":{"oneOf":[{"type":"string","format":"uri"},{"type":"string","format":"phone"}]},"r":{"$ref":"#/$defs/d"}},"required":["z","a","r"],"$defs":{"d":{"type":"string","pattern":"^a$"}}}"##,
        );
        assert_eq!(
            native(&schema).unwrap(),
            r##"{"type":"object","properties":{"z":{"type":"integer","description":"how many (minimum: 1)"},"a":{"anyOf":[{"type":"string","format":"uri"},{"type":"string","description":"(format: \"phone\")"}]},"r":{"$ref":"#/$defs/d"}},"required":["z","a","r"],"$defs":{"d":{"type":"string","description":"(pattern: \"^a$\")"}},"additionalProperties":false}"##
        );
    }

    #[test]
    fn what_the_native_mode_would_change_is_left_to_emulation() {
        let optional: String = (0..11).map(|n| format!(r#""p{n}":{{"type":"string"}},"#)).collect();
        let many = format!(
            r#"{{"type":"object","properties":{{{optional}"q":{{"type":"string"}}}},"required":["q"]}}"#
        );
        for beyond in [
            many.as_str(),
            r#"{"type":"object"}"#,
            r#"{"type":"object","properties":{"a":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
            r#"{"type":"object","properties":{"a":true},"required":["a"]}"#,
            r#"{"type":"array","items":{"type":"string"}}"#,
            r##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##,
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}}}}}"##,
        ] {
            assert_eq!(native(&json(beyond)), None, "{beyond}");
        }
    }
}
