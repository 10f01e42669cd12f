use serde_json::json;

use super::*;
use crate::script::Script;
use crate::tokens;

fn turn() -> Turn {
    Turn::new(1, 0, &Script::default())
}

fn done(task: &Task, body: &Value) -> Measured {
    measure(task, body, &turn()).unwrap()
}

fn refused(task: &Task, body: &Value) -> String {
    measure(task, body, &turn()).unwrap_err().message.unwrap_or_default()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[test]
fn vectors_have_length_one_and_follow_the_words() {
    let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
    let one = embedding("the red fox", 256);
    assert!((dot(&one, &one) - 1.0).abs() < 1e-5);
    assert_eq!(one, embedding("The red, FOX!", 256));
    let near = dot(&one, &embedding("a red fox", 256));
    let far = dot(&one, &embedding("blue whale sings", 256));
    assert!(near > 0.5 && far.abs() < 0.25, "{near} {far}");
    let long = embedding("the red fox", 512);
    assert!((long[1] / long[0] - one[1] / one[0]).abs() < 1e-3);
    assert_eq!(embedding("", 3).len(), 3);
}

#[test]
fn openai_takes_texts_and_tokens_in_both_forms() {
    let task = Task::Embeddings(None);
    let model = "text-embedding-3-small";
    let plain =
        done(&task, &json!({"model": model, "input": ["hi there", [1, 2, 3]], "dimensions": 4}));
    assert_eq!(floats(&plain.body["data"][0]["embedding"]), embedding("hi there", 4));
    assert_eq!(floats(&plain.body["data"][1]["embedding"]), embedding("1 2 3", 4));
    assert_eq!(plain.body["data"][1]["index"], 1);
    let total = tokens::count("hi there") + 3;
    assert_eq!(plain.body["usage"], json!({"prompt_tokens": total, "total_tokens": total}));
    assert_eq!(plain.usage.input, total);
    let packed = done(
        &task,
        &json!({"model": model, "input": "x", "dimensions": 1, "encoding_format": "base64"}),
    );
    let one = embedding("x", 1)[0];
    assert_eq!(
        packed.body["data"][0]["embedding"],
        if one > 0.0 { "AACAPw==" } else { "AACAvw==" }
    );
    let whole = done(&task, &json!({"model": "text-embedding-3-large", "input": [1, 2]}));
    assert_eq!(whole.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(floats(&whole.body["data"][0]["embedding"]).len(), 3072);
    for body in [
        json!({"model": model}),
        json!({"model": model, "input": ""}),
        json!({"model": model, "input": []}),
        json!({"model": model, "input": {"text": "x"}}),
        json!({"model": model, "input": "x", "dimensions": 1537}),
        json!({"model": "text-embedding-ada-002", "input": "x", "dimensions": 3}),
        json!({"model": model, "input": "x", "encoding_format": "int8"}),
        json!({"model": model, "input": "x", "input_type": "query"}),
        json!({"model": model, "input": "x".repeat(40_000)}),
    ] {
        assert!(!refused(&task, &body).is_empty(), "{body}");
    }
}

#[test]
fn hosts_are_told_apart_by_path_model_and_members() {
    let host = |body: &Value| Task::Embeddings(None).host(body);
    assert_eq!(host(&json!({"model": "voyage-3.5"})), Some(Host::Voyage));
    assert_eq!(host(&json!({"model": "m", "task": "x"})), Some(Host::Jina));
    assert_eq!(host(&json!({"model": "m", "output_dtype": "int8"})), Some(Host::Voyage));
    assert_eq!(host(&json!({"model": "mistral-embed"})), Some(Host::Mistral));
    assert_eq!(host(&json!({"model": "text-embedding-3-small", "task": 1})), Some(Host::OpenAi));
    assert_eq!(Host::of_path("/jina/v1/embeddings"), Some(Host::Jina));
    assert_eq!(
        detail(Some(Host::Voyage), &Rejection::status(429)),
        Some(json!({"detail": "Too Many Requests"}))
    );
}

#[test]
fn voyage_jina_and_mistral_answer_in_their_own_ways() {
    let voyage = done(
        &Task::Embeddings(None),
        &json!({"model": "voyage-3.5", "input": "hi", "input_type": "query", "output_dimension": 256, "output_dtype": "int8"}),
    );
    assert_eq!(voyage.body["usage"], json!({"total_tokens": 1}));
    assert!(voyage.body["data"][0]["embedding"][0].is_i64());
    let multimodal = done(
        &Task::Multimodal,
        &json!({"model": "voyage-multimodal-3", "inputs": [{"content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": "https://x/a.png"}]}]}),
    );
    assert_eq!(multimodal.body["usage"]["total_tokens"], 1 + tokens::IMAGE_TOKENS);
    let jina = done(
        &Task::Embeddings(None),
        &json!({"model": "jina-embeddings-v3", "input": [{"text": "hi"}], "embedding_type": "ubinary", "dimensions": 16}),
    );
    assert_eq!(jina.body["data"][0]["embedding"].as_array().unwrap().len(), 2);
    let mistral =
        done(&Task::Embeddings(None), &json!({"model": "mistral-embed", "input": ["hi"]}));
    assert_eq!(mistral.body["usage"]["completion_tokens"], 0);
    let odd = json!({"model": "mistral-embed", "input": "x", "user": "me"});
    let rejection = measure(&Task::Embeddings(None), &odd, &turn()).unwrap_err();
    assert_eq!(
        detail(Some(Host::Mistral), &rejection).unwrap(),
        json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "user"], "msg": "Extra inputs are not permitted"}]})
    );
}

#[test]
fn cohere_bills_units_and_gives_every_type_asked_for() {
    let body = json!({"model": "embed-v4.0", "input_type": "search_query", "texts": ["hi", "there"], "embedding_types": ["float", "binary"], "output_dimension": 256});
    let measured = done(&Task::CohereEmbed, &body);
    assert_eq!(floats(&measured.body["embeddings"]["float"][1]), embedding("there", 256));
    assert_eq!(measured.body["embeddings"]["binary"][0].as_array().unwrap().len(), 32);
    assert_eq!(measured.body["meta"]["billed_units"], json!({"input_tokens": 3}));
    assert_eq!(measured.usage.input, 3);
    let missing = refused(&Task::CohereEmbed, &json!({"model": "m", "texts": ["x"]}));
    assert_eq!(missing, "invalid request: input_type is required");
}

#[test]
fn gemini_embeds_one_and_many() {
    let content = json!({"parts": [{"text": "hi"}]});
    let one =
        done(&Task::Content("g".into()), &json!({"content": content, "outputDimensionality": 8}));
    assert_eq!(floats(&one.body["embedding"]["values"]), embedding("hi", 8));
    let many = done(
        &Task::Contents("g".into()),
        &json!({"requests": [{"model": "models/g", "content": content}]}),
    );
    assert_eq!(floats(&many.body["embeddings"][0]["values"]).len(), 3072);
    assert_eq!(many.body["usageMetadata"]["promptTokenCount"], 1);
    let other = json!({"requests": [{"model": "models/h", "content": content}]});
    assert!(refused(&Task::Contents("g".into()), &other).contains("requests[0].model"));
}

#[test]
fn bedrock_invokes_titan_and_cohere() {
    let titan = Task::Invoke("amazon.titan-embed-text-v2:0".into());
    let measured = done(&titan, &json!({"inputText": "hi", "dimensions": 256}));
    assert_eq!(floats(&measured.body["embedding"]), embedding("hi", 256));
    assert_eq!(measured.body["inputTextTokenCount"], 1);
    assert_eq!(measured.headers, [("x-amzn-bedrock-input-token-count", "1".to_owned())]);
    assert_eq!(
        refused(&titan, &json!({"inputText": "hi", "model": "x"})),
        "Malformed input request: #: extraneous key [model] is not permitted, please reformat your input and try again."
    );
    let cohere = Task::Invoke("cohere.embed-v4:0".into());
    let measured = done(&cohere, &json!({"texts": ["hi"], "input_type": "search_document"}));
    assert_eq!(floats(&measured.body["embeddings"][0]), embedding("hi", 1536));
    let rerank = Task::Invoke("cohere.rerank-v3-5:0".into());
    let body = json!({"query": "fox", "documents": ["cat", "red fox"], "api_version": 2});
    assert_eq!(done(&rerank, &body).body["results"][0]["index"], 1);
    assert!(refused(&rerank, &json!({"query": "q", "documents": ["x"]})).contains("api_version"));
    assert!(!refused(&Task::Invoke("other".into()), &json!({})).is_empty());
}

#[test]
fn documents_are_ordered_by_the_words_they_share() {
    let body = json!({"model": "rerank-v3.5", "query": "red fox", "documents": ["a cat", "red fox", "red"], "top_n": 2});
    let cohere = done(&Task::CohereRerank, &body);
    assert_eq!(
        cohere.body["results"],
        json!([{"index": 1, "relevance_score": 0.99}, {"index": 2, "relevance_score": 0.5}])
    );
    assert_eq!(cohere.body["meta"]["billed_units"], json!({"search_units": 1}));
    assert_eq!((cohere.usage.search_units, cohere.usage.total()), (1, 0));
    let mut jina = body.clone();
    jina["model"] = "jina-reranker-v2".into();
    jina["return_documents"] = true.into();
    let jina = done(&Task::Rerank(None), &jina);
    assert_eq!(jina.body["results"][0]["document"], json!({"text": "red fox"}));
    assert_eq!(jina.body["usage"]["total_tokens"], jina.usage.input);
    let voyage =
        json!({"model": "rerank-2.5", "query": "red", "documents": ["x", "red"], "top_k": 1});
    let voyage = done(&Task::Rerank(None), &voyage);
    assert_eq!(voyage.body["data"], json!([{"index": 1, "relevance_score": 0.99}]));
    let many = json!({"model": "m", "query": "q", "documents": vec!["x"; 101]});
    assert_eq!(done(&Task::CohereRerank, &many).usage.search_units, 2);
    assert!(relevance("", "x") < 0.02);
}
