//! Credentials of Google Cloud, as operators write them.

use super::{AuthorizedUser, ServiceAccount};
use crate::json::Object;
use crate::{Credential, Invalid, StaticHeader, TokenSource, text};

/// Reads the JSON of a service account or of a user, the word `metadata`, or an API key.
pub(crate) fn parse(text: &str) -> Result<Credential, Invalid> {
    if text == "metadata" {
        return Ok(Credential::Token(TokenSource::GoogleMetadata));
    }
    if !text.starts_with('{') {
        return api_key(text);
    }
    let mut members = Object::parse(text)?;
    let kind = members.required("type")?;
    let source = match kind.as_str() {
        "service_account" => {
            TokenSource::GoogleServiceAccount(Box::new(ServiceAccount::from_members(members)?))
        }
        "authorized_user" => TokenSource::GoogleUser(AuthorizedUser::from_members(&mut members)?),
        // Not repeated: whoever mixes up members may have put the key here.
        "external_account"
        | "external_account_authorized_user"
        | "impersonated_service_account" => {
            return Err(Invalid::new(
                "type",
                "is of a federated or impersonated identity, which is not supported: give the \
                 JSON key of a service account, or `metadata` on a machine that runs under one",
            ));
        }
        _ => {
            return Err(Invalid::new("type", "must be `service_account` or `authorized_user`"));
        }
    };
    Ok(Credential::Token(source))
}

/// A key of express mode, which goes into a header of its own. wire-formats 4
fn api_key(text: &str) -> Result<Credential, Invalid> {
    if text.starts_with("ya29.") {
        return Err(Invalid::new(
            "credential",
            "is an access token, which ends within the hour: give the JSON key of a service \
             account, from which tokens are made",
        ));
    }
    if text.starts_with("-----BEGIN") {
        return Err(Invalid::new(
            "credential",
            "is a private key alone: give the whole JSON key of the service account",
        ));
    }
    text::visible("credential", text, 1024)?;
    Ok(Credential::Header(StaticHeader::named("x-goog-api-key", text)))
}
