//! Users who have signed in with `gcloud auth application-default login`.

use super::TOKEN_URL;
use crate::json::Object;
use crate::{Invalid, Secret, TokenRequest, text};

/// A user's consent, good until it is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedUser {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    quota_project_id: Option<String>,
}

impl AuthorizedUser {
    pub(super) fn from_members(members: &mut Object) -> Result<Self, Invalid> {
        let user = Self {
            client_id: members.required("client_id")?,
            client_secret: members.secret("client_secret")?,
            refresh_token: members.secret("refresh_token")?,
            quota_project_id: members.optional("quota_project_id")?,
        };
        text::visible("client_id", &user.client_id, 512)?;
        text::visible("client_secret", user.client_secret.expose(), 512)?;
        text::visible("refresh_token", user.refresh_token.expose(), 4096)?;
        if let Some(project) = &user.quota_project_id {
            super::vertex::check_project("quota_project_id", project)?;
        }
        Ok(user)
    }

    /// The project whose quota the user's requests count against: it goes into the header
    /// `x-goog-user-project`.
    pub fn quota_project_id(&self) -> Option<&str> {
        self.quota_project_id.as_deref()
    }

    pub(crate) fn request(&self) -> TokenRequest {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("refresh_token", self.refresh_token.expose()),
        ];
        TokenRequest::form(TOKEN_URL.to_owned(), &fields)
    }

    pub(crate) fn secrets(&self) -> [&Secret; 2] {
        [&self.client_secret, &self.refresh_token]
    }
}
