//! Step 0: which surface is meant? The inference routes do not pass the router of the other
//! resources: they are most of the traffic. API-6

use std::borrow::Cow;

use http::Uri;
use protocol::Surface;
use protocol::surface::Addressed;

/// The surface a `POST` to this address is for, and what the address says beside the body.
/// `/v1` is an alias of `/api/v1`, and clients of Anthropic's and Google's have addresses of their
/// own; who leaves `/v1` out of a base URL is understood all the same, and so is who writes a slash at
/// the end. CLIENT-1, CLIENT-3, CLIENT-4
pub fn addressed(uri: &Uri) -> Option<(Surface, Addressed)> {
    let path = uri.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_prefix("/api").unwrap_or(path);
    let surface = match path {
        "/chat/completions" => Surface::Chat,
        "/completions" => Surface::Completions,
        "/embeddings" => Surface::Embeddings,
        "/responses" => Surface::Responses,
        "/v1/chat/completions" | "/v1/cursor/chat/completions" => Surface::Chat,
        "/v1/responses" => Surface::Responses,
        "/v1/completions" => Surface::Completions,
        "/v1/embeddings" => Surface::Embeddings,
        "/v1/rerank" => Surface::Rerank,
        "/v1/messages" | "/anthropic/v1/messages" => Surface::Messages,
        _ => return generate_content(path),
    };
    Some((surface, Addressed::default()))
}

/// Whether tools may come in Cursor's form. CLIENT-3
pub fn has_flat_tools(uri: &Uri) -> bool {
    uri.path().trim_end_matches('/').ends_with("/v1/cursor/chat/completions")
}

/// `/v1beta/models/{model}:generateContent` and `…:streamGenerateContent`; Google's SDK writes
/// `v1` in place of `v1beta` where it is told to.
fn generate_content(path: &str) -> Option<(Surface, Addressed)> {
    let rest = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))?;
    let (model, method) = rest.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    let model = Some(decoded(model)?.into_owned());
    Some((Surface::Gemini, Addressed { model, stream }))
}

/// A part of a path without its percent signs; `None` if it is not text.
pub fn decoded(part: &str) -> Option<Cow<'_, str>> {
    percent_encoding::percent_decode_str(part).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: &str) -> Option<(Surface, Addressed)> {
        addressed(&Uri::try_from(address).unwrap())
    }

    #[test]
    fn every_surface_has_its_addresses() {
        for (address, surface) in [
            ("/api/v1/chat/completions", Surface::Chat),
            ("/v1/chat/completions", Surface::Chat),
            ("/api/v1/cursor/chat/completions", Surface::Chat),
            ("/v1/completions", Surface::Completions),
            ("/api/v1/responses", Surface::Responses),
            ("/api/v1/embeddings", Surface::Embeddings),
            ("/v1/rerank", Surface::Rerank),
            ("/api/v1/messages", Surface::Messages),
            ("/v1/messages", Surface::Messages),
            ("/v1/messages?beta=true", Surface::Messages),
            ("/anthropic/v1/messages", Surface::Messages),
            ("/chat/completions", Surface::Chat),
            ("/v1/chat/completions/", Surface::Chat),
            ("/responses", Surface::Responses),
        ] {
            assert_eq!(found(address), Some((surface, Addressed::default())), "{address}");
        }
        for other in ["/v1/messages/count_tokens", "/v1/models/a/b", "/v1/models/x:other", "/"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn the_model_stands_in_googles_addresses() {
        for (address, model, stream) in [
            ("/v1beta/models/gemini-3-flash:generateContent", "gemini-3-flash", false),
            (
                "/api/v1beta/models/google/gemini-3-flash:streamGenerateContent?alt=sse",
                "google/gemini-3-flash",
                true,
            ),
            ("/v1/models/google%2Fgemini-3-flash:generateContent", "google/gemini-3-flash", false),
            ("/v1beta/models/a/b:free:generateContent", "a/b:free", false),
        ] {
            let expected = Addressed { model: Some(model.to_owned()), stream };
            assert_eq!(found(address), Some((Surface::Gemini, expected)), "{address}");
        }
    }
}
