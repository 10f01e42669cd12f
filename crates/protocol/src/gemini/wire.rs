//! Names of the protocol and the small writers for it.
//!
//! Bodies are written directly: a request may carry megabytes of base64, and a tree of it would
//! only be copied once more.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json::RawJson;
use crate::json::envelope::{check_depth, write_member, write_string};

/// What stands in for a signature that another model never gave. Bug 7
pub(super) const SKIP_SIGNATURE: &str = "skip_thought_signature_validator";

/// The hosts at which `fileData` works although URLs in general do not: Google's own file store
/// and YouTube. MMIN-3
const OWN_MEDIA_HOSTS: [&str; 6] = [
    "https://generativelanguage.googleapis.com/",
    "gs://",
    "https://www.youtube.com/",
    "https://youtube.com/",
    "https://m.youtube.com/",
    "https://youtu.be/",
];

/// Whether a URL is one that Google resolves itself.
pub(super) fn is_own_media_url(url: &str) -> bool {
    OWN_MEDIA_HOSTS.iter().any(|host| url.starts_with(host))
}

/// Members that speak to the router, whatever the caller's protocol; the service refuses them.
pub(super) const ROUTER_MEMBERS: [&str; 20] = [
    "model",
    "models",
    "stream",
    "provider",
    "max_cost",
    "speed",
    "prompt_cache_key",
    "plugins",
    "preset",
    "route",
    "transforms",
    "session_id",
    "trace",
    "debug",
    "usage",
    "user",
    "metadata",
    "stop_server_tools_when",
    "max_tool_calls",
    "cache_control",
];

/// Starts a member: a comma unless it is the first, the name, the colon.
pub(super) fn open_member(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
}

/// Writes a member whose value is a string.
pub(super) fn string_member(out: &mut Vec<u8>, name: &str, text: &str) {
    open_member(out, name);
    write_string(out, text);
}

/// Starts an element of an array: a comma unless it is the first.
pub(super) fn element(out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
}

/// Writes members as they are.
pub(super) fn write_extras(out: &mut Vec<u8>, members: &[(String, RawJson)]) {
    for (name, value) in members {
        write_member(out, name, value.get());
    }
}

/// One part of a content, ready to be written.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// What it carries.
    pub(super) body: PartBody<'a>,
    /// Its thought signature. Bug 7
    pub(super) signature: Option<Cow<'a, str>>,
    /// Further members of the part.
    pub(super) extras: &'a [(String, RawJson)],
}

/// What a part carries.
#[derive(Debug)]
pub(super) enum PartBody<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A summary of the model's thoughts.
    Thought(Cow<'a, str>),
    /// Bytes in base64.
    InlineData { media_type: Cow<'a, str>, data: Cow<'a, str>, name: Option<&'a str> },
    /// A file that Google fetches.
    FileData { media_type: Option<Cow<'a, str>>, uri: &'a str },
    /// A call; `arguments` is the text of a JSON object.
    FunctionCall { id: Option<&'a str>, name: Cow<'a, str>, arguments: Cow<'a, str> },
    /// A result; `response` is the text of a JSON object.
    FunctionResponse {
        id: Option<&'a str>,
        name: Cow<'a, str>,
        response: Cow<'a, str>,
        media: Vec<Part<'a>>,
    },
    /// A part of this dialect that is passed on as it is.
    Raw(&'a RawJson),
}

impl<'a> Part<'a> {
    /// A part without signature or further members.
    pub(super) fn new(body: PartBody<'a>) -> Self {
        Self { body, signature: None, extras: &[] }
    }

    /// A text part.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(PartBody::Text(text.into()))
    }

    /// With further members.
    pub(super) fn with_extras(mut self, extras: &'a [(String, RawJson)]) -> Self {
        self.extras = extras;
        self
    }

    /// Writes the part as a JSON object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if let PartBody::Raw(raw) = &self.body {
            out.extend_from_slice(raw.get().as_bytes());
            return;
        }
        out.push(b'{');
        match &self.body {
            PartBody::Text(text) => string_member(out, "text", text),
            PartBody::Thought(text) => {
                string_member(out, "text", text);
                write_member(out, "thought", "true");
            }
            PartBody::InlineData { media_type, data, name } => {
                open_member(out, "inlineData");
                out.push(b'{');
                string_member(out, "mimeType", media_type);
                if let Some(name) = name {
                    string_member(out, "displayName", name);
                }
                string_member(out, "data", data);
                out.push(b'}');
            }
            // A caller of this protocol told more about the file than its address.
            PartBody::FileData { .. } if self.extras.iter().any(|(name, _)| is_file(name)) => {}
            PartBody::FileData { media_type, uri } => {
                open_member(out, "fileData");
                out.push(b'{');
                if let Some(media_type) = media_type {
                    string_member(out, "mimeType", media_type);
                }
                string_member(out, "fileUri", uri);
                out.push(b'}');
            }
            PartBody::FunctionCall { id, name, arguments } => {
                open_member(out, "functionCall");
                out.push(b'{');
                if let Some(id) = id {
                    string_member(out, "id", id);
                }
                string_member(out, "name", name);
                write_member(out, "args", arguments);
                out.push(b'}');
            }
            PartBody::FunctionResponse { id, name, response, media } => {
                open_member(out, "functionResponse");
                out.push(b'{');
                if let Some(id) = id {
                    string_member(out, "id", id);
                }
                string_member(out, "name", name);
                write_member(out, "response", response);
                if !media.is_empty() {
                    open_member(out, "parts");
                    write_parts(out, media);
                }
                out.push(b'}');
            }
            PartBody::Raw(_) => {}
        }
        if let Some(signature) = &self.signature {
            string_member(out, "thoughtSignature", signature);
        }
        write_extras(out, self.extras);
        out.push(b'}');
    }
}

fn is_file(name: &str) -> bool {
    name == "fileData" || name == "file_data"
}

/// Writes an array of parts.
pub(super) fn write_parts(out: &mut Vec<u8>, parts: &[Part<'_>]) {
    out.push(b'[');
    for part in parts {
        element(out);
        part.write(out);
    }
    out.push(b']');
}

/// Whether a text is one JSON object, not deeper than bodies may be.
pub(super) fn check_object(text: &str) -> bool {
    text.starts_with('{')
        && check_depth(text.as_bytes()).is_ok()
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The media type that goes with a file extension, for URLs that do not tell theirs.
pub(crate) fn media_type_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" => "text/html",
        "mp4" => "video/mp4",
        "mpeg" | "mpg" => "video/mpeg",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "aac" => "audio/aac",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "aiff" => "audio/aiff",
        "m4a" => "audio/mp4",
        _ => return None,
    })
}

/// The media type of an audio format's name. MMIN-2
pub(super) fn audio_media_type(format: &str) -> Cow<'static, str> {
    match format {
        "m4a" => Cow::Borrowed("audio/mp4"),
        "pcm16" | "pcm" => Cow::Borrowed("audio/pcm"),
        "wav" => Cow::Borrowed("audio/wav"),
        "mp3" => Cow::Borrowed("audio/mp3"),
        other => Cow::Owned(format!("audio/{other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_media_types_and_queries_do_not_matter() {
        assert_eq!(media_type_of("https://a.b/c.PNG?x=1.txt"), Some("image/png"));
        assert_eq!(media_type_of("https://a.b/c"), None);
        assert_eq!(audio_media_type("flac"), "audio/flac");
    }

    #[test]
    fn only_hosts_google_resolves_itself_count_as_own() {
        assert!(is_own_media_url("https://www.youtube.com/watch?v=1"));
        assert!(is_own_media_url("gs://bucket/x"));
        assert!(!is_own_media_url("https://evil.example/https://youtu.be/"));
    }
}
