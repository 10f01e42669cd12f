//! Content blocks: which there are, what they may hold and what they cost.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::fields::{constraint, list, model, object, shape, text};
use super::{Family, REASONING, tools};
use crate::answer::Media;
use crate::rejection::Rejection;
use crate::{signature, tokens};

const KINDS: [&str; 11] = [
    "audio",
    "cachePoint",
    "citationsContent",
    "document",
    "guardContent",
    "image",
    "reasoningContent",
    "searchResult",
    "text",
    "toolResult",
    "toolUse",
];

/// A block that was checked.
#[derive(Default)]
pub(super) struct Block {
    pub kind: String,
    pub tokens: u64,
    pub media: Media,
    pub text: Option<String>,
    /// The id of the call it is or answers.
    pub call: Option<String>,
}

/// Checks a block that stands at `path` (`messages.0.content.1`) in a message of `role`. A cache
/// point is left to the caller.
pub(super) fn read(
    block: &Value,
    path: &str,
    role: &str,
    family: Family,
) -> Result<Block, Rejection> {
    let fields = block.as_object().ok_or_else(|| shape(path))?;
    let mut members = fields.iter();
    // A union: just one member, which tells the kind.
    let (Some((kind, value)), None) = (members.next(), members.next()) else {
        return Err(Rejection::invalid(format!(
            "The content block at {path} must have exactly one member."
        )));
    };
    if !KINDS.contains(&kind.as_str()) && kind != "video" {
        return Err(Rejection::invalid(format!(
            "The content block at {path} has unknown member {kind}."
        )));
    }
    let belongs = match kind.as_str() {
        "toolUse" | "reasoningContent" | "citationsContent" => role == "assistant",
        "toolResult" | "image" | "document" | "video" | "audio" | "searchResult" => role == "user",
        _ => true,
    };
    if !belongs {
        return Err(Rejection::invalid(format!(
            "The {kind} block at {path} is not allowed in a message of the {role}."
        )));
    }
    let inner = format!("{path}.{kind}");
    let block = match kind.as_str() {
        "text" => plain(value.as_str().ok_or_else(|| shape(&inner))?, path)?,
        "image" | "video" | "audio" | "document" => media(kind, value, &inner)?,
        "toolUse" => call(value, &inner, family)?,
        "toolResult" => result(value, &inner, family)?,
        "reasoningContent" => reasoning(value, path, &inner, family)?,
        "cachePoint" => Block::default(),
        _ => Block { tokens: tokens::count(&value.to_string()), ..Block::default() },
    };
    Ok(Block { kind: kind.clone(), ..block })
}

fn plain(text: &str, path: &str) -> Result<Block, Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::invalid(format!(
            "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
        )));
    }
    Ok(Block { tokens: tokens::count(text), text: Some(text.to_owned()), ..Block::default() })
}

fn media(kind: &str, value: &Value, path: &str) -> Result<Block, Rejection> {
    let known: &[&str] = match kind {
        "document" => &["format", "name", "source", "context", "citations"],
        _ => &["format", "source"],
    };
    let fields = object(value, path, known)?;
    let formats: &[&str] = match kind {
        "image" => &["png", "jpeg", "gif", "webp"],
        "document" => &["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"],
        "audio" => &["mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "webm", "m4a"],
        _ => &["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"],
    };
    let format = text(fields, "format", path)?;
    if !formats.contains(&format) {
        let what = format!("Member must satisfy enum value set: [{}]", formats.join(", "));
        return Err(constraint(&format!("{path}.format"), format, &what));
    }
    if kind == "document" {
        document_name(text(fields, "name", path)?, path)?;
    }
    let source = fields.get("source").ok_or_else(|| shape(&format!("{path}.source")))?;
    let bytes = source["bytes"].as_str();
    let given = match bytes {
        Some(bytes) => STANDARD.decode(bytes).is_ok_and(|bytes| !bytes.is_empty()),
        // Documents may be texts, and all may lie in S3.
        None => ["s3Location", "text", "content"].iter().any(|key| source.get(key).is_some()),
    };
    if !given {
        return Err(shape(&format!("{path}.source.bytes")));
    }
    let media = match kind {
        "image" => Media { images: 1, ..Media::default() },
        "audio" => Media { audio: 1, ..Media::default() },
        _ => Media { documents: 1, ..Media::default() },
    };
    Ok(Block { tokens: media.tokens(), media, ..Block::default() })
}

fn document_name(name: &str, path: &str) -> Result<(), Rejection> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " -()[]".contains(letter);
    if name.is_empty() || !name.chars().all(allowed) || name.contains("  ") {
        return Err(Rejection::invalid(format!(
            "The document file name at {path}.name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character."
        )));
    }
    Ok(())
}

fn identity(id: &str, path: &str, family: Family) -> Result<(), Rejection> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    if id.is_empty() || id.len() > 64 || !id.bytes().all(letters) {
        let what = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+";
        return Err(constraint(&format!("{path}.toolUseId"), id, what));
    }
    let nine = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if family == Family::Mistral && !nine {
        return Err(model(&format!(
            "Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."
        )));
    }
    Ok(())
}

fn call(value: &Value, path: &str, family: Family) -> Result<Block, Rejection> {
    let fields = object(value, path, &["toolUseId", "name", "input", "type"])?;
    let id = text(fields, "toolUseId", path)?;
    identity(id, path, family)?;
    let name = text(fields, "name", path)?;
    tools::name(name, &format!("{path}.name"))?;
    let input = fields.get("input").filter(|input| input.is_object()).ok_or_else(|| {
        Rejection::invalid(format!(
            "The format of the value at {path}.input is invalid. Provide a json object for the field and try again."
        ))
    })?;
    let tokens = tokens::count(name) + tokens::count(&input.to_string());
    Ok(Block { tokens, call: Some(id.to_owned()), ..Block::default() })
}

fn result(value: &Value, path: &str, family: Family) -> Result<Block, Rejection> {
    let fields = object(value, path, &["toolUseId", "content", "status", "type"])?;
    let id = text(fields, "toolUseId", path)?;
    identity(id, path, family)?;
    if let Some(status) = fields.get("status").and_then(Value::as_str)
        && !["success", "error"].contains(&status)
    {
        let what = "Member must satisfy enum value set: [success, error]";
        return Err(constraint(&format!("{path}.status"), status, what));
    }
    let parts = list(fields, "content", path)?;
    if parts.is_empty() {
        return Err(Rejection::invalid(format!("The content field at {path} is empty.")));
    }
    let mut block = Block { call: Some(id.to_owned()), ..Block::default() };
    let mut joined = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}.content.{index}");
        if let Some(json) = part.get("json") {
            let json = json.to_string();
            block.tokens += tokens::count(&json);
            joined.push(json);
            continue;
        }
        let inside: Block = match part.as_object().and_then(|part: &Map<_, _>| part.keys().next()) {
            Some(kind)
                if ["text", "image", "document", "video", "searchResult"]
                    .contains(&kind.as_str()) =>
            {
                read(part, &path, "user", family)?
            }
            _ => return Err(shape(&path)),
        };
        block.tokens += inside.tokens;
        block.media.add(inside.media);
        joined.extend(inside.text);
    }
    block.text = Some(joined.join(" "));
    Ok(block)
}

/// Checks reasoning that comes back (Bug 19).
fn reasoning(value: &Value, path: &str, inner: &str, family: Family) -> Result<Block, Rejection> {
    let fields = object(value, inner, &["reasoningText", "redactedContent"])?;
    if let Some(data) = fields.get("redactedContent") {
        let data = data.as_str().ok_or_else(|| shape(inner))?;
        return Ok(Block { tokens: tokens::count(data), ..Block::default() });
    }
    let inner = format!("{inner}.reasoningText");
    let stated = fields.get("reasoningText").ok_or_else(|| shape(&inner))?;
    let fields = object(stated, &inner, &["text", "signature"])?;
    let thought = text(fields, "text", &inner)?;
    let signature = fields.get("signature").and_then(Value::as_str);
    match (family.signs(), signature) {
        (true, None) => {
            return Err(model(&format!("{path}.thinking.signature: Field required")));
        }
        (true, Some(signature)) if !signature::fits(signature, REASONING, thought) => {
            return Err(model(&format!("{path}: Invalid `signature` in `thinking` block")));
        }
        (false, Some(_)) => {
            return Err(Rejection::invalid(
                "This model doesn't support the reasoningContent.reasoningText.signature field. Remove reasoningContent.reasoningText.signature and try again.",
            ));
        }
        _ => {}
    }
    Ok(Block { tokens: tokens::count(thought), ..Block::default() })
}
