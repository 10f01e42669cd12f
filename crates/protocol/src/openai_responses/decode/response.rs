//! A provider's whole answer. wire-formats 9.2

use std::borrow::Cow;

use super::item;
use crate::exchange::{
    Block, BlockKind, Choice, ErrorType, Extras, Fault, Response, Role, Turn, Usage,
};
use crate::json::{Object, RawJson};
use crate::openai_chat::read::{is_null, lenient_array, lenient_count, lenient_object};
use crate::openai_responses::error::fault_inside;
use crate::openai_responses::{namespace, usage, wire};
use crate::target::ResponseContext;

/// The most items read of one answer.
pub(in crate::openai_responses) const MAX_ITEMS: usize = 10_000;

/// Reads a provider's whole answer. An error inside a good status is an error, and so is an answer
/// that is not there yet. Bug 11
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| broken("it is not valid UTF-8"))?;
    let answer = Object::parse(text).map_err(|_| broken("it is not valid JSON"))?;
    if let Some(fault) = fault_inside(&answer) {
        return Err(fault);
    }
    let Some(output) = answer.peek("output").filter(|raw| raw.get().starts_with('[')) else {
        return Err(broken("it has no output"));
    };
    let status = answer.peek_str("status").unwrap_or(Cow::Borrowed("completed"));
    if matches!(status.as_ref(), "queued" | "in_progress") {
        return Err(broken("it is not complete"));
    }
    let entries = lenient_array(output);
    if entries.len() > MAX_ITEMS {
        return Err(broken("it has too many items"));
    }
    let mut reader = Reader::default();
    for mut item in entries.into_iter().filter_map(lenient_object) {
        reader.item(&mut item, context);
    }
    let logprobs = wire::logprobs_in(&reader.probabilities);
    let incomplete = incomplete_reason(&answer);
    let (reason, native) = wire::finish(&status, incomplete.as_deref(), reader.calls);
    let told = answer.peek("usage").filter(|raw| !is_null(raw));
    let counts = told
        .and_then(|raw| usage::read(raw, context.reasoning_tokens_on_top))
        .map(|counts| with_searches(counts, reader.searches));
    Ok(Response {
        id: text_of(&answer, "id"),
        model: text_of(&answer, "model"),
        created: answer.peek("created_at").map(lenient_count).filter(|time| *time > 0),
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, reader.blocks),
            finish: Some(reason),
            native_finish: native,
            logprobs,
            extras: Extras::default(),
        }],
        usage: counts,
        // `auto` is what was asked for, not what serves.
        service_tier: text_of(&answer, "service_tier").filter(|tier| tier != "auto"),
        system_fingerprint: None,
        extras: Extras::default(),
    })
}

/// Counts with the searches that were seen, where the provider tells none.
pub(in crate::openai_responses) fn with_searches(counts: Usage, seen: u64) -> Usage {
    Usage { web_searches: counts.web_searches.max(seen), ..counts }
}

/// Why an answer is incomplete, if it is.
pub(in crate::openai_responses) fn incomplete_reason<'a>(
    answer: &Object<'a>,
) -> Option<Cow<'a, str>> {
    lenient_object(answer.peek("incomplete_details")?)?.peek_str("reason")
}

pub(in crate::openai_responses) fn text_of(object: &Object<'_>, name: &str) -> Option<String> {
    object.peek_str(name).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

fn broken(why: &str) -> Fault {
    Fault::new(
        ErrorType::ProviderUnavailable,
        format!("Provider returned an invalid answer: {why}"),
    )
}

#[derive(Default)]
struct Reader<'a> {
    blocks: Vec<Block>,
    calls: bool,
    /// The message before is commentary.
    commented: bool,
    searches: u64,
    probabilities: Vec<&'a serde_json::value::RawValue>,
}

impl<'a> Reader<'a> {
    fn item(&mut self, item: &mut Object<'a>, context: &ResponseContext) {
        match item.peek_str("type").as_deref() {
            Some("message") => {
                let begin = self.blocks.len();
                for part in item.peek("content").map(lenient_array).unwrap_or_default() {
                    if let Some(part) = lenient_object(part) {
                        self.part(&part);
                    }
                }
                let text =
                    self.blocks[begin..].iter_mut().find_map(|block| match &mut block.kind {
                        BlockKind::Text { text, .. } => Some(text),
                        _ => None,
                    });
                if let Some(text) = text
                    && std::mem::replace(&mut self.commented, wire::is_commentary(item))
                {
                    text.insert_str(0, wire::BETWEEN_MESSAGES);
                }
            }
            Some("reasoning") if !context.exclude_reasoning => {
                self.blocks.extend(item::reasoning(item));
            }
            Some(kind @ ("function_call" | "custom_tool_call")) => {
                self.calls = true;
                let name = item.peek_str("name").unwrap_or_default();
                let name = declared_name(item, &name, context);
                let arguments = if kind == "custom_tool_call" {
                    wire::custom_arguments(&item.peek_str("input").unwrap_or_default()).into()
                } else {
                    item.peek_str("arguments").unwrap_or_default()
                };
                self.blocks.push(Block::new(BlockKind::ToolCall {
                    id: call_id(item),
                    name,
                    // Bug 3
                    arguments: if arguments.is_empty() {
                        "{}".to_owned()
                    } else {
                        arguments.into_owned()
                    },
                }));
            }
            Some("image_generation_call") => {
                self.blocks.extend(
                    wire::generated_image(item)
                        .map(|source| Block::new(BlockKind::Image { source, detail: None })),
                );
            }
            // Tools that the provider ran itself: what they brought is in the text.
            _ => self.searches += u64::from(wire::is_search(item)),
        }
    }

    fn part(&mut self, part: &Object<'a>) {
        match part.peek_str("type").as_deref() {
            Some("output_text" | "text") => {
                let text = part.peek_str("text").unwrap_or_default().into_owned();
                let found = part.peek("annotations").map(lenient_array).unwrap_or_default();
                let annotations: Vec<RawJson> =
                    found.into_iter().map(wire::annotation_in).collect();
                if !text.is_empty() || !annotations.is_empty() {
                    self.blocks.push(Block::new(BlockKind::Text { text, annotations }));
                }
                self.probabilities
                    .extend(part.peek("logprobs").map(lenient_array).unwrap_or_default());
            }
            Some("refusal") => {
                if let Some(text) = text_of(part, "refusal") {
                    self.blocks.push(Block::new(BlockKind::Refusal { text }));
                }
            }
            _ => {}
        }
    }
}

/// What the tool of a call goes by in the exchange.
pub(in crate::openai_responses) fn declared_name(
    call: &Object<'_>,
    name: &str,
    context: &ResponseContext,
) -> String {
    if let Some(namespace) = namespace::of(call) {
        let joined = namespace::joined(&namespace, name);
        if context.tool_names.contains_key(&joined) {
            return joined;
        }
    }
    context.declared_name(name).to_owned()
}

/// The id that a result names; the item's own where there is none.
pub(in crate::openai_responses) fn call_id(item: &Object<'_>) -> String {
    text_of(item, "call_id").or_else(|| text_of(item, "id")).unwrap_or_default()
}
