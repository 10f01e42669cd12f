//! The `contents` array: its parts, the order of calls and responses, and their signatures.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::fields::{get, list, object, violation};
use super::{CALL, signs};
use crate::answer::{Asked, Media};
use crate::rejection::Rejection;
use crate::{signature, tokens};

/// A signature the vendor documents for history that never had one.
const SKIP: &str = "skip_thought_signature_validator";

const PART: [&str; 14] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "partMetadata",
    "mediaResolution",
    "toolCall",
    "toolResponse",
];

/// Members of a part of which it must have one.
const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

/// What a content holds.
#[derive(Default)]
pub(super) struct Content {
    pub text: String,
    pub tokens: u64,
    pub media: Media,
    pub calls: usize,
    pub responses: Vec<String>,
}

/// Checks the contents and reads them into `asked`.
pub(super) fn read(contents: &[Value], asked: &mut Asked) -> Result<(), Rejection> {
    if contents.is_empty() {
        return Err(Rejection::invalid(
            "* GenerateContentRequest.contents: contents is not specified\n",
        ));
    }
    let mut open: Option<usize> = None;
    let mut previous = "";
    for (index, content) in contents.iter().enumerate() {
        let path = format!("contents[{index}]");
        let fields = object(content, &path, &["role", "parts"])?;
        let role = fields.get("role").and_then(Value::as_str).unwrap_or("user");
        if !["user", "model", "function"].contains(&role) {
            return Err(Rejection::invalid("Please use a valid role: user, model."));
        }
        let content = parts(list(fields.get("parts")), &path)?;
        if let Some(calls) = open {
            if content.responses.len() != calls {
                return Err(uneven());
            }
        } else if !content.responses.is_empty() {
            return Err(Rejection::invalid(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if content.calls > 0 && (role != "model" || index == 0 || previous == "model") {
            return Err(Rejection::invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
            ));
        }
        open = (content.calls > 0).then_some(content.calls);
        previous = role;
        asked.prompt.input = asked
            .prompt
            .input
            .saturating_add(tokens::MESSAGE_TOKENS)
            .saturating_add(content.tokens);
        asked.media.add(content.media);
        if role != "model" {
            asked.tool_results = content.responses;
            if !content.text.is_empty() {
                asked.user_text = content.text;
            }
        }
    }
    if open.is_some() {
        return Err(uneven());
    }
    if signs(&asked.model) {
        signatures(contents)?;
    }
    Ok(())
}

fn uneven() -> Rejection {
    Rejection::invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    )
}

/// Checks the parts of one content.
pub(super) fn parts(parts: &[Value], path: &str) -> Result<Content, Rejection> {
    if parts.is_empty() {
        return Err(Rejection::invalid(format!(
            "* GenerateContentRequest.{path}.parts: contents.parts must not be empty.\n"
        )));
    }
    let mut content = Content::default();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}.parts[{index}]");
        let fields = object(part, &path, &PART)?;
        let held: Vec<&str> = DATA.into_iter().filter(|name| get(fields, name).is_some()).collect();
        let signed = get(fields, "thoughtSignature").is_some();
        let empty = get(fields, "text").and_then(Value::as_str) == Some("");
        match held.as_slice() {
            // A part may carry nothing but a signature.
            [] | ["text"] if signed && (held.is_empty() || empty) => continue,
            [_] if !empty => {}
            [_, _, ..] => {
                return Err(violation(
                    &path,
                    format!(
                        "Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{}'",
                        held[1]
                    ),
                ));
            }
            _ => {
                return Err(Rejection::invalid(format!(
                    "* GenerateContentRequest.{path}.data: required oneof field 'data' must have one initialized field\n"
                )));
            }
        }
        part_into(fields, &path, &mut content)?;
    }
    Ok(content)
}

fn part_into(
    fields: &Map<String, Value>,
    path: &str,
    content: &mut Content,
) -> Result<(), Rejection> {
    let mut cost = 0_u64;
    if let Some(text) = get(fields, "text").and_then(Value::as_str) {
        cost = tokens::count(text);
        // Thoughts that come back are not something anybody said.
        if fields.get("thought") != Some(&Value::Bool(true)) {
            if !content.text.is_empty() {
                content.text.push(' ');
            }
            content.text.push_str(text);
        }
    }
    for name in ["inlineData", "fileData"] {
        let Some(value) = get(fields, name) else { continue };
        let known: &[&str] = match name {
            "inlineData" => &["mimeType", "data", "displayName"],
            _ => &["mimeType", "fileUri", "displayName"],
        };
        let blob = object(value, &format!("{path}.{name}"), known)?;
        let kind = get(blob, "mimeType").and_then(Value::as_str).unwrap_or_default();
        let media = match kind.split('/').next() {
            Some("image") => Media { images: 1, ..Media::default() },
            Some("audio") => Media { audio: 1, ..Media::default() },
            _ => Media { documents: 1, ..Media::default() },
        };
        cost = cost.saturating_add(media.tokens());
        content.media.add(media);
    }
    if let Some(call) = get(fields, "functionCall") {
        let path = format!("{path}.function_call");
        let call = object(call, &path, &["id", "name", "args", "partialArgs", "willContinue"])?;
        let name = name(call, &path)?;
        let args = structure(call.get("args"), &format!("{path}.args"))?;
        cost = cost.saturating_add(tokens::count(name)).saturating_add(tokens::count(&args));
        content.calls += 1;
    }
    if let Some(response) = get(fields, "functionResponse") {
        let path = format!("{path}.function_response");
        let known = ["id", "name", "response", "parts", "scheduling", "willContinue"];
        let response = object(response, &path, &known)?;
        name(response, &path)?;
        let text = structure(response.get("response"), &format!("{path}.response"))?;
        if response.get("response").is_some_and(|value| references(value, 0)) {
            return Err(Rejection::invalid(
                "Request contains an invalid argument: a `$ref` in function_response does not name a part.",
            ));
        }
        cost = cost.saturating_add(tokens::count(&text));
        content.responses.push(text);
    }
    content.tokens = content.tokens.saturating_add(cost);
    Ok(())
}

fn name<'a>(fields: &'a Map<String, Value>, path: &str) -> Result<&'a str, Rejection> {
    fields.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).ok_or_else(|| {
        Rejection::invalid(format!("* GenerateContentRequest.{path}.name: Name cannot be empty.\n"))
    })
}

/// The text of a member that must be an object.
fn structure(value: Option<&Value>, path: &str) -> Result<String, Rejection> {
    match value {
        None | Some(Value::Null) => Ok("{}".to_owned()),
        Some(value @ Value::Object(_)) => Ok(value.to_string()),
        Some(value) => Err(violation(
            path,
            format!(
                "Invalid value at '{path}' (type.googleapis.com/google.protobuf.Struct), {value}"
            ),
        )),
    }
}

/// Whether a string under the key `$ref` occurs, which the vendor takes for a reference.
fn references(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth > 128 => false,
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            (key == "$ref" && value.is_string()) || references(value, depth + 1)
        }),
        Value::Array(values) => values.iter().any(|value| references(value, depth + 1)),
        _ => false,
    }
}

/// Checks that the first call of each step in the current turn carries its signature.
fn signatures(contents: &[Value]) -> Result<(), Rejection> {
    let calls = |content: &Value| -> Vec<(usize, Value, Option<String>)> {
        let parts = list(content.get("parts")).iter().enumerate();
        parts
            .filter_map(|(index, part)| {
                let fields = part.as_object()?;
                let call = get(fields, "functionCall")?.clone();
                let signature = get(fields, "thoughtSignature").and_then(Value::as_str);
                Some((index, call, signature.map(str::to_owned)))
            })
            .collect()
    };
    let speaks = |content: &Value| {
        content["role"] != "model"
            && list(content.get("parts")).iter().any(|part| part.get("text").is_some())
    };
    let turn = contents.iter().rposition(speaks).unwrap_or(0);
    for (index, content) in contents.iter().enumerate().skip(turn) {
        let calls = calls(content);
        let Some((place, call, signature)) = calls.first() else { continue };
        let name = call["name"].as_str().unwrap_or_default();
        let Some(signature) = signature else {
            return Err(Rejection::invalid(format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}` , position {}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                index + place + 1
            )));
        };
        let expected = signature::fits(signature, CALL, &signed_text(name, call.get("args")));
        if !expected && !skips(signature, index, *place)? {
            return Err(Rejection::invalid("Corrupted thought signature."));
        }
    }
    Ok(())
}

/// What the signature of a call is made over.
pub(super) fn signed_text(name: &str, args: Option<&Value>) -> String {
    let args = args.map_or_else(|| "{}".to_owned(), Value::to_string);
    format!("{name} {args}")
}

/// Whether a signature is the documented dummy, as plain text or once more in base64.
fn skips(signature: &str, index: usize, place: usize) -> Result<bool, Rejection> {
    // Google's JSON reader takes both alphabets, padded or not.
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, config);
    let plain = signature.replace('+', "-").replace('/', "_");
    let decoded = engine.decode(plain).map_err(|_| {
        let path = format!("contents[{index}].parts[{place}].thought_signature");
        violation(
            &path,
            format!(
                "Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{signature}\""
            ),
        )
    })?;
    Ok(signature == SKIP || decoded == SKIP.as_bytes())
}
