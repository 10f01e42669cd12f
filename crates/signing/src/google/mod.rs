//! Google Cloud: credentials and tokens, and addresses of Vertex AI. wire-formats 4

mod assertion;
mod credentials;
mod key;
mod service_account;
mod user;
pub mod vertex;

#[cfg(test)]
mod tests;

pub(crate) use credentials::parse;
pub use service_account::ServiceAccount;
pub use user::AuthorizedUser;

use crate::TokenRequest;

/// What a token is asked for: everything the account may do in Google Cloud.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where tokens come from, unless a service account names another place at Google.
pub(crate) const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

const METADATA: &str = "http://metadata.google.internal/computeMetadata/v1";

/// What the metadata service asks of everyone, and writes into each of its answers: one without it
/// is not from there.
pub const METADATA_FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

/// Asks the machine's cloud for a token of the service account it runs under.
pub(crate) fn metadata_token_request() -> TokenRequest {
    let url = format!("{METADATA}/instance/service-accounts/default/token");
    TokenRequest::metadata(url, METADATA_FLAVOR)
}

/// Asks the machine's cloud for the identity of its project, which it answers as plain text.
pub fn metadata_project_request() -> TokenRequest {
    TokenRequest::metadata(format!("{METADATA}/project/project-id"), METADATA_FLAVOR)
}
