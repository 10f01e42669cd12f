//! The top-level members of a caller's request, checked. One reader for routing and for
//! translation, so that both refuse the same requests. CHAT-1, CHAT-3, CHAT-6

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read::{
    self, Place, array, boolean, is_array, is_null, is_string, number, object, one_of, positive,
    string, unsigned,
};
use crate::Dialect;
use crate::exchange::{CacheMark, Effort, Extras, Fault, Reasoning, Sampling};
use crate::json::{Object, RawJson};

/// The most stop sequences. CHAT-3
pub(crate) const MAX_STOP: usize = 4;
/// The most pairs in `metadata`. CHAT-3
const MAX_METADATA: usize = 16;
/// The longest key in `metadata`, in characters.
const MAX_METADATA_KEY: usize = 64;
/// The longest value in `metadata`, in characters.
const MAX_METADATA_VALUE: usize = 512;
/// The longest `session_id`, in characters. STICKY-8
const MAX_SESSION_ID: usize = 256;
/// The most answers asked for at once.
pub(super) const MAX_ANSWERS: u64 = 128;
/// The most fallback models named in a request.
const MAX_MODELS: usize = 64;

const VERBOSITIES: [&str; 6] = ["minimal", "low", "medium", "high", "xhigh", "max"];

/// The members of a request that this version knows, checked. Absent and `null` are the same.
#[derive(Debug, Default)]
pub(crate) struct Parameters<'a> {
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) models: Vec<Cow<'a, str>>,
    pub(crate) messages: Option<&'a RawValue>,
    pub(crate) prompt: Option<&'a RawValue>,
    pub(crate) tools: Option<&'a RawValue>,
    pub(crate) tool_choice: Option<&'a RawValue>,
    pub(crate) parallel_tool_calls: Option<bool>,
    pub(crate) response_format: Option<&'a RawValue>,
    pub(crate) sampling: Sampling,
    pub(crate) stop: Vec<Cow<'a, str>>,
    pub(crate) logit_bias: Option<&'a RawValue>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) verbosity: Option<Cow<'a, str>>,
    pub(crate) modalities: Option<Vec<String>>,
    pub(crate) audio: Option<&'a RawValue>,
    pub(crate) image_config: Option<&'a RawValue>,
    pub(crate) prediction: Option<&'a RawValue>,
    pub(crate) stream: bool,
    pub(crate) cache: Option<CacheMark>,
    pub(crate) prompt_cache_key: Option<Cow<'a, str>>,
    pub(crate) user: Option<Cow<'a, str>>,
    pub(crate) safety_identifier: Option<Cow<'a, str>>,
    pub(crate) metadata: Option<&'a RawValue>,
    pub(crate) service_tier: Option<Cow<'a, str>>,
    pub(crate) speed: Option<Cow<'a, str>>,
    pub(crate) session_id: Option<Cow<'a, str>>,
    /// What is asked of reasoning stands in `thinking` alone, which some hosts have as their own.
    pub(crate) asked_by_thinking: bool,
    thinking: Option<Reasoning>,
    include_reasoning: Option<bool>,
    reasoning_effort: Option<Effort>,
    max_completion_tokens: Option<u64>,
}

impl<'a> Parameters<'a> {
    /// Reads the members it knows; gives the others to `unknown`.
    pub(crate) fn read<'n>(
        members: impl Iterator<Item = (&'n str, &'a RawValue)>,
        mut unknown: impl FnMut(&'n str, &'a RawValue),
    ) -> Result<Self, Fault> {
        let mut parameters = Self::default();
        for (name, raw) in members {
            if !parameters.take(name, raw)? {
                unknown(name, raw);
            }
        }
        parameters.settle()?;
        Ok(parameters)
    }

    fn take(&mut self, name: &str, raw: &'a RawValue) -> Result<bool, Fault> {
        let place = Place::Top(name);
        let null = is_null(raw);
        // A member that is known and null is absent.
        macro_rules! set {
            ($field:expr, $read:expr) => {{
                if !null {
                    $field = Some($read?);
                }
            }};
        }
        let sampling = &mut self.sampling;
        match name {
            "model" => set!(self.model, string(raw, &place)),
            "models" if !null => self.models = models(raw, &place)?,
            "messages" => set!(self.messages, kept(raw, is_array(raw), "an array", &place)),
            "prompt" => self.prompt = (!null).then_some(raw),
            "stream" if !null => self.stream = boolean(raw, &place)?,
            "temperature" => set!(sampling.temperature, number(raw, 0.0, 2.0, &place)),
            "top_p" => set!(sampling.top_p, top_p(raw, &place)),
            "top_k" => set!(sampling.top_k, top_k(raw, &place)),
            "min_p" => set!(sampling.min_p, number(raw, 0.0, 1.0, &place)),
            "top_a" => set!(sampling.top_a, number(raw, 0.0, 1.0, &place)),
            "frequency_penalty" => {
                set!(sampling.frequency_penalty, number(raw, -2.0, 2.0, &place));
            }
            "presence_penalty" => set!(sampling.presence_penalty, number(raw, -2.0, 2.0, &place)),
            "repetition_penalty" => set!(sampling.repetition_penalty, positive(raw, 2.0, &place)),
            "seed" => set!(sampling.seed, seed(raw, &place)),
            "logprobs" => set!(sampling.logprobs, boolean(raw, &place)),
            "top_logprobs" => set!(sampling.top_logprobs, unsigned(raw, 0, 20, &place)),
            "n" => set!(sampling.n, unsigned(raw, 1, MAX_ANSWERS, &place)),
            "stop" if !null => self.stop = stop(raw, &place)?,
            "logit_bias" => set!(self.logit_bias, logit_bias(raw, &place)),
            "max_tokens" => set!(self.max_tokens, unsigned(raw, 1, u64::MAX, &place)),
            "max_completion_tokens" => {
                set!(self.max_completion_tokens, unsigned(raw, 1, u64::MAX, &place));
            }
            "tools" => set!(self.tools, kept(raw, is_array(raw), "an array", &place)),
            "tool_choice" => {
                let fits = is_string(raw) || read::is_object(raw);
                set!(self.tool_choice, kept(raw, fits, "a string or an object", &place));
            }
            "parallel_tool_calls" => set!(self.parallel_tool_calls, boolean(raw, &place)),
            "response_format" => {
                set!(self.response_format, kept(raw, read::is_object(raw), "an object", &place));
            }
            "reasoning" => set!(self.reasoning, reasoning(raw, &place)),
            "reasoning_effort" => set!(self.reasoning_effort, effort(raw, &place)),
            "include_reasoning" => set!(self.include_reasoning, boolean(raw, &place)),
            "verbosity" => set!(self.verbosity, one_of(raw, &VERBOSITIES, &place)),
            "modalities" => set!(self.modalities, modalities(raw, &place)),
            "audio" => set!(self.audio, kept(raw, read::is_object(raw), "an object", &place)),
            "image_config" => {
                set!(self.image_config, kept(raw, read::is_object(raw), "an object", &place));
            }
            "prediction" => {
                set!(self.prediction, kept(raw, read::is_object(raw), "an object", &place));
            }
            "cache_control" => set!(self.cache, cache_mark(raw, &place)),
            "prompt_cache_key" => set!(self.prompt_cache_key, string(raw, &place)),
            "user" => set!(self.user, string(raw, &place)),
            "safety_identifier" => set!(self.safety_identifier, string(raw, &place)),
            "metadata" => set!(self.metadata, metadata(raw, &place)),
            "service_tier" => set!(self.service_tier, string(raw, &place)),
            "speed" => {
                set!(self.speed, string(raw, &place));
                return Ok(false);
            }
            "thinking" => {
                self.thinking = thinking(raw);
                return Ok(false);
            }
            "session_id" => {
                set!(self.session_id, session_id(raw, &place));
                return Ok(false);
            }
            "models" | "stream" | "stop" | "stream_options" => {}
            _ => return Ok(false),
        }
        // Kept for a translation into this same protocol as well.
        Ok(name != "models")
    }

    /// What concerns more than one member.
    fn settle(&mut self) -> Result<(), Fault> {
        self.max_tokens = self.max_completion_tokens.or(self.max_tokens);
        if let Some(effort) = self.reasoning_effort {
            let reasoning = self.reasoning.get_or_insert_default();
            match reasoning.effort {
                Some(other) if other != effort => {
                    return Err(Fault::invalid(format!(
                        "reasoning_effort: `{}` differs from reasoning.effort `{}`; send one of them",
                        effort.name(),
                        other.name()
                    )));
                }
                _ => reasoning.effort = Some(effort),
            }
        }
        match self.include_reasoning {
            Some(include) if self.reasoning.is_none() => {
                self.reasoning = Some(Reasoning { exclude: !include, ..Reasoning::default() });
            }
            _ => {}
        }
        if let Some(thinking) = self.thinking.take()
            && self.reasoning.as_ref().is_none_or(|asked| asked.wanted().is_none())
        {
            let exclude = self.reasoning.take().is_some_and(|asked| asked.exclude);
            self.reasoning = Some(Reasoning { exclude, ..thinking });
            self.asked_by_thinking = true;
        }
        Ok(())
    }
}

/// Whether a member of this name is one of those that are checked here.
pub(crate) fn knows(name: &str) -> bool {
    name == "models"
        || name == "session_id"
        || name == "speed"
        || name == "thinking"
        || Parameters::default().take(name, RawValue::NULL).is_ok_and(|known| known)
}

fn kept<'a>(
    raw: &'a RawValue,
    fits: bool,
    what: &str,
    place: &Place<'_>,
) -> Result<&'a RawValue, Fault> {
    if fits { Ok(raw) } else { Err(place.expected(what, raw)) }
}

fn models<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Vec<Cow<'a, str>>, Fault> {
    let entries = array(raw, place)?;
    if entries.len() > MAX_MODELS {
        return Err(place.refuse(format_args!("at most {MAX_MODELS} models can be named")));
    }
    entries.into_iter().enumerate().map(|(at, raw)| string(raw, &place.element(at))).collect()
}

/// 0 is outside the range, but many clients send it for "greedy": it is refused like any other.
fn top_p(raw: &RawValue, place: &Place<'_>) -> Result<f64, Fault> {
    positive(raw, 1.0, place)
}

/// -1 is a widespread spelling of "off".
fn top_k(raw: &RawValue, place: &Place<'_>) -> Result<u64, Fault> {
    if raw.get() == "-1" { Ok(0) } else { unsigned(raw, 0, u64::MAX, place) }
}

fn seed(raw: &RawValue, place: &Place<'_>) -> Result<i64, Fault> {
    serde_json::from_str(raw.get()).map_err(|_| place.expected("an integer of 64 bits", raw))
}

fn stop<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Vec<Cow<'a, str>>, Fault> {
    if is_string(raw) {
        return Ok(vec![string(raw, place)?]);
    }
    if !is_array(raw) {
        return Err(place.expected("a string or an array of strings", raw));
    }
    let entries = array(raw, place)?;
    if entries.len() > MAX_STOP {
        return Err(place.refuse(format_args!("at most {MAX_STOP} stop sequences can be given")));
    }
    entries.into_iter().enumerate().map(|(at, raw)| string(raw, &place.element(at))).collect()
}

fn logit_bias<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<&'a RawValue, Fault> {
    for (token, bias) in object(raw, place)?.iter() {
        number(bias, -100.0, 100.0, &place.member(token))?;
    }
    Ok(raw)
}

fn effort(raw: &RawValue, place: &Place<'_>) -> Result<Effort, Fault> {
    serde_json::from_str(raw.get()).map_err(|_| {
        let fault = place.refuse(format_args!(
            "must be one of max, xhigh, high, medium, low, minimal, none, got {}",
            raw.get().chars().take(64).collect::<String>()
        ));
        if is_string(raw) { fault.of_unknown() } else { fault }
    })
}

/// What Anthropic's `thinking` asks for, which callers send in this protocol as well. `None` for what
/// is no such thing.
pub(super) fn thinking(raw: &RawValue) -> Option<Reasoning> {
    let thinking = read::lenient_object(raw)?;
    let on = thinking.peek_str("type")? != "disabled";
    let budget = thinking.peek("budget_tokens").map(read::lenient_count);
    Some(Reasoning {
        enabled: Some(on),
        max_tokens: budget.filter(|budget| on && *budget > 0),
        ..Reasoning::default()
    })
}

/// REASON-1
fn reasoning(raw: &RawValue, place: &Place<'_>) -> Result<Reasoning, Fault> {
    let mut reasoning = Reasoning::default();
    let mut others = Vec::new();
    for (name, raw) in object(raw, place)?.iter() {
        let place = place.member(name);
        let null = is_null(raw);
        match name {
            "effort" if !null => reasoning.effort = Some(effort(raw, &place)?),
            "max_tokens" if !null => {
                reasoning.max_tokens = Some(unsigned(raw, 0, u64::MAX, &place)?);
            }
            "enabled" if !null => reasoning.enabled = Some(boolean(raw, &place)?),
            "exclude" if !null => reasoning.exclude = boolean(raw, &place)?,
            "summary" if !null => reasoning.summary = Some(string(raw, &place)?.into_owned()),
            "effort" | "max_tokens" | "enabled" | "exclude" | "summary" => {}
            _ => others.push((name.to_owned(), RawJson::from_raw(raw))),
        }
    }
    reasoning.extras = Extras::of(Dialect::OpenaiChat, others);
    Ok(reasoning)
}

fn modalities(raw: &RawValue, place: &Place<'_>) -> Result<Vec<String>, Fault> {
    array(raw, place)?
        .into_iter()
        .enumerate()
        .map(|(at, raw)| {
            one_of(raw, &["text", "image", "audio"], &place.element(at)).map(Cow::into_owned)
        })
        .collect()
}

/// PCACHE-1
pub(crate) fn cache_mark(raw: &RawValue, place: &Place<'_>) -> Result<CacheMark, Fault> {
    let mut mark = object(raw, place)?;
    if let Some(kind) = mark.take_raw("type") {
        one_of(kind, &["ephemeral"], &place.member("type"))?;
    }
    let ttl = match mark.take_raw("ttl") {
        Some(raw) if !is_null(raw) => {
            Some(one_of(raw, &["5m", "1h"], &place.member("ttl"))?.into_owned())
        }
        _ => None,
    };
    Ok(CacheMark { ttl })
}

fn metadata<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<&'a RawValue, Fault> {
    let pairs = object(raw, place)?;
    if pairs.len() > MAX_METADATA {
        return Err(place.refuse(format_args!("at most {MAX_METADATA} pairs can be given")));
    }
    for (key, raw) in pairs.iter() {
        if key.chars().count() > MAX_METADATA_KEY {
            return Err(
                place.refuse(format_args!("a key has more than {MAX_METADATA_KEY} characters"))
            );
        }
        let place = place.member(key);
        if string(raw, &place)?.chars().count() > MAX_METADATA_VALUE {
            return Err(place.refuse(format_args!("has more than {MAX_METADATA_VALUE} characters")));
        }
    }
    Ok(raw)
}

fn session_id<'a>(raw: &'a RawValue, place: &Place<'_>) -> Result<Cow<'a, str>, Fault> {
    let id = string(raw, place)?;
    if id.chars().count() > MAX_SESSION_ID {
        return Err(place.refuse(format_args!("has more than {MAX_SESSION_ID} characters")));
    }
    Ok(id)
}

/// The kind of a `response_format` or another object with a `type`.
pub(crate) fn type_of<'a>(object: &Object<'a>, place: &Place<'_>) -> Result<Cow<'a, str>, Fault> {
    match object.peek("type") {
        Some(raw) => string(raw, &place.member("type")),
        None => Err(place.member("type").refuse("is missing")),
    }
}

/// The text of a `prompt`: a string or an array with one. CHAT-14
pub(super) fn prompt_text<'a>(raw: &'a RawValue) -> Result<Cow<'a, str>, Fault> {
    let place = Place::Top("prompt");
    if is_string(raw) {
        return string(raw, &place);
    }
    if !is_array(raw) {
        return Err(place.expected("a string", raw));
    }
    match array(raw, &place)?.as_slice() {
        [one] if is_string(one) => string(one, &place),
        [] => Err(place.refuse("is empty")),
        [first, ..] if is_string(first) => Err(place
            .refuse("several prompts in one request are not supported; send one request for each")),
        _ => Err(place.refuse("token ids are not supported; send the prompt as a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Envelope;

    fn check(body: &str) -> Result<(), String> {
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        Parameters::read(envelope.members(), |_, _| {}).map(|_| ()).map_err(|fault| fault.message)
    }

    /// CHAT-3
    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (body, name) in [
            (r#"{"temperature":2.1}"#, "temperature"),
            (r#"{"temperature":"hot"}"#, "temperature"),
            (r#"{"top_p":0}"#, "top_p"),
            (r#"{"top_p":1.01}"#, "top_p"),
            (r#"{"top_k":-2}"#, "top_k"),
            (r#"{"top_k":1.5}"#, "top_k"),
            (r#"{"min_p":1.1}"#, "min_p"),
            (r#"{"top_a":-0.1}"#, "top_a"),
            (r#"{"frequency_penalty":2.5}"#, "frequency_penalty"),
            (r#"{"presence_penalty":-2.5}"#, "presence_penalty"),
            (r#"{"repetition_penalty":0}"#, "repetition_penalty"),
            (r#"{"max_tokens":0}"#, "max_tokens"),
            (r#"{"max_completion_tokens":0}"#, "max_completion_tokens"),
            (r#"{"seed":1.5}"#, "seed"),
            (r#"{"stop":["a","b","c","d","e"]}"#, "stop"),
            (r#"{"stop":[1]}"#, "stop[0]"),
            (r#"{"logit_bias":{"5":101}}"#, "logit_bias.5"),
            (r#"{"top_logprobs":21}"#, "top_logprobs"),
            (r#"{"n":0}"#, "n"),
            (r#"{"verbosity":"loud"}"#, "verbosity"),
            (r#"{"modalities":["smell"]}"#, "modalities[0]"),
            (r#"{"reasoning":{"effort":"much"}}"#, "reasoning.effort"),
            (r#"{"reasoning":true}"#, "reasoning"),
            (r#"{"stream":"yes"}"#, "stream"),
            (r#"{"messages":{}}"#, "messages"),
            (r#"{"models":["a",1]}"#, "models[1]"),
            (r#"{"metadata":{"a":1}}"#, "metadata.a"),
            (r#"{"cache_control":{"type":"ephemeral","ttl":"9h"}}"#, "cache_control.ttl"),
        ] {
            let message = check(body).expect_err(body);
            assert!(message.starts_with(&format!("{name}: ")), "{body} gave {message}");
        }
    }

    #[test]
    fn values_at_the_edge_and_nulls_are_accepted() {
        for body in [
            r#"{"temperature":0,"top_p":1,"top_k":0,"min_p":0,"top_a":1,"frequency_penalty":-2,"presence_penalty":2,"repetition_penalty":2,"seed":-1,"top_logprobs":20}"#,
            r#"{"temperature":null,"stop":null,"tools":null,"tool_choice":null,"reasoning":null,"stream":null,"models":null,"metadata":null,"user":null}"#,
            r#"{"stop":"x","top_k":-1,"reasoning":{"effort":null}}"#,
        ] {
            assert_eq!(check(body), Ok(()), "{body}");
        }
        let long = "x".repeat(257);
        assert!(check(&format!(r#"{{"session_id":"{long}"}}"#)).is_err());
        assert!(check(&format!(r#"{{"session_id":"{}"}}"#, &long[1..])).is_ok());
        let pairs: Vec<String> = (0..17).map(|n| format!("\"k{n}\":\"v\"")).collect();
        assert!(check(&format!(r#"{{"metadata":{{{}}}}}"#, pairs.join(","))).is_err());
    }

    /// CHAT-6, REASON-5
    #[test]
    fn the_three_spellings_of_reasoning_are_one() {
        fn read(body: &str) -> Result<Option<Reasoning>, Fault> {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            Parameters::read(envelope.members(), |_, _| {}).map(|found| found.reasoning)
        }
        let message = read(r#"{"reasoning":{"effort":"low"},"reasoning_effort":"high"}"#)
            .unwrap_err()
            .message;
        assert!(message.starts_with("reasoning_effort"), "{message}");
        let same = read(r#"{"reasoning":{"effort":"low"},"reasoning_effort":"low"}"#).unwrap();
        assert_eq!(same.unwrap().effort, Some(Effort::Low));
        let hidden = read(r#"{"include_reasoning":false}"#).unwrap().unwrap();
        assert!(hidden.exclude && hidden.wanted().is_none());
        assert_eq!(read(r#"{"include_reasoning":true}"#).unwrap(), Some(Reasoning::default()));
        assert_eq!(read("{}").unwrap(), None);
    }

    /// CHAT-4, REASON-6
    #[test]
    fn thinking_is_read_as_reasoning_where_nothing_else_is_said_of_it() {
        let read = |body: &str| {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            let found = Parameters::read(envelope.members(), |_, _| {}).unwrap();
            let asked = found.reasoning.unwrap_or_default();
            (asked.enabled, asked.max_tokens, asked.exclude, found.asked_by_thinking)
        };
        let on = r#""thinking":{"type":"enabled","budget_tokens":1024}"#;
        for (body, expected) in [
            (format!("{{{on}}}"), (Some(true), Some(1_024), false, true)),
            (r#"{"thinking":{"type":"disabled"}}"#.into(), (Some(false), None, false, true)),
            (r#"{"thinking":{"type":"adaptive"}}"#.into(), (Some(true), None, false, true)),
            (
                format!(r#"{{{on},"include_reasoning":false}}"#),
                (Some(true), Some(1_024), true, true),
            ),
            (
                format!(r#"{{{on},"reasoning":{{"max_tokens":9000}}}}"#),
                (None, Some(9_000), false, false),
            ),
            (format!(r#"{{{on},"reasoning_effort":"low"}}"#), (None, None, false, false)),
            (r#"{"thinking":true}"#.into(), (None, None, false, false)),
        ] {
            assert_eq!(read(&body), expected, "{body}");
        }
    }
}
