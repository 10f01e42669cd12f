//! Which protocol and operation a request line means.

use http::{HeaderMap, Method};

use crate::Protocol;

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
        if path.ends_with("/chat/completions") {
            return Some((Protocol::OpenAi, generate));
        }
        if path.ends_with("/messages") {
            return Some((Protocol::Anthropic, generate));
        }
        if path.ends_with("/messages/count_tokens") {
            return Some((Protocol::Anthropic, Operation::Count { model: None }));
        }
        let (_, tail) = path.rsplit_once("/models/")?;
        let (model, verb) = tail.rsplit_once(':')?;
        let model = Some(model.to_owned());
        let sse = query.split('&').any(|pair| pair == "alt=sse");
        let operation = match verb {
            "generateContent" => Operation::Generate { model, stream: Some(false), sse },
            "streamGenerateContent" => Operation::Generate { model, stream: Some(true), sse },
            "countTokens" => Operation::Count { model },
            _ => return None,
        };
        return Some((Protocol::Gemini, operation));
    }
    if *method != Method::GET {
        return None;
    }
    let protocol = if path.contains("/v1beta/") || path.contains("/gemini/") {
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
        assert_eq!(post("/elsewhere", ""), None);
        assert_eq!(
            route(&Method::GET, "/anthropic/v1/models", "", &none),
            Some((Protocol::Anthropic, Operation::Models))
        );
        assert_eq!(route(&Method::DELETE, "/v1/models", "", &none), None);
    }
}
