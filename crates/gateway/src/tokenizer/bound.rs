//! The most tokens of a prompt, from the JSON that it was sent in.

use super::Encoding;
use super::template::Writer;

/// The most bytes that are counted: of more, the bytes are the bound.
const MAX_BOUND: usize = 512 * 1024;
/// How deep in texts JSON is looked for that a template may write out: the arguments of a call.
const MAX_DEPTH: usize = 2;

/// The tokens of JSON as templates write it, and an eighth: for templates that write names and
/// roles otherwise.
///
/// Everything in it is counted, whether a template shows it or not. A text with escapes is counted
/// with them and without, and what is more holds: some vocabularies have a word for `\newcommand`
/// and none for what follows a line's end.
pub fn tokens<'j>(encoding: Encoding, members: impl Iterator<Item = &'j str>) -> Option<u64> {
    let (mut bytes, mut tokens) = (0_usize, 0_u64);
    for member in members {
        bytes = bytes.checked_add(member.len()).filter(|bytes| *bytes <= MAX_BOUND)?;
        tokens = tokens.checked_add(of_json(encoding, member, 0)?)?;
    }
    tokens.checked_add(tokens.div_ceil(8))
}

/// The tokens of JSON. Texts without escapes are counted with what is around them.
fn of_json(encoding: Encoding, json: &str, depth: usize) -> Option<u64> {
    let mut writer = Writer::new(encoding.counter()?);
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        writer.json(&rest[..at]);
        let (quoted, has_escapes) = quoted(&rest[at..]);
        match has_escapes {
            true => writer.fixed(of_escaped(encoding, quoted, depth)?),
            false => writer.text(quoted),
        }
        rest = &rest[at + quoted.len()..];
    }
    writer.json(rest);
    Some(writer.finish())
}

/// The tokens of a text with escapes, in whichever way it has most.
fn of_escaped(encoding: Encoding, quoted: &str, depth: usize) -> Option<u64> {
    let most = encoding.count(quoted)?;
    let Ok(text) = serde_json::from_str::<String>(quoted) else { return Some(most) };
    let most = most.max(encoding.count(&text)?);
    if depth < MAX_DEPTH && text.trim_start().starts_with(['{', '[']) {
        return Some(most.max(of_json(encoding, &text, depth + 1)?));
    }
    Some(most)
}

/// The text in quotes that something begins with, and whether there are escapes in it.
fn quoted(json: &str) -> (&str, bool) {
    let (mut escaped, mut has_escapes) = (false, false);
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return (&json[..=at], has_escapes),
            b'\\' if !escaped => (escaped, has_escapes) = (true, true),
            _ => escaped = false,
        }
    }
    (json, has_escapes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::Surface;
    use protocol::surface::Addressed;
    use serde_json::{Value, json};

    use super::super::template::{DeepSeek, Mistral, Qwen, Template};
    use super::*;

    /// What is allowed for beside the conversation when nothing else is known: `inference/bound.rs`.
    const AROUND: u64 = 64 + 1_024;

    const WAYS: [(Encoding, Template); 7] = [
        (Encoding::O200k, Template::OpenAi),
        (Encoding::Cl100k, Template::OpenAi),
        (Encoding::Qwen, Template::Qwen(Qwen::TWO_FIVE)),
        (Encoding::Qwen, Template::Qwen(Qwen::CODER)),
        (Encoding::Tekken, Template::Mistral(Mistral::V13)),
        (Encoding::DeepSeek, Template::DeepSeek(DeepSeek::V32)),
        (Encoding::DeepSeek, Template::DeepSeek(DeepSeek::V4)),
    ];

    fn within_the_bound(body: &Value) {
        let written = serde_json::to_vec(body).unwrap();
        let request = Surface::Chat.decode(&written, &Addressed::default()).unwrap();
        let members: Vec<_> = ["messages", "tools"]
            .iter()
            .filter_map(|name| body.get(name))
            .map(Value::to_string)
            .collect();
        for (encoding, template) in WAYS {
            let counted = template.count(encoding.counter().unwrap(), &request);
            let bound = tokens(encoding, members.iter().map(String::as_str));
            assert!(counted <= bound.unwrap() + AROUND, "{template:?} {counted} {bound:?} {body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn no_template_writes_more(
            texts in prop::collection::vec(
                "[a-z ]{0,400}|([\\n\\t\\x08\\x0c](ewline|ewcommand|ext|rac|egin|o|){1,3}){0,60}|[\\n\\t \\\\\"]{0,200}|[0-9.,;:+/=-]{0,200}|[一-鿿ａ-ｚ]{0,100}|\\PC{0,100}", 1..12),
            arguments in "[a-z0-9,: ]{0,60}|([\\n\\t\\x08\\x0c](ewline|ewcommand|ext|rac|egin)){0,40}",
            tools in 0_usize..30,
        ) {
            let mut messages: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(at, text)| json!({"role": (["user", "assistant"][at % 2]), "content": text}))
                .collect();
            for (call, text) in texts.iter().enumerate() {
                let arguments = json!({ "about": arguments }).to_string();
                messages.push(json!({"role": "assistant", "content": null, "tool_calls": [{
                    "id": format!("call_{call}"), "type": "function",
                    "function": {"name": "look", "arguments": arguments},
                }]}));
                messages.push(json!({
                    "role": "tool", "tool_call_id": format!("call_{call}"), "content": text,
                }));
            }
            let tool = |number: usize| json!({"type": "function", "function": {
                "name": format!("tool_{number}"), "description": texts[0],
                "parameters": {"type": "object", "properties": {
                    "a": {"type": "string"}, "b": {"type": "integer", "minimum": 0},
                }},
            }});
            let tools: Vec<_> = (0..tools).map(tool).collect();
            within_the_bound(&json!({"messages": messages, "tools": tools}));
        }
    }

    /// Vocabularies know `\newcommand` better than a line's end before `ewcommand`.
    #[test]
    fn escapes_may_have_fewer_tokens_than_what_they_stand_for() {
        for piece in ["\newcommand", "\newline", "\text", "\u{c}rac", "\u{8}egin"] {
            let text = piece.repeat(2_000);
            within_the_bound(&json!({"messages": [{"role": "user", "content": text}]}));
            let arguments = json!({ "a": text }).to_string();
            let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
            within_the_bound(&json!({"messages": [
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c", "content": "x"},
            ]}));
        }
    }

    /// A message of a letter is more around it than in it.
    #[test]
    fn many_short_messages_are_within_the_bound_too() {
        let messages: Vec<_> = (0..2_000)
            .map(|at| json!({"role": (["user", "assistant"][at % 2]), "content": "a"}))
            .collect();
        within_the_bound(&json!({ "messages": messages }));
    }

    #[test]
    fn of_too_much_nothing_is_said() {
        let half = format!("\"{}\"", "a ".repeat(MAX_BOUND / 4 - 1));
        let bound =
            |times: usize| tokens(Encoding::O200k, std::iter::repeat_n(half.as_str(), times));
        assert!(bound(2).is_some_and(|tokens| tokens >= MAX_BOUND as u64 / 4));
        assert_eq!(bound(3), None);
    }
}
