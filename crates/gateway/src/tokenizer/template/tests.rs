use super::*;
use crate::tokenizer::Encoding;

fn written(write: impl FnOnce(&mut Writer)) -> u64 {
    let mut writer = Writer::new(Encoding::Qwen.counter().unwrap());
    write(&mut writer);
    writer.finish()
}

#[test]
fn json_is_counted_as_python_writes_it() {
    for (json, as_written) in [
        (r#"{"a":1,"b":[1,2]}"#, r#"{"a": 1, "b": [1, 2]}"#),
        ("{\n  \"a\" : \"x, y:\\\" z\",\n  \"b\": {}\n}", r#"{"a": "x, y:\" z", "b": {}}"#),
        (r#"{"a": "\\","b":1}"#, r#"{"a": "\\", "b": 1}"#),
        ("not, json: \"at all", "not, json: \"at all"),
    ] {
        assert_eq!(
            written(|writer| writer.json(json)),
            written(|writer| writer.text(as_written)),
            "{json}"
        );
    }
}

/// A piece may begin in one text and end in the next, but not across a special token.
#[test]
fn texts_run_together_until_a_special_token() {
    let whole = written(|writer| writer.text("tokenization"));
    assert_eq!(written(|writer| writer.texts(&["token", "ization"])), whole);
    let apart = written(|writer| {
        writer.text("token");
        writer.mark();
        writer.text("ization");
    });
    assert_eq!(apart, 3);
    assert_eq!(written(|writer| writer.fixed(7)), 7);
}

/// No text is kept that is not counted, however long a prompt is.
#[test]
fn what_is_kept_of_a_prompt_is_bounded() {
    let text = "hello world ".repeat(60_000);
    let twice = written(|writer| writer.texts(&[&text, &text]));
    assert!(twice.abs_diff(4 * 60_000) <= 4, "{twice}");
}
