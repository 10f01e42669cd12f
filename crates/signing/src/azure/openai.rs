//! Addresses of Azure OpenAI, of which there are two styles. wire-formats 8

use super::Cloud;
use crate::{Invalid, percent, text};

/// Where chats are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatPath<'a> {
    /// The newer style: the deployment's name is the model in the body.
    V1,
    /// The classic style: the deployment's name is in the path.
    Deployment {
        /// The deployment's name.
        deployment: &'a str,
        /// The version of the interface, such as `2024-10-21`.
        api_version: &'a str,
    },
}

impl ChatPath<'_> {
    /// The path with its query. The newer style has none: it refuses `api-version`.
    /// wire-formats 8
    pub fn render(&self) -> Result<String, Invalid> {
        match self {
            Self::V1 => Ok("/openai/v1/chat/completions".to_owned()),
            Self::Deployment { deployment, api_version } => {
                text::segment("deployment", deployment)?;
                check_version(api_version)?;
                Ok(format!(
                    "/openai/deployments/{}/chat/completions?api-version={api_version}",
                    percent::encode(deployment)
                ))
            }
        }
    }
}

/// The beginning of the URLs of a resource: `https://{resource}.openai.azure.com`.
pub fn resource_base_url(resource: &str, cloud: Cloud) -> Result<String, Invalid> {
    // Names keep their capitals in Azure; in hosts they mean nothing.
    let label = resource.to_ascii_lowercase();
    if text::is_label(&label) {
        Ok(format!("https://{label}.{}", cloud.openai_domain()))
    } else {
        Err(Invalid::new(
            "resource",
            "is not the name of a resource: give what stands before `.openai.azure.com`",
        ))
    }
}

fn check_version(version: &str) -> Result<(), Invalid> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if (1..=40).contains(&version.len()) && version.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Invalid::new("api_version", "is not a version such as `2024-10-21`"))
    }
}
