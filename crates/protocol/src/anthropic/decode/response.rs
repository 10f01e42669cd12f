//! A provider's whole answer → exchange. wire-formats 2.2

use serde_json::value::RawValue;

use crate::Dialect;
use crate::anthropic::usage::Counts;
use crate::anthropic::wire::finish_of;
use crate::anthropic::{citations, error};
use crate::exchange::Choice;
use crate::exchange::{
    Block, BlockKind, ErrorType, Extras, Fault, FinishReason, ReasoningBlock, ReasoningContent,
    ReasoningFormat, Response, Role, Turn,
};
use crate::json::{MAX_DEPTH, Object, RawJson, half};
use crate::target::ResponseContext;
use crate::tool_input::input_text;

/// Reads a whole answer. An error object in an answer with status 200 is an error. Bug 11
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let mut object = parse(body)?;
    if object.peek_str("type").as_deref() == Some("error")
        || object.peek("error").is_some_and(|raw| raw.get() != "null")
    {
        return Err(error::from_envelope(None, &object));
    }
    let content = object.take_raw("content").ok_or_else(|| malformed("it has no content"))?;
    let entries: Vec<&RawValue> = match content.get() {
        "null" => Vec::new(),
        text => serde_json::from_str(text).map_err(|_| malformed("its content is not a list"))?,
    };
    let mut counts = Counts::default();
    let usage = object.take_raw("usage").filter(|usage| usage.get() != "null");
    if let Some(usage) = usage {
        counts.merge(usage);
    }
    let native = text_of(object.take_raw("stop_reason"));
    let mut reading = Reading { context, blocks: Vec::new(), written: 0, answer: None };
    for entry in entries {
        reading.take(entry)?;
    }
    let mut blocks = reading.finish();
    let mut finish = native.as_deref().map(finish_of);
    let calls = blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
    if finish == Some(FinishReason::ToolCalls) && !calls && context.emulated_output_tool.is_some() {
        // The only call was the answer itself. Bug 13
        finish = Some(FinishReason::Stop);
    }

    let mut extras = Vec::new();
    for name in ["stop_sequence", "stop_details"] {
        if let Some(value) = object.take_raw(name).filter(|value| value.get() != "null") {
            if name == "stop_details"
                && finish == Some(FinishReason::ContentFilter)
                && let Some(text) = explanation(value)
            {
                blocks.push(Block::new(BlockKind::Refusal { text }));
            }
            extras.push((name.to_owned(), RawJson::from_raw(value)));
        }
    }
    let id = text_of(object.take_raw("id"));
    let model = text_of(object.take_raw("model"));
    // The provider is named anew when the answer is written.
    for known in ["type", "role", "provider"] {
        object.take_raw(known);
    }
    Ok(Response {
        id,
        model,
        created: None,
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, blocks),
            finish,
            native_finish: native,
            logprobs: None,
            extras: Extras::of(Dialect::Anthropic, extras),
        }],
        usage: usage.map(|_| counts.normalised()),
        service_tier: counts.service_tier,
        system_fingerprint: None,
        extras: Extras::of(Dialect::Anthropic, object.into_members()),
    })
}

fn parse(body: &[u8]) -> Result<Object<'_>, Fault> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    if crate::json::envelope::check_depth(body).is_err() {
        return Err(malformed(&format!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    Object::parse(text).map_err(|_| malformed("it is not a JSON object"))
}

/// An answer that cannot be read.
pub(in crate::anthropic) fn malformed(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("The provider's answer is malformed: {why}"))
}

/// A string, whatever else may stand there.
pub(in crate::anthropic) fn text_of(raw: Option<&RawValue>) -> Option<String> {
    half::lossy(raw?.get()).map(Into::into)
}

/// Why the model declined, if `stop_details` tell.
pub(in crate::anthropic) fn explanation(details: &RawValue) -> Option<String> {
    let details = Object::of(details).ok()?;
    details.peek_str("explanation").filter(|text| !text.is_empty()).map(Into::into)
}

/// A reasoning block of this vendor.
pub(in crate::anthropic) fn reasoning(content: ReasoningContent) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content,
        id: None,
        format: ReasoningFormat::Anthropic,
    }))
}

struct Reading<'c> {
    context: &'c ResponseContext,
    blocks: Vec<Block>,
    /// Characters of content so far, for the positions of annotations.
    written: u64,
    /// The input of the tool that stands for the answer.
    answer: Option<String>,
}

impl Reading<'_> {
    fn take(&mut self, entry: &RawValue) -> Result<(), Fault> {
        let mut object = Object::of(entry).map_err(|_| malformed("a block is not an object"))?;
        let kind = object.peek_str("type").unwrap_or_default().into_owned();
        match kind.as_str() {
            "text" => {
                let text = text_of(object.take_raw("text")).unwrap_or_default();
                let start = self.written;
                self.written += text.chars().count() as u64;
                let cited: Vec<&RawValue> = object
                    .peek("citations")
                    .and_then(|raw| serde_json::from_str(raw.get()).ok())
                    .unwrap_or_default();
                let annotations = cited
                    .into_iter()
                    .filter_map(|raw| citations::annotation(raw, start, self.written))
                    .collect();
                self.blocks.push(Block::new(BlockKind::Text { text, annotations }));
            }
            "thinking" | "redacted_thinking" if self.context.exclude_reasoning => {}
            "thinking" => {
                let text = text_of(object.take_raw("thinking")).unwrap_or_default();
                let signature =
                    text_of(object.take_raw("signature")).filter(|signature| !signature.is_empty());
                self.blocks.push(reasoning(ReasoningContent::Text { text, signature }));
            }
            "redacted_thinking" => {
                let data = text_of(object.take_raw("data")).unwrap_or_default();
                self.blocks.push(reasoning(ReasoningContent::Encrypted { data }));
            }
            "tool_use" => {
                let name = text_of(object.take_raw("name")).unwrap_or_default();
                let arguments = input_text(object.take_raw("input"));
                if self.context.emulated_output_tool.as_deref() == Some(name.as_str()) {
                    self.answer.get_or_insert(arguments);
                    return Ok(());
                }
                self.blocks.push(Block::new(BlockKind::ToolCall {
                    id: text_of(object.take_raw("id")).unwrap_or_default(),
                    name: self.context.declared_name(&name).to_owned(),
                    arguments,
                }));
            }
            _ => self.blocks.push(Block::new(BlockKind::Opaque {
                origin: Dialect::Anthropic,
                raw: RawJson::from_raw(entry),
            })),
        }
        Ok(())
    }

    /// With an emulated answer that answer is the content, and words around it are not.
    fn finish(mut self) -> Vec<Block> {
        if let Some(answer) = self.answer {
            let is_text = |block: &Block| matches!(block.kind, BlockKind::Text { .. });
            let place = self
                .blocks
                .iter()
                .position(|block| matches!(block.kind, BlockKind::ToolCall { .. }))
                .unwrap_or(self.blocks.len());
            self.blocks.insert(place, Block::text(String::new()));
            let mut kept: Vec<Block> = Vec::with_capacity(self.blocks.len());
            for (at, block) in self.blocks.into_iter().enumerate() {
                if at == place {
                    kept.push(Block::text(answer.clone()));
                } else if !is_text(&block) {
                    kept.push(block);
                }
            }
            return kept;
        }
        self.blocks
    }
}
