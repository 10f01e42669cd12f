//! Credentials as operators write them, and what becomes of them.

use crate::aws::{self, AwsCredentials};
use crate::token::bearer;
use crate::{Invalid, Secret, TokenSource, azure, google, text};

/// The most bytes of a credential's text. The longest ones, keys of service accounts, have three
/// thousand.
pub const MAX_CREDENTIAL_BYTES: usize = 64 * 1024;

/// How a provider wants requests to be authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The text, in a header of this name in lower case.
    Header(String),
    /// `Authorization: Bearer` and the text.
    Bearer,
    /// A Bedrock API key, or keys that sign.
    Aws,
    /// A service account, a user, the machine's own account, or an API key of express mode.
    Google,
    /// An API key, an application of Entra, or the machine's own identity.
    Azure,
}

/// Headers that decide how a request is read or where it goes.
const NOT_FOR_SECRETS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
];

impl Scheme {
    /// Reads `bearer`, `x_api_key`, `x_goog_api_key`, `api_key`, `header:NAME`, `aws`, `google` or
    /// `azure`.
    pub fn parse(kind: &str) -> Result<Self, Invalid> {
        Ok(match kind {
            "bearer" => Self::Bearer,
            "x_api_key" => Self::Header("x-api-key".to_owned()),
            "x_goog_api_key" => Self::Header("x-goog-api-key".to_owned()),
            "api_key" => Self::Header("api-key".to_owned()),
            "aws" => Self::Aws,
            "google" => Self::Google,
            "azure" => Self::Azure,
            _ => match kind.strip_prefix("header:") {
                Some(name) => Self::Header(header_name(name)?),
                None => {
                    return Err(Invalid::new(
                        "kind",
                        "must be `bearer`, `x_api_key`, `x_goog_api_key`, `api_key`, \
                         `header:NAME`, `aws`, `google` or `azure`",
                    ));
                }
            },
        })
    }
}

/// A header's name in lower case, if it may carry a secret. RFC 9110 5.1
fn header_name(name: &str) -> Result<String, Invalid> {
    let name = name.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !(1..=128).contains(&name.len()) || !name.bytes().all(is_token) {
        return Err(Invalid::new("kind", "does not name a header after `header:`"));
    }
    if NOT_FOR_SECRETS.contains(&name.as_str()) {
        return Err(Invalid::new("kind", "names a header that is not for credentials"));
    }
    Ok(name)
}

/// A header that is the same in every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticHeader {
    /// Its name in lower case.
    pub name: String,
    /// Its whole value: visible ASCII, with the space after `Bearer`.
    pub value: Secret,
}

impl StaticHeader {
    pub(crate) fn named(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Secret::new(value) }
    }

    pub(crate) fn authorization(value: Secret) -> Self {
        Self { name: "authorization".to_owned(), value }
    }
}

/// A credential, ready to be kept beside an endpoint. The three ways are all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A header is added.
    Header(StaticHeader),
    /// Each request is signed, as the last thing that is done to it: [`aws::sign`].
    Aws(AwsCredentials),
    /// A token is got beforehand, and added as `Authorization`: [`crate::Token::authorization`].
    Token(TokenSource),
}

impl Credential {
    /// Reads the text of a credential under the scheme of its provider. White space around it is
    /// what pasting left there. No error repeats any of it.
    pub fn parse(scheme: &Scheme, secret: &str) -> Result<Self, Invalid> {
        if secret.len() > MAX_CREDENTIAL_BYTES {
            return Err(Invalid::new("credential", "is longer than 64 KiB"));
        }
        let secret = secret.trim();
        if secret.is_empty() {
            return Err(Invalid::new("credential", "is empty"));
        }
        match scheme {
            Scheme::Header(name) => {
                text::visible("credential", secret, 8192)?;
                Ok(Self::Header(StaticHeader::named(name, secret)))
            }
            Scheme::Bearer => {
                text::visible("credential", secret, 8192)?;
                Ok(Self::Header(StaticHeader::authorization(bearer(secret))))
            }
            Scheme::Aws => aws::parse(secret),
            Scheme::Google => google::parse(secret),
            Scheme::Azure => azure::parse(secret),
        }
    }

    /// Whether it is the machine's own identity: see [`TokenSource::is_ambient`].
    pub fn is_ambient(&self) -> bool {
        matches!(self, Self::Token(source) if source.is_ambient())
    }
}
