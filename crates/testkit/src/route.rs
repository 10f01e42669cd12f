//! Which protocol and operation a request line means.

use http::{HeaderMap, Method};

use crate::Protocol;
use crate::embedding::{Host, Task};

/// What a request wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Generate an answer. Gemini states model and streaming in the path.
    Generate { model: Option<String>, stream: Option<bool>, sse: bool },
    /// Count the tokens of a prompt.
    Count { model: Option<String> },
    /// List the models.
    Models,
    /// Describe one model.
    Model(String),
    /// Turn texts into vectors, or put documents in order.
    Measure(Task),
}

/// The meaning of a request line, if it has one. Any prefix before the vendor's own path is
/// accepted, so that base URLs of all shapes work.
pub(crate) fn route(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Option<(Protocol, Operation)> {
    let generate = Operation::Generate { model: None, stream: None, sse: true };
    if *method == Method::POST {
        if path.ends_with("/v2/chat") {
            return Some((Protocol::Cohere, generate));
        }
        if path.ends_with("/api/chat") {
            return Some((Protocol::Ollama, generate));
        }
        if path.ends_with("/chat/completions") {
            return Some((Protocol::OpenAi, generate));
        }
        if path.ends_with("/responses") {
            return Some((Protocol::OpenAiResponses, generate));
        }
        if path.ends_with("/responses/input_tokens") {
            return Some((Protocol::OpenAiResponses, Operation::Count { model: None }));
        }
        if path.ends_with("/messages") {
            return Some((Protocol::Anthropic, generate));
        }
        if path.ends_with("/messages/count_tokens") {
            return Some((Protocol::Anthropic, Operation::Count { model: None }));
        }
        if let Some((_, tail)) = path.rsplit_once("/model/")
            && let Some((model, verb)) = tail.rsplit_once('/')
        {
            let model = Some(decoded(model));
            let converse = |stream| Operation::Generate {
                model: model.clone(),
                stream: Some(stream),
                sse: true,
            };
            match verb {
                "converse" => return Some((Protocol::Bedrock, converse(false))),
                "converse-stream" => return Some((Protocol::Bedrock, converse(true))),
                "count-tokens" => return Some((Protocol::Bedrock, Operation::Count { model })),
                _ => {}
            }
        }
        if let Some(measure) = measured(path) {
            return Some(measure);
        }
        let (_, tail) = path.rsplit_once("/models/")?;
        let (model, verb) = tail.rsplit_once(':')?;
        let model = model.to_owned();
        let sse = query.split('&').any(|pair| pair == "alt=sse");
        let operation = match verb {
            "generateContent" => {
                Operation::Generate { model: Some(model), stream: Some(false), sse }
            }
            "streamGenerateContent" => {
                Operation::Generate { model: Some(model), stream: Some(true), sse }
            }
            "countTokens" => Operation::Count { model: Some(model) },
            "embedContent" => Operation::Measure(Task::Content(model)),
            "batchEmbedContents" => Operation::Measure(Task::Contents(model)),
            _ => return None,
        };
        return Some((Protocol::Gemini, operation));
    }
    if *method != Method::GET {
        return None;
    }
    if path.ends_with("/api/tags") {
        return Some((Protocol::Ollama, Operation::Models));
    }
    if path.ends_with("/foundation-models") {
        return Some((Protocol::Bedrock, Operation::Models));
    }
    let protocol = if path.contains("/cohere/") {
        Protocol::Cohere
    } else if path.contains("/v1beta/") || path.contains("/gemini/") {
        Protocol::Gemini
    } else if path.contains("/anthropic/") || headers.contains_key("anthropic-version") {
        Protocol::Anthropic
    } else {
        Protocol::OpenAi
    };
    if path.ends_with("/models") {
        return Some((protocol, Operation::Models));
    }
    let (_, model) = path.split_once("/models/")?;
    Some((protocol, Operation::Model(model.to_owned())))
}

/// Embeddings and rerank. What Cohere and others have under the same last word is told apart by
/// the version before it.
fn measured(path: &str) -> Option<(Protocol, Operation)> {
    let (before, last) = path.rsplit_once('/')?;
    let host = Host::of_path(path);
    let cohere = before.ends_with("/v2") || before.contains("/cohere");
    let (protocol, task) = match last {
        "embeddings" => (Protocol::OpenAi, Task::Embeddings(host)),
        "multimodalembeddings" => (Protocol::OpenAi, Task::Multimodal),
        "embed" if before.ends_with("/api") => (Protocol::Ollama, Task::OllamaEmbed),
        "embed" => (Protocol::Cohere, Task::CohereEmbed),
        "rerank" if cohere && host.is_none() => (Protocol::Cohere, Task::CohereRerank),
        "rerank" => (Protocol::OpenAi, Task::Rerank(host)),
        "invoke" => {
            let (_, model) = before.rsplit_once("/model/")?;
            (Protocol::Bedrock, Task::Invoke(decoded(model)))
        }
        _ => return None,
    };
    Some((protocol, Operation::Measure(task)))
}

/// Text with its percent-encoding undone.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vendor_path_is_known_under_any_prefix() {
        let none = HeaderMap::new();
        let post = |path: &str, query: &str| route(&Method::POST, path, query, &none);
        assert!(matches!(post("/openai/v1/chat/completions", ""), Some((Protocol::OpenAi, _))));
        assert!(matches!(post("/v1/messages", ""), Some((Protocol::Anthropic, _))));
        assert_eq!(
            post("/gemini/v1beta/models/g-3:streamGenerateContent", "alt=sse"),
            Some((
                Protocol::Gemini,
                Operation::Generate { model: Some("g-3".into()), stream: Some(true), sse: true }
            ))
        );
        let measure = |path: &str| match post(path, "") {
            Some((protocol, Operation::Measure(task))) => (protocol, task),
            other => panic!("{path}: {other:?}"),
        };
        for (path, protocol, task) in [
            ("/openai/v1/embeddings", Protocol::OpenAi, Task::Embeddings(None)),
            ("/voyage/v1/embeddings", Protocol::OpenAi, Task::Embeddings(Some(Host::Voyage))),
            ("/v1/rerank", Protocol::OpenAi, Task::Rerank(None)),
            ("/cohere/v2/rerank", Protocol::Cohere, Task::CohereRerank),
            ("/v2/embed", Protocol::Cohere, Task::CohereEmbed),
            ("/v1beta/models/e:embedContent", Protocol::Gemini, Task::Content("e".into())),
            (
                "/bedrock/model/amazon.titan-embed-text-v2%3A0/invoke",
                Protocol::Bedrock,
                Task::Invoke("amazon.titan-embed-text-v2:0".into()),
            ),
        ] {
            assert_eq!(measure(path), (protocol, task), "{path}");
        }
        assert_eq!(decoded("a%2Fb%c3%a4%zz%"), "a/bä%zz%");
        assert_eq!(post("/elsewhere", ""), None);
        assert_eq!(
            route(&Method::GET, "/anthropic/v1/models", "", &none),
            Some((Protocol::Anthropic, Operation::Models))
        );
        assert_eq!(route(&Method::DELETE, "/v1/models", "", &none), None);
    }
}
