//! Gemini's `:embedContent` and `:batchEmbedContents`.

use serde_json::{Value, json};

use super::numbers::Numbers;
use super::vector::{LONGEST, embedding};
use super::{Measured, fields};
use crate::rejection::Rejection;
use crate::tokens;

const MOST_REQUESTS: usize = 100;
const TASKS: [&str; 9] = [
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
];

fn refuse(key: &str, why: &str) -> Rejection {
    Rejection::invalid(format!("* EmbedContentRequest.{key}: {key} {why}\n"))
}

fn extra(key: &str) -> Rejection {
    Rejection::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{key}\": Cannot find field."
    ))
}

pub(super) fn one(body: &Value, model: &str) -> Result<Measured, Rejection> {
    let (values, count) = read(body, model)?;
    let usage = json!({"promptTokenCount": count});
    Ok(Measured::new(json!({"embedding": {"values": values}, "usageMetadata": usage}), count))
}

pub(super) fn many(body: &Value, model: &str) -> Result<Measured, Rejection> {
    let fields = fields::object(body, &["requests"], refuse, extra)?;
    let requests = fields.get("requests").and_then(Value::as_array);
    let requests = requests.filter(|requests| !requests.is_empty()).ok_or_else(|| {
        Rejection::invalid("* BatchEmbedContentsRequest.requests: requests is required\n")
    })?;
    if requests.len() > MOST_REQUESTS {
        return Err(Rejection::invalid(format!(
            "* BatchEmbedContentsRequest.requests: at most {MOST_REQUESTS} requests can be in one batch\n"
        )));
    }
    let mut total = 0;
    let mut embeddings = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        if request.get("model").and_then(Value::as_str) != Some(&format!("models/{model}")) {
            return Err(Rejection::invalid(format!(
                "* BatchEmbedContentsRequest.requests[{index}].model: the model in each request must match the model specified in the path\n"
            )));
        }
        let (values, count) = read(request, model)?;
        total += count;
        embeddings.push(json!({"values": values}));
    }
    let usage = json!({"promptTokenCount": total});
    Ok(Measured::new(json!({"embeddings": embeddings, "usageMetadata": usage}), total))
}

fn read(body: &Value, model: &str) -> Result<(Value, u64), Rejection> {
    let known = ["model", "content", "taskType", "title", "outputDimensionality"];
    let fields = fields::object(body, &known, refuse, extra)?;
    if let Some(stated) = fields::given(fields, "model")
        && *stated != format!("models/{model}")
    {
        return Err(refuse("model", "must match the model specified in the path"));
    }
    fields::word(fields, "taskType", &TASKS, refuse)?;
    if fields::given(fields, "title").is_some()
        && fields.get("taskType") != Some(&Value::from("RETRIEVAL_DOCUMENT"))
    {
        return Err(refuse("title", "is only applicable when taskType is RETRIEVAL_DOCUMENT"));
    }
    let dimensions = fields::number(fields, "outputDimensionality", 1..=LONGEST, refuse)?;
    let parts = body["content"]["parts"].as_array().filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(|| refuse("content", "contains an empty Part"))?;
    let (mut all, mut count) = (Vec::new(), 0);
    for part in parts {
        match (part["text"].as_str(), part.get("inlineData").or_else(|| part.get("fileData"))) {
            (Some(text), _) => {
                count += tokens::count(text);
                all.push(text);
            }
            (None, Some(_)) => count += tokens::IMAGE_TOKENS,
            (None, None) => return Err(refuse("content", "contains an empty Part")),
        }
    }
    let vector = embedding(&all.join(" "), dimensions.unwrap_or(3072));
    Ok((Numbers::Float.write(&vector, false), count))
}
