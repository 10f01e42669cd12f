//! Azure's clouds, which have nothing in common but the software.

use crate::Invalid;

/// One of Azure's clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The one for everybody.
    #[default]
    Public,
    /// That of the government of the United States.
    UsGovernment,
    /// The one in China, run by 21Vianet.
    China,
}

impl Cloud {
    /// Reads `public`, `us_government` or `china`.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        match name {
            "public" => Ok(Self::Public),
            "us_government" => Ok(Self::UsGovernment),
            "china" => Ok(Self::China),
            _ => Err(Invalid::new("cloud", "must be `public`, `us_government` or `china`")),
        }
    }

    /// The host that gives out tokens.
    pub(super) const fn authority(self) -> &'static str {
        match self {
            Self::Public => "login.microsoftonline.com",
            Self::UsGovernment => "login.microsoftonline.us",
            Self::China => "login.chinacloudapi.cn",
        }
    }

    /// What a token is for.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::Public => "https://cognitiveservices.azure.com",
            Self::UsGovernment => "https://cognitiveservices.azure.us",
            Self::China => "https://cognitiveservices.azure.cn",
        }
    }

    /// The domain of Azure OpenAI's resources.
    pub(super) const fn openai_domain(self) -> &'static str {
        match self {
            Self::Public => "openai.azure.com",
            Self::UsGovernment => "openai.azure.us",
            Self::China => "openai.azure.cn",
        }
    }
}
