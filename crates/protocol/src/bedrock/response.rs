//! A provider's whole answer → exchange. wire-formats 5.3

use serde_json::value::RawValue;

use super::media::image_type;
use super::wire::{REASONING, finish};
use super::{citations, error, usage};
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Choice, ErrorType, Extras, Fault, MediaSource, ReasoningBlock,
    ReasoningContent, Response, Role, Turn,
};
use crate::json::lenient::{elements, object, text, words};
use crate::json::{MAX_DEPTH, Object, RawJson};
use crate::target::ResponseContext;
use crate::tool_input::input_text;

/// Reads a whole answer.
pub fn decode_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    let mut whole = parse(body)?;
    let output = object(whole.take_raw("output"));
    let message = output.as_ref().and_then(|output| object(output.peek("message")));
    let Some(message) = message else {
        // An exception in an answer with status 200 is an exception. Bug 11
        if whole.peek("message").is_some() || whole.peek("__type").is_some() {
            return Err(error::decode_error(200, None, body));
        }
        return Err(malformed("it has no message"));
    };
    let mut reading = Reading { context, blocks: Vec::new(), written: 0, answer: None };
    for entry in elements(message.peek("content")) {
        reading.take(entry)?;
    }
    let answered = reading.answer.is_some();
    let blocks = reading.finish();
    let native = words(whole.take_raw("stopReason"));
    let calls = blocks.iter().any(|block| matches!(block.kind, BlockKind::ToolCall { .. }));
    let counts = usage::read(whole.take_raw("usage"));
    let service_tier = tier(whole.take_raw("serviceTier"));
    let reason = finish(native.as_deref(), calls, answered);
    let finished = native.is_some() || calls || context.no_finish_reason;
    Ok(Response {
        id: None,
        model: None,
        created: None,
        choices: vec![Choice {
            index: 0,
            turn: Turn::new(Role::Assistant, blocks),
            finish: finished.then_some(reason),
            native_finish: native,
            logprobs: None,
            extras: Extras::default(),
        }],
        usage: counts,
        service_tier,
        system_fingerprint: None,
        extras: Extras::of(Dialect::Bedrock, whole.into_members()),
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
pub(super) fn malformed(why: &str) -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, format!("The provider's answer is malformed: {why}"))
}

/// The tier that served. TIER-7
pub(super) fn tier(raw: Option<&RawValue>) -> Option<String> {
    words(object(raw)?.peek("type"))
}

/// An image's bytes.
pub(super) fn image(source: Option<&RawValue>, format: &str) -> Option<MediaSource> {
    let source = object(source)?;
    match words(source.peek("bytes")) {
        Some(data) => Some(MediaSource::Base64 { media_type: image_type(format), data }),
        None => words(object(source.peek("s3Location"))?.peek("uri")).map(MediaSource::Url),
    }
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
        let block = object(Some(entry)).ok_or_else(|| malformed("a block is not an object"))?;
        if let Some(raw) = block.peek("text") {
            self.text(text(Some(raw)).unwrap_or_default(), &[]);
        } else if let Some(reasoning) = object(block.peek("reasoningContent")) {
            if !self.context.exclude_reasoning {
                self.reasoning(&reasoning);
            }
        } else if let Some(call) = object(block.peek("toolUse"))
            && call.peek("type").is_none()
        {
            self.call(&call);
        } else if let Some(cited) = object(block.peek("citationsContent")) {
            let generated: String = elements(cited.peek("content"))
                .into_iter()
                .filter_map(|part| object(Some(part)))
                .filter_map(|part| text(part.peek("text")))
                .collect();
            self.text(generated, &elements(cited.peek("citations")));
        } else if let Some(found) = object(block.peek("image"))
            && let Some(source) = image(
                found.peek("source"),
                &words(found.peek("format")).unwrap_or_else(|| "png".to_owned()),
            )
        {
            self.blocks.push(Block::new(BlockKind::Image { source, detail: None }));
        } else {
            self.blocks.push(Block::new(BlockKind::Opaque {
                origin: Dialect::Bedrock,
                raw: RawJson::from_raw(entry),
            }));
        }
        Ok(())
    }

    fn text(&mut self, text: String, cited: &[&RawValue]) {
        let start = self.written;
        self.written += text.chars().count() as u64;
        let annotations = cited
            .iter()
            .filter_map(|raw| citations::annotation(raw, start, self.written))
            .collect();
        self.blocks.push(Block::new(BlockKind::Text { text, annotations }));
    }

    fn reasoning(&mut self, reasoning: &Object<'_>) {
        let content = if let Some(told) = object(reasoning.peek("reasoningText")) {
            let signature = words(told.peek("signature"));
            ReasoningContent::Text { text: text(told.peek("text")).unwrap_or_default(), signature }
        } else if let Some(data) = words(reasoning.peek("redactedContent")) {
            ReasoningContent::Encrypted { data }
        } else {
            return;
        };
        self.blocks.push(Block::new(BlockKind::Reasoning(ReasoningBlock {
            content,
            id: None,
            format: REASONING,
        })));
    }

    fn call(&mut self, call: &Object<'_>) {
        let name = text(call.peek("name")).unwrap_or_default();
        let arguments = input_text(call.peek("input"));
        if self.context.emulated_output_tool.as_deref() == Some(name.as_str()) {
            self.answer.get_or_insert(arguments);
            return;
        }
        self.blocks.push(Block::new(BlockKind::ToolCall {
            id: text(call.peek("toolUseId")).unwrap_or_default(),
            name: self.context.declared_name(&name).to_owned(),
            arguments,
        }));
    }

    /// With an emulated answer that answer is the content, before any call, and words around it are
    /// not. Bug 13
    fn finish(self) -> Vec<Block> {
        let Some(answer) = self.answer else { return self.blocks };
        let mut blocks = self.blocks;
        blocks.retain(|block| !matches!(block.kind, BlockKind::Text { .. }));
        let is_call = |block: &Block| matches!(block.kind, BlockKind::ToolCall { .. });
        let place = blocks.iter().position(is_call).unwrap_or(blocks.len());
        blocks.insert(place, Block::text(answer));
        blocks
    }
}
