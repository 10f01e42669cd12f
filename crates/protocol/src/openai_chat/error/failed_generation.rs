//! Calls that a host could not read and told in an error, as the calls they are. wire-formats 11

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;

use crate::json::Object;
use crate::openai_chat::calls::MAX_CALLS;
use crate::openai_chat::read::{is_object, lenient_array, lenient_object, lenient_string};
use crate::openai_chat::write::{array, into_text, object};

const MEMBER: &str = "failed_generation";

/// The answer in an error of a host that refused its own model's tool call: a body like that of a
/// good answer, streamed or whole; `None` if the error holds no calls that can be read.
pub fn recover_answer(body: &[u8], stream: bool) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    if stream {
        return Some(format!("data: {}\n\ndata: [DONE]\n\n", recovered_chunk(text)?).into_bytes());
    }
    Some(recovered(text, "message")?.into_bytes())
}

/// The chunk that an error inside a stream stands for, if it holds calls.
pub(in crate::openai_chat) fn recovered_chunk(text: &str) -> Option<String> {
    recovered(text, "delta")
}

fn recovered(text: &str, payload: &'static str) -> Option<String> {
    memmem::find(text.as_bytes(), MEMBER.as_bytes())?;
    let body = Object::parse(text).ok()?;
    let error = body.peek("error").and_then(lenient_object).unwrap_or(body);
    let raw = error.peek(MEMBER)?;
    let generated = match lenient_string(raw) {
        Some(text) => text,
        None => Cow::Borrowed(raw.get()),
    };
    let calls = calls(&generated)?;
    let mut out = Vec::new();
    object(&mut out, |answer| {
        answer.array("choices", [()], |out, ()| {
            object(out, |choice| {
                choice.number("index", 0);
                choice.object(payload, |message| {
                    message.string("role", "assistant");
                    message.raw("content", "null");
                    let calls = calls.iter().enumerate();
                    array(message.value("tool_calls"), calls, |out, (at, call)| {
                        object(out, |entry| {
                            entry.number("index", at as u64);
                            entry.string("type", "function");
                            entry.object("function", |function| {
                                function.string("name", &call.name);
                                function.string("arguments", &call.arguments);
                            });
                        });
                    });
                });
                choice.string("finish_reason", "tool_calls");
            });
        });
    });
    Some(into_text(out))
}

struct Call {
    name: String,
    arguments: String,
}

/// The calls in what a model wrote: one object, a list of them, or the tags of Llama's models.
fn calls(text: &str) -> Option<Vec<Call>> {
    const TAG: &str = "<function=";
    let mut found = Vec::new();
    if let Some(at) = text.find(TAG) {
        for tagged in text[at + TAG.len()..].split(TAG).take(MAX_CALLS) {
            let (name, rest) = tagged.split_at(tagged.find(['{', '>', '=', '(', '[', ','])?);
            let arguments = first_value(rest, '{')?;
            found.push(Call { name: plain(name)?, arguments: arguments.get().to_owned() });
        }
        return Some(found);
    }
    let value = first_value(text, if list_comes_first(text) { '[' } else { '{' })?;
    let listed = match lenient_object(value) {
        Some(object) => match object.peek("tool_calls") {
            Some(calls) => lenient_array(calls),
            None => vec![value],
        },
        None => lenient_array(value),
    };
    for raw in listed.into_iter().take(MAX_CALLS) {
        found.push(call(&lenient_object(raw)?)?);
    }
    (!found.is_empty()).then_some(found)
}

fn list_comes_first(text: &str) -> bool {
    text.find(['{', '[']).is_some_and(|at| text[at..].starts_with('['))
}

fn call(object: &Object<'_>) -> Option<Call> {
    let function = object.peek("function").and_then(lenient_object).unwrap_or_default();
    let name = function.peek_str("name").or_else(|| object.peek_str("name"))?;
    let arguments = ["arguments", "parameters"]
        .iter()
        .find_map(|member| function.peek(member).or_else(|| object.peek(member)))?;
    let arguments = match lenient_string(arguments) {
        Some(text) => is_object(first_value(&text, '{')?).then_some(text)?.into_owned(),
        None => is_object(arguments).then(|| arguments.get().to_owned())?,
    };
    Some(Call { name: plain(&name)?, arguments })
}

fn plain(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The first JSON value that begins with `opening`, whatever stands around it.
fn first_value(text: &str, opening: char) -> Option<&RawValue> {
    let rest = text.get(text.find(opening)?..)?;
    serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::BlockKind;
    use crate::openai_chat::decode_response;
    use crate::target::ResponseContext;

    fn error(generated: &str) -> Vec<u8> {
        let message = "Failed to call a function. See 'failed_generation' for more details.";
        serde_json::json!({"error": {"message": message, "type": "invalid_request_error",
            "code": "tool_use_failed", "failed_generation": generated}})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn calls_in_an_error_are_calls() {
        for generated in [
            r#"{"name":"get","arguments":{"q":1}}"#,
            r#"[{"name":"get","parameters":{"q":1}}]"#,
            r#"<function=get>{"q":1}</function>"#,
            r#"I will: <function=get={"q":1}</function>"#,
            "<tool-use>\n{\"tool_calls\":[{\"id\":\"pending\",\"type\":\"function\",\"function\":{\"name\":\"get\"},\"parameters\":{\"q\":1}}]}\n</tool-use>",
            "```\n{\"tool_calls\":[{\"function\":{\"name\":\"get\",\"arguments\":\"{\\\"q\\\":1}\"}}]}\n```",
        ] {
            let body = recover_answer(&error(generated), false).expect(generated);
            let answer = decode_response(&body, &ResponseContext::default()).unwrap();
            let BlockKind::ToolCall { name, arguments, .. } =
                &answer.choices[0].turn.blocks[0].kind
            else {
                panic!("{generated}")
            };
            assert_eq!((name.as_str(), arguments.as_str()), ("get", r#"{"q":1}"#), "{generated}");
        }
    }

    #[test]
    fn what_is_no_call_stays_an_error() {
        for generated in
            ["", "I cannot", "{}", "[]", "{\"name\":\"\",\"arguments\":{}}", "<function=", "[1]"]
        {
            assert!(recover_answer(&error(generated), false).is_none(), "{generated}");
        }
        assert!(recover_answer(b"{\"error\":{\"message\":\"x\"}}", true).is_none());
        assert!(recover_answer(b"\xff", true).is_none());
    }
}
