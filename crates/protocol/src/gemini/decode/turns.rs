//! Contents of a caller → turns.

use serde_json::value::RawValue;

use super::reader::Reader;
use crate::Dialect;
use crate::exchange::{
    Block, BlockKind, Extras, Fault, MediaSource, Origin, ReasoningBlock, ReasoningContent,
    ReasoningFormat, Role, Turn,
};
use crate::gemini::wire::media_type_of;
use crate::json::{Object, RawJson, compact};

/// The turns so far, and which calls have no result yet.
#[derive(Default)]
pub(super) struct Conversation {
    pub(super) turns: Vec<Turn>,
    open: Vec<OpenCall>,
    calls: usize,
}

struct OpenCall {
    id: String,
    name: String,
    /// The caller gave the id.
    given: bool,
}

/// The members of a part that say what it is.
const KINDS: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

impl Conversation {
    /// Takes the system instruction: a content, or plain text.
    pub(super) fn system(&mut self, raw: &RawValue, path: &str) -> Result<(), Fault> {
        let mut blocks = Vec::new();
        if raw.get().starts_with('"') {
            let text: String = serde_json::from_str(raw.get())
                .map_err(|error| Fault::invalid(format!("{path}: {error}")))?;
            blocks.push(Block::text(text));
        } else {
            let mut content = Reader::new(raw, path.to_owned())?;
            for (index, part) in content.objects("parts")?.into_iter().enumerate() {
                let mut part = Reader::new(part, format!("{path}.parts[{index}]"))?;
                let Some(text) = part.text("text")? else {
                    return Err(Fault::invalid(format!("{}: is needed", part.at("text"))));
                };
                let mut block = Block::text(text);
                block.extras = Extras::of(Dialect::Gemini, part.object.into_members());
                blocks.push(block);
            }
        }
        if !blocks.is_empty() {
            self.turns.push(Turn::new(Role::System, blocks));
        }
        Ok(())
    }

    /// Takes one content. Results of functions become turns of their own.
    pub(super) fn content(&mut self, raw: &RawValue, at: usize) -> Result<(), Fault> {
        let mut content = Reader::new(raw, format!("contents[{at}]"))?;
        let at = Origin::position(at);
        let role = match content.text("role")?.as_deref() {
            None | Some("" | "user" | "function") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => {
                return Err(Fault::invalid(format!(
                    "{}: must be user or model",
                    content.at("role")
                ))
                .of_unknown());
            }
        };
        let parts = content.objects("parts")?;
        let mut blocks = Vec::with_capacity(parts.len());
        let mut results = Vec::new();
        for (index, raw) in parts.into_iter().enumerate() {
            let part = Reader::new(raw, format!("{}.parts[{index}]", content.path))?;
            let place = (at, Origin::position(index));
            if is(&part.object, "functionResponse") {
                results.push(Turn::new(Role::Tool, vec![self.result(part, place)?]));
            } else {
                let before = blocks.len();
                self.part(raw, part, role, &mut blocks)?;
                let origin = Origin::Part(place.0, place.1);
                blocks.iter_mut().skip(before).for_each(|block| block.origin = origin);
            }
        }
        let spoke = !blocks.is_empty() || results.is_empty();
        self.turns.append(&mut results);
        if let Some(last) = self.turns.last_mut().filter(|last| {
            // One answer that was streamed in pieces comes back in pieces.
            spoke && role == Role::Assistant && last.role == role
        }) {
            last.blocks.append(&mut blocks);
        } else if spoke {
            let mut turn = Turn::new(role, blocks);
            turn.extras = Extras::of(Dialect::Gemini, content.object.into_members());
            self.turns.push(turn);
        }
        Ok(())
    }

    fn part(
        &mut self,
        raw: &RawValue,
        mut part: Reader<'_>,
        role: Role,
        blocks: &mut Vec<Block>,
    ) -> Result<(), Fault> {
        if !KINDS.iter().any(|kind| is(&part.object, kind)) {
            let signature = part.text("thoughtSignature")?;
            if part.object.is_empty() {
                let Some(data) = signature else {
                    return Err(Fault::invalid(format!(
                        "{}: an empty part; give text, inlineData, fileData, functionCall or functionResponse",
                        part.path
                    )));
                };
                blocks.push(encrypted(None, data));
                return Ok(());
            }
            let raw = RawJson::from_raw(raw);
            blocks.push(Block::new(BlockKind::Opaque { origin: Dialect::Gemini, raw }));
            return Ok(());
        }
        let signature = part.text("thoughtSignature")?.filter(|text| !text.is_empty());
        if let Some(call) = part.child("functionCall")? {
            if role != Role::Assistant {
                return Err(Fault::invalid(format!(
                    "{}: only the model calls functions",
                    call.path
                )));
            }
            let block = self.call(call)?;
            if let (BlockKind::ToolCall { id, .. }, Some(data)) = (&block.kind, signature) {
                blocks.push(encrypted(Some(id.clone()), data));
            }
            blocks.push(with_rest(block, part));
            return Ok(());
        }
        if let Some(mut data) = part.child("inlineData")? {
            let media_type = data.text("mimeType")?.unwrap_or_default();
            let Some(bytes) = data.text("data")? else {
                return Err(Fault::invalid(format!("{}: is needed", data.at("data"))));
            };
            let name = data.text("displayName")?;
            let source = MediaSource::Base64 { media_type: media_type.clone(), data: bytes };
            blocks.push(with_rest(medium(&media_type, source, name), part));
            blocks.extend(signature.map(|data| encrypted(None, data)));
            return Ok(());
        }
        if let Some(raw) = part.object.peek("fileData").or_else(|| part.object.peek("file_data")) {
            let mut file = Reader::new(raw, part.at("fileData"))?;
            let Some(uri) = file.text("fileUri")? else {
                return Err(Fault::invalid(format!("{}: is needed", file.at("fileUri"))));
            };
            let told = file.text("mimeType")?;
            let media_type =
                told.unwrap_or_else(|| media_type_of(&uri).unwrap_or("video/mp4").to_owned());
            let source =
                if uri.contains("://") { MediaSource::Url(uri) } else { MediaSource::FileId(uri) };
            // The member itself stays among the extras: its media type has no place elsewhere.
            blocks.push(with_rest(medium(&media_type, source, None), part));
            return Ok(());
        }
        let text = part.text("text")?.unwrap_or_default();
        if part.take::<bool>("thought")? == Some(true) {
            let content = ReasoningContent::Text { text, signature };
            let block = BlockKind::Reasoning(ReasoningBlock {
                content,
                id: None,
                format: ReasoningFormat::Gemini,
            });
            blocks.push(with_rest(Block::new(block), part));
            return Ok(());
        }
        if !text.is_empty() || signature.is_none() {
            blocks.push(with_rest(Block::text(text), part));
        }
        blocks.extend(signature.map(|data| encrypted(None, data)));
        Ok(())
    }

    fn call(&mut self, mut call: Reader<'_>) -> Result<Block, Fault> {
        let Some(name) = call.text("name")?.filter(|name| !name.is_empty()) else {
            return Err(Fault::invalid(format!("{}: is needed", call.at("name"))));
        };
        let given = call.text("id")?.filter(|id| !id.is_empty());
        let path = call.at("args");
        let arguments = match call.raw("args") {
            None => "{}".to_owned(),
            Some(raw) if raw.get().starts_with('{') => compact(raw.get()),
            Some(_) => return Err(Fault::invalid(format!("{path}: must be an object"))),
        };
        let has_id = given.is_some();
        let id = given.unwrap_or_else(|| format!("call_{}_{name}", self.calls));
        self.calls += 1;
        self.open.push(OpenCall { id: id.clone(), name: name.clone(), given: has_id });
        Ok(Block::new(BlockKind::ToolCall { id, name, arguments }))
    }

    /// A result, tied to its call by id, or else by name and order.
    fn result(&mut self, mut part: Reader<'_>, at: (u32, u32)) -> Result<Block, Fault> {
        let path = part.at("functionResponse");
        let Some(mut result) = part.child("functionResponse")? else {
            return Err(Fault::invalid(format!("{path}: is needed")));
        };
        let id = result.text("id")?.filter(|id| !id.is_empty());
        let name = result.text("name")?.unwrap_or_default();
        let same_id = |call: &OpenCall| id.as_deref().is_some_and(|id| call.given && call.id == id);
        let found = self
            .open
            .iter()
            .position(same_id)
            .or_else(|| self.open.iter().position(|call| call.name == name))
            .ok_or_else(|| {
                Fault::invalid(format!(
                    "{path}: answers no functionCall; its name and id must be those of a call before it"
                ))
            })?;
        let call = self.open.remove(found);
        let mut content = Vec::new();
        let mut is_error = false;
        if let Some(raw) = result.raw("response") {
            let (text, failed) = result_text(raw, &result.at("response"))?;
            is_error = failed;
            content.push(Block::text(text));
        }
        for (index, raw) in result.objects("parts")?.into_iter().enumerate() {
            let inner = Reader::new(raw, format!("{path}.parts[{index}]"))?;
            let before = content.len();
            self.part(raw, inner, Role::User, &mut content)?;
            let origin = Origin::ResponsePart(at.0, at.1, Origin::position(index));
            content.iter_mut().skip(before).for_each(|block| block.origin = origin);
        }
        let kind = BlockKind::ToolResult {
            call_id: call.id,
            name: (!name.is_empty()).then_some(name),
            content,
            is_error,
        };
        Ok(with_rest(Block::new(kind).at(Origin::Part(at.0, at.1)), part))
    }
}

/// The text of a result: of a wrapped text the text itself, of anything else its JSON.
fn result_text(raw: &RawValue, path: &str) -> Result<(String, bool), Fault> {
    let object = Object::of(raw)
        .map_err(|error| Fault::invalid(format!("{path}: must be an object ({error})")))?;
    if object.len() == 1 {
        if let Some(text) = object.peek_str("result") {
            return Ok((text.into_owned(), false));
        }
        if let Some(text) = object.peek_str("error") {
            return Ok((text.into_owned(), true));
        }
    }
    Ok((compact(raw.get()), false))
}

fn is(object: &Object<'_>, kind: &str) -> bool {
    let there = |name: &str| object.peek(name).is_some_and(|raw| raw.get() != "null");
    there(kind) || there(&super::reader::snake(kind))
}

fn with_rest(mut block: Block, part: Reader<'_>) -> Block {
    block.extras = Extras::of(Dialect::Gemini, part.object.into_members());
    block
}

fn encrypted(id: Option<String>, data: String) -> Block {
    Block::new(BlockKind::Reasoning(ReasoningBlock {
        content: ReasoningContent::Encrypted { data },
        id,
        format: ReasoningFormat::Gemini,
    }))
}

fn medium(media_type: &str, source: MediaSource, filename: Option<String>) -> Block {
    let (family, name) = media_type.split_once('/').unwrap_or((media_type, ""));
    Block::new(match family {
        "image" => BlockKind::Image { source, detail: None },
        "audio" => BlockKind::Audio {
            source,
            format: name.split(';').next().unwrap_or_default().to_ascii_lowercase(),
            transcript: None,
        },
        "video" => BlockKind::Video { source },
        _ => BlockKind::File { source, filename },
    })
}
