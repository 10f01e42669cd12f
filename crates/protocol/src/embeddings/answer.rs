//! Providers' answers: vectors in the order of the inputs, finite and all of one length, or a
//! fault.

use serde_json::value::RawValue;

use super::form::Form;
use super::plan::Expected;
use super::read::{answer, broken, count, inner, tells_error};
use super::response::Response;
use super::vector;
use crate::exchange::{Fault, Usage};
use crate::json::{Object, scan};

/// Reads the answer to one call.
pub fn decode_response(form: Form, body: &[u8], expected: Expected) -> Result<Response, Fault> {
    let answer = answer(body)?;
    if tells_error(&answer) {
        return Err(form.decode_error(200, None, body));
    }
    let vectors = match form {
        Form::OpenAi | Form::Voyage | Form::VoyageMultimodal | Form::Jina | Form::Mistral => {
            data(&answer, &expected)?
        }
        Form::Cohere | Form::BedrockCohere => cohere(&answer)?,
        Form::Gemini | Form::VertexContent => gemini(&answer)?,
        Form::VertexPredict | Form::VertexPredictOne => vertex(&answer)?,
        Form::BedrockTitan => titan(&answer)?,
    };
    let Some(vectors) = vectors else {
        // Without vectors it can only be an error that is told in a way of its own.
        return Err(if told_otherwise(&answer) {
            form.decode_error(200, None, body)
        } else {
            broken("it has no vectors")
        });
    };
    expected.check(&vectors)?;
    let text = |name| answer.peek_str(name).filter(|text| !text.is_empty());
    Ok(Response {
        vectors,
        usage: usage(form, &answer),
        model: text("model").map(Into::into),
        upstream_id: text("id").map(Into::into),
    })
}

fn told_otherwise(answer: &Object<'_>) -> bool {
    ["message", "detail", "errors"].iter().any(|name| answer.peek(name).is_some())
}

/// The entries of a provider's list; a fault if it is none.
pub(super) fn entries(raw: &RawValue) -> Result<Vec<&RawValue>, Fault> {
    scan::elements(raw).ok_or_else(|| broken("its vectors are not a list"))
}

/// The object of an entry of `data`, and where it belongs.
pub(super) fn entry(raw: &RawValue, position: usize) -> Result<(Object<'_>, usize), Fault> {
    let entry = if raw.get().starts_with('{') { Object::of(raw).ok() } else { None };
    let entry = entry.ok_or_else(|| broken("an entry of `data` is not an object"))?;
    let index = match entry.peek("index").filter(|raw| raw.get() != "null") {
        None => position,
        Some(raw) => {
            serde_json::from_str(raw.get()).map_err(|_| broken("an index is not a count"))?
        }
    };
    Ok((entry, index))
}

/// Puts things into the places their indexes name: each has to be named once.
pub(super) fn in_order<T>(found: Vec<(usize, T)>, places: usize) -> Result<Vec<T>, Fault> {
    if found.len() != places {
        return Err(broken(format_args!("it has {} vectors for {places} inputs", found.len())));
    }
    let mut ordered: Vec<Option<T>> = (0..places).map(|_| None).collect();
    for (index, thing) in found {
        match ordered.get_mut(index) {
            None => return Err(broken(format_args!("there is no input {index}"))),
            Some(Some(_)) => return Err(broken(format_args!("input {index} is answered twice"))),
            Some(place) => *place = Some(thing),
        }
    }
    // As many as places, and none twice: all are taken.
    Ok(ordered.into_iter().flatten().collect())
}

/// `data: [{index, embedding}]`
fn data(answer: &Object<'_>, expected: &Expected) -> Result<Option<Vec<Vec<f32>>>, Fault> {
    let Some(raw) = answer.peek("data") else { return Ok(None) };
    let mut found = Vec::new();
    for (position, raw) in entries(raw)?.into_iter().enumerate() {
        let (entry, index) = entry(raw, position)?;
        let vector = entry.peek("embedding").ok_or_else(|| broken("an entry has no vector"))?;
        found.push((index, vector::read(vector)?));
    }
    in_order(found, expected.inputs).map(Some)
}

fn vectors(raw: &RawValue) -> Result<Vec<Vec<f32>>, Fault> {
    entries(raw)?.into_iter().map(vector::read).collect()
}

/// `embeddings: {float: [[]]}`; where no types were asked for `embeddings: [[]]`.
fn cohere(answer: &Object<'_>) -> Result<Option<Vec<Vec<f32>>>, Fault> {
    let Some(raw) = answer.peek("embeddings") else { return Ok(None) };
    if let Some(by_type) = inner(answer, &["embeddings"]) {
        let names = ["float", "base64"];
        let found = names.iter().find_map(|name| by_type.peek(name).filter(|raw| !is_null(raw)));
        return found.map(vectors).transpose();
    }
    vectors(raw).map(Some)
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// `embeddings: [{values: []}]`; of `embedContent` the one `embedding`.
fn gemini(answer: &Object<'_>) -> Result<Option<Vec<Vec<f32>>>, Fault> {
    let values = |raw: &RawValue| {
        let object = if raw.get().starts_with('{') { Object::of(raw).ok() } else { None };
        match object.as_ref().and_then(|object| object.peek("values")) {
            Some(values) => vector::read(values),
            None => Err(broken("an entry of `embeddings` has no values")),
        }
    };
    match (answer.peek("embeddings"), answer.peek("embedding")) {
        (Some(list), _) => {
            entries(list)?.into_iter().map(values).collect::<Result<_, _>>().map(Some)
        }
        (None, Some(one)) => Ok(Some(vec![values(one)?])),
        (None, None) => Ok(None),
    }
}

/// `predictions: [{embeddings: {values: []}}]`
fn vertex(answer: &Object<'_>) -> Result<Option<Vec<Vec<f32>>>, Fault> {
    let Some(list) = answer.peek("predictions") else { return Ok(None) };
    let values = |raw: &RawValue| {
        let entry = if raw.get().starts_with('{') { Object::of(raw).ok() } else { None };
        let embeddings = entry.as_ref().and_then(|entry| inner(entry, &["embeddings"]));
        match embeddings.as_ref().and_then(|embeddings| embeddings.peek("values")) {
            Some(values) => vector::read(values),
            None => Err(broken("an entry of `predictions` has no values")),
        }
    };
    entries(list)?.into_iter().map(values).collect::<Result<_, _>>().map(Some)
}

/// The tokens that are told beside each vector; unknown if they are not beside all.
fn vertex_usage(answer: &Object<'_>) -> Option<Usage> {
    let predictions = scan::elements(answer.peek("predictions")?)?;
    let mut input = 0_u64;
    for raw in predictions {
        let entry = Object::of(raw).ok()?;
        let statistics = inner(&entry, &["embeddings", "statistics"])?;
        input = input.saturating_add(count(&statistics, "token_count")?);
    }
    Some(Usage { input, ..Usage::default() })
}

/// `embedding: []`, or the same by its type.
fn titan(answer: &Object<'_>) -> Result<Option<Vec<Vec<f32>>>, Fault> {
    let by_type = inner(answer, &["embeddingsByType"]);
    let typed = by_type.as_ref().and_then(|by_type| by_type.peek("float"));
    let found = answer.peek("embedding").filter(|raw| !is_null(raw)).or(typed);
    Ok(found.map(vector::read).transpose()?.map(|vector| vec![vector]))
}

/// Token counts in the one convention. USAGE-4
fn usage(form: Form, answer: &Object<'_>) -> Option<Usage> {
    match form {
        Form::OpenAi | Form::Voyage | Form::VoyageMultimodal | Form::Jina | Form::Mistral => {
            openai_usage(&inner(answer, &["usage"])?)
        }
        Form::Cohere | Form::BedrockCohere => {
            let billed = inner(answer, &["meta", "billed_units"]);
            let tokens = inner(answer, &["meta", "tokens"]);
            let of = |name: &str| {
                let told = |object: &Option<Object<'_>>| count(object.as_ref()?, name);
                told(&billed).or_else(|| told(&tokens))
            };
            let (texts, images) = (of("input_tokens"), of("image_tokens"));
            if texts.is_none() && images.is_none() {
                return None;
            }
            let image_input = images.unwrap_or_default();
            let input = texts.unwrap_or_default().saturating_add(image_input);
            Some(Usage { input, image_input, ..Usage::default() })
        }
        Form::Gemini | Form::VertexContent => gemini_usage(&inner(answer, &["usageMetadata"])?),
        Form::VertexPredict | Form::VertexPredictOne => vertex_usage(answer),
        Form::BedrockTitan => {
            let input = count(answer, "inputTextTokenCount")?;
            Some(Usage { input, ..Usage::default() })
        }
    }
}

/// OpenAI's counts, and those of hosts that tell the sum alone.
pub(super) fn openai_usage(usage: &Object<'_>) -> Option<Usage> {
    let names = ["prompt_tokens", "input_tokens", "total_tokens"];
    let told: Vec<u64> = names.iter().filter_map(|name| count(usage, name)).collect();
    // A host that counts no prompt but a sum means the sum.
    let input = told.iter().copied().find(|told| *told > 0).or(told.first().copied())?;
    let details = inner(usage, &["prompt_tokens_details"]);
    let of = |name| details.as_ref().and_then(|object| count(object, name)).unwrap_or_default();
    Some(Usage {
        input,
        image_input: of("image_tokens"),
        audio_input: of("audio_tokens"),
        video_input: of("video_tokens"),
        ..Usage::default()
    })
}

fn gemini_usage(metadata: &Object<'_>) -> Option<Usage> {
    let input = count(metadata, "promptTokenCount")?;
    let mut usage = Usage { input, ..Usage::default() };
    let details = metadata.peek("promptTokensDetails").or(metadata.peek("promptTokenDetails"));
    for raw in details.and_then(scan::elements).unwrap_or_default() {
        let Ok(entry) = Object::of(raw) else { continue };
        let tokens = count(&entry, "tokenCount").unwrap_or_default();
        match entry.peek_str("modality").as_deref() {
            Some("IMAGE") => usage.image_input = usage.image_input.saturating_add(tokens),
            Some("AUDIO") => usage.audio_input = usage.audio_input.saturating_add(tokens),
            Some("VIDEO") => usage.video_input = usage.video_input.saturating_add(tokens),
            _ => {}
        }
    }
    Some(usage)
}
