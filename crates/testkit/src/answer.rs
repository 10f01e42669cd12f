//! What a simulated model says, decided from the request alone and before any wire format.
//!
//! Each protocol reads its request into an [`Asked`] and writes the [`Answer`] made here.

use serde_json::{Value, json};

use crate::calls::Usage;
use crate::fault::Fault;
use crate::play::Step;
use crate::prompt_cache::Mark;
use crate::schema_example::example;
use crate::script::Script;
use crate::tokens;

/// A tool the model may call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tool {
    pub name: String,
    pub schema: Value,
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    None,
    /// Some tool must be called, one of these if any are named.
    Required(Vec<String>),
}

/// What form the text must have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Form {
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON that fits this schema.
    Schema(Value),
}

/// The kinds of attachment seen in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Media {
    pub images: u64,
    pub documents: u64,
    pub audio: u64,
}

impl Media {
    pub(crate) fn tokens(self) -> u64 {
        (self.images.saturating_mul(tokens::IMAGE_TOKENS))
            .saturating_add(self.documents.saturating_mul(tokens::DOCUMENT_TOKENS))
            .saturating_add(self.audio.saturating_mul(tokens::AUDIO_TOKENS))
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.images += other.images;
        self.documents += other.documents;
        self.audio += other.audio;
    }
}

/// A request in neutral terms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub model: String,
    pub stream: bool,
    /// Text of the last user message.
    pub user_text: String,
    /// Texts of the tool results the request ends with, if it does.
    pub tool_results: Vec<String>,
    pub tools: Vec<Tool>,
    pub choice: Choice,
    /// Whether several tools may be called at once.
    pub parallel: bool,
    pub form: Form,
    pub media: Media,
    pub max_tokens: Option<u64>,
    pub stops: Vec<String>,
    /// Whether the model reasons before it answers.
    pub reasoning: bool,
    /// Whether the model says a sentence before it calls a tool of its own accord.
    pub preamble: bool,
    /// Prompt tokens, split as the cache would.
    pub prompt: Usage,
    /// Ends of the prefixes to be cached, in order (Anthropic).
    pub marks: Vec<Mark>,
    /// Answers wanted; none where a model is merely loaded (Ollama).
    pub count: u64,
    /// Whether the stream is to state usage (OpenAI).
    pub include_usage: bool,
    /// Alternatives wanted with each token's log probability (OpenAI).
    pub logprobs: Option<u64>,
    /// Whether a tool loop must show the thinking it began with (Anthropic).
    pub strict_thinking: bool,
    /// Whether the reasoning text is part of the answer.
    pub show_reasoning: bool,
    /// Whether reasoning comes with its encrypted content (Responses).
    pub encrypt_reasoning: bool,
    /// Whether the vendor searches the web before it answers (Responses).
    pub searches: bool,
    /// Whether deltas are padded (Responses).
    pub obfuscate: bool,
    /// What of the request the answer repeats: parameters (Responses), a document (Cohere).
    pub echo: Value,
    /// What the play in the conversation wants done now.
    pub step: Option<Step>,
}

/// A tool call of the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall {
    pub name: String,
    pub arguments: Value,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    StopSequence(String),
    Length,
    ToolCalls,
    Refusal,
    /// No reason stated: the `empty` fault.
    Unstated,
}

/// One answer of a simulated model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub reasoning: String,
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
}

impl Answer {
    /// Generated tokens that are reasoning.
    pub(crate) fn reasoning_tokens(&self) -> u64 {
        tokens::count(&self.reasoning)
    }

    /// All generated tokens.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.calls
            .iter()
            .map(call_tokens)
            .fold(self.reasoning_tokens() + tokens::count(&self.text), u64::saturating_add)
    }
}

/// Generated tokens of one tool call: its name and its arguments as compact JSON.
pub(crate) fn call_tokens(call: &ToolCall) -> u64 {
    tokens::count(&call.name) + tokens::count(&call.arguments.to_string())
}

/// The answers to a request and what they cost.
pub(crate) fn answers(asked: &Asked, script: &Script) -> (Vec<Answer>, Usage) {
    let answers: Vec<Answer> =
        (0..asked.count.clamp(1, 128)).map(|index| answer(asked, script, index)).collect();
    let mut usage = asked.prompt;
    for answer in &answers {
        usage.output = usage.output.saturating_add(answer.output_tokens());
        usage.reasoning = usage.reasoning.saturating_add(answer.reasoning_tokens());
    }
    (answers, usage)
}

fn answer(asked: &Asked, script: &Script, index: u64) -> Answer {
    let mut answer = Answer {
        reasoning: String::new(),
        text: String::new(),
        calls: Vec::new(),
        finish: Finish::Stop,
    };
    match script.fault {
        Some(Fault::EmptyAnswer) => {
            answer.finish = Finish::Unstated;
            return answer;
        }
        Some(Fault::Refusal) => {
            answer.finish = Finish::Refusal;
            return answer;
        }
        _ => {}
    }
    if asked.reasoning {
        answer.reasoning =
            format!("The user says: {}. I will answer plainly.", excerpt(&asked.user_text, 80));
    }
    if script.text.is_none() && script.fault != Some(Fault::HugeLine) {
        answer.calls = calls(asked);
    }
    answer.text = if !answer.calls.is_empty() {
        answer.finish = Finish::ToolCalls;
        let names: Vec<&str> = answer.calls.iter().map(|call| call.name.as_str()).collect();
        match asked.preamble && asked.choice == Choice::Auto {
            true => format!("I will use {}.", names.join(" and ")),
            false => String::new(),
        }
    } else if script.fault == Some(Fault::HugeLine) {
        "x".repeat(2 << 20)
    } else {
        match (&script.text, &asked.step) {
            (Some(text), _) | (None, Some(Step::Say(text))) => text.clone(),
            _ => text(asked, index),
        }
    };
    limit(asked, &mut answer);
    answer
}

/// Cuts the answer at a stop sequence and at the token limit.
fn limit(asked: &Asked, answer: &mut Answer) {
    let stop = asked
        .stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| answer.text.find(stop.as_str()).map(|at| (at, stop)))
        .min_by_key(|(at, _)| *at);
    if let Some((at, stop)) = stop {
        answer.finish = Finish::StopSequence(stop.clone());
        answer.text.truncate(at);
    }
    let Some(max) = asked.max_tokens else {
        return;
    };
    let reasoning = tokens::prefix(&answer.reasoning, max).len();
    let short = reasoning < answer.reasoning.len();
    answer.reasoning.truncate(reasoning);
    let left = max.saturating_sub(answer.reasoning_tokens());
    let text = tokens::prefix(&answer.text, left).len();
    if short || text < answer.text.len() {
        answer.text.truncate(text);
        answer.finish = Finish::Length;
        answer.calls.clear();
    }
}

fn calls(asked: &Asked) -> Vec<ToolCall> {
    match &asked.step {
        Some(Step::Call(calls)) if asked.choice != Choice::None => return calls.clone(),
        Some(Step::Say(_)) => return Vec::new(),
        _ => {}
    }
    if asked.tools.is_empty() || !asked.tool_results.is_empty() {
        return Vec::new();
    }
    let named = |tool: &&Tool| asked.user_text.contains(&tool.name);
    let mut chosen: Vec<&Tool> = match &asked.choice {
        Choice::None => return Vec::new(),
        Choice::Auto => {
            let mut chosen: Vec<&Tool> = asked.tools.iter().filter(named).collect();
            if chosen.is_empty() && asked.user_text.contains("tool") {
                chosen.extend(asked.tools.first());
            }
            chosen
        }
        Choice::Required(allowed) => {
            let open: Vec<&Tool> = asked
                .tools
                .iter()
                .filter(|tool| allowed.is_empty() || allowed.contains(&tool.name))
                .collect();
            let mut chosen: Vec<&Tool> = open.iter().copied().filter(|tool| named(tool)).collect();
            if chosen.is_empty() {
                chosen.extend(open.first());
            }
            chosen
        }
    };
    if !asked.parallel {
        chosen.truncate(1);
    }
    let words = words(asked);
    chosen
        .into_iter()
        .map(|tool| {
            let arguments = match example(&tool.schema, &words) {
                Value::Object(arguments) => Value::Object(arguments),
                _ => json!({}),
            };
            ToolCall { name: tool.name.clone(), arguments }
        })
        .collect()
}

fn text(asked: &Asked, index: u64) -> String {
    match &asked.form {
        Form::Schema(schema) => return example(schema, &words(asked)).to_string(),
        Form::Object => {
            return json!({"simulated": true, "echo": excerpt(&asked.user_text, 400)}).to_string();
        }
        Form::Text => {}
    }
    let mut text = format!("Hello from the simulated model {}.", asked.model);
    if asked.tool_results.is_empty() {
        text.push_str(&format!(" You said: {}", excerpt(&asked.user_text, 2000)));
    } else {
        for result in &asked.tool_results {
            text.push_str(&format!(" The tool said: {}", excerpt(result, 2000)));
        }
    }
    let media = asked.media;
    for (number, one, many) in [
        (media.images, "image", "images"),
        (media.documents, "document", "documents"),
        (media.audio, "audio clip", "audio clips"),
    ] {
        match number {
            0 => {}
            1 => text.push_str(&format!(" I see 1 {one}.")),
            number => text.push_str(&format!(" I see {number} {many}.")),
        }
    }
    if index > 0 {
        text.push_str(&format!(" (choice {})", index + 1));
    }
    text
}

/// At most `limit` bytes of a text, cut between characters.
fn excerpt(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The user's words that may serve as arguments: not the names of tools, not little words.
fn words(asked: &Asked) -> Vec<String> {
    const LITTLE: [&str; 24] = [
        "a", "an", "and", "as", "at", "call", "do", "for", "from", "in", "is", "it", "of", "on",
        "please", "the", "then", "to", "tool", "tools", "use", "what", "with", "you",
    ];
    asked
        .user_text
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '-'))
        .filter(|word| !word.is_empty() && !LITTLE.contains(&word.to_lowercase().as_str()))
        .filter(|word| asked.tools.iter().all(|tool| tool.name != *word))
        .take(64)
        .map(str::to_owned)
        .collect()
}

/// The text cut into stream chunks: words with their following space, or `chunks` even parts.
pub(crate) fn pieces(text: &str, chunks: Option<usize>) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let Some(chunks) = chunks else {
        // One chunk of 2 MiB without a space stays one chunk.
        return text.split_inclusive(' ').collect();
    };
    let size = text.len().div_ceil(chunks.max(1)).max(1);
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = size.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked {
            model: "m".into(),
            user_text: text.into(),
            parallel: true,
            count: 1,
            ..Asked::default()
        }
    }

    fn tool(name: &str) -> Tool {
        Tool {
            name: name.into(),
            schema: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
        }
    }

    fn one(asked: &Asked) -> Answer {
        answers(asked, &Script::default()).0.remove(0)
    }

    #[test]
    fn a_plain_answer_names_itself_and_echoes_the_user() {
        let answer = one(&asked("hi there"));
        assert_eq!(answer.text, "Hello from the simulated model m. You said: hi there");
        assert_eq!(answer.finish, Finish::Stop);
    }

    #[test]
    fn tools_named_in_the_text_are_called_together() {
        let mut asked = asked("use get_weather and get_time for Paris");
        asked.tools = vec![tool("get_weather"), tool("get_time"), tool("other")];
        let answer = one(&asked);
        let names: Vec<_> = answer.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["get_weather", "get_time"]);
        assert_eq!(answer.calls[0].arguments, json!({"city": "Paris"}));
        assert_eq!(answer.finish, Finish::ToolCalls);
        asked.parallel = false;
        assert_eq!(one(&asked).calls.len(), 1);
        asked.choice = Choice::None;
        assert!(one(&asked).calls.is_empty());
    }

    #[test]
    fn a_forced_tool_is_called_whatever_the_text() {
        let mut asked = asked("hello");
        asked.tools = vec![tool("a"), tool("b")];
        assert!(one(&asked).calls.is_empty());
        asked.choice = Choice::Required(vec!["b".into()]);
        assert_eq!(one(&asked).calls[0].name, "b");
    }

    #[test]
    fn after_a_tool_result_the_text_quotes_it() {
        let mut asked = asked("use a");
        asked.tools = vec![tool("a")];
        asked.tool_results = vec!["sunny".into()];
        let answer = one(&asked);
        assert!(answer.calls.is_empty());
        assert!(answer.text.contains("sunny"));
    }

    #[test]
    fn limits_and_stop_sequences_cut_the_text() {
        let mut asked = asked("hi");
        asked.max_tokens = Some(2);
        assert_eq!((one(&asked).text.as_str(), one(&asked).finish), ("Hello fr", Finish::Length));
        asked.max_tokens = None;
        asked.stops = vec!["simulated".into(), "from".into()];
        let answer = one(&asked);
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("Hello ", Finish::StopSequence("from".into()))
        );
    }

    #[test]
    fn pieces_join_to_the_whole_text() {
        for text in ["", "one", "two words", "äöü ß €"] {
            for chunks in [None, Some(1), Some(3), Some(100)] {
                assert_eq!(pieces(text, chunks).concat(), text);
            }
        }
    }

    #[test]
    fn structured_output_fits_the_schema() {
        let mut asked = asked("Paris please");
        asked.form =
            Form::Schema(json!({"type": "object", "properties": {"city": {"type": "string"}}}));
        assert_eq!(one(&asked).text, r#"{"city":"Paris"}"#);
    }
}
