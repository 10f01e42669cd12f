//! What an answer repeats of its request: the schema requires it, and official SDKs read it.

use serde_json::value::RawValue;

use crate::json::{Envelope, Object, RawJson};
use crate::openai_chat::read::{is_array, is_object, is_string, lenient_array, lenient_object};
use crate::openai_chat::write::{ObjectWriter, into_text, object};
use crate::openai_responses::namespace::KIND;

/// What a member may be.
type Fits = fn(&RawValue) -> bool;

fn is_number(raw: &RawValue) -> bool {
    serde_json::from_str::<f64>(raw.get()).is_ok()
}

fn is_boolean(raw: &RawValue) -> bool {
    matches!(raw.get(), "true" | "false")
}

fn is_text_or_list(raw: &RawValue) -> bool {
    is_string(raw) || is_array(raw)
}

fn is_choice(raw: &RawValue) -> bool {
    is_string(raw) || is_object(raw)
}

/// The members that are repeated before the output, what they must be, and their defaults.
const BEFORE: [(&str, Fits, &str); 3] = [
    ("instructions", is_text_or_list, "null"),
    ("max_output_tokens", is_number, "null"),
    ("max_tool_calls", is_number, "null"),
];

/// The members that are repeated after the output. `text` and `reasoning` are completed.
const AFTER: [(&str, Fits, &str); 16] = [
    ("parallel_tool_calls", is_boolean, "true"),
    ("frequency_penalty", is_number, "null"),
    ("presence_penalty", is_number, "null"),
    ("previous_response_id", is_string, "null"),
    ("prompt_cache_key", is_string, "null"),
    ("reasoning", is_object, r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", is_string, "null"),
    ("store", is_boolean, "false"),
    ("temperature", is_number, "null"),
    ("text", is_object, r#"{"format":{"type":"text"}}"#),
    ("tool_choice", is_choice, "\"auto\""),
    ("tools", is_array, "[]"),
    ("top_logprobs", is_number, "0"),
    ("top_p", is_number, "null"),
    ("truncation", is_string, "\"disabled\""),
    ("user", is_string, "null"),
];

const METADATA: (&str, Fits, &str) = ("metadata", is_object, "{}");

/// The parameters of a request that its answer repeats. The default is a request that named none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Echo {
    members: Vec<(&'static str, RawJson)>,
}

impl Echo {
    /// Reads them from a caller's body. What is absent, `null` or of a wrong kind is told as the
    /// schema's default.
    pub fn read(envelope: &Envelope<'_>) -> Self {
        let known = BEFORE.iter().chain(&AFTER).chain([&METADATA]);
        let members = known
            .filter_map(|(name, fits, _)| {
                let raw = envelope.raw(name).filter(|raw| fits(raw))?;
                Some((*name, completed(name, raw)))
            })
            .collect();
        Self { members }
    }

    /// What tells that an answer is kept, and which it goes on from: what no provider is told of, so
    /// that its own words for it are not the caller's.
    pub(crate) fn of_keeping(&self) -> Vec<(&'static str, RawJson)> {
        let tells = |(name, raw): &&(&'static str, RawJson)| match *name {
            "store" => raw.get() == "true",
            name => name == "previous_response_id",
        };
        self.members.iter().filter(tells).cloned().collect()
    }

    /// Whether a tool takes a text instead of arguments.
    pub(super) fn is_custom(&self, namespace: Option<&str>, tool: &str) -> bool {
        let tools = self.members.iter().find(|(known, _)| *known == "tools");
        let Some((_, raw)) = tools.filter(|(_, raw)| raw.get().contains("custom")) else {
            return false;
        };
        let group = match namespace {
            Some(namespace) => named(raw.as_raw(), KIND, namespace),
            None => None,
        };
        let list = match (namespace, &group) {
            (None, _) => Some(raw.as_raw()),
            (Some(_), group) => group.as_ref().and_then(|group| group.peek("tools")),
        };
        list.is_some_and(|list| named(list, "custom", tool).is_some())
    }

    fn write(&self, out: &mut ObjectWriter<'_>, (name, _, default): &(&str, Fits, &str)) {
        let told = self.members.iter().find(|(known, _)| known == name);
        out.raw_of(name, told.map_or(default, |(_, raw)| raw.get()));
    }

    pub(super) fn write_before(&self, out: &mut ObjectWriter<'_>) {
        BEFORE.iter().for_each(|member| self.write(out, member));
    }

    pub(super) fn write_after(&self, out: &mut ObjectWriter<'_>) {
        AFTER.iter().for_each(|member| self.write(out, member));
        self.write(out, &METADATA);
    }
}

/// The tool of a kind and a name in a list.
fn named<'a>(list: &'a RawValue, kind: &str, name: &str) -> Option<Object<'a>> {
    lenient_array(list).into_iter().filter_map(lenient_object).find(|entry| {
        entry.peek_str("type").as_deref() == Some(kind)
            && entry.peek_str("name").as_deref() == Some(name)
    })
}

/// A member with what an answer always tells in it.
fn completed(name: &str, raw: &RawValue) -> RawJson {
    let missing: &[(&str, &str)] = match name {
        "text" => &[("format", r#"{"type":"text"}"#)],
        "reasoning" => &[("effort", "null"), ("summary", "null")],
        _ => return RawJson::from_raw(raw),
    };
    let Some(told) = lenient_object(raw) else { return RawJson::from_raw(raw) };
    if missing.iter().all(|(name, _)| told.peek(name).is_some()) {
        return RawJson::from_raw(raw);
    }
    let mut out = Vec::with_capacity(raw.get().len() + 48);
    object(&mut out, |whole| {
        for (name, value) in told.iter() {
            whole.raw_of(name, value.get());
        }
        for (name, value) in missing.iter().filter(|(name, _)| told.peek(name).is_none()) {
            whole.raw_of(name, value);
        }
    });
    RawJson::parse(into_text(out)).unwrap_or_else(|_| RawJson::from_raw(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: &str) -> serde_json::Value {
        let echo = Echo::read(&Envelope::parse(body.as_bytes()).unwrap());
        let mut out = Vec::new();
        object(&mut out, |members| {
            echo.write_before(members);
            echo.write_after(members);
        });
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn what_was_asked_for_is_repeated_and_the_rest_is_the_default() {
        let told = written(
            r#"{"instructions":"Be brief","text":{"verbosity":"low"},"tools":[{"type":"function","name":"f"}],
                "temperature":0.5,"reasoning":{"effort":"high"},"metadata":{"a":"b"},"store":null}"#,
        );
        assert_eq!(told["instructions"], "Be brief");
        assert_eq!(told["text"], serde_json::json!({"verbosity":"low","format":{"type":"text"}}));
        assert_eq!(told["reasoning"], serde_json::json!({"effort":"high","summary":null}));
        assert_eq!(told["tools"][0]["name"], "f");
        assert_eq!(told["temperature"], 0.5);
        assert_eq!(told["metadata"]["a"], "b");
        assert_eq!(told["store"], false);
        assert_eq!(told["tool_choice"], "auto");
        assert_eq!(told["parallel_tool_calls"], true);
    }

    #[test]
    fn a_member_of_a_wrong_kind_is_told_as_the_default() {
        let told = written(r#"{"tools":{},"temperature":"x","metadata":[],"text":1}"#);
        let plain = written("{}");
        assert_eq!(told, plain);
    }
}
