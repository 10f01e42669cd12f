//! Options of a simulator: keys, models and rules that give requests their scripts.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::play::Play;
use crate::script::{Script, ScriptError};

/// Gives the requests it matches a script.
#[derive(Debug)]
pub struct Rule {
    model: Option<String>,
    path: Option<String>,
    nth: Option<u64>,
    times: Option<u64>,
    script: Script,
    matched: AtomicU64,
}

impl Rule {
    /// A rule for every request, with this script.
    pub fn new(script: Script) -> Self {
        Self { model: None, path: None, nth: None, times: None, script, matched: AtomicU64::new(0) }
    }

    /// Only models that match this pattern, where `*` is any text and `?` any one character.
    #[must_use]
    pub fn model(mut self, pattern: impl Into<String>) -> Self {
        self.model = Some(pattern.into());
        self
    }

    /// Only paths that match this pattern.
    #[must_use]
    pub fn path(mut self, pattern: impl Into<String>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// Only the nth request, from 1, of those that match otherwise.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Only the first so many requests of those that match otherwise.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn apply(&self, path: &str, model: &str) -> Option<&Script> {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_deref().is_none_or(|pattern| matches(pattern, text))
        };
        if !fits(&self.model, model) || !fits(&self.path, path) {
            return None;
        }
        let number = self.matched.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let due = self.nth.is_none_or(|nth| nth == number)
            && self.times.is_none_or(|times| number <= times);
        due.then_some(&self.script)
    }
}

/// Whether `text` fits a pattern of `*` and `?`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star stood and how much text it has swallowed.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((place, swallowed)) => {
                    star = Some((place, swallowed + 1));
                    at = place + 1;
                    from = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// Settings of a simulator.
#[derive(Debug, Default)]
pub struct Options {
    /// The script of requests that nothing else gives one.
    pub default: Script,
    /// Rules in order; the first that applies wins.
    pub rules: Vec<Rule>,
    /// The API key every request must carry; `None` accepts any request.
    pub key: Option<String>,
    /// Ids in the list of models; empty is the built-in list. Any other id is answered too.
    pub models: Vec<String>,
    /// Steps for what users say.
    pub plays: Vec<Play>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    default: Map<String, Value>,
    #[serde(default, alias = "rules")]
    rule: Vec<Map<String, Value>>,
    key: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default, alias = "plays")]
    play: Vec<Play>,
}

impl Options {
    /// Reads a script file, TOML or JSON:
    ///
    /// ```toml
    /// models = ["sim-chat"]
    ///
    /// [default]
    /// latency = 20
    ///
    /// [[rule]]
    /// model = "gpt-*"
    /// path = "/openai/*"
    /// nth = 3
    /// fault = "status:429"
    /// retry_after = 2
    ///
    /// [[play]]
    /// said = "*weather in Paris*"
    /// steps = 'sim-call: get_weather {"city": "Paris"}'
    /// ```
    ///
    /// Besides `model`, `path`, `nth` and `times`, a rule has the keys of the script's short form.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let file: File = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| ScriptError::File(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| ScriptError::File(error.to_string()))?
        };
        let rules = file.rule.into_iter().map(rule).collect::<Result<_, _>>()?;
        let mut default = Script::default();
        for (key, value) in &file.default {
            default.set(key, &plain(value))?;
        }
        Ok(Self { default, rules, key: file.key, models: file.models, plays: file.play })
    }

    /// The script of the first rule that applies.
    pub(crate) fn rule_for(&self, path: &str, model: &str) -> Option<&Script> {
        self.rules.iter().find_map(|rule| rule.apply(path, model))
    }

    pub(crate) fn model_ids(&self) -> Vec<String> {
        if !self.models.is_empty() {
            return self.models.clone();
        }
        ["sim-chat", "sim-reason", "sim-deepseek", "sim-claude", "sim-gemini-2.5", "sim-gemini-3"]
            .map(str::to_owned)
            .to_vec()
    }
}

fn rule(table: Map<String, Value>) -> Result<Rule, ScriptError> {
    let mut rule = Rule::new(Script::default());
    let number = |key: &str, value: &Value| {
        value.as_u64().ok_or_else(|| ScriptError::value(key, &plain(value)))
    };
    for (key, value) in &table {
        match key.as_str() {
            "model" => rule.model = Some(plain(value)),
            "path" => rule.path = Some(plain(value)),
            "nth" => rule.nth = Some(number(key, value)?),
            "times" => rule.times = Some(number(key, value)?),
            _ => rule.script.set(key, &plain(value))?,
        }
    }
    Ok(rule)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "claude", false),
            ("*mini*", "gpt-4o-mini-2", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "x", false),
            ("*a*b", "xxaxxb", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_script_file_reads_alike_as_toml_and_as_json() {
        let toml = "[default]\nlatency = 20\n[[rule]]\nmodel = \"gpt-*\"\nnth = 2\nfault = \"status:429\"\nretry_after = 2\n";
        let json = r#"{"default": {"latency": 20}, "rules": [{"model": "gpt-*", "nth": 2, "fault": "status:429", "retry_after": 2}]}"#;
        for text in [toml, json] {
            let options = Options::parse(text).unwrap();
            assert_eq!(options.default.latency_ms, 20);
            assert_eq!(options.rule_for("/x", "gpt-4"), None);
            let script = options.rule_for("/x", "gpt-4").unwrap();
            assert_eq!((script.fault, script.retry_after), (Some(Fault::Status(429)), Some(2)));
            assert_eq!(options.rule_for("/x", "gpt-4"), None);
            assert_eq!(options.rule_for("/x", "claude"), None);
        }
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert_eq!(
            Options::parse("[[rule]]\nfualt = \"html\"\n").err(),
            Some(ScriptError::Key("fualt".into()))
        );
        assert!(matches!(Options::parse("nonsense = 1"), Err(ScriptError::File(_))));
    }
}
