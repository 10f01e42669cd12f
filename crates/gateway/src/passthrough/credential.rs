//! Step 2: whose credential may be used? As routing would choose for this provider and caller, of
//! those that the operator lets pass.

use std::sync::Arc;

use catalog::{Catalog, EndpointId, ProviderId, profile};
use http::{HeaderName, HeaderValue};
use protocol::Dialect;
use protocol::exchange::{ErrorType, Fault};
use routing::Policy;

use super::named::Named;
use crate::app::Worker;
use crate::clock::now_seconds;
use crate::control::{Access, Caller, Snapshot};
use crate::settings::PassthroughPermission;
use crate::upstream::Grant;

/// The endpoint of a model at a provider, by the provider's name of it (Google's clients put
/// `models/` in front) or by ours. An inference profile of Bedrock's that the catalogue does not have
/// is that of the model itself, else that of another geography.
pub fn endpoint_of(catalog: &Catalog, provider: ProviderId, name: &str) -> Option<EndpointId> {
    let find = |name: &str| catalog.endpoint_at(provider, name);
    let name = match name.strip_prefix("models/") {
        Some(name) => name,
        // As Vertex names it in whole: `projects/…/publishers/google/models/…`. What is below a
        // project's own `models` is its owner's.
        None => match name.split_once("publishers/google/models/") {
            Some((before, name)) if before.is_empty() || before.starts_with("projects/") => name,
            _ => name,
        },
    };
    find(name).or_else(|| {
        let (geography, own) = profile::split(name);
        if catalog.provider(provider).dialect != Dialect::Bedrock {
            return None;
        }
        geography.and_then(|_| find(own)).or_else(|| {
            profile::GEOGRAPHIES.iter().find_map(|geography| find(&format!("{geography}.{own}")))
        })
    })
}

/// The credential for a call: the workspace's own first, then a shared one, then fallbacks.
/// Those that are for some models only serve calls that name one of these beyond doubt. BYOK-2,
/// BYOK-6
pub fn choose(
    permission: PassthroughPermission,
    snapshot: &Snapshot,
    caller: &Caller,
    provider: ProviderId,
    named: &Named,
    endpoint: Option<EndpointId>,
) -> Result<Arc<Access>, Fault> {
    let catalog = &snapshot.catalog;
    let slug = &catalog.provider(provider).slug;
    let denied = |message: String| Err(Fault::new(ErrorType::PermissionDenied, message));
    if permission == PassthroughPermission::Off {
        return denied(
            "Calls of a provider's own API are switched off on this gateway; its operator can \
             set `passthrough` to own_credentials or all"
                .to_owned(),
        );
    }
    if !admits(snapshot, caller, provider, named, endpoint) {
        return denied(format!(
            "The data policy of this account does not let calls go to {slug}, or not to all of its \
             models: name one that is allowed, or have an owner change the policy"
        ));
    }
    let model = match endpoint {
        Some(endpoint) if named.is_certain => catalog.endpoint(endpoint).model.as_str(),
        // No list of models has it.
        _ => "",
    };
    let usable = |access: &Access| permission == PassthroughPermission::All || access.is_byok();
    let order = |access: &Access| match (access.is_byok(), access.is_fallback) {
        (true, false) => 0,
        (false, _) => 1,
        (true, true) => 2,
    };
    let found = snapshot
        .access_for(provider, model, caller)
        .filter(|access| usable(access))
        .min_by_key(|access| order(access));
    if let Some(access) = found {
        return Ok(Arc::clone(access));
    }
    let theirs = |access: &&Arc<Access>| {
        usable(access)
            && access.workspace_id.as_deref().is_none_or(|id| id == &*caller.workspace_id)
    };
    let all = snapshot.access.get(provider.0 as usize).into_iter().flatten();
    if all.clone().any(|access| theirs(&access)) {
        return denied(format!(
            "The credentials for {slug} are for certain keys or models only. Use a key that is \
             allowed, or name an allowed model as `model` in a JSON body of at most 1 MiB"
        ));
    }
    if permission == PassthroughPermission::OwnCredentials {
        return denied(format!(
            "Calls of {slug}'s own API need a credential of this workspace: add one with \
             `trunkline credential add {slug} --workspace …`, or have the operator set \
             `passthrough` to all"
        ));
    }
    Err(Fault::new(
        ErrorType::NotFound,
        format!(
            "Nobody has a credential for {slug} here; `trunkline credential add {slug}` adds one"
        ),
    ))
}

/// Whether the account's policy lets a call go to a provider. Of a call that names no endpoint
/// beyond doubt all of them have to be allowed: none of them may be what it is for. PRIV-3, PRIV-4
fn admits(
    snapshot: &Snapshot,
    caller: &Caller,
    provider: ProviderId,
    named: &Named,
    endpoint: Option<EndpointId>,
) -> bool {
    let (catalog, policy) = (&snapshot.catalog, &*caller.policy);
    if *policy == Policy::default() {
        return true;
    }
    let admits = |id: EndpointId| policy.admits_data(catalog, id, catalog.model_id_of(id));
    match endpoint.filter(|_| named.is_certain) {
        Some(endpoint) => admits(endpoint),
        None => {
            let mut own =
                catalog.endpoints().filter(|(id, _)| catalog.provider_id_of(*id) == provider);
            let mut is_any = false;
            let all = own.all(|(id, _)| {
                is_any = true;
                admits(id)
            });
            // Of a provider without endpoints nothing is known.
            all && is_any
        }
    }
}

/// The headers that authorise a call, and the token that was used, if one was. All ways of
/// authentication go through here.
pub async fn authorise(
    access: &Access,
    worker: &Worker,
) -> Result<(Vec<(HeaderName, HeaderValue)>, Option<Grant>), Fault> {
    let token_server = worker.app.settings.upstream.token_server.as_ref();
    let got = access.authorization.headers(now_seconds, &worker.pool, token_server).await;
    match got {
        Ok(Some(authorised)) => Ok(authorised),
        // What is signed is the whole body, which is not held here.
        Ok(None) => Err(Fault::new(
            ErrorType::PermissionDenied,
            "Calls of this provider's own API cannot be signed with access keys; use a credential \
             that is a bearer key",
        )),
        Err(failure) => {
            let message = "Provider returned error: no access token";
            Err(Fault::new(
                ErrorType::ProviderUnavailable,
                match access.is_byok() {
                    true => format!("{message}: {failure}"),
                    false => message.to_owned(),
                },
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_model() {
        let catalog = Catalog::embedded().unwrap();
        let bedrock = catalog.find_provider("amazon-bedrock").unwrap();
        for (_, endpoint) in catalog.endpoints().filter(|it| it.1.provider == "amazon-bedrock") {
            let named = &endpoint.upstream_model;
            let exact = endpoint_of(&catalog, bedrock, named).unwrap();
            assert_eq!(catalog.endpoint(exact).upstream_model, *named);
            let elsewhere = format!("us-gov.{}", profile::split(named).1);
            let found = endpoint_of(&catalog, bedrock, &elsewhere).unwrap();
            let found = catalog.endpoint(found);
            assert_eq!(profile::split(&found.upstream_model).1, profile::split(named).1);
        }
        assert_eq!(endpoint_of(&catalog, bedrock, "us.nobody.model"), None);
        let openai = catalog.find_provider("openai").unwrap();
        assert_eq!(endpoint_of(&catalog, openai, "us.gpt-4o"), None);
    }
}
