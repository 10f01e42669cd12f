//! Media that a provider cannot be told by their addresses: they have to be fetched for it.

use memchr::memmem;

use crate::Dialect;
use crate::exchange::{BlockKind, MediaSource};
use crate::json::Envelope;
use crate::target::Quirks;

/// Which media have to be fetched for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// All.
    All,
    /// Files, for which OpenAI's chat protocol has no address.
    Files,
    /// What is not at an `https` address, the only ones that Anthropic follows.
    PlainHttp,
}

impl Fetched {
    /// How many kinds there are.
    pub const COUNT: usize = 3;

    /// What has to be fetched for a provider of a dialect with its deviations.
    pub fn by(dialect: Dialect, quirks: &Quirks) -> Option<Self> {
        match dialect {
            _ if quirks.no_media_urls => Some(Self::All),
            // Another router takes an address in place of a file's bytes.
            Dialect::OpenaiChat if !quirks.is_router() => Some(Self::Files),
            Dialect::Anthropic => Some(Self::PlainHttp),
            _ => None,
        }
    }

    /// Whether what stands in a block, but for what stands in it in turn, has to be fetched.
    pub fn concerns(self, block: &BlockKind) -> bool {
        let (BlockKind::Image { source, .. }
        | BlockKind::Audio { source, .. }
        | BlockKind::Video { source }
        | BlockKind::File { source, .. }) = block
        else {
            return false;
        };
        let MediaSource::Url(url) = source else { return false };
        match self {
            Self::All => url.starts_with("http"),
            Self::Files => url.starts_with("http") && matches!(block, BlockKind::File { .. }),
            Self::PlainHttp => url.starts_with("http://"),
        }
    }

    /// Whether a caller's body may name such media. Where all are fetched, a text that begins with
    /// an address is not always told from one, and only costs the writing. wire-formats 4
    pub fn may_be_in(self, envelope: &Envelope<'_>) -> bool {
        if envelope.is_plain() {
            return false;
        }
        ["messages", "system", "input", "contents"]
            .into_iter()
            .filter_map(|name| envelope.raw(name))
            .map(|raw| raw.get().as_bytes())
            .any(|text| match self {
                Self::All => memmem::find(text, b"\"http").is_some(),
                Self::Files => is_set(text, b"\"file_data\"", b"\"http"),
                // Calls of tools and results of searches have addresses too.
                Self::PlainHttp => {
                    is_set(text, b"\"url\"", b"\"http://") && is_set(text, b"\"type\"", b"\"url\"")
                }
            })
    }
}

/// Whether a member, given with its quotes, has a value that begins so.
fn is_set(text: &[u8], name: &[u8], beginning: &[u8]) -> bool {
    memmem::find_iter(text, name).any(|at| {
        let rest = text.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
        rest.strip_prefix(b":").is_some_and(|rest| rest.trim_ascii_start().starts_with(beginning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_fetched_follows_from_protocol_and_provider() {
        let none = Quirks::default();
        let bytes = Quirks { no_media_urls: true, ..Quirks::default() };
        assert_eq!(Fetched::by(Dialect::OpenaiChat, &none), Some(Fetched::Files));
        assert_eq!(Fetched::by(Dialect::OpenaiChat, &bytes), Some(Fetched::All));
        assert_eq!(Fetched::by(Dialect::Anthropic, &none), Some(Fetched::PlainHttp));
        assert_eq!(Fetched::by(Dialect::OpenaiResponses, &none), None);
        let image =
            |url: &str| BlockKind::Image { source: MediaSource::Url(url.to_owned()), detail: None };
        let file = |url: &str| BlockKind::File {
            source: MediaSource::Url(url.to_owned()),
            filename: None,
        };
        assert!(Fetched::All.concerns(&image("https://a")));
        assert!(!Fetched::Files.concerns(&image("https://a")));
        assert!(Fetched::Files.concerns(&file("https://a")));
        assert!(!Fetched::PlainHttp.concerns(&file("https://a")));
        assert!(Fetched::PlainHttp.concerns(&image("http://a")));
    }

    #[test]
    fn a_body_is_searched_for_what_is_fetched() {
        let found = |fetched: Fetched, content: &str| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
            fetched.may_be_in(&Envelope::parse(body.as_bytes()).unwrap())
        };
        let file = |data: &str| format!(r#"[{{"type":"file","file":{{"file_data" : "{data}"}}}}]"#);
        assert!(found(Fetched::Files, &file("https://a/b.pdf")));
        assert!(!found(Fetched::Files, &file("data:application/pdf;base64,AA==")));
        assert!(!found(Fetched::Files, r#""https://a""#));
        let image =
            |url: &str| format!(r#"[{{"type":"image","source":{{"type":"url","url":"{url}"}}}}]"#);
        assert!(found(Fetched::PlainHttp, &image("http://a")));
        assert!(!found(Fetched::PlainHttp, &image("https://a")));
        assert!(!found(Fetched::PlainHttp, r#"[{"type":"tool_use","input":{"url":"http://a"}}]"#));
        assert!(!found(Fetched::All, r#""https://a""#));
        assert!(found(Fetched::All, r#"[{"type":"text","text":"https://a"}]"#));
    }
}
