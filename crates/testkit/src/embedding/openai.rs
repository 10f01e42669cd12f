//! OpenAI's `/embeddings`.

use serde_json::{Value, json};

use super::numbers::Numbers;
use super::vector::embedding;
use super::{Measured, fields};
use crate::rejection::Rejection;
use crate::tokens;

/// Entries and tokens of one request.
const MOST_INPUTS: usize = 2048;
const MOST_TOKENS: u64 = 8192;
const MOST_TOKENS_OF_ALL: u64 = 300_000;

fn refuse(key: &str, why: &str) -> Rejection {
    Rejection::invalid(format!("'$.{key}' is invalid: it {why}. Please check the API reference: https://platform.openai.com/docs/api-reference.")).param(key)
}

/// One thing to embed: its text (tokens as decimal numbers) and what it costs.
struct Input {
    text: String,
    tokens: u64,
}

pub(super) fn embed(body: &Value) -> Result<Measured, Rejection> {
    let known = ["model", "input", "encoding_format", "dimensions", "user"];
    let extra =
        |key: &str| Rejection::invalid(format!("Unrecognized request argument supplied: {key}"));
    let fields = fields::object(body, &known, refuse, extra)?;
    let model = fields
        .get("model")
        .and_then(Value::as_str)
        .ok_or_else(|| Rejection::invalid("you must provide a model parameter"))?;
    let whole = if model.contains("3-large") { 3072 } else { 1536 };
    let form = fields::word(fields, "encoding_format", &["float", "base64"], refuse)?;
    let form = form.and_then(Numbers::named).unwrap_or(Numbers::Float);
    let dimensions = fields::number(fields, "dimensions", 1..=whole, refuse)?;
    if dimensions.is_some() && model.contains("ada-002") {
        return Err(Rejection::invalid("This model does not support specifying dimensions."));
    }
    let dimensions = dimensions.unwrap_or(usize::try_from(whole).unwrap_or_default());
    let inputs = inputs(fields.get("input"))?;
    let total: u64 = inputs.iter().map(|input| input.tokens).sum();
    if let Some(input) = inputs.iter().find(|input| input.tokens > MOST_TOKENS) {
        return Err(Rejection::invalid(format!(
            "This model's maximum context length is {MOST_TOKENS} tokens, however you requested {0} tokens ({0} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
            input.tokens
        )));
    }
    if total > MOST_TOKENS_OF_ALL {
        return Err(Rejection::invalid(format!(
            "Requested {total} tokens, max {MOST_TOKENS_OF_ALL} tokens per request"
        ))
        .kind("max_tokens_per_request"));
    }
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = embedding(&input.text, dimensions);
            json!({"object": "embedding", "index": index, "embedding": form.write(&vector, false)})
        })
        .collect();
    let body = json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    });
    Ok(Measured::new(body, total))
}

fn inputs(input: Option<&Value>) -> Result<Vec<Input>, Rejection> {
    let wrong = || refuse("input", "must be a string, a list of strings or lists of tokens");
    let text = |text: &str| match text {
        "" => Err(refuse("input", "cannot be an empty string")),
        text => Ok(Input { text: text.to_owned(), tokens: tokens::count(text) }),
    };
    let numbers = |list: &[Value]| {
        let numbers: Option<Vec<String>> =
            list.iter().map(|token| token.as_u64().map(|token| token.to_string())).collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty()).ok_or_else(wrong)?;
        Ok(Input { text: numbers.join(" "), tokens: numbers.len() as u64 })
    };
    match input {
        None => Err(Rejection::invalid("Missing required parameter: 'input'.")
            .param("input")
            .kind("missing_required_parameter")),
        Some(Value::String(one)) => Ok(vec![text(one)?]),
        Some(Value::Array(list)) if list.is_empty() => {
            Err(refuse("input", "cannot be an empty array"))
        }
        Some(Value::Array(list)) if list.iter().all(Value::is_number) => Ok(vec![numbers(list)?]),
        Some(Value::Array(list)) if list.len() > MOST_INPUTS => Err(refuse(
            "input",
            &format!("has {} entries; at most {MOST_INPUTS} are allowed", list.len()),
        )),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| match item {
                Value::String(one) => text(one),
                Value::Array(list) => numbers(list),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}
