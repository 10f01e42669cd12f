//! Credentials of Azure, as operators write them.

use super::{Cloud, EntraClient, ManagedIdentity};
use crate::json::Object;
use crate::{Credential, Invalid, StaticHeader, TokenSource, text};

/// The word for the identity of the machine.
const MANAGED: &str = "managed_identity";

/// Reads an API key, a JSON object of an application of Entra, `managed_identity`, or
/// `managed_identity:CLIENT_ID` where a machine has more than one.
pub(crate) fn parse(text: &str) -> Result<Credential, Invalid> {
    if text.starts_with('{') {
        let mut members = Object::parse(text)?;
        let client = EntraClient::from_members(&mut members)?;
        return Ok(Credential::Token(TokenSource::Entra(client)));
    }
    if let Some(rest) = text.strip_prefix(MANAGED) {
        let client_id = match rest.strip_prefix(':') {
            Some(id) => Some(id),
            None if rest.is_empty() => None,
            None => {
                return Err(Invalid::new(
                    "credential",
                    "must be `managed_identity` or `managed_identity:CLIENT_ID`",
                ));
            }
        };
        let identity = ManagedIdentity::new(client_id, Cloud::Public)?;
        return Ok(Credential::Token(TokenSource::AzureManagedIdentity(identity)));
    }
    text::visible("credential", text, 1024)?;
    Ok(Credential::Header(StaticHeader::named("api-key", text)))
}
