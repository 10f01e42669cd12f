//! Calls of tools that a model makes in words, as [`tool_words`](crate::tool_words) asked it to, read
//! back: the caller gets calls, and not their text. CHAT-9

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::exchange::{Block, BlockKind, Event, FinishReason, Response};
use crate::openai_chat::tool_call_id;
use crate::target::ResponseContext;
use crate::tool_words::{CALL, RESULT};

/// The most blanks that are held back.
const MOST_BLANKS: usize = 4096;

/// The most text that is held back for a call that may come of it; beyond it is text.
const MOST_HELD: usize = 1024 * 1024;

/// Reads calls in the answer to a request whose tools were told in words.
pub(crate) struct SpokenCalls {
    names: Vec<String>,
    answer: String,
    choices: BTreeMap<u32, Speech>,
}

impl SpokenCalls {
    /// `None` if no tools were told in words.
    pub(crate) fn new(context: &ResponseContext) -> Option<Self> {
        (!context.tools_in_words.is_empty()).then(|| Self {
            names: context.tools_in_words.clone(),
            answer: String::new(),
            choices: BTreeMap::new(),
        })
    }

    /// Puts calls in the place of their text, in events that come one after the other.
    pub(crate) fn events(&mut self, told: Vec<Event>, events: &mut Vec<Event>) {
        for event in told {
            match event {
                Event::Text { choice, text } => {
                    let speech = self.choices.entry(choice).or_default();
                    let said = speech.take(&text, &self.names);
                    self.tell(choice, said, events);
                }
                Event::Finish { choice, reason, native } => {
                    self.release(choice, events);
                    let called = self.choices.get(&choice).is_some_and(|speech| speech.calls > 0);
                    events.push(Event::Finish { choice, reason: ended(reason, called), native });
                }
                Event::Fault(fault) => {
                    let choices: Vec<u32> = self.choices.keys().copied().collect();
                    for choice in choices {
                        self.release(choice, events);
                    }
                    events.push(Event::Fault(fault));
                }
                Event::Start { ref id, .. } => {
                    if let Some(id) = id {
                        self.answer.clone_from(id);
                    }
                    events.push(event);
                }
                other => events.push(other),
            }
        }
    }

    fn release(&mut self, choice: u32, events: &mut Vec<Event>) {
        let said = self.choices.get_mut(&choice).map(Speech::release).unwrap_or_default();
        self.tell(choice, said, events);
    }

    fn tell(&self, choice: u32, said: Vec<Said>, events: &mut Vec<Event>) {
        for said in said {
            match said {
                Said::Text(text) => events.push(Event::Text { choice, text }),
                Said::Call { index, name, arguments } => {
                    let id = self.id(choice, index, &arguments);
                    events.push(Event::ToolCallStart { choice, index, id, name });
                    events.push(Event::ToolCallArguments { choice, index, arguments });
                }
            }
        }
    }

    /// An answer without an id is told from others by what it says.
    fn id(&self, choice: u32, index: u32, arguments: &str) -> String {
        tool_call_id(&format!("{}\n{arguments}", self.answer), choice, index)
    }

    /// Puts calls in the place of their text, in a whole answer.
    pub(crate) fn response(mut self, response: &mut Response) {
        self.answer = response.id.clone().unwrap_or_default();
        for choice in &mut response.choices {
            let mut speech = Speech::default();
            let mut blocks = Vec::with_capacity(choice.turn.blocks.len());
            for block in std::mem::take(&mut choice.turn.blocks) {
                let BlockKind::Text { text, .. } = &block.kind else {
                    blocks.push(block);
                    continue;
                };
                let before = speech.calls;
                let mut said = speech.take(text, &self.names);
                said.append(&mut speech.release());
                if speech.calls == before && !speech.made_up {
                    blocks.push(block);
                    continue;
                }
                blocks.extend(said.into_iter().map(|said| match said {
                    Said::Text(text) => Block::text(text),
                    Said::Call { index, name, arguments } => {
                        let id = self.id(choice.index, index, &arguments);
                        Block::new(BlockKind::ToolCall { id, name, arguments })
                    }
                }));
            }
            choice.turn.blocks = blocks;
            choice.finish = choice.finish.map(|reason| ended(reason, speech.calls > 0));
        }
    }
}

/// An answer that calls ends for its calls, whatever the provider made of it.
fn ended(reason: FinishReason, called: bool) -> FinishReason {
    if called && reason == FinishReason::Stop { FinishReason::ToolCalls } else { reason }
}

/// A piece of what was said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Text(String),
    Call { index: u32, name: String, arguments: String },
}

/// The text of one choice, in pieces of any size. A call is a line of its own.
#[derive(Debug, Default)]
struct Speech {
    /// Not told yet: it may become a call.
    held: String,
    /// Blanks before `held`, which are told with the text behind them and not with a call.
    blanks: String,
    within_line: bool,
    /// The call whose arguments are being read.
    open: Option<Open>,
    calls: u32,
    /// The model goes on by itself behind its calls: what it makes up is nobody's.
    made_up: bool,
}

/// A call whose name is known.
#[derive(Debug)]
struct Open {
    name: String,
    /// Where its arguments begin in what is held.
    start: usize,
    /// How far they have been looked at.
    read: usize,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Open {
    /// Looks at what came; where the object ends, if it does.
    fn end(&mut self, held: &str) -> Option<usize> {
        for (at, byte) in held.bytes().enumerate().skip(self.read) {
            self.read = at + 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// What stands at the beginning of a line.
enum Line {
    Text,
    /// Too little to tell.
    Unknown,
    Call(Open),
    /// What the model thinks would come back.
    Result,
}

impl Speech {
    fn take(&mut self, piece: &str, names: &[String]) -> Vec<Said> {
        let mut said = Vec::new();
        if self.made_up {
            return said;
        }
        self.held.push_str(piece);
        loop {
            if let Some(open) = &mut self.open {
                let Some(end) = open.end(&self.held) else {
                    if self.held.len() > MOST_HELD {
                        let read = self.held.len();
                        self.give_up(read, &mut said);
                        continue;
                    }
                    return said;
                };
                let arguments = self.held.get(open.start..end).unwrap_or_default().to_owned();
                let name = std::mem::take(&mut open.name);
                self.open = None;
                if serde_json::from_str::<&RawValue>(&arguments).is_err() {
                    self.give_up(end, &mut said);
                    continue;
                }
                self.held.drain(..end);
                self.blanks.clear();
                said.push(Said::Call { index: self.calls, name, arguments });
                self.calls = self.calls.saturating_add(1);
                continue;
            }
            if self.held.is_empty() {
                return said;
            }
            if self.within_line {
                let end = self.held.find('\n').unwrap_or(self.held.len());
                let text: String = self.held.drain(..end).collect();
                self.tell(&text, &mut said);
                self.within_line = self.held.is_empty();
                continue;
            }
            let blank = self.held.len() - self.held.trim_start().len();
            self.blanks.extend(self.held.drain(..blank));
            if self.blanks.len() > MOST_BLANKS {
                self.tell("", &mut said);
            }
            if self.held.is_empty() {
                return said;
            }
            match line(&self.held, names) {
                Line::Unknown => return said,
                Line::Text => self.within_line = true,
                Line::Call(open) => self.open = Some(open),
                Line::Result if self.calls > 0 => {
                    self.made_up = true;
                    self.held.clear();
                    return said;
                }
                Line::Result => self.within_line = true,
            }
        }
    }

    /// What was read for a call is text, all of it: nothing is read twice.
    fn give_up(&mut self, read: usize, said: &mut Vec<Said>) {
        self.open = None;
        self.within_line = true;
        let text: String = self.held.drain(..read).collect();
        self.tell(&text, said);
    }

    /// What was held back for a call that did not come.
    fn release(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        let held = std::mem::take(&mut self.held);
        self.open = None;
        self.within_line = false;
        // Blanks behind a call are nothing.
        if !held.is_empty() || self.calls == 0 {
            self.tell(&held, &mut said);
        }
        said
    }

    fn tell(&mut self, text: &str, said: &mut Vec<Said>) {
        let mut whole = std::mem::take(&mut self.blanks);
        whole.push_str(text);
        match said.last_mut() {
            _ if whole.is_empty() => {}
            Some(Said::Text(before)) => before.push_str(&whole),
            _ => said.push(Said::Text(whole)),
        }
    }
}

/// What a line is, by its beginning.
fn line(held: &str, names: &[String]) -> Line {
    for (start, is_call) in [(CALL, true), (RESULT, false)] {
        if held.len() < start.len() && start.starts_with(held) {
            return Line::Unknown;
        }
        let Some(rest) = held.strip_prefix(start) else { continue };
        let longest = names.iter().map(String::len).max().unwrap_or_default() + 8;
        let Some(colon) = rest.find(':') else {
            return if rest.len() > longest || rest.contains('\n') {
                Line::Text
            } else {
                Line::Unknown
            };
        };
        let said = rest.get(..colon).unwrap_or_default();
        let said = said.trim_matches(|c: char| c.is_whitespace() || "`\"'*".contains(c));
        let Some(name) = names.iter().find(|name| *name == said) else { return Line::Text };
        if !is_call {
            return Line::Result;
        }
        let arguments = rest.get(colon + 1..).unwrap_or_default().trim_start();
        if arguments.is_empty() {
            return if rest.len() > colon + 64 { Line::Text } else { Line::Unknown };
        }
        if !arguments.starts_with('{') {
            return Line::Text;
        }
        let start = held.len() - arguments.len();
        return Line::Call(Open {
            name: name.clone(),
            start,
            read: start,
            depth: 0,
            in_text: false,
            escaped: false,
        });
    }
    Line::Text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::Choice;
    use crate::exchange::{Role, Turn};

    fn context() -> ResponseContext {
        ResponseContext {
            tools_in_words: vec!["get".into(), "put_it".into()],
            ..ResponseContext::default()
        }
    }

    /// Text, and calls as `<name arguments>`, with why it ended.
    fn streamed(pieces: &[&str]) -> (String, FinishReason) {
        let mut spoken = SpokenCalls::new(&context()).unwrap();
        let mut events = Vec::new();
        for piece in pieces {
            spoken.events(vec![Event::Text { choice: 0, text: (*piece).to_owned() }], &mut events);
        }
        let end = Event::Finish { choice: 0, reason: FinishReason::Stop, native: None };
        spoken.events(vec![end], &mut events);
        let (mut out, mut reason, mut calls) = (String::new(), FinishReason::Error, 0);
        for event in events {
            match event {
                Event::Text { text, .. } => out.push_str(&text),
                Event::ToolCallStart { index, name, .. } => {
                    assert_eq!(index, calls);
                    calls += 1;
                    out.push_str(&format!("<{name} "));
                }
                Event::ToolCallArguments { arguments, .. } => {
                    out.push_str(&format!("{arguments}>"));
                }
                Event::Finish { reason: told, .. } => reason = told,
                other => panic!("{other:?}"),
            }
        }
        (out, reason)
    }

    fn whole(text: &str) -> (String, FinishReason) {
        let mut response = Response {
            choices: vec![Choice {
                turn: Turn::new(Role::Assistant, vec![Block::text(text)]),
                finish: Some(FinishReason::Stop),
                index: 0,
                native_finish: None,
                logprobs: None,
                extras: crate::exchange::Extras::default(),
            }],
            ..Response::default()
        };
        SpokenCalls::new(&context()).unwrap().response(&mut response);
        let mut out = String::new();
        for block in &response.choices[0].turn.blocks {
            match &block.kind {
                BlockKind::Text { text, .. } => out.push_str(text),
                BlockKind::ToolCall { name, arguments, .. } => {
                    out.push_str(&format!("<{name} {arguments}>"));
                }
                other => panic!("{other:?}"),
            }
        }
        (out, response.choices[0].finish.unwrap())
    }

    const SAID: [(&str, &str); 13] = [
        ("Hello there.\n\nCall me.", "Hello there.\n\nCall me."),
        ("Call of get: {\"a\":1}", "<get {\"a\":1}>"),
        ("  Call of `get`:\n{\"a\": \"}\\\"\"}  \n", "<get {\"a\": \"}\\\"\"}>"),
        (
            "Sure.\n\nCall of get: {}\nCall of put_it: {\"b\":[{}]}\n",
            "Sure.<get {}><put_it {\"b\":[{}]}>",
        ),
        ("I said Call of get: {}", "I said Call of get: {}"),
        ("Call of other: {}", "Call of other: {}"),
        ("Call of get: now", "Call of get: now"),
        ("Call of get: {broken}", "Call of get: {broken}"),
        ("Call of get: {\"a\":", "Call of get: {\"a\":"),
        ("Call of get", "Call of get"),
        ("Call of get: {}\nResult of get: 5\nSo it is 5.", "<get {}>"),
        ("Result of get: 5", "Result of get: 5"),
        ("Call of get: {}\nThat is all.", "<get {}>\nThat is all."),
    ];

    #[test]
    fn calls_are_read_in_whole_answers_and_streams() {
        for (text, expected) in SAID {
            let reason =
                if expected.contains('<') { FinishReason::ToolCalls } else { FinishReason::Stop };
            assert_eq!(whole(text), (expected.to_owned(), reason), "{text}");
            assert_eq!(streamed(&[text]), (expected.to_owned(), reason), "{text}");
        }
    }

    #[test]
    fn what_is_never_closed_is_text_in_the_end() {
        let long = format!("Call of get: {{\"a\":\"{}", "x".repeat(MOST_HELD));
        assert_eq!(streamed(&[&long]).0, long);
        // Nothing is gone through once more for each line.
        let lines = format!("{}{}", "Call of get: {x\n".repeat(100_000), "}".repeat(100_000));
        assert_eq!(streamed(&[&lines]).0, lines);
        let blanks = "\n".repeat(MOST_BLANKS * 3);
        assert_eq!(streamed(&["Hm.", &blanks, "So."]).0, format!("Hm.{blanks}So."));
    }

    proptest! {
        #[test]
        fn splitting_changes_nothing(at in 0..SAID.len(), size in 1..9usize) {
            let (text, _) = SAID[at];
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = letters.chunks(size).map(|it| it.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(streamed(&pieces), whole(text));
        }

        /// What is no call stays as it was, to the byte.
        #[test]
        fn other_text_is_kept(pieces in prop::collection::vec("[Cal of\n\t{}:\"get]{0,12}", 0..12)) {
            let text = pieces.concat();
            prop_assume!(!text.contains("Call of get:"));
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(streamed(&pieces).0, text);
        }
    }
}
