//! Bodies of models that Bedrock invokes: Titan, Cohere Embed, and both families of rerank.

use serde_json::{Map, Value, json};

use super::numbers::Numbers;
use super::vector::embedding;
use super::{Measured, cohere, fields, rerank};
use crate::rejection::Rejection;
use crate::tokens;
use crate::turn::Turn;

/// The header that states the tokens of what was invoked.
const COUNT: &str = "x-amzn-bedrock-input-token-count";

pub(super) fn refuse(key: &str, why: &str) -> Rejection {
    Rejection::invalid(format!(
        "Malformed input request: #/{key}: {why}, please reformat your input and try again."
    ))
}

pub(super) fn extra(key: &str) -> Rejection {
    Rejection::invalid(format!(
        "Malformed input request: #: extraneous key [{key}] is not permitted, please reformat your input and try again."
    ))
}

pub(super) fn invoke(body: &Value, model: &str, turn: &Turn) -> Result<Measured, Rejection> {
    let measured = if model.contains("titan-embed") {
        titan(body)
    } else if model.contains("cohere.embed") {
        embed(body, turn)
    } else if model.contains("rerank") {
        return rerank::bedrock(body, model.contains("cohere"));
    } else {
        Err(Rejection::invalid("The provided model identifier is invalid."))
    }?;
    let count = measured.usage.input.to_string();
    Ok(Measured { headers: vec![(COUNT, count)], ..measured })
}

fn titan(body: &Value) -> Result<Measured, Rejection> {
    let known = ["inputText", "dimensions", "normalize", "embeddingTypes"];
    let fields = fields::object(body, &known, refuse, extra)?;
    let text = fields::text(fields, "inputText", refuse)?;
    if text.is_empty() {
        return Err(refuse("inputText", "expected minLength: 1, actual: 0"));
    }
    let dimensions = fields::number(fields, "dimensions", 256..=1024, refuse)?.unwrap_or(1024);
    if ![256, 512, 1024].contains(&dimensions) {
        return Err(refuse("dimensions", "must be one of: 256, 512, 1024"));
    }
    let kinds = match fields::given(fields, "embeddingTypes") {
        None => vec!["float".to_owned()],
        Some(_) => fields::texts(fields, "embeddingTypes", 2, refuse)?,
    };
    let vector = embedding(text, dimensions);
    let mut forms = Map::new();
    for kind in kinds {
        forms.insert(
            kind.clone(),
            match kind.as_str() {
                "float" => Numbers::Float.write(&vector, false),
                // One number a bit here, unlike the packed bytes of others.
                "binary" => {
                    vector.iter().map(|number| Value::from(u8::from(*number > 0.0))).collect()
                }
                _ => return Err(refuse("embeddingTypes", "must be float or binary")),
            },
        );
    }
    let count = tokens::count(text);
    let mut body = json!({"inputTextTokenCount": count});
    if let Some(floats) = forms.get("float") {
        body["embedding"] = floats.clone();
    }
    body["embeddingsByType"] = forms.into();
    Ok(Measured::new(body, count))
}

fn embed(body: &Value, turn: &Turn) -> Result<Measured, Rejection> {
    let known = [
        "input_type",
        "texts",
        "images",
        "inputs",
        "embedding_types",
        "output_dimension",
        "max_tokens",
        "truncate",
    ];
    let fields = fields::object(body, &known, refuse, extra)?;
    let embedded = cohere::read(fields, refuse)?;
    let id = cohere::id(turn);
    let by_type = fields::given(fields, "embedding_types").is_some();
    let vectors = match by_type {
        true => Value::from(embedded.vectors),
        false => embedded.vectors.get("float").cloned().unwrap_or_default(),
    };
    let body = json!({
        "id": id,
        "embeddings": vectors,
        "texts": embedded.texts,
        "response_type": if by_type { "embeddings_by_type" } else { "embeddings_floats" },
    });
    let total = embedded.tokens + embedded.images * tokens::IMAGE_TOKENS;
    Ok(Measured::new(body, total).with_id(id))
}
