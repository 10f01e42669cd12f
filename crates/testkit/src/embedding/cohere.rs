//! Cohere's `/v2/embed`, also as Bedrock invokes it.

use serde_json::{Map, Value, json};

use super::numbers::Numbers;
use super::vector::embedding;
use super::{Measured, fields};
use crate::rejection::Rejection;
use crate::tokens;
use crate::turn::Turn;

pub(super) const INPUT_TYPES: [&str; 5] =
    ["search_document", "search_query", "classification", "clustering", "image"];
const KINDS: [&str; 6] = ["float", "int8", "uint8", "binary", "ubinary", "base64"];
const MOST_TEXTS: usize = 96;

pub(super) fn refuse(key: &str, why: &str) -> Rejection {
    Rejection::invalid(format!("invalid request: {key} {why}"))
}

pub(super) fn extra(key: &str) -> Rejection {
    Rejection::new(422, format!("unknown field: parameter '{key}' is not a valid field"))
}

/// What Cohere made of a body, before it takes the form of Cohere or of Bedrock.
pub(super) struct Embedded {
    pub texts: Vec<String>,
    /// The vectors by the names of their forms.
    pub vectors: Map<String, Value>,
    pub tokens: u64,
    pub images: u64,
}

pub(super) fn embed(body: &Value, turn: &Turn) -> Result<Measured, Rejection> {
    let known = [
        "model",
        "input_type",
        "texts",
        "images",
        "inputs",
        "embedding_types",
        "output_dimension",
        "max_tokens",
        "truncate",
        "priority",
    ];
    let fields = fields::object(body, &known, refuse, extra)?;
    fields::text(fields, "model", refuse)?;
    let embedded = read(fields, refuse)?;
    let id = id(turn);
    let mut units = json!({"input_tokens": embedded.tokens});
    if embedded.images > 0 {
        units["images"] = embedded.images.into();
        units["image_tokens"] = (embedded.images * tokens::IMAGE_TOKENS).into();
    }
    let body = json!({
        "id": id,
        "embeddings": embedded.vectors,
        "texts": embedded.texts,
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": units},
    });
    let total = embedded.tokens + embedded.images * tokens::IMAGE_TOKENS;
    Ok(Measured::new(body, total).with_id(id))
}

/// An id in the shape of a UUID.
pub(super) fn id(turn: &Turn) -> String {
    crate::cohere::uuid(turn, "measured")
}

pub(super) fn read(
    fields: &Map<String, Value>,
    refuse: fields::Refuse,
) -> Result<Embedded, Rejection> {
    if fields::word(fields, "input_type", &INPUT_TYPES, refuse)?.is_none() {
        return Err(refuse("input_type", "is required"));
    }
    fields::word(fields, "truncate", &["NONE", "START", "END", "LEFT", "RIGHT"], refuse)?;
    let dimensions =
        fields::number(fields, "output_dimension", 256..=1536, refuse)?.unwrap_or(1536);
    if ![256, 512, 1024, 1536].contains(&dimensions) {
        return Err(refuse("output_dimension", "must be one of: 256, 512, 1024, 1536"));
    }
    let kinds = match fields::given(fields, "embedding_types") {
        None => vec!["float".to_owned()],
        Some(_) => fields::texts(fields, "embedding_types", 6, refuse)?,
    };
    let (mut texts, mut images, mut all) = (Vec::new(), 0, Vec::new());
    match ["texts", "images", "inputs"].map(|key| fields::given(fields, key)) {
        [Some(_), None, None] => {
            texts = fields::texts(fields, "texts", MOST_TEXTS, refuse)?;
            all.clone_from(&texts);
        }
        [None, Some(_), None] => {
            all = fields::texts(fields, "images", 1, refuse)?;
            images = 1;
        }
        [None, None, Some(inputs)] => {
            for input in inputs.as_array().into_iter().flatten() {
                let (text, seen) = content(&input["content"], refuse)?;
                images += seen;
                all.push(text.clone());
                texts.push(text);
            }
        }
        _ => {
            return Err(refuse("texts", "or images or inputs must be given, and only one of them"));
        }
    }
    if all.is_empty() || all.len() > MOST_TEXTS {
        return Err(refuse("inputs", &format!("must have from 1 to {MOST_TEXTS} entries")));
    }
    let mut vectors = Map::new();
    for kind in kinds {
        let form = KINDS.contains(&kind.as_str()).then(|| Numbers::named(&kind)).flatten();
        let form = form.ok_or_else(|| refuse("embedding_types", "has an unknown type"))?;
        let list = all.iter().map(|text| form.write(&embedding(text, dimensions), false)).collect();
        vectors.insert(kind, list);
    }
    let tokens = texts.iter().map(|text| tokens::count(text)).sum();
    Ok(Embedded { texts, vectors, tokens, images })
}

/// The text of mixed content and the number of its images.
fn content(content: &Value, refuse: fields::Refuse) -> Result<(String, u64), Rejection> {
    let (mut all, mut images) = (Vec::new(), 0);
    let parts = content.as_array().ok_or_else(|| refuse("inputs", "must have content"))?;
    for part in parts {
        match (part["type"].as_str(), part["text"].as_str(), part["image_url"]["url"].as_str()) {
            (Some("text"), Some(text), _) => all.push(text),
            (Some("image_url"), _, Some(_)) => images += 1,
            _ => return Err(refuse("inputs", "has a part that is neither text nor image_url")),
        }
    }
    Ok((all.join(" "), images))
}
