//! Service accounts: machines' identities, each with a key in a JSON file.

use super::TOKEN_URL;
use super::assertion::assertion;
use super::key::PrivateKey;
use crate::json::Object;
use crate::{Invalid, Secret, TokenError, TokenRequest, text};

/// The grant of a signed statement. RFC 7523 2.1
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A service account with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    pub(super) client_email: String,
    pub(super) private_key: PrivateKey,
    pub(super) private_key_id: Option<String>,
    pub(super) token_uri: String,
    project_id: Option<String>,
}

impl ServiceAccount {
    pub(super) fn from_members(mut members: Object) -> Result<Self, Invalid> {
        let client_email = members.required("client_email")?;
        if !client_email.contains('@') {
            return Err(Invalid::new("client_email", "is not an address"));
        }
        text::visible("client_email", &client_email, 320)?;
        let pem = members.secret("private_key")?;
        let private_key_id = members.optional("private_key_id")?;
        if let Some(id) = &private_key_id {
            text::visible("private_key_id", id, 256)?;
        }
        let token_uri = members.optional("token_uri")?.unwrap_or_else(|| TOKEN_URL.to_owned());
        check_token_uri(&token_uri)?;
        if members.optional("universe_domain")?.is_some_and(|domain| domain != "googleapis.com") {
            return Err(Invalid::new("universe_domain", "is not supported: only `googleapis.com`"));
        }
        let project_id = members.optional("project_id")?;
        if let Some(project) = &project_id {
            super::vertex::check_project("project_id", project)?;
        }
        let private_key = PrivateKey::parse(pem.expose())?;
        Ok(Self { client_email, private_key, private_key_id, token_uri, project_id })
    }

    /// The account's name, an e-mail address.
    pub fn client_email(&self) -> &str {
        &self.client_email
    }

    /// The project it was made in, which is where its requests go unless an endpoint says another.
    pub fn project_id(&self) -> Option<&str> {
        self.project_id.as_deref()
    }

    /// The signed statement that is exchanged for a token, made at a time in seconds since 1970.
    pub fn assertion(&self, at: u64) -> Result<Secret, TokenError> {
        assertion(self, at)
    }

    pub(crate) fn request(&self, at: u64) -> Result<TokenRequest, TokenError> {
        let assertion = self.assertion(at)?;
        let fields = [("grant_type", GRANT), ("assertion", assertion.expose())];
        Ok(TokenRequest::form(self.token_uri.clone(), &fields))
    }
}

/// Checks where a credential wants its token from. The text may come from somebody who is not the
/// operator: only Google's own hosts are asked, so that nobody is made to ask others.
fn check_token_uri(uri: &str) -> Result<(), Invalid> {
    const FIELD: &str = "token_uri";
    text::visible(FIELD, uri, 512)?;
    let host = uri
        .strip_prefix("https://")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default())
        .filter(|host| host.split('.').all(text::is_label));
    match host {
        Some("accounts.google.com") => Ok(()),
        Some(host) if host.ends_with(".googleapis.com") => Ok(()),
        _ => Err(Invalid::new(
            FIELD,
            "is not at Google: it must begin with https://oauth2.googleapis.com/ or another host \
             of googleapis.com",
        )),
    }
}
