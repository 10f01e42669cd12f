//! A play: what the model is to do, turn by turn, written into the user's message.
//!
//! Agents send a conversation again and again while they work, and ask for titles and summaries
//! besides. A play needs no memory here: each line of it is a step, and the tool results after it
//! in the conversation tell which steps have been taken.
//!
//! ```text
//! sim-call: write_file {"path": "a.txt", "content": "hello"}
//! sim-call: read_file {"path": "a.txt"}
//! sim-also: list_files {}
//! sim-say: "All is written."
//! ```
//!
//! `sim-call` calls a tool, `sim-also` calls another one in the same turn, `sim-say` answers with
//! a text, given as a JSON string. A script file can lay steps under texts that others wrote (see
//! [`Play`]). Once all steps are taken the answer is the usual one, which
//! quotes the last tool results.

use serde::Deserialize;
use serde_json::Value;

use crate::answer::{Tool, ToolCall};
use crate::rules::matches;

/// Steps for a text that cannot carry them, such as the fixed questions of a suite of tests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// A pattern for one text of a user's message, where `*` is any text and `?` any one
    /// character.
    pub said: String,
    /// The lines of the play.
    pub steps: String,
}

/// What a play wants done now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Call(Vec<ToolCall>),
    Say(String),
}

/// The step that is due in the last play of a conversation, in any of the wire formats; none if
/// there is no play, it has ended, or it calls tools that are not offered (a request for a title).
pub(crate) fn due(body: &Value, tools: &[Tool], plays: &[Play]) -> Option<Step> {
    let conversation =
        ["messages", "contents", "input"].into_iter().find_map(|name| body.get(name))?;
    let alone = std::slice::from_ref(conversation);
    let turns = conversation.as_array().map_or(alone, Vec::as_slice);
    let mut steps = Vec::new();
    let mut results = 0;
    for turn in turns {
        results += count_results(turn);
        let role = turn.get("role").and_then(Value::as_str).unwrap_or("user");
        if role != "user" {
            continue;
        }
        let mut written = Vec::new();
        read(turn, plays, &mut written);
        if !written.is_empty() {
            steps = written;
            results = 0;
        }
    }
    let offered = |call: &ToolCall| tools.iter().any(|tool| tool.name == call.name);
    for step in steps {
        match step {
            Step::Call(calls) if calls.len() <= results => results -= calls.len(),
            Step::Call(calls) if !calls.iter().all(offered) => return None,
            step => return Some(step),
        }
    }
    None
}

/// Whether a value is the result of a tool, as one of the wire formats writes it.
fn is_result(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    value.get("role").and_then(Value::as_str) == Some("tool")
        || kind == "tool_result"
        || kind.ends_with("_call_output")
        || ["functionResponse", "function_response", "toolResult"]
            .iter()
            .any(|name| value.get(name).is_some())
}

fn count_results(value: &Value) -> usize {
    if is_result(value) {
        return 1;
    }
    match value {
        Value::Array(items) => items.iter().map(count_results).sum(),
        Value::Object(members) => members.values().map(count_results).sum(),
        _ => 0,
    }
}

/// Collects the steps written in the texts of a turn, or laid under them.
fn read(value: &Value, plays: &[Play], steps: &mut Vec<Step>) {
    match value {
        _ if is_result(value) => {}
        Value::String(text) => {
            text.lines().for_each(|line| read_line(line, steps));
            for play in plays.iter().filter(|play| matches(&play.said, text)) {
                play.steps.lines().for_each(|line| read_line(line, steps));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| read(item, plays, steps)),
        Value::Object(members) => members.values().for_each(|member| read(member, plays, steps)),
        _ => {}
    }
}

fn read_line(line: &str, steps: &mut Vec<Step>) {
    let line = line.trim();
    let Some((verb, rest)) = line.strip_prefix("sim-").and_then(|line| line.split_once(':')) else {
        return;
    };
    let rest = rest.trim();
    match verb {
        "call" | "also" => {
            let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
            let Ok(arguments) = serde_json::from_str(arguments) else {
                steps.push(Step::Say(format!("I cannot read this step: {line}")));
                return;
            };
            let call = ToolCall { name: name.to_owned(), arguments };
            match steps.last_mut() {
                Some(Step::Call(calls)) if verb == "also" => calls.push(call),
                _ => steps.push(Step::Call(vec![call])),
            }
        }
        "say" => steps.push(Step::Say(
            serde_json::from_str(rest)
                .unwrap_or_else(|_| format!("I cannot read this step: {line}")),
        )),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAY: &str = "Please work.\nsim-call: write {\"path\": \"a\"}\nsim-also: look\n  sim-call: read {\"path\": \"a\"}\nsim-say: \"one\\ntwo\"";

    fn tools() -> Vec<Tool> {
        ["write", "look", "read"].map(|name| Tool { name: name.into(), schema: json!({}) }).to_vec()
    }

    fn called(step: Option<Step>) -> Vec<String> {
        match step {
            Some(Step::Call(calls)) => calls.into_iter().map(|call| call.name).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steps_follow_the_results_in_the_conversation() {
        let mut messages = vec![json!({"role": "user", "content": PLAY})];
        let due_now = |messages: &Vec<Value>| due(&json!({"messages": messages}), &tools(), &[]);
        assert_eq!(called(due_now(&messages)), ["write", "look"]);
        messages.push(json!({"role": "assistant", "content": "sim-call: never {}"}));
        messages.push(json!({"role": "tool", "content": "sim-call: never {}"}));
        messages.push(json!({"role": "tool", "content": "ok"}));
        assert_eq!(called(due_now(&messages)), ["read"]);
        messages.push(json!({"role": "tool", "content": "ok"}));
        assert_eq!(due_now(&messages), Some(Step::Say("one\ntwo".into())));
        messages.push(json!({"role": "user", "content": "sim-call: read {}"}));
        assert_eq!(called(due_now(&messages)), ["read"]);
        messages.push(json!({"role": "tool", "content": "ok"}));
        assert_eq!(due_now(&messages), None);
    }

    #[test]
    fn results_are_known_in_every_wire_format() {
        let text = "sim-call: write {}\nsim-say: \"done\"";
        for body in [
            json!({"messages": [
                {"role": "user", "content": [{"type": "text", "text": text}]},
                {"role": "user", "content": [{"type": "tool_result", "content": text}]},
            ]}),
            json!({"messages": [
                {"role": "user", "content": [{"text": text}]},
                {"role": "user", "content": [{"toolResult": {"content": [{"text": text}]}}]},
            ]}),
            json!({"contents": [
                {"parts": [{"text": text}]},
                {"role": "user", "parts": [{"functionResponse": {"response": {"a": text}}}]},
            ]}),
            json!({"input": [
                {"role": "user", "content": [{"type": "input_text", "text": text}]},
                {"type": "function_call_output", "output": text},
            ]}),
        ] {
            assert_eq!(due(&body, &tools(), &[]), Some(Step::Say("done".into())), "{body}");
        }
        assert_eq!(called(due(&json!({"input": text}), &tools(), &[])), ["write"]);
    }

    #[test]
    fn tools_that_are_not_offered_are_not_called() {
        let body = json!({"messages": [{"role": "user", "content": PLAY}]});
        assert_eq!(due(&body, &tools()[..1], &[]), None);
        assert_eq!(due(&body, &[], &[]), None);
    }

    #[test]
    fn steps_can_be_laid_under_a_text() {
        let play = Play { said: "*magic(3)?".into(), steps: "sim-call: read {\"n\": 3}".into() };
        let due_for =
            |text: &str| due(&json!({"input": text}), &tools(), std::slice::from_ref(&play));
        assert_eq!(called(due_for("What is magic(3)?")), ["read"]);
        assert_eq!(due_for("What is magic(4)?"), None);
    }

    #[test]
    fn a_step_that_cannot_be_read_is_told() {
        for line in ["sim-call: write {", "sim-say: hello"] {
            let body = json!({"input": line});
            assert_eq!(
                due(&body, &tools(), &[]),
                Some(Step::Say(format!("I cannot read this step: {line}")))
            );
        }
    }
}
