//! Addresses of Vertex AI. wire-formats 4

use crate::{Invalid, percent, text};

/// Where models run: `global`, a group of regions (`us`, `eu`) or a region (`us-east5`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location(String);

impl Location {
    /// Reads the name of a location.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        if text::is_label(name) && name.len() <= 32 {
            Ok(Self(name.to_owned()))
        } else {
            Err(Invalid::new(
                "location",
                "is not the name of a location such as `global`, `eu` or `us-east5`",
            ))
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The host that serves it. wire-formats 4
    pub fn host(&self) -> String {
        match self.name() {
            "global" => GLOBAL_HOST.to_owned(),
            "us" | "eu" => format!("aiplatform.{}.rep.googleapis.com", self.0),
            region => format!("{region}-{GLOBAL_HOST}"),
        }
    }

    /// The host as the beginning of a URL.
    pub fn base_url(&self) -> String {
        format!("https://{}", self.host())
    }
}

/// The host of the location `global` and of express mode.
pub const GLOBAL_HOST: &str = "aiplatform.googleapis.com";

/// Whose models they are, which decides the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// Google's own, which speak `generateContent`.
    Google,
    /// Anthropic's, which speak Messages in a `rawPredict`.
    Anthropic,
}

impl Publisher {
    const fn method(self, streamed: bool) -> &'static str {
        match (self, streamed) {
            (Self::Google, false) => "generateContent",
            (Self::Google, true) => "streamGenerateContent?alt=sse",
            (Self::Anthropic, false) => "rawPredict",
            (Self::Anthropic, true) => "streamRawPredict",
        }
    }
}

/// The path, with its query, that asks a model of a project.
pub fn path(
    project: &str,
    location: &Location,
    publisher: Publisher,
    model: &str,
    streamed: bool,
) -> Result<String, Invalid> {
    let (version, name) = match publisher {
        Publisher::Google => ("v1beta1", "google"),
        Publisher::Anthropic => ("v1", "anthropic"),
    };
    Ok(format!(
        "/{version}{}/publishers/{name}/models/{}:{}",
        resources(project, location)?,
        encoded(model)?,
        publisher.method(streamed),
    ))
}

/// The path, with its query, that asks one of Google's models in express mode: with an API key
/// and no project, at [`GLOBAL_HOST`].
pub fn express_path(model: &str, streamed: bool) -> Result<String, Invalid> {
    let method = Publisher::Google.method(streamed);
    Ok(format!("/v1/publishers/google/models/{}:{method}", encoded(model)?))
}

/// The path of one of Google's models of a project, for what is no conversation: `rest` is what
/// follows the publisher, such as `/models/text-embedding-005:predict`.
pub fn publisher_path(project: &str, location: &Location, rest: &str) -> Result<String, Invalid> {
    Ok(format!("/v1{}/publishers/google{rest}", resources(project, location)?))
}

/// The path at which open models of a project speak OpenAI's chat protocol, with names such as
/// `meta/llama-4-maverick-17b-128e-instruct-maas` in the body.
pub fn chat_path(project: &str, location: &Location) -> Result<String, Invalid> {
    Ok(format!("/v1{}/endpoints/openapi/chat/completions", resources(project, location)?))
}

fn resources(project: &str, location: &Location) -> Result<String, Invalid> {
    check_project("project", project)?;
    Ok(format!("/projects/{project}/locations/{}", location.name()))
}

/// A model's name as part of a segment. `@` before a version stays as it is; `:` would begin the
/// method, and `/` another segment.
fn encoded(model: &str) -> Result<String, Invalid> {
    text::segment("model", model)?;
    let mut encoded = String::with_capacity(model.len() + 16);
    percent::encode_into(&mut encoded, model.as_bytes(), b"@");
    Ok(encoded)
}

/// Checks a project's identity or number. Old ones begin with a domain: `example.com:project`.
pub(super) fn check_project(field: &'static str, project: &str) -> Result<(), Invalid> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte);
    let fits = (1..=128).contains(&project.len())
        && project.bytes().all(allowed)
        && project.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits { Ok(()) } else { Err(Invalid::new(field, "is not the identity of a project")) }
}
