//! The most tokens of a prompt, from the JSON that it was sent in.

use super::Counter;
use super::template::Writer;

/// The most bytes that are counted: of more, the bytes are the bound.
const MAX_BOUND: usize = 512 * 1024;

/// The tokens of JSON as templates write it, and an eighth: for templates that write names and
/// roles otherwise.
///
/// Everything in it is counted, whether a template shows it or not, and a text has no fewer tokens in
/// its quotes and with its escapes than without.
pub fn tokens<'j>(counter: Counter, members: impl Iterator<Item = &'j str>) -> Option<u64> {
    let mut writer = Writer::new(counter);
    let mut bytes = 0_usize;
    for member in members {
        bytes = bytes.checked_add(member.len()).filter(|bytes| *bytes <= MAX_BOUND)?;
        writer.json(member);
    }
    let tokens = writer.finish();
    tokens.checked_add(tokens.div_ceil(8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::Surface;
    use protocol::surface::Addressed;
    use serde_json::{Value, json};

    use super::super::Encoding;
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
            let bound = tokens(encoding.counter().unwrap(), members.iter().map(String::as_str));
            assert!(counted <= bound.unwrap() + AROUND, "{template:?} {counted} {bound:?} {body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_template_writes_more(
            texts in prop::collection::vec(
                "[a-z ]{0,400}|[\\n\\t \\\\\"]{0,200}|[0-9.,;:+/=-]{0,200}|[一-鿿ａ-ｚ]{0,100}|\\PC{0,100}", 1..12),
            arguments in "[a-z0-9,: ]{0,60}",
            tools in 0_usize..30,
        ) {
            let mut messages: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(at, text)| json!({"role": (["user", "assistant"][at % 2]), "content": text}))
                .collect();
            for call in 0..texts.len() {
                let arguments = json!({ "about": arguments }).to_string();
                messages.push(json!({"role": "assistant", "content": null, "tool_calls": [{
                    "id": format!("call_{call}"), "type": "function",
                    "function": {"name": "look", "arguments": arguments},
                }]}));
                messages.push(json!({
                    "role": "tool", "tool_call_id": format!("call_{call}"), "content": texts[call],
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
        let counter = || Encoding::O200k.counter().unwrap();
        let half = format!("\"{}\"", "a ".repeat(MAX_BOUND / 4 - 1));
        let bound = |times: usize| tokens(counter(), std::iter::repeat_n(half.as_str(), times));
        assert!(bound(2).is_some_and(|tokens| tokens >= MAX_BOUND as u64 / 4));
        assert_eq!(bound(3), None);
    }
}
