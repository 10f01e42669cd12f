//! Step 1, beside it: what is asked at an address. Servers read addresses in different ways, and
//! what one of them reads as work is work.

use std::borrow::Cow;

use percent_encoding::{percent_decode, percent_decode_str};

/// The ends of addresses at which a model is asked to work, whatever the body says.
const WORK: [&str; 31] = [
    "/completions",
    "/responses",
    "/v1/messages",
    "/v1/chat",
    "/v2/chat",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/v1/embed",
    "/v2/embed",
    "/embeddings",
    "/rerank",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/converse",
    "/converse-stream",
    "/invoke",
    "/invoke-with-response-stream",
    ":generateContent",
    ":streamGenerateContent",
    ":generateText",
    ":embedContent",
    ":batchEmbedContents",
    ":predict",
    ":rawPredict",
    ":streamRawPredict",
];

/// The same where the base URL has the version in it.
const WORK_BELOW_VERSION: [&str; 3] = ["/messages", "/chat", "/embed"];

/// The ends of addresses at which a token is made for a page or an application, or a call is begun
/// whose sound takes another way.
const TOKENS: [&str; 7] = [
    "/realtime",
    "/client_secrets",
    "/realtimeapi/sessions",
    "/realtime/sessions",
    "/realtime/transcription_sessions",
    "/chatkit/sessions",
    "/auth_tokens",
];

/// The ends of addresses that name a model and count or describe only.
const COUNTS: [&str; 9] = [
    "/count_tokens",
    "/count-tokens",
    "/input_tokens",
    "/tokenize",
    "/detokenize",
    "/api/show",
    ":countTokens",
    ":computeTokens",
    ":countTextTokens",
];

/// The ways in which servers may read an address, in small letters: decoded once or twice, to its
/// end or up to what ends a path, and everywhere without parameters of segments, without empty
/// ones, and without what is blank at their ends.
fn readings(rest: &str) -> impl Iterator<Item = String> {
    let once: Cow<'_, [u8]> = percent_decode_str(rest).into();
    let twice: Cow<'_, [u8]> = percent_decode(&once).into();
    let is_more = twice != once;
    let twice = is_more.then(|| twice.into_owned());
    [Some(once.into_owned()), twice].into_iter().flatten().flat_map(|path| {
        let end = path.iter().position(|byte| matches!(byte, 0 | b'?' | b'#'));
        let cut = end.map(|end| plain(&path[..end]));
        [Some(plain(&path)), cut].into_iter().flatten()
    })
}

fn plain(path: &[u8]) -> String {
    let is_blank = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '.';
    let text = String::from_utf8_lossy(path).to_ascii_lowercase();
    let mut plain = String::with_capacity(text.len());
    for segment in text.split(['/', '\\']) {
        let named = segment.split(';').next().unwrap_or_default().trim_matches(is_blank);
        if !named.is_empty() {
            plain.push('/');
            plain.push_str(named);
        }
    }
    plain
}

/// Whether a model is asked to work at an address, whatever the body says.
pub fn asks_model(rest: &str) -> bool {
    readings(rest).any(|path| {
        let ends = |end: &str| {
            let from = path.len().checked_sub(end.len());
            from.is_some_and(|from| path.as_bytes()[from..].eq_ignore_ascii_case(end.as_bytes()))
        };
        WORK.iter().any(|end| ends(end)) || WORK_BELOW_VERSION.contains(&&*path)
    })
}

/// Whether a token is made at an address with which the provider is used directly, or a call begun
/// with it.
pub fn makes_token(rest: &str) -> bool {
    // A call may be begun, taken and led at addresses of its own.
    readings(rest).any(|path| {
        path.contains("/realtime/calls") || TOKENS.iter().any(|end| path.ends_with(end))
    })
}

/// Whether an address names a model and counts or describes only.
pub fn counts_only(rest: &str) -> bool {
    let named = rest.trim_end_matches('/');
    // It is free only if nobody reads it as work.
    COUNTS.iter().any(|end| named.ends_with(end)) && !asks_model(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_made_at_some_addresses() {
        for rest in [
            "/v1/realtime/client_secrets",
            "/v1alpha/auth_tokens/",
            "/v1/Realtime/sessions",
            "/v1/realtime//calls",
            "/v1/realtime/calls/rtc_1/accept",
            "/v1/realtime",
        ] {
            assert!(makes_token(rest), "{rest}");
        }
        assert!(!makes_token("/v1/realtime/x") && !makes_token("/v1/sessions"));
    }

    #[test]
    fn some_addresses_are_for_work_alone() {
        for rest in [
            "/v1/chat/completions",
            "/chat/completions/",
            "/messages",
            "/anthropic/v1/messages",
            "/v1/audio/transcriptions",
            "/model/x/converse",
            "/v1beta/models/g:streamGenerateContent",
            "/v1/chat/complet%69ons",
            "/v1/chat/completions%2F",
            "/v1beta/models/g%3AgenerateContent",
            "/openai/deployments/d/Chat/Completions",
        ] {
            assert!(asks_model(rest) && !counts_only(rest), "{rest}");
        }
        for rest in ["/v1/files", "/v1/responses/r/cancel", "/v1/threads/t/messages", "/v1/batches"]
        {
            assert!(!asks_model(rest), "{rest}");
        }
        for rest in ["/v1/messages/count_tokens", "/v1beta/models/g:countTokens"] {
            assert!(counts_only(rest) && !asks_model(rest), "{rest}");
        }
    }

    #[test]
    fn work_is_known_however_its_address_is_written() {
        for rest in [
            "/v1/chat/completions;x",
            "/v1;a=b/chat;/completions",
            "/v1/chat/completions%20",
            "/v1/chat/completions%09",
            "/v1/chat/completions%00",
            "/v1/chat/completions%00.txt",
            "/v1/chat/completions%3Fa",
            "/v1/chat/completions%23a",
            "/v1/chat/completions%253Fa",
            "/v1/chat/%2563ompletions",
            "/v1/chat/completions.",
            "/v1//chat//completions//",
            "/v1/chat%5Ccompletions",
            "//messages",
            "//chat",
            "/v1/x%3F/chat/completions",
            "/v1beta/models/g:generateContent;x",
        ] {
            assert!(asks_model(rest), "{rest}");
        }
        for rest in ["/v1/chat/completions%3F/count_tokens", "/v1/messages%00/count_tokens"] {
            assert!(!counts_only(rest), "{rest}");
        }
        assert!(makes_token("/v1/realtime/client_secrets;x"));
    }
}
