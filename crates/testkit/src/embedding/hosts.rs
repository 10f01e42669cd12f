//! Voyage, Jina and Mistral, whose paths are those of OpenAI.

use serde_json::{Value, json};

use super::numbers::Numbers;
use super::vector::embedding;
use super::{Measured, fields};
use crate::rejection::Rejection;
use crate::tokens;
use crate::turn::Turn;

/// A host with the path `/embeddings` or `/rerank`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    OpenAi,
    Voyage,
    Jina,
    Mistral,
}

impl Host {
    /// The host a path names, whatever comes before the vendor's own path.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let named = |name: &str| path.split('/').any(|part| part == name);
        [("voyage", Self::Voyage), ("jina", Self::Jina), ("mistral", Self::Mistral)]
            .into_iter()
            .find_map(|(name, host)| named(name).then_some(host))
    }

    fn of_model(body: &Value) -> Option<Self> {
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        [
            ("text-embedding", Self::OpenAi),
            ("voyage", Self::Voyage),
            ("jina", Self::Jina),
            ("mistral", Self::Mistral),
            ("codestral", Self::Mistral),
        ]
        .into_iter()
        .find_map(|(name, host)| model.contains(name).then_some(host))
    }

    /// By the model, else by the members only one host has.
    pub(super) fn of_embeddings(body: &Value) -> Self {
        let has = |names: &[&str]| names.iter().any(|name| body.get(name).is_some());
        Self::of_model(body).unwrap_or_else(|| {
            if has(&["task", "late_chunking", "embedding_type", "normalized"]) {
                Self::Jina
            } else if has(&["input_type", "truncation", "output_dimension", "output_dtype"]) {
                Self::Voyage
            } else {
                Self::OpenAi
            }
        })
    }

    pub(super) fn of_rerank(body: &Value) -> Self {
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let voyage = ["rerank-2", "rerank-lite"].iter().any(|name| model.starts_with(name))
            || body.get("top_k").is_some()
            || body.get("truncation").is_some();
        Self::of_model(body).unwrap_or(if voyage { Self::Voyage } else { Self::Jina })
    }
}

pub(super) fn refuse(key: &str, why: &str) -> Rejection {
    Rejection::invalid(format!("The request body is not valid: `{key}` {why}."))
}

pub(super) fn extra(key: &str) -> Rejection {
    Rejection::invalid(format!("Argument '{key}' is not supported by our API"))
}

fn entry(index: usize, vector: Value) -> Value {
    json!({"object": "embedding", "embedding": vector, "index": index})
}

/// A list as OpenAI's, with this usage.
fn list(model: &str, vectors: Vec<Value>, usage: Value) -> Value {
    let data: Vec<Value> =
        vectors.into_iter().enumerate().map(|(index, vector)| entry(index, vector)).collect();
    json!({"object": "list", "data": data, "model": model, "usage": usage})
}

pub(super) fn voyage(body: &Value) -> Result<Measured, Rejection> {
    let known = [
        "model",
        "input",
        "input_type",
        "truncation",
        "output_dimension",
        "output_dtype",
        "encoding_format",
    ];
    let fields = fields::object(body, &known, refuse, extra)?;
    let model = fields::text(fields, "model", refuse)?;
    let texts = fields::texts(fields, "input", 1000, refuse)?;
    fields::word(fields, "input_type", &["query", "document"], refuse)?;
    let dimensions =
        fields::number(fields, "output_dimension", 256..=2048, refuse)?.unwrap_or(1024);
    if ![256, 512, 1024, 2048].contains(&dimensions) {
        return Err(refuse("output_dimension", "must be one of: 256, 512, 1024, 2048"));
    }
    let kinds = ["float", "int8", "uint8", "binary", "ubinary"];
    let form = fields::word(fields, "output_dtype", &kinds, refuse)?;
    let form = form.and_then(Numbers::named).unwrap_or(Numbers::Float);
    let packed = fields::word(fields, "encoding_format", &["base64"], refuse)?.is_some();
    let total = texts.iter().map(|text| tokens::count(text)).sum();
    let vectors =
        texts.iter().map(|text| form.write(&embedding(text, dimensions), packed)).collect();
    Ok(Measured::new(list(model, vectors, json!({"total_tokens": total})), total))
}

/// Pixels charged for an image; 560 of them are a token.
const IMAGE_PIXELS: u64 = 143_360;

pub(super) fn voyage_multimodal(body: &Value) -> Result<Measured, Rejection> {
    let known = ["model", "inputs", "input_type", "truncation", "output_encoding"];
    let fields = fields::object(body, &known, refuse, extra)?;
    let model = fields::text(fields, "model", refuse)?;
    fields::word(fields, "input_type", &["query", "document"], refuse)?;
    let packed = fields::word(fields, "output_encoding", &["base64"], refuse)?.is_some();
    let Some(inputs) = fields.get("inputs").and_then(Value::as_array) else {
        return Err(refuse("inputs", "must be a list"));
    };
    let (mut text_tokens, mut images) = (0_u64, 0_u64);
    let mut vectors = Vec::new();
    for input in inputs {
        let Some(content) = input.get("content").and_then(Value::as_array) else {
            return Err(refuse("inputs", "must be a list of objects with `content`"));
        };
        let mut all = Vec::new();
        for part in content {
            let kind = part["type"].as_str().unwrap_or_default();
            let Some(value) = part.get(kind).and_then(Value::as_str) else {
                return Err(refuse("inputs", "has a part without a value of its type"));
            };
            match kind {
                "text" => text_tokens += tokens::count(value),
                "image_url" | "image_base64" => images += 1,
                _ => return Err(refuse("inputs", "has a part of an unknown type")),
            }
            all.push(value);
        }
        vectors.push(Numbers::Float.write(&embedding(&all.join(" "), 1024), packed));
    }
    if vectors.is_empty() {
        return Err(refuse("inputs", "cannot be empty"));
    }
    let pixels = images * IMAGE_PIXELS;
    let total = text_tokens + images * tokens::IMAGE_TOKENS;
    let usage = json!({"text_tokens": text_tokens, "image_pixels": pixels, "total_tokens": total});
    Ok(Measured::new(list(model, vectors, usage), total))
}

pub(super) fn jina(body: &Value) -> Result<Measured, Rejection> {
    let known = [
        "model",
        "input",
        "task",
        "dimensions",
        "late_chunking",
        "embedding_type",
        "normalized",
        "truncate",
        "return_multivector",
    ];
    let fields = fields::object(body, &known, refuse, extra)?;
    let model = fields::text(fields, "model", refuse)?;
    let dimensions = fields::number(fields, "dimensions", 1..=2048, refuse)?;
    let dimensions = dimensions.unwrap_or(if model.contains("v4") { 2048 } else { 1024 });
    let kinds = ["float", "base64", "binary", "ubinary"];
    let form = fields::word(fields, "embedding_type", &kinds, refuse)?;
    let form = form.and_then(Numbers::named).unwrap_or(Numbers::Float);
    let one = |item: &Value| match item {
        Value::String(text) => Ok((text.clone(), tokens::count(text))),
        item => match (item["text"].as_str(), item["image"].as_str()) {
            (Some(text), _) => Ok((text.to_owned(), tokens::count(text))),
            (None, Some(image)) => Ok((image.to_owned(), tokens::IMAGE_TOKENS)),
            (None, None) => Err(refuse("input", "must be strings or objects with text or image")),
        },
    };
    let inputs = match fields.get("input") {
        Some(Value::Array(list)) if !list.is_empty() => {
            list.iter().map(one).collect::<Result<Vec<_>, _>>()?
        }
        Some(Value::Array(_)) => return Err(refuse("input", "cannot be empty")),
        Some(item) => vec![one(item)?],
        None => return Err(refuse("input", "is required")),
    };
    let total: u64 = inputs.iter().map(|(_, tokens)| tokens).sum();
    let vectors =
        inputs.iter().map(|(text, _)| form.write(&embedding(text, dimensions), false)).collect();
    let usage = json!({"total_tokens": total, "prompt_tokens": total});
    Ok(Measured::new(list(model, vectors, usage), total))
}

pub(super) fn mistral(body: &Value, turn: &Turn) -> Result<Measured, Rejection> {
    let wrong = |key: &str, why: &str| {
        Rejection::new(422, format!("Input {why}")).param(key).kind("value_error")
    };
    let extra = |key: &str| {
        Rejection::new(422, "Extra inputs are not permitted").param(key).kind("extra_forbidden")
    };
    let known =
        ["model", "input", "output_dimension", "output_dtype", "encoding_format", "metadata"];
    let fields = fields::object(body, &known, wrong, extra)?;
    let model = fields::text(fields, "model", wrong)?;
    let texts = fields::texts(fields, "input", 2048, wrong)?;
    let dimensions = fields::number(fields, "output_dimension", 1..=3072, wrong)?;
    let dimensions = dimensions.unwrap_or(if model.contains("codestral") { 1536 } else { 1024 });
    let kinds = ["float", "int8", "uint8", "binary", "ubinary"];
    let form = fields::word(fields, "output_dtype", &kinds, wrong)?;
    let form = form.and_then(Numbers::named).unwrap_or(Numbers::Float);
    let packed =
        fields::word(fields, "encoding_format", &["float", "base64"], wrong)? == Some("base64");
    let total: u64 = texts.iter().map(|text| tokens::count(text)).sum();
    let vectors =
        texts.iter().map(|text| form.write(&embedding(text, dimensions), packed)).collect();
    let usage = json!({"prompt_tokens": total, "completion_tokens": 0, "total_tokens": total});
    let mut body = list(model, vectors, usage);
    let id = turn.id("embedding", 32).to_lowercase();
    body["id"] = id.as_str().into();
    Ok(Measured::new(body, total).with_id(id))
}

/// Ollama passes over what it does not know.
pub(super) fn ollama(body: &Value) -> Result<Measured, Rejection> {
    let wrong = |key: &str, why: &str| Rejection::invalid(format!("{key} {why}"));
    let fields = body.as_object().ok_or_else(|| wrong("body", "must be an object"))?;
    let model = fields::text(fields, "model", wrong)?;
    let texts = fields::texts(fields, "input", 2048, wrong)?;
    let dimensions = fields::number(fields, "dimensions", 1..=4096, wrong)?.unwrap_or(768);
    let total: u64 = texts.iter().map(|text| tokens::count(text)).sum();
    let vectors: Vec<Value> = texts
        .iter()
        .map(|text| Numbers::Float.write(&embedding(text, dimensions), false))
        .collect();
    let body = json!({
        "model": model,
        "embeddings": vectors,
        "total_duration": 1_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": total,
    });
    Ok(Measured::new(body, total))
}
