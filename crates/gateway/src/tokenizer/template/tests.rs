use protocol::exchange::{Block, BlockKind, Role, Turn};

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

fn said(role: Role, kinds: Vec<BlockKind>) -> Turn {
    Turn::new(role, kinds.into_iter().map(Block::new).collect())
}

/// Whatever order callers write: results without calls, answers first, nobody who asks. Each text
/// is counted once, and arguments need not be JSON.
#[test]
fn prompts_in_any_order_are_counted() {
    let text = |text: &str| BlockKind::Text { text: text.to_owned(), annotations: Vec::new() };
    let result = || BlockKind::ToolResult {
        call_id: "c1".to_owned(),
        name: None,
        content: vec![Block::new(text("sunny"))],
        is_error: false,
    };
    let call = || BlockKind::ToolCall {
        id: "c1".to_owned(),
        name: "weather".to_owned(),
        arguments: "{not JSON at all".to_owned(),
    };
    let conversations = [
        vec![],
        vec![said(Role::User, vec![])],
        vec![said(Role::Assistant, vec![text("hello"), call()])],
        vec![said(Role::User, vec![result(), text("and then?")])],
        vec![said(Role::Tool, vec![result()]), said(Role::System, vec![text("be brief")])],
        vec![said(Role::User, vec![text("a")]), said(Role::User, vec![text("b")])],
    ];
    for (encoding, template) in [
        (Encoding::Cl100k, Template::OpenAi),
        (Encoding::Qwen, Template::Qwen(Qwen::TWO_FIVE)),
        (Encoding::Qwen, Template::Qwen(Qwen::CODER)),
        (Encoding::Tekken, Template::Mistral(Mistral::V3)),
        (Encoding::Tekken, Template::Mistral(Mistral::V13)),
        (Encoding::DeepSeek, Template::DeepSeek(DeepSeek::R1)),
        (Encoding::DeepSeek, Template::DeepSeek(DeepSeek::V32)),
        (Encoding::DeepSeek, Template::DeepSeek(DeepSeek::V4)),
    ] {
        for (number, turns) in conversations.iter().enumerate() {
            let mut request = Request { turns: turns.clone(), ..Request::default() };
            let count = |request: &Request| template.count(encoding.counter().unwrap(), request);
            let before = count(&request);
            assert!(before > 0, "{template:?} {number}");
            request.turns.push(said(Role::User, vec![text(" more words to count")]));
            assert!(count(&request) >= before + 4, "{template:?} {number}");
        }
    }
}
