//! The names of this protocol: members, kinds of items, ids, annotations.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{Extras, FinishReason, MediaSource, ReasoningFormat};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{lenient_array, lenient_object};
use crate::openai_chat::wire::bounded_id;
use crate::openai_chat::write::{ObjectWriter, array, into_text, object};
use crate::target::Quirks;

/// What asks for reasoning that can be sent back. wire-formats 9.2
pub(super) const ENCRYPTED_REASONING: &str = "reasoning.encrypted_content";

/// What asks for log probabilities.
pub(crate) const LOGPROBS: &str = "message.output_text.logprobs";

/// Top-level members that speak to the router and never reach a provider. `max_tool_calls` is not
/// among them: here it is the protocol's own.
pub(super) const ROUTER_ONLY: [&str; 14] = [
    "provider",
    "models",
    "plugins",
    "route",
    "preset",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "max_cost",
    "speed",
    "fallbacks",
    "stop_server_tools_when",
];

/// What stands behind a message of commentary where all messages of an answer become one text.
pub(super) const BETWEEN_MESSAGES: &str = "\n\n";

/// Whether a message says what the model is about to do, and the answer is yet to come.
pub(super) fn is_commentary(message: &Object<'_>) -> bool {
    message.peek_str("phase").is_some_and(|phase| phase == "commentary")
}

/// The longest id of a call that OpenAI takes, in characters.
pub(super) const LONGEST_CALL_ID: usize = 64;

/// The id of a call as the provider takes it. Bug 6
pub(super) fn sent_call_id<'i>(id: &'i str, quirks: &Quirks) -> Cow<'i, str> {
    match quirks.short_tool_ids {
        true => bounded_id(id, LONGEST_CALL_ID),
        false => Cow::Borrowed(id),
    }
}

/// The least output limit that OpenAI takes.
pub(super) const LEAST_OUTPUT: u64 = 16;

/// The parameters of a function that stands for a tool which takes a text. Where the text has a
/// grammar, the model reads it in the schema.
pub(crate) fn custom_schema(tool: &Object<'_>) -> Option<RawJson> {
    let format = tool.peek("format").and_then(lenient_object).unwrap_or_default();
    let mut out = Vec::with_capacity(128);
    object(&mut out, |schema| {
        schema.string("type", "object");
        schema.object("properties", |properties| {
            properties.object("input", |input| {
                input.string("type", "string");
                if let Some(definition) = format.peek_str("definition") {
                    let syntax = format.peek_str("syntax").unwrap_or_default();
                    input.string(
                        "description",
                        &format!("A text that fits this grammar ({syntax}):\n{definition}"),
                    );
                }
            });
        });
        schema.raw("required", r#"["input"]"#);
    });
    RawJson::parse(into_text(out)).ok()
}

/// The arguments of a function that stands for a tool which takes a text.
pub(crate) fn custom_arguments(input: &str) -> String {
    let mut out = Vec::with_capacity(input.len() + 12);
    object(&mut out, |arguments| arguments.string("input", input));
    into_text(out)
}

/// The text in the arguments of such a function; arguments of another form are the text themselves.
pub(crate) fn custom_input(arguments: &str) -> String {
    Object::parse(arguments)
        .ok()
        .and_then(|arguments| arguments.peek_str("input").map(Cow::into_owned))
        .unwrap_or_else(|| arguments.to_owned())
}

/// Whether extras of this protocol say that something is of another kind than the exchange knows.
pub(crate) fn is_kind(extras: &Extras, kind: &str) -> bool {
    let members = extras.for_dialect(Dialect::OpenaiResponses);
    members.iter().any(|(name, raw)| {
        name == "type" && crate::json::scan::string(raw.as_raw()).as_deref() == Some(kind)
    })
}

/// Whether an item of this kind tells what happened outside the model: it stands on its own, not
/// among what the model said.
pub(crate) fn is_result(kind: &str) -> bool {
    kind.ends_with("_output") || kind == "mcp_approval_response"
}

/// The mark in the ids of items that were made here. RESP-2
const MADE: &str = "gw_";

/// The id of an item of an answer. `prefix` is the one OpenAI uses for such items.
pub(super) fn item_id(prefix: &str, answer: &str, position: usize) -> String {
    let answer: String = answer
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        .take(40)
        .collect();
    format!("{prefix}_{MADE}{answer}_{position}")
}

/// An item's id, unless it was made here and says nothing.
pub(super) fn told_id(id: Cow<'_, str>) -> Option<String> {
    let made = id.split_once('_').is_some_and(|(_, rest)| rest.starts_with(MADE));
    (!made && !id.is_empty()).then(|| id.into_owned())
}

/// The form of a piece of a reasoning item. Where none is named it is OpenAI's own, unless nothing
/// but its text is there, which nobody vouches for. REASON-10
pub(super) fn reasoning_format(
    item: &Object<'_>,
    id: Option<&str>,
    encrypted: bool,
) -> ReasoningFormat {
    match item.peek_str("format") {
        Some(name) => ReasoningFormat::from(name.into_owned()),
        None if encrypted || id.is_some() => ReasoningFormat::OpenaiResponses,
        None => ReasoningFormat::Unknown,
    }
}

/// Whether the form of a reasoning item must be named, to be read as what it is.
pub(super) fn names_format(format: &ReasoningFormat, id: Option<&str>, encrypted: bool) -> bool {
    let silent =
        if id.is_some() { ReasoningFormat::OpenaiResponses } else { ReasoningFormat::Unknown };
    *format != silent || (encrypted && *format == ReasoningFormat::Unknown)
}

/// Why an answer ended, by the status, the reason for being incomplete, and whether there were
/// calls; with the provider's own word. wire-formats 9.2
pub(super) fn finish(
    status: &str,
    incomplete: Option<&str>,
    calls: bool,
) -> (FinishReason, Option<String>) {
    let word = incomplete.unwrap_or(status);
    let reason = match (status, incomplete) {
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("incomplete", _) => FinishReason::Length,
        ("failed" | "cancelled", _) => FinishReason::Error,
        _ if calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    };
    (reason, (!word.is_empty()).then(|| word.to_owned()))
}

/// Whether a call item counts as one web search: opening a page does not.
pub(super) fn is_search(item: &Object<'_>) -> bool {
    item.peek_str("type").as_deref() == Some("web_search_call")
        && item
            .peek("action")
            .and_then(lenient_object)
            .and_then(|action| action.peek_str("type"))
            .is_none_or(|kind| kind == "search")
}

/// The image of an `image_generation_call`; `None` if it has none.
pub(super) fn generated_image(item: &Object<'_>) -> Option<MediaSource> {
    let result = item.peek_str("result").filter(|result| !result.is_empty())?;
    if result.starts_with("data:") || result.contains("://") {
        return Some(MediaSource::from_url(&result));
    }
    let format = item.peek_str("output_format").unwrap_or(Cow::Borrowed("png"));
    Some(MediaSource::Base64 { media_type: format!("image/{format}"), data: result.into_owned() })
}

/// Writes the members of an `image_generation_call` that hold the image; nothing for an image that
/// is neither bytes nor a URL.
pub(super) fn write_image(item: &mut ObjectWriter<'_>, source: &MediaSource) {
    match source {
        MediaSource::Base64 { media_type, data } => {
            item.string("result", data);
            let format = media_type.strip_prefix("image/").unwrap_or(media_type);
            if format != "png" {
                item.string("output_format", format);
            }
        }
        MediaSource::Url(url) => item.string("result", url),
        MediaSource::Text { .. } | MediaSource::FileId(_) => item.raw("result", "null"),
    }
}

const CITATION: &str = "url_citation";

/// What stands for citations that this protocol has no name for.
const FILE_CITATION: &str = "file_citation";

/// The kinds of annotations that are the same here and in the exchange.
const SAME: [&str; 3] = [FILE_CITATION, "file_path", "container_file_citation"];

/// The members of a citation that the schema knows; others are additions.
const CITATION_MEMBERS: [&str; 4] = ["url", "title", "start_index", "end_index"];

fn made(fill: impl FnOnce(&mut ObjectWriter<'_>)) -> String {
    let mut out = Vec::with_capacity(128);
    object(&mut out, fill);
    into_text(out)
}

/// An annotation of this protocol, which is flat, in the form of the exchange.
pub(super) fn annotation_in(raw: &RawValue) -> RawJson {
    let Some(flat) = lenient_object(raw) else { return RawJson::from_raw(raw) };
    let kind = flat.peek_str("type").unwrap_or_default();
    let text = if kind == CITATION && flat.peek(CITATION).is_none() {
        made(|annotation| {
            annotation.string("type", CITATION);
            annotation.object(CITATION, |citation| {
                for (name, value) in flat.iter().filter(|(name, _)| *name != "type") {
                    citation.raw_of(name, value.get());
                }
            });
        })
    } else if kind == FILE_CITATION
        && let Some((name, value)) = flat.iter().find(|(_, value)| value.get().starts_with('{'))
    {
        // One of another protocol, come back.
        made(|annotation| {
            annotation.string("type", name);
            annotation.raw_of(name, value.get());
        })
    } else {
        return RawJson::from_raw(raw);
    };
    RawJson::parse(text).unwrap_or_else(|_| RawJson::from_raw(raw))
}

/// An annotation of the exchange in the form of this protocol, as JSON text. What it has no name
/// for is told as the citation of a file, with all that is known of it beside.
pub(super) fn annotation_out(raw: &RawJson) -> String {
    let Some(annotation) = lenient_object(raw.as_raw()) else { return raw.get().to_owned() };
    let kind = annotation.peek_str("type").unwrap_or_default();
    let Some(inner) = annotation.peek(&kind).and_then(lenient_object) else {
        return raw.get().to_owned();
    };
    if kind == CITATION {
        return made(|citation| {
            citation.string("type", CITATION);
            for (name, value) in inner.iter().filter(|(name, _)| *name != "type") {
                citation.raw_of(name, value.get());
            }
            missing_members(&inner, citation);
        });
    }
    let named = ["document_title", "filename", "name", "title"];
    let name = named.iter().find_map(|name| inner.peek_str(name)).unwrap_or_default();
    made(|citation| {
        citation.string("type", FILE_CITATION);
        citation.string("file_id", "");
        citation.string("filename", &name);
        citation.number("index", 0);
        if let Some(value) = annotation.peek(&kind) {
            citation.raw_of(&kind, value.get());
        }
    })
}

/// The members that are required here, and not told everywhere.
fn missing_members(inner: &Object<'_>, citation: &mut ObjectWriter<'_>) {
    for name in CITATION_MEMBERS.iter().filter(|name| inner.peek(name).is_none()) {
        citation.raw(name, if name.ends_with("index") { "0" } else { "\"\"" });
    }
}

/// An annotation as a provider takes it back, without anything it does not know; `None` for one it
/// has no name for.
pub(super) fn annotation_sent(raw: &RawJson) -> Option<String> {
    let annotation = lenient_object(raw.as_raw())?;
    let kind = annotation.peek_str("type")?;
    if SAME.contains(&kind.as_ref()) {
        return Some(raw.get().to_owned());
    }
    let inner = lenient_object(annotation.peek(CITATION)?)?;
    Some(made(|citation| {
        citation.string("type", CITATION);
        for (name, value) in inner.iter().filter(|(name, _)| CITATION_MEMBERS.contains(name)) {
            citation.raw_of(name, value.get());
        }
        missing_members(&inner, citation);
    }))
}

/// Log probabilities of this protocol, a list, in the form of the exchange.
pub(super) fn logprobs_in(entries: &[&RawValue]) -> Option<RawJson> {
    if entries.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    object(&mut out, |lists| {
        lists.array("content", entries, |out, raw| out.extend_from_slice(raw.get().as_bytes()));
        lists.raw("refusal", "null");
    });
    RawJson::parse(into_text(out)).ok()
}

/// Log probabilities of the exchange as a list of this protocol: those of the text.
pub(super) fn logprobs_out(raw: &RawJson) -> Vec<String> {
    let Some(lists) = lenient_object(raw.as_raw()) else { return Vec::new() };
    lists
        .peek("content")
        .map(lenient_array)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|raw| {
            let entry = lenient_object(raw)?;
            // Both are required here, and hosts leave them out.
            let missing = |name| entry.peek(name).is_none_or(|raw| raw.get() == "null");
            if !missing("bytes") && !missing("top_logprobs") {
                return Some(raw.get().to_owned());
            }
            let mut out = Vec::new();
            object(&mut out, |whole| {
                for (name, value) in entry.iter() {
                    if !(matches!(name, "bytes" | "top_logprobs") && missing(name)) {
                        whole.raw_of(name, value.get());
                    }
                }
                for name in ["bytes", "top_logprobs"] {
                    if missing(name) {
                        whole.raw(name, "[]");
                    }
                }
            });
            Some(into_text(out))
        })
        .collect()
}

/// A list of JSON texts as one.
pub(super) fn joined<T: AsRef<str>>(entries: &[T]) -> String {
    let mut out = Vec::with_capacity(entries.iter().map(|entry| entry.as_ref().len() + 1).sum());
    array(&mut out, entries, |out, entry| out.extend_from_slice(entry.as_ref().as_bytes()));
    into_text(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_here_are_told_apart_from_a_providers() {
        let made = item_id("rs", "gen-1", 2);
        assert_eq!(made, "rs_gw_gen-1_2");
        assert_eq!(told_id(made.into()), None);
        assert_eq!(told_id("rs_68a".into()).as_deref(), Some("rs_68a"));
        assert_eq!(told_id("call_2".into()).as_deref(), Some("call_2"));
    }

    #[test]
    fn a_citation_is_flat_here_and_nested_in_the_exchange() {
        let flat = r#"{"type":"url_citation","url":"u","title":"t","start_index":1,"end_index":2}"#;
        let raw = RawValue::from_string(flat.to_owned()).unwrap();
        let nested = annotation_in(&raw);
        assert_eq!(
            nested.get(),
            r#"{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":1,"end_index":2}}"#
        );
        assert_eq!(annotation_out(&nested), flat);
        let other = r#"{"type":"file_path","file_id":"f","index":1}"#;
        let raw = RawValue::from_string(other.to_owned()).unwrap();
        assert_eq!(annotation_out(&annotation_in(&raw)), other);
    }

    #[test]
    fn citations_of_another_protocol_come_back_as_they_were() {
        let told = r#"{"type":"document_citation","document_citation":{"document_title":"a.txt"}}"#;
        let told = RawJson::parse(told.to_owned()).unwrap();
        let out = annotation_out(&told);
        assert!(out.starts_with(
            r#"{"type":"file_citation","file_id":"","filename":"a.txt","index":0,"document_citation":"#
        ));
        assert_eq!(annotation_in(RawJson::parse(out).unwrap().as_raw()), told);
        // A provider would refuse it, and members it does not know.
        assert_eq!(annotation_sent(&told), None);
        let found = r#"{"type":"url_citation","url_citation":{"url":"u","content":"c"}}"#;
        assert_eq!(
            annotation_sent(&RawJson::parse(found.to_owned()).unwrap()).as_deref(),
            Some(r#"{"type":"url_citation","url":"u","title":"","start_index":0,"end_index":0}"#)
        );
    }

    #[test]
    fn the_end_follows_status_and_reason() {
        use FinishReason::{ContentFilter, Length, Stop, ToolCalls};
        for (status, why, calls, reason, native) in [
            ("completed", None, false, Stop, "completed"),
            ("completed", None, true, ToolCalls, "completed"),
            ("incomplete", Some("max_output_tokens"), true, Length, "max_output_tokens"),
            ("incomplete", Some("content_filter"), false, ContentFilter, "content_filter"),
        ] {
            assert_eq!(finish(status, why, calls), (reason, Some(native.to_owned())), "{status}");
        }
    }
}
