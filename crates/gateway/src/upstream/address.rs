//! Where requests to a provider go: its origin, and the path of a request.

use catalog::PathStyle;
use http::uri::Authority;
use protocol::Dialect;
use protocol::dialect::UnsafeModelId;
use signing::aws::bedrock_host;
use signing::azure::{ChatPath, foundry_host, is_azure_host};
use signing::google::vertex::{self, GLOBAL_HOST, Location, Publisher};

use super::origin::{Origin, OriginError};

/// Why there is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// The base URL cannot be used.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The provider's name of the model cannot be part of a path.
    #[error(transparent)]
    Model(#[from] UnsafeModelId),
    /// A part of the base URL, or of what the path is made of, cannot be used.
    #[error(transparent)]
    Part(#[from] signing::Invalid),
    /// Vertex AI serves the models of most authors to projects only.
    #[error(
        "the address names no project: the base URL must end with \
         /v1/projects/PROJECT/locations/LOCATION"
    )]
    NoProject,
    /// The addresses of this style are for another protocol.
    #[error("nothing speaks `{}` at addresses of this `path_style`", .0.name())]
    Dialect(Dialect),
}

/// The paths of a resource at Azure below which protocols are spoken. wire-formats 2.8, 8
const OPENAI_AT_AZURE: &str = "/openai/v1";
const ANTHROPIC_AT_AZURE: &str = "/anthropic/v1";

/// The origin behind a base URL. At the clouds' own hosts, the location or region that the base URL
/// names decides about the host.
pub fn origin(style: &PathStyle, base_url: &str) -> Result<Origin, AddressError> {
    let mut origin = Origin::parse(base_url)?;
    let host = match style {
        PathStyle::Vertex => match Project::of(&origin.prefix) {
            Some(project) => {
                let location = Location::parse(project.location)?;
                (origin.authority.as_str() == GLOBAL_HOST).then(|| location.host())
            }
            None => None,
        },
        PathStyle::Protocol => match region(&origin) {
            // Regions of China and of the sovereign cloud have other domains.
            Some(region) if origin.authority.as_str() == standard_host(region) => {
                Some(bedrock_host(region)?)
            }
            _ => None,
        },
        PathStyle::Azure => {
            // What the portal shows of a resource is its host, or a protocol's address there.
            let is_whole = origin.prefix.ends_with(OPENAI_AT_AZURE);
            if is_azure_host(origin.authority.host()) && !is_whole {
                OPENAI_AT_AZURE.clone_into(&mut origin.prefix);
            }
            None
        }
        PathStyle::AzureDeployments(_) => None,
    };
    if let Some(host) = host {
        origin.authority =
            Authority::try_from(host).map_err(|_| OriginError(base_url.to_owned()))?;
    }
    Ok(origin)
}

/// Where Azure answers in Anthropic's protocol, for a resource that is asked at `origin` in
/// others; `None` if there is no such difference. wire-formats 2.8
pub fn anthropic_origin(style: &PathStyle, origin: &Origin) -> Option<Origin> {
    if !matches!(style, PathStyle::Azure | PathStyle::AzureDeployments(_)) {
        return None;
    }
    let before = [OPENAI_AT_AZURE, "/openai", ANTHROPIC_AT_AZURE, "/anthropic"]
        .iter()
        .find_map(|end| origin.prefix.strip_suffix(end))
        .unwrap_or(&origin.prefix);
    let host = foundry_host(origin.authority.host());
    let authority = host.and_then(|host| Authority::try_from(host).ok());
    Some(Origin {
        scheme: origin.scheme.clone(),
        authority: authority.unwrap_or_else(|| origin.authority.clone()),
        prefix: format!("{before}{ANTHROPIC_AT_AZURE}"),
    })
}

fn standard_host(region: &str) -> String {
    format!("bedrock-runtime.{region}.amazonaws.com")
}

/// The region in the host of an endpoint of Bedrock, be it public or within a private network:
/// `bedrock-runtime.us-east-1.amazonaws.com`, `….bedrock-runtime.us-east-1.vpce.amazonaws.com`.
pub fn region(origin: &Origin) -> Option<&str> {
    let mut labels = origin.authority.host().split('.');
    labels.find(|label| matches!(*label, "bedrock-runtime" | "bedrock-runtime-fips"))?;
    labels.next().filter(|label| label.contains('-'))
}

/// The path and query of a request for a model, with the origin's prefix: that of
/// [`anthropic_origin`] where there is one for the protocol.
pub fn path(
    style: &PathStyle,
    dialect: Dialect,
    origin: &Origin,
    model: &str,
    stream: bool,
) -> Result<String, AddressError> {
    let prefix = origin.prefix.as_str();
    match (style, dialect) {
        (PathStyle::Protocol, _)
        | (PathStyle::Azure, Dialect::OpenaiChat | Dialect::OpenaiResponses)
        | (PathStyle::Azure | PathStyle::AzureDeployments(_), Dialect::Anthropic) => {
            Ok([prefix, &dialect.path(model, stream)?].concat())
        }
        (PathStyle::Azure, other) => Err(AddressError::Dialect(other)),
        (PathStyle::Vertex, _) => vertex_path(dialect, prefix, model, stream),
        (PathStyle::AzureDeployments(api_version), Dialect::OpenaiChat) => {
            let path = ChatPath::Deployment { deployment: model, api_version }.render()?;
            Ok(format!("{}{path}", prefix.strip_suffix("/openai").unwrap_or(prefix)))
        }
        (PathStyle::AzureDeployments(_), other) => Err(AddressError::Dialect(other)),
    }
}

/// The path and query of a request that is no conversation, from the protocol's own path for it.
pub fn other_path(
    style: &PathStyle,
    origin: &Origin,
    model: &str,
    path: &str,
) -> Result<String, AddressError> {
    let prefix = origin.prefix.as_str();
    match style {
        PathStyle::Protocol | PathStyle::Azure => Ok(format!("{prefix}{path}")),
        PathStyle::Vertex => match Project::of(prefix) {
            Some(Project { before, project, location }) => {
                let location = Location::parse(location)?;
                Ok(format!("{before}{}", vertex::publisher_path(project, &location, path)?))
            }
            None => {
                let before = prefix.strip_suffix("/v1").unwrap_or(prefix);
                Ok(format!("{before}/v1/publishers/google{path}"))
            }
        },
        PathStyle::AzureDeployments(api_version) => {
            let chat = ChatPath::Deployment { deployment: model, api_version }.render()?;
            let prefix = prefix.strip_suffix("/openai").unwrap_or(prefix);
            Ok(format!("{prefix}{}", chat.replacen("/chat/completions", path, 1)))
        }
    }
}

/// wire-formats 4
fn vertex_path(
    dialect: Dialect,
    prefix: &str,
    model: &str,
    stream: bool,
) -> Result<String, AddressError> {
    let publisher = match dialect {
        Dialect::Gemini => Some(Publisher::Google),
        Dialect::Anthropic => Some(Publisher::Anthropic),
        Dialect::OpenaiChat => None,
        other => return Err(AddressError::Dialect(other)),
    };
    let Some(Project { before, project, location }) = Project::of(prefix) else {
        // Express mode, which has no project and only Google's own models.
        return match publisher {
            Some(Publisher::Google) => {
                let before = prefix.strip_suffix("/v1").unwrap_or(prefix);
                Ok(format!("{before}{}", vertex::express_path(model, stream)?))
            }
            _ => Err(AddressError::NoProject),
        };
    };
    let location = Location::parse(location)?;
    let path = match publisher {
        Some(publisher) => vertex::path(project, &location, publisher, model, stream)?,
        None => vertex::chat_path(project, &location)?,
    };
    Ok(format!("{before}{path}"))
}

/// The end of a base URL of Vertex AI.
struct Project<'a> {
    /// What a proxy may have put before it.
    before: &'a str,
    project: &'a str,
    location: &'a str,
}

impl<'a> Project<'a> {
    fn of(prefix: &'a str) -> Option<Self> {
        let (before, rest) = ["/v1/projects/", "/v1beta1/projects/"]
            .iter()
            .find_map(|start| prefix.split_once(start))?;
        let (project, location) = rest.split_once("/locations/")?;
        Some(Self { before, project, location })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERTEX: &str = "https://aiplatform.googleapis.com/v1/projects/p/locations/";

    fn host(style: &PathStyle, url: &str) -> String {
        origin(style, url).unwrap().authority.to_string()
    }

    /// wire-formats 4, 5
    #[test]
    fn the_location_decides_about_the_host_at_the_clouds_own_hosts() {
        for (location, expected) in [
            ("global", "aiplatform.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ] {
            assert_eq!(host(&PathStyle::Vertex, &format!("{VERTEX}{location}")), expected);
        }
        let own = "http://127.0.0.1:1/v1/projects/p/locations/us-east5";
        assert_eq!(host(&PathStyle::Vertex, own), "127.0.0.1:1");
        assert!(origin(&PathStyle::Vertex, &format!("{VERTEX}evil.test")).is_err());
        for (region, expected) in [
            ("eu-west-1", "bedrock-runtime.eu-west-1.amazonaws.com"),
            ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ] {
            let url = format!("https://bedrock-runtime.{region}.amazonaws.com");
            assert_eq!(host(&PathStyle::Protocol, &url), expected);
        }
    }

    #[test]
    fn the_region_is_found_in_hosts_of_bedrock_only() {
        for (url, expected) in [
            ("https://bedrock-runtime.us-east-1.amazonaws.com", Some("us-east-1")),
            ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("https://x.bedrock-runtime.eu-west-1.vpce.amazonaws.com", Some("eu-west-1")),
            ("https://proxy.test/bedrock-runtime.us-east-1.x", None),
            ("https://bedrock-runtime.test", None),
        ] {
            assert_eq!(region(&Origin::parse(url).unwrap()), expected, "{url}");
        }
    }

    /// wire-formats 4
    #[test]
    fn vertex_has_a_path_for_each_protocol() {
        let style = PathStyle::Vertex;
        let url = "http://proxy.test/g/v1/projects/p/locations/global";
        let project = origin(&style, url).unwrap();
        let of = |dialect, model, stream| path(&style, dialect, &project, model, stream).unwrap();
        assert_eq!(
            of(Dialect::Gemini, "gemini-3-flash", true),
            "/g/v1beta1/projects/p/locations/global/publishers/google/models/\
             gemini-3-flash:streamGenerateContent?alt=sse"
        );
        assert_eq!(
            of(Dialect::Anthropic, "claude@1", false),
            "/g/v1/projects/p/locations/global/publishers/anthropic/models/claude@1:rawPredict"
        );
        assert_eq!(
            of(Dialect::OpenaiChat, "meta/llama", false),
            "/g/v1/projects/p/locations/global/endpoints/openapi/chat/completions"
        );
        let express = Origin::parse("https://aiplatform.googleapis.com/v1").unwrap();
        let predict = "/models/text-embedding-005:predict";
        assert_eq!(
            other_path(&style, &project, "text-embedding-005", predict).unwrap(),
            "/g/v1/projects/p/locations/global/publishers/google/models/text-embedding-005:predict"
        );
        assert_eq!(
            other_path(&style, &express, "text-embedding-005", predict).unwrap(),
            "/v1/publishers/google/models/text-embedding-005:predict"
        );
        assert_eq!(
            path(&style, Dialect::Gemini, &express, "gemini-3-flash", false).unwrap(),
            "/v1/publishers/google/models/gemini-3-flash:generateContent"
        );
        let refused = path(&style, Dialect::Anthropic, &express, "claude", false);
        assert_eq!(refused, Err(AddressError::NoProject));
        // A name cannot choose another path.
        let steps = of(Dialect::Gemini, "../../x:delete", false);
        assert!(steps.contains("/models/..%2F..%2Fx%3Adelete:generateContent"), "{steps}");
    }

    /// wire-formats 2.8, 8
    #[test]
    fn azure_answers_anthropics_protocol_beside_openais() {
        let foundry = "https://r.services.ai.azure.com/anthropic/v1";
        let classic = PathStyle::AzureDeployments("2024-10-21".to_owned());
        for (style, url, chat, messages) in [
            (PathStyle::Azure, "https://r.openai.azure.com/openai/v1", "/openai/v1", foundry),
            (PathStyle::Azure, "https://r.openai.azure.com", "/openai/v1", foundry),
            (PathStyle::Azure, "https://r.services.ai.azure.com/anthropic/", "/openai/v1", foundry),
            (
                PathStyle::Azure,
                "https://r.services.ai.azure.com/api/projects/p",
                "/openai/v1",
                foundry,
            ),
            (
                PathStyle::Azure,
                "http://proxy.test/a/openai/v1",
                "/a/openai/v1",
                "http://proxy.test/a/anthropic/v1",
            ),
            (classic.clone(), "https://r.openai.azure.com/openai", "/openai", foundry),
            (classic, "http://127.0.0.1:1", "", "http://127.0.0.1:1/anthropic/v1"),
        ] {
            let there = origin(&style, url).unwrap();
            assert_eq!(there.prefix, chat, "{url}");
            let other = anthropic_origin(&style, &there).unwrap();
            assert_eq!(other, Origin::parse(messages).unwrap(), "{url}");
            let path = path(&style, Dialect::Anthropic, &other, "claude", true).unwrap();
            assert!(path.ends_with("/anthropic/v1/messages"), "{path}");
        }
        let plain = Origin::parse("https://api.test/v1").unwrap();
        assert_eq!(anthropic_origin(&PathStyle::Protocol, &plain), None);
        assert!(path(&PathStyle::Azure, Dialect::Gemini, &plain, "m", true).is_err());
    }

    /// wire-formats 5, 8
    #[test]
    fn azure_and_bedrock_have_the_model_in_the_path() {
        let azure = Origin::parse("https://r.openai.azure.com/openai").unwrap();
        let style = PathStyle::AzureDeployments("2024-10-21".to_owned());
        assert_eq!(
            path(&style, Dialect::OpenaiChat, &azure, "my gpt", true).unwrap(),
            "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"
        );
        assert!(path(&style, Dialect::Gemini, &azure, "m", true).is_err());
        assert_eq!(
            other_path(&style, &azure, "my gpt", "/embeddings").unwrap(),
            "/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21"
        );
        let bedrock = Origin::parse("https://bedrock-runtime.us-east-1.amazonaws.com").unwrap();
        let of = |stream| {
            path(&PathStyle::Protocol, Dialect::Bedrock, &bedrock, "a.b-v1:0", stream).unwrap()
        };
        assert_eq!(of(false), "/model/a.b-v1%3A0/converse");
        assert_eq!(of(true), "/model/a.b-v1%3A0/converse-stream");
    }
}
