use proptest::prelude::*;

use super::*;
use crate::json::Object;

/// What the full reader finds, which is the measure.
fn full(text: &str) -> Option<Vec<(String, String)>> {
    let object: Object<'_> = serde_json::from_str(text).ok()?;
    Some(owned(object.iter()))
}

fn owned<'a>(members: impl Iterator<Item = (&'a str, &'a RawValue)>) -> Vec<(String, String)> {
    members.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect()
}

fn quick(text: &str) -> Option<Vec<(String, String)>> {
    let found = object(text)?.members;
    Some(owned(found.iter().map(|(name, raw)| (name.as_ref(), *raw))))
}

#[test]
fn what_is_right_is_found_without_the_full_reader() {
    for text in [
        "{}",
        " { } \n",
        r#"{"a":1,"b" : [ ],"c":{ "d" : [1,{"e":null}] , "f":{}},"":""}"#,
        "\t{\"\\u0061\\n\":-0.5e+10,\r\n\"é\":\"\\ud800 \\u00fF \\\\\\/\\b\\f\\n\\r\\t\\\"\",\"n\":0}",
        r#"{"numbers":[0,-0,10,1.5,1e5,1E-5,0.0e0],"words":[true,false,null]}"#,
    ] {
        assert_eq!(quick(text), full(text), "{text}");
        assert!(quick(text).is_some(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_left_to_the_full_reader() {
    for text in [
        "",
        " ",
        "[]",
        "1",
        "{",
        "}",
        "{}}",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":--1}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":truex}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u1",
        "{\"a\":\"\\",
        "{\"a\":\"",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{\"b\":1,}}",
        "{\"\\ud800\":1}",
        "\u{feff}{}",
        "{\"a\":\u{a0}1}",
        "{\"a\":[1 2]}",
        "{\"a\":1e5.5}",
    ] {
        assert_eq!(quick(text), None, "{text}");
        assert_eq!(full(text), None, "{text}");
    }
}

#[test]
fn depth_and_number_of_members_are_bounded() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    assert!(quick(&nested(MAX_DEPTH)).is_some());
    assert_eq!(quick(&nested(MAX_DEPTH + 1)), None);
    assert_eq!(quick(&"{\"a\":".repeat(100_000)), None);
    let many = |count: usize| {
        let members: Vec<String> = (0..count).map(|at| format!("\"{at}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(quick(&many(FEW)).is_some());
    assert_eq!(quick(&many(FEW + 1)), None);
}

#[test]
fn numbers_are_told_from_everything_else() {
    for text in ["0", "-0.5", "12.25e-7", "0.000000001"] {
        assert!(is_number(text), "{text}");
    }
    for text in ["", "-", "1 ", " 1", "1,2", "01", "\"1\"", "null", "NaN", "Infinity", "1}"] {
        assert!(!is_number(text), "{text}");
    }
}

fn json() -> impl Strategy<Value = String> {
    let text = "([ -~éß𝕊]|\\\\n|\\\\\"|\\\\u00e9){0,50}"
        .prop_map(|text| text.replace('"', "").replace('\\', "\\\\"));
    let blank = "[ \n\t\r]{0,2}";
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-1.5",
            "1e9",
            "2E-3",
            "\"\\u00e9\""
        ])
        .prop_map(str::to_owned),
        text.clone().prop_map(|text| format!("\"{text}\"")),
    ];
    let value = leaf.prop_recursive(4, 40, 5, move |inner| {
        let text = text.clone();
        prop_oneof![
            prop::collection::vec((inner.clone(), blank), 0..5).prop_map(|items| {
                let items: Vec<String> =
                    items.into_iter().map(|(item, blank)| format!("{blank}{item}")).collect();
                format!("[{}]", items.join(","))
            }),
            prop::collection::vec((text, inner, blank), 0..5).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(name, value, blank)| format!("{blank}\"{name}\"{blank}:{blank}{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop::collection::vec(("[a-z\\\\u0061é ]{0,12}", value), 0..8).prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, value)| format!("\"{}\":{value}", name.replace('\\', "\\\\")))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

/// A text with one of its characters replaced, or another one put before it.
fn damaged(text: &str, at: usize, with: &str, replace: bool) -> String {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let start = places[at % places.len()];
    let end = if replace { places.get(at % places.len() + 1).copied() } else { Some(start) };
    format!("{}{with}{}", &text[..start], &text[end.unwrap_or(text.len())..])
}

proptest! {
    #[test]
    fn it_finds_what_the_full_reader_finds(text in json()) {
        let expected = full(&text);
        // A name that is there twice is refused by the full reader alone.
        if expected.is_some() {
            prop_assert_eq!(quick(&text), expected);
        }
    }

    #[test]
    fn it_accepts_nothing_that_the_full_reader_refuses(
        text in json(),
        hurts in prop::collection::vec(
            (any::<usize>(), "[\\[\\]{}\":,\\\\0-9.eE+tfnu \n\x01-]{0,2}", any::<bool>()), 1..3),
    ) {
        let mut text = text;
        for (at, with, replace) in hurts {
            if !text.is_empty() {
                text = damaged(&text, at, &with, replace);
            }
        }
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        match (quick(&text), full(&text)) {
            (Some(found), Some(expected)) => prop_assert_eq!(found, expected),
            (Some(_), None) => prop_assert!(valid, "no JSON, but for a name that is there twice"),
            (None, _) => {}
        }
    }
}
