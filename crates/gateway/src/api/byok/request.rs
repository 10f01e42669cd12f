//! What is said of a credential, checked. BYOK-6

use catalog::{AuthStyle, Provider};
use protocol::exchange::Fault;
use signing::azure::ResourceKey;
use store::Secret;

use crate::api::change::refused;
use crate::api::session::Management;
use crate::app::App;
use crate::control::{AccessError, Reach, reach_stored};

/// The most entries of a list of what may use a credential.
const MOST_ENTRIES: usize = 100;

/// The longest entry, in characters.
const LONGEST_ENTRY: usize = 255;

/// A secret as it was pasted, without the white space around it.
fn secret(text: &str) -> Result<Secret, Fault> {
    match text.trim() {
        "" => Err(Fault::invalid("key: is empty")),
        text => Ok(Secret::new(text)),
    }
}

/// A credential as it was sent, in the form in which it is stored.
pub struct Written {
    /// The secret.
    pub secret: Secret,
    /// Where the secret itself says that its provider is.
    pub base_url: Option<String>,
    /// The one model that it says it is for.
    pub model: Option<String>,
}

/// Reads a secret, for Azure also in the forms that name a resource beside the key. BYOK-11
pub fn written(provider: &Provider, text: &str) -> Result<Written, Fault> {
    let secret = secret(text)?;
    if provider.auth == AuthStyle::Azure {
        let named = ResourceKey::parse(secret.expose());
        let named = named.map_err(|error| Fault::invalid(format!("key: {error}")))?;
        if let Some(ResourceKey { api_key, base_url, model }) = named {
            let secret = Secret::new(api_key.expose());
            return Ok(Written { secret, base_url: Some(base_url), model });
        }
    }
    Ok(Written { secret, base_url: None, model: None })
}

/// The provider of a slug.
pub fn provider(app: &App, slug: &str) -> Result<Provider, Fault> {
    let catalog = &app.snapshot().catalog;
    if let Some(id) = catalog.find_provider(slug) {
        return Ok(catalog.provider(id).clone());
    }
    let shown: String = slug.chars().take(80).collect();
    if let Some(listed) = catalog.listed().iter().find(|listed| listed.slug == slug) {
        let message =
            format!("provider: requests cannot be sent to {} yet: {}", listed.name, listed.reason);
        return Err(Fault::invalid(message));
    }
    Err(Fault::invalid(format!(
        "provider: there is no provider `{shown}`; see GET /api/v1/providers"
    )))
}

/// How a provider is reached with a credential; what is wrong with it is told by the member at
/// fault.
pub fn reach(
    provider: &Provider,
    base_url: Option<&str>,
    secret: &Secret,
    is_of_workspace: bool,
) -> Result<Reach, Fault> {
    reach_stored(provider, base_url, secret, is_of_workspace).map_err(|error| {
        let member = match error {
            AccessError::Address(_) | AccessError::Unfilled(_) => "base_url",
            AccessError::Credential(_) | AccessError::Region | AccessError::Ambient => "key",
        };
        Fault::invalid(format!("{member}: {error}"))
    })
}

/// Checks a list of models, keys or members. An empty one is refused: nothing could use the
/// credential.
pub fn check_list(field: &str, list: Option<&Vec<String>>) -> Result<(), Fault> {
    let Some(list) = list else { return Ok(()) };
    if list.is_empty() {
        return Err(Fault::invalid(format!("{field}: is empty; send null to allow all")));
    }
    if list.len() > MOST_ENTRIES {
        return Err(Fault::invalid(format!("{field}: has more than {MOST_ENTRIES} entries")));
    }
    if list.iter().any(|entry| entry.is_empty() || entry.chars().count() > LONGEST_ENTRY) {
        return Err(Fault::invalid(format!(
            "{field}: an entry is empty or longer than {LONGEST_ENTRY} characters"
        )));
    }
    Ok(())
}

/// Checks a list of members, who have to be members of the account.
pub async fn check_users(
    app: &App,
    management: &Management,
    list: Option<&Vec<String>>,
) -> Result<(), Fault> {
    const FIELD: &str = "allowed_user_ids";
    let Some(ids) = list else { return Ok(()) };
    check_list(FIELD, Some(ids))?;
    let members = app.store.members().await.map_err(refused)?;
    let is_own = |id: &String| {
        members
            .iter()
            .any(|member| member.id == *id && member.account_id == management.account_id())
    };
    match ids.iter().find(|id| !is_own(id)) {
        None => Ok(()),
        Some(unknown) => {
            Err(Fault::invalid(format!("{FIELD}: the organization has no member {unknown}")))
        }
    }
}

/// Checks a list of keys, which have to be keys of the account.
pub async fn check_hashes(
    app: &App,
    management: &Management,
    list: Option<&Vec<String>>,
) -> Result<(), Fault> {
    const FIELD: &str = "allowed_api_key_hashes";
    let Some(hashes) = list else { return Ok(()) };
    check_list(FIELD, Some(hashes))?;
    for hash in hashes {
        let key = app.store.api_key(hash).await.map_err(refused)?;
        if key.is_none_or(|key| key.account_id != management.account_id()) {
            return Err(Fault::invalid(format!("{FIELD}: there is no key with the hash {hash}")));
        }
    }
    Ok(())
}
