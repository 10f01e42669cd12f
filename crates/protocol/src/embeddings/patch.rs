//! The caller's own protocol on both sides: what is not changed keeps its bytes, numbers in their
//! spelling above all.

use serde_json::value::RawValue;

use super::answer::{entries, entry, in_order, openai_usage};
use super::form::Form;
use super::plan::Expected;
use super::read::{ROUTER_ONLY, answer, broken, is_string, tells_error};
use super::request::EncodingFormat;
use super::response::{begin, counts};
use super::vector;
use super::write::{ObjectWriter, charge};
use crate::exchange::{Additions, Fault, Identity, Usage};
use crate::json::envelope::write_string;
use crate::json::{Envelope, Object, RawJson};

/// Edits a caller's request for a provider of the same form: the model is another, and what is for
/// the router alone is removed, as are `unsupported` parameters. CHAT-4
pub fn patch_request(envelope: &Envelope<'_>, model: &str, unsupported: &[String]) -> Vec<u8> {
    let mut edit = envelope.edit();
    let mut name = Vec::with_capacity(model.len() + 2);
    write_string(&mut name, model);
    // Made of a `str`: nothing is ever replaced.
    edit.set("model", String::from_utf8(name).unwrap_or_default());
    for member in ROUTER_ONLY {
        edit.remove(member);
    }
    // OpenAI has no such member, not even without a value.
    if !envelope.has("input_type") {
        edit.remove("input_type");
    }
    for parameter in unsupported.iter().filter(|name| !matches!(name.as_str(), "model" | "input")) {
        edit.remove(parameter.clone());
    }
    edit.finish()
}

/// A provider's answer, ready but for its cost.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchedResponse {
    /// The body without its last members and its closing brace.
    body: Vec<u8>,
    unknown_usage: Vec<(String, RawJson)>,
    /// The token counts, if the provider told them; may be set where it did not.
    pub usage: Option<Usage>,
    /// The provider's name of the model, if told.
    pub model: Option<String>,
    /// The provider's id of the answer, if told.
    pub upstream_id: Option<String>,
}

impl PatchedResponse {
    /// The body, with usage and cost; with neither where the counts are unknown. USAGE-8
    pub fn finish(mut self, additions: Additions<'_>) -> Vec<u8> {
        let mut body = ObjectWriter::resume(&mut self.body);
        if let Some(usage) = &self.usage {
            body.object("usage", |members| {
                counts(members, usage);
                members.members(&self.unknown_usage);
                if let Some(told) = additions.charge {
                    charge(members, told);
                }
            });
        }
        body.members(additions.members);
        body.end();
        self.body
    }
}

/// Members of an answer that are written anew.
const REPLACED: [&str; 6] = ["id", "provider", "model", "object", "usage", "openrouter_metadata"];

/// Members of `usage` that are written anew, or that only another router sends.
const REPLACED_USAGE: [&str; 5] =
    ["prompt_tokens", "total_tokens", "cost", "is_byok", "cost_details"];

/// Edits the answer of a provider of OpenAI's form. Vectors are passed on as they are, unless the
/// provider wrote them in another format than the caller asked for: clients do not look.
pub fn patch_response(
    body: &[u8],
    identity: &Identity,
    format: EncodingFormat,
    expected: Expected,
) -> Result<PatchedResponse, Fault> {
    let answer = answer(body)?;
    let data = answer.peek("data");
    let Some(data) = data.filter(|_| !tells_error(&answer)) else {
        let told = ["error", "message", "detail", "errors"];
        return Err(if told.iter().any(|name| answer.peek(name).is_some()) {
            Form::OpenAi.decode_error(200, None, body)
        } else {
            broken("it has no vectors")
        });
    };
    let mut found = Vec::new();
    for (position, raw) in entries(data)?.into_iter().enumerate() {
        let (entry, index) = entry(raw, position)?;
        found.push((index, Entry::of(raw, entry)?));
    }
    let ordered = in_order(found, expected.inputs)?;
    check_lengths(&ordered, &expected)?;

    let mut out = Vec::with_capacity(body.len() + 512);
    let mut members = begin(&mut out, identity);
    for (name, raw) in answer.iter() {
        if name == "data" {
            let out = members.value("data");
            out.push(b'[');
            for (at, entry) in ordered.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                entry.write(out, at, format)?;
            }
            out.push(b']');
        } else if !REPLACED.contains(&name) {
            members.raw_of(name, raw.get());
        }
    }
    let usage = answer.peek("usage").filter(|raw| raw.get().starts_with('{'));
    let usage = usage.and_then(|raw| Object::of(raw).ok());
    let text = |name| answer.peek_str(name).filter(|text| !text.is_empty());
    Ok(PatchedResponse {
        unknown_usage: usage.as_ref().map(unknown_usage).unwrap_or_default(),
        usage: usage.as_ref().and_then(openai_usage),
        model: text("model").map(Into::into),
        upstream_id: text("id").map(Into::into),
        body: out,
    })
}

fn unknown_usage(usage: &Object<'_>) -> Vec<(String, RawJson)> {
    usage
        .iter()
        .filter(|(name, _)| !REPLACED_USAGE.contains(name))
        .map(|(name, raw)| (name.to_owned(), RawJson::from_raw(raw)))
        .collect()
}

fn check_lengths(entries: &[Entry<'_>], expected: &Expected) -> Result<(), Fault> {
    let Some((first, others)) = entries.split_first() else { return Ok(()) };
    match others.iter().find(|entry| entry.dimensions != first.dimensions) {
        Some(other) => Err(broken(format_args!(
            "one vector has {} dimensions, another {}",
            first.dimensions, other.dimensions
        ))),
        None => expected.check_dimensions(first.dimensions),
    }
}

/// One entry of `data`.
struct Entry<'a> {
    raw: &'a RawValue,
    members: Object<'a>,
    vector: &'a RawValue,
    dimensions: usize,
}

impl<'a> Entry<'a> {
    fn of(raw: &'a RawValue, members: Object<'a>) -> Result<Self, Fault> {
        let vector = members.peek("embedding").ok_or_else(|| broken("an entry has no vector"))?;
        Ok(Self { raw, vector, dimensions: vector::measure(vector)?, members })
    }

    fn write(&self, out: &mut Vec<u8>, at: usize, format: EncodingFormat) -> Result<(), Fault> {
        let as_asked = is_string(self.vector) == (format == EncodingFormat::Base64);
        let complete = self.members.peek_str("object").as_deref() == Some("embedding")
            && self.members.peek("index").is_some_and(|raw| raw.get() != "null");
        if as_asked && complete {
            out.extend_from_slice(self.raw.get().as_bytes());
            return Ok(());
        }
        let mut entry = ObjectWriter::begin(out);
        entry.string("object", "embedding");
        entry.number("index", at as u64);
        for (name, raw) in self.members.iter() {
            match name {
                "object" | "index" => {}
                "embedding" if !as_asked => {
                    vector::write(entry.value_of(name), &vector::read(raw)?, format);
                }
                _ => entry.raw_of(name, raw.get()),
            }
        }
        entry.end();
        Ok(())
    }
}
