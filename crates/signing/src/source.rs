//! Where tokens come from.

use crate::azure::{EntraClient, ManagedIdentity};
use crate::google::{self, AuthorizedUser, ServiceAccount};
use crate::{Secret, Token, TokenError, TokenRequest, answer};

/// A credential that is exchanged for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A service account of Google Cloud, by its key.
    GoogleServiceAccount(Box<ServiceAccount>),
    /// A user of Google Cloud.
    GoogleUser(AuthorizedUser),
    /// The service account under which the machine runs in Google Cloud.
    GoogleMetadata,
    /// An application of Entra, by its secret.
    Entra(EntraClient),
    /// The identity under which the machine runs in Azure.
    AzureManagedIdentity(ManagedIdentity),
}

impl TokenSource {
    /// The request that asks for a token at a time in seconds since 1970. With a service account
    /// it takes one to two milliseconds: it is signed with RSA.
    pub fn request(&self, at: u64) -> Result<TokenRequest, TokenError> {
        match self {
            Self::GoogleServiceAccount(account) => account.request(at),
            Self::GoogleUser(user) => Ok(user.request()),
            Self::GoogleMetadata => Ok(google::metadata_token_request()),
            Self::Entra(client) => Ok(client.request()),
            Self::AzureManagedIdentity(identity) => Ok(identity.request()),
        }
    }

    /// What the answer to that request means, whatever its status. `at` is when the request was
    /// sent, in seconds since 1970: a token lives from then on. No more than
    /// [`crate::MAX_ANSWER_BYTES`] and one need to be read of a body.
    pub fn read(&self, status: u16, body: &[u8], at: u64) -> Result<Token, TokenError> {
        answer::read(status, body, at, &self.secrets())
    }

    /// Whether this is the identity of the machine, which is the operator's: callers who bring
    /// their own credentials must not be allowed it.
    pub fn is_ambient(&self) -> bool {
        matches!(self, Self::GoogleMetadata | Self::AzureManagedIdentity(_))
    }

    /// A header that goes with its tokens in every request: the project that users of Google Cloud
    /// are counted under.
    pub fn companion_header(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::GoogleUser(user) => {
                user.quota_project_id().map(|project| ("x-goog-user-project", project))
            }
            _ => None,
        }
    }

    /// What must not come back in an error. The key of a service account is never sent.
    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::GoogleUser(user) => user.secrets().to_vec(),
            Self::Entra(client) => vec![client.secret()],
            Self::GoogleServiceAccount(_)
            | Self::GoogleMetadata
            | Self::AzureManagedIdentity(_) => Vec::new(),
        }
    }
}
