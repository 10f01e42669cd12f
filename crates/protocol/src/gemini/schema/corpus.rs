//! Schemas of the kinds that tool servers send, and a strict reader of the subset they must end
//! up in. Bug 8

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Budget, Sendable, answer, parameters};
use crate::json::RawJson;

/// Checks a schema against the subset, with every rule that a violation of fails a request.
fn check(schema: &Value, at: &str) {
    let Some(members) = schema.as_object() else { panic!("{at}: not an object: {schema}") };
    if let Some(parts) = members.get("anyOf") {
        assert_eq!(members.len(), 1, "{at}: anyOf stands alone: {schema}");
        let parts = parts.as_array().unwrap();
        assert!(!parts.is_empty(), "{at}");
        parts.iter().enumerate().for_each(|(n, part)| check(part, &format!("{at}.anyOf[{n}]")));
        return;
    }
    let kind = members.get("type").and_then(Value::as_str).unwrap_or_else(|| panic!("{at}: type"));
    assert!(
        ["string", "number", "integer", "boolean", "array", "object"].contains(&kind),
        "{at}: type {kind}"
    );
    for (name, value) in members {
        match name.as_str() {
            "type" => {}
            "description" => assert!(value.is_string(), "{at}.{name}"),
            "nullable" => assert!(value.is_boolean(), "{at}.{name}"),
            "format" => {
                let allowed: &[&str] = match kind {
                    "string" => &["date-time"],
                    "integer" => &["int32", "int64"],
                    "number" => &["float", "double"],
                    _ => &[],
                };
                assert!(allowed.contains(&value.as_str().unwrap()), "{at}.{name}: {value}");
            }
            "properties" => {
                assert_eq!(kind, "object", "{at}");
                for (property, schema) in value.as_object().unwrap() {
                    check(schema, &format!("{at}.{property}"));
                }
            }
            "required" | "propertyOrdering" => {
                let properties = members["properties"].as_object().unwrap();
                let names = value.as_array().unwrap();
                assert!(!names.is_empty(), "{at}.{name}");
                for property in names {
                    assert!(properties.contains_key(property.as_str().unwrap()), "{at}.{name}");
                }
            }
            "items" => {
                assert_eq!(kind, "array", "{at}");
                check(value, &format!("{at}[]"));
            }
            "minItems" | "maxItems" => assert!(value.is_u64() && kind == "array", "{at}.{name}"),
            "minimum" | "maximum" => {
                assert!(value.is_number() && ["integer", "number"].contains(&kind), "{at}.{name}");
            }
            "enum" => {
                assert_eq!(kind, "string", "{at}");
                for choice in value.as_array().unwrap() {
                    assert!(choice.as_str().is_some_and(|text| !text.is_empty()), "{at}.{name}");
                }
            }
            other => panic!("{at}: unknown keyword {other}"),
        }
    }
    assert!(kind != "array" || members.contains_key("items"), "{at}: an array needs items");
}

fn rewritten(schema: Value) -> Value {
    match parameters(&RawJson::of(&schema).unwrap(), &mut Budget::default()) {
        Sendable::Subset(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn property(schema: Value) -> Value {
    let whole = rewritten(json!({"type":"object","properties":{"it":schema}}));
    check(&whole, "$");
    whole["properties"]["it"].clone()
}

#[test]
fn every_keyword_has_its_rewriting() {
    let cases = [
        (json!({"type":["string","null"]}), json!({"type":"string","nullable":true})),
        (json!({"const":"a"}), json!({"type":"string","enum":["a"]})),
        (json!({"enum":["a",null]}), json!({"type":"string","enum":["a"],"nullable":true})),
        (
            json!({"type":"integer","enum":[1,2]}),
            json!({"type":"integer","description":"(one of: [1,2])"}),
        ),
        (
            json!({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}),
            json!({"type":"integer","minimum":1,"maximum":9}),
        ),
        (
            json!({"type":"number","exclusiveMinimum":0,"multipleOf":0.5}),
            json!({"type":"number","description":"(greater than: 0; multiple of: 0.5)","minimum":0}),
        ),
        (
            json!({"oneOf":[{"type":"string"},{"type":"integer"}],"description":"d"}),
            json!({"anyOf":[{"type":"string","description":"d"},{"type":"integer"}]}),
        ),
        (
            json!({"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"T"}),
            json!({"type":"string","description":"(default: null)","nullable":true}),
        ),
        (
            json!({"type":["string","integer","null"]}),
            json!({"anyOf":[{"type":"string","nullable":true},{"type":"integer","nullable":true}]}),
        ),
        (
            json!({"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},
                {"properties":{"b":{"type":"boolean"}},"required":["b"]}]}),
            json!({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"boolean"}},
                "required":["a","b"]}),
        ),
        (
            json!({"type":"array","prefixItems":[{"type":"number"},{"type":"string"}],"items":false}),
            json!({"type":"array","items":{"anyOf":[{"type":"number"},{"type":"string"}]}}),
        ),
        (
            json!({"type":"array","items":{"type":"string"},"uniqueItems":true,"minItems":1}),
            json!({"type":"array","description":"(unique items: true)","items":{"type":"string"},
                "minItems":1}),
        ),
        (
            json!({"type":"string","format":"uri","examples":["x"],"pattern":"^h"}),
            json!({"type":"string","description":"(format: uri; pattern: ^h)"}),
        ),
        (
            json!({"type":"string","format":"date-time"}),
            json!({"type":"string","format":"date-time"}),
        ),
        (
            json!({"type":"object","additionalProperties":{"type":"string"}}),
            json!({"type":"object","description":"(values: {\"type\":\"string\"})"}),
        ),
        (json!({"type":"object","required":["x"]}), json!({"type":"object"})),
        (
            json!({}),
            json!({"anyOf":[{"type":"string"},{"type":"number"},{"type":"boolean"},{"type":"object"},
                {"type":"array","items":{"anyOf":
                    [{"type":"string"},{"type":"number"},{"type":"boolean"}]}}]}),
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(property(given.clone()), expected, "{given}");
    }
}

#[test]
fn references_are_written_out_and_keep_their_own_description() {
    let schema = rewritten(json!({
        "$schema":"http://json-schema.org/draft-07/schema#",
        "type":"object",
        "additionalProperties":false,
        "$defs":{"Point":{"type":"object","title":"Point","description":"A point",
            "properties":{"x":{"type":"number"},"y":{"type":"number"}},"required":["x","y"]}},
        "properties":{
            "from":{"$ref":"#/$defs/Point","description":"Where from"},
            "to":{"$ref":"#/$defs/Point"},
            "via":{"type":"array","items":{"$ref":"#/$defs/Point"}}
        },
        "required":["from","to","gone"]
    }));
    check(&schema, "$");
    assert_eq!(schema["properties"]["from"]["description"], "Where from");
    assert_eq!(schema["properties"]["to"]["description"], "A point");
    assert_eq!(schema["properties"]["via"]["items"]["required"], json!(["x", "y"]));
    assert_eq!(schema["required"], json!(["from", "to"]));
}

#[test]
fn a_schema_that_refers_to_itself_goes_as_json_schema() {
    for schema in [
        json!({"type":"object","$defs":{"N":{"type":"object","properties":{
            "children":{"type":"array","items":{"$ref":"#/$defs/N"}}}}},
            "properties":{"root":{"$ref":"#/$defs/N"}}}),
        json!({"type":"object","properties":{"self":{"$ref":"#"},"n":{"type":"string"}}}),
        json!({"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}},
            "type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}),
    ] {
        let raw = RawJson::of(&schema).unwrap();
        assert_eq!(
            parameters(&raw, &mut Budget::default()),
            Sendable::JsonSchema(raw.get().to_owned()),
            "{schema}"
        );
    }
}

/// Bug 8
#[test]
fn an_object_without_properties_is_left_out() {
    for schema in [
        json!({"type":"object"}),
        json!({"type":"object","properties":{},"additionalProperties":false}),
        json!({"$schema":"x","type":"object","properties":{}}),
        json!({}),
        json!(true),
    ] {
        assert_eq!(
            parameters(&RawJson::of(&schema).unwrap(), &mut Budget::default()),
            Sendable::Nothing,
            "{schema}"
        );
    }
}

#[test]
fn alternatives_at_the_top_become_one_object() {
    let schema = rewritten(json!({"oneOf":[
        {"type":"object","properties":{"kind":{"const":"a"},"a":{"type":"string"}},"required":["kind","a"]},
        {"type":"object","properties":{"kind":{"const":"b"},"b":{"type":"string"}},"required":["kind"]}
    ]}));
    check(&schema, "$");
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["kind"]));
    assert_eq!(schema["properties"].as_object().unwrap().len(), 3);
}

#[test]
fn alternatives_that_only_vary_what_is_required_are_left_out() {
    let schema = rewritten(json!({"type":"object","properties":{"id":{"type":"string"},
        "name":{"type":"string"}},"anyOf":[{"required":["id"]},{"required":["name"]}]}));
    check(&schema, "$");
    assert_eq!(schema["properties"].as_object().unwrap().len(), 2);
}

#[test]
fn properties_keep_their_order() {
    let raw = RawJson::parse(
        r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}"#.into(),
    )
    .unwrap();
    let Sendable::Subset(text) = answer(&raw) else { panic!("a subset") };
    assert_eq!(
        text,
        r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}"#
    );
}

/// Bug 8: what file, browser, issue-tracker, database and calendar servers declare.
#[test]
fn a_corpus_of_server_schemas_ends_in_the_subset() {
    let corpus = [
        json!({"$schema":"http://json-schema.org/draft-07/schema#","type":"object",
            "additionalProperties":false,"required":["path","edits"],
            "properties":{"path":{"type":"string","minLength":1},"dryRun":{"type":"boolean","default":false,
            "description":"Preview only"},"edits":{"type":"array","items":{"type":"object",
            "additionalProperties":false,"required":["oldText","newText"],"properties":{
            "oldText":{"type":"string"},"newText":{"type":"string"}}}}}}),
        json!({"type":"object","properties":{"owner":{"type":"string"},"labels":{"anyOf":[
            {"type":"array","items":{"type":"string"}},{"type":"null"}],"default":null},
            "state":{"type":"string","enum":["open","closed",""]},"milestone":{"type":["integer","string","null"]},
            "perPage":{"type":"number","minimum":1,"maximum":100,"exclusiveMaximum":101}}}),
        json!({"type":"object","properties":{"query":{"type":"string"},"params":{"type":"array"},
            "options":{"type":"object","patternProperties":{"^x-":{"type":"string"}}},
            "where":{"type":"object","additionalProperties":{"oneOf":[{"type":"string"},{"type":"number"}]}}},
            "if":{"properties":{"query":{"const":"x"}}},"then":{"required":["params"]},"not":{"required":["z"]}}),
        json!({"type":"object","properties":{"start":{"type":"string","format":"date-time"},
            "day":{"type":"string","format":"date"},"attendees":{"type":"array","items":{"type":"string",
            "format":"email"},"uniqueItems":true,"maxItems":50},"priority":{"enum":[1,2,3]},
            "remind":{"oneOf":[{"const":false},{"type":"integer","minimum":0}]},
            "color":{"type":"string","const":"red"},"flags":{"enum":["a",1,true,null]}},
            "dependentRequired":{"start":["day"]},"examples":[{"day":"x"}],"$comment":"c"}),
        json!({"type":"object","definitions":{"selector":{"oneOf":[{"type":"string"},{"type":"object",
            "properties":{"css":{"type":"string"}},"required":["css"]}]}},"properties":{
            "target":{"$ref":"#/definitions/selector"},"point":{"type":"array","items":[{"type":"number"},
            {"type":"number"}],"minItems":2,"maxItems":2,"additionalItems":false},
            "unknown":{"$ref":"https://example.org/x.json"},"free":true,"never":false,
            "timeout":{"type":"integer","format":"int32","exclusiveMinimum":true,"minimum":0}}}),
        json!({"allOf":[{"$ref":"#/$defs/base"},{"type":"object","properties":{"extra":{"type":"string"}},
            "required":["extra"]}],"$defs":{"base":{"type":"object","properties":{"id":{"type":"string",
            "format":"uuid"}},"required":["id"]}},"unevaluatedProperties":false}),
        json!({"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true},
            "b":{"type":"ARRAY","items":{"type":"INTEGER"}}}}),
        json!({"type":"object","properties":{"nested":{"anyOf":[{"anyOf":[{"type":"string"},{"type":"number"}]},
            {"type":"boolean"},{"allOf":[{"type":"object","properties":{"q":{"type":"string"}}}]}]}}}),
    ];
    for (number, schema) in corpus.into_iter().enumerate() {
        check(&rewritten(schema), &format!("corpus[{number}]"));
    }
}

#[test]
fn references_that_multiply_are_bounded() {
    let mut defs = serde_json::Map::new();
    defs.insert("d0".into(), json!({"type":"string"}));
    for level in 1..40 {
        let inner = format!("#/$defs/d{}", level - 1);
        defs.insert(
            format!("d{level}"),
            json!({"type":"object","properties":{
            "a":{"$ref":inner.clone()},"b":{"$ref":inner.clone()},"c":{"$ref":inner}}}),
        );
    }
    let schema = json!({"type":"object","$defs":defs,"properties":{"x":{"$ref":"#/$defs/d39"}}});
    let raw = RawJson::of(&schema).unwrap();
    assert!(matches!(parameters(&raw, &mut Budget::default()), Sendable::JsonSchema(_)));
}

/// What is looked through costs too, not only what is copied.
#[test]
fn searches_are_bounded() {
    let names: Vec<String> = (0..40_000).map(|number| format!("p{number}")).collect();
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({"type":"string"}))).collect();
    let wide = json!({"type":"object","properties":properties,"required":names});
    let defs: serde_json::Map<String, Value> =
        (0..20_000).map(|number| (format!("d{number}"), json!({"type":"string"}))).collect();
    let references: serde_json::Map<String, Value> = (0..500)
        .map(|number| {
            (format!("p{number}"), json!({"$ref": format!("#/$defs/d{}", 19_999 - number)}))
        })
        .collect();
    let far = json!({"type":"object","$defs":defs,"properties":references});
    let parts: Vec<Value> = names
        .iter()
        .take(5_000)
        .map(|name| json!({"properties":{name.clone():{"type":"string"}},"required":[name]}))
        .collect();
    let merged = json!({"type":"object","allOf":parts});
    let kinds = json!({"type": vec!["string"; 5_000], "pattern": "x".repeat(10_000)});
    let mut spent = Budget::default();
    let small = RawJson::of(&json!({"properties":{"a":{"type":"string"}}})).unwrap();
    assert!(matches!(parameters(&small, &mut spent), Sendable::Subset(_)));
    spent.0 = 1;
    assert!(matches!(parameters(&small, &mut spent), Sendable::JsonSchema(_)), "shared by all");
    for schema in [wide, far, merged, json!({"type":"object","properties":{"a":kinds}})] {
        let raw = RawJson::of(&schema).unwrap();
        assert!(matches!(parameters(&raw, &mut Budget::default()), Sendable::JsonSchema(_)));
    }
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type":"string"})),
        Just(json!({"type":["integer","null"],"exclusiveMinimum":2})),
        Just(json!({"const":3})),
        Just(json!({"enum":["a","b",null]})),
        Just(json!({"$ref":"#/$defs/leaf"})),
        Just(json!(true)),
        Just(json!({"type":"null"})),
        Just(json!({"type":7,"enum":{},"required":"x","properties":[],"items":3})),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let map = proptest::collection::btree_map("[a-d]", inner.clone(), 0..4);
        prop_oneof![
            list.clone().prop_map(|parts| json!({"anyOf":parts,"description":"d"})),
            list.clone().prop_map(|parts| json!({"oneOf":parts,"type":"object"})),
            list.clone().prop_map(|parts| json!({"allOf":parts})),
            list.prop_map(|parts| json!({"type":"array","prefixItems":parts})),
            map.prop_map(|properties| json!({"type":"object","properties":properties,
                "required":["a","z"],"additionalProperties":false})),
            inner.prop_map(|items| json!({"type":["array","null"],"items":items})),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_ends_in_the_subset(schema in any_schema()) {
        let whole = json!({"type":"object","$defs":{"leaf":{"type":"boolean"}},"properties":{"it":schema}});
        check(&rewritten(whole), "$");
    }
}
