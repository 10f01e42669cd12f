//! The ways to providers: where they are, and how requests are authorised.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use catalog::{AuthStyle, Catalog, EndpointId, PathStyle, Provider, ProviderId, Variable, profile};
use protocol::Dialect;
use signing::aws::{self, Place};
use signing::{Credential, Invalid, StaticHeader, TokenSource};
use store::{ControlState, Secret};

use super::snapshot::{Access, Snapshot};
use crate::upstream::address::{self, AddressError};
use crate::upstream::authorization::{fixed, parse};
use crate::upstream::{Authorization, AwsKeys, Origin, Tokens};

/// Where Vertex AI is asked in express mode: with an API key and no project. wire-formats 4
const VERTEX_EXPRESS: &str = "https://aiplatform.googleapis.com/v1";

/// The names under which addresses ask for what a credential may know of itself.
const PROJECT: [&str; 2] = ["GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT"];

/// Why a credential cannot be used. No text of a credential is in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AccessError {
    /// The provider's address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A part of the credential cannot be used.
    #[error(transparent)]
    Credential(#[from] Invalid),
    /// Something of the address is not known.
    #[error(
        "the provider's address is not complete: set the variable {0}, or give the credential a \
         base URL"
    )]
    Unfilled(String),
    /// Nothing says which region is asked.
    #[error(
        "`region` is not known: write the credential as JSON with a `region`, or set AWS_REGION \
         for credentials that are not a workspace's"
    )]
    Region,
    /// The machine's identity is the operator's, who did not offer it.
    #[error("the machine's own identity is not for the credentials of a workspace")]
    Ambient,
}

/// A provider as one credential reaches it.
#[derive(Debug)]
pub struct Reach {
    /// Where.
    pub origin: Origin,
    /// Where in Anthropic's protocol, if that is elsewhere.
    pub anthropic_origin: Option<Origin>,
    /// How requests are authorised.
    pub authorization: Authorization,
    /// By which ids models are asked, where they have several; `None`: none of them does.
    pub profiles: Option<profile::Preference>,
    /// Only models of the provider's own protocol are served: an API key of Vertex AI has no
    /// project, which the others need.
    pub own_models_only: bool,
}

/// Who gave a credential. It decides what counts first for what both know, and whether it may
/// stand for the machine's own identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The operator, in the environment.
    Environment,
    /// The operator, in the store.
    Operator,
    /// A workspace.
    Workspace,
}

/// A provider as an operator's credential reaches it, at the provider's address or at another.
pub fn reach(
    provider: &Provider,
    base_url: Option<&str>,
    secret: Option<&Secret>,
) -> Result<Reach, AccessError> {
    let tokens = &mut |source| Arc::new(Tokens::new(source));
    reach_as(Owner::Environment, provider, base_url, secret, tokens)
}

/// A provider as a stored credential reaches it: everybody's, or that of a workspace.
pub fn reach_stored(
    provider: &Provider,
    base_url: Option<&str>,
    secret: &Secret,
    is_of_workspace: bool,
) -> Result<Reach, AccessError> {
    let owner = if is_of_workspace { Owner::Workspace } else { Owner::Operator };
    let tokens = &mut |source| Arc::new(Tokens::new(source));
    reach_as(owner, provider, base_url, Some(secret), tokens)
}

fn reach_as(
    owner: Owner,
    provider: &Provider,
    base_url: Option<&str>,
    secret: Option<&Secret>,
    tokens: &mut dyn FnMut(TokenSource) -> Arc<Tokens>,
) -> Result<Reach, AccessError> {
    let credential = match secret {
        Some(secret) => parse(&provider.auth, secret.expose())?,
        None => None,
    };
    if owner == Owner::Workspace && credential.as_ref().is_some_and(Credential::is_ambient) {
        return Err(AccessError::Ambient);
    }
    let place = match (&provider.auth, secret) {
        (AuthStyle::Aws, Some(secret)) => aws::place(secret.expose())?,
        _ => Place::default(),
    };
    let is_api_key = matches!(credential, Some(Credential::Header(_)));
    let is_express = provider.path_style == PathStyle::Vertex
        && is_api_key
        && base_url.is_none()
        && provider.base_url_variables().next().is_some();
    let base_url = match base_url {
        Some(url) => url.to_owned(),
        None if is_express => VERTEX_EXPRESS.to_owned(),
        None => filled(owner, provider, credential.as_ref(), &place)?,
    };
    let origin = address::origin(&provider.path_style, &base_url)?;
    let region = address::region(&origin).map(str::to_owned);
    let region = region.or_else(|| region_of(owner, provider, &place));
    let has_profiles = provider.auth == AuthStyle::Aws || provider.dialect == Dialect::Bedrock;
    let profiles = has_profiles.then(|| profiles(region.as_deref(), &place)).transpose()?;
    let authorization = match credential {
        None => Authorization::None,
        Some(Credential::Header(header)) => header_of(&header)?,
        Some(Credential::Aws(credentials)) => {
            let region = region.ok_or(AccessError::Region)?;
            Authorization::Aws(Box::new(AwsKeys { credentials, region }))
        }
        Some(Credential::Token(source)) => Authorization::Token(tokens(source)),
    };
    Ok(Reach {
        anthropic_origin: address::anthropic_origin(&provider.path_style, &origin),
        origin,
        authorization,
        profiles,
        own_models_only: is_express,
    })
}

/// The region of a credential whose address names none. That of the machine is for the operator's
/// own: a workspace's account has nothing to do with it.
fn region_of(owner: Owner, provider: &Provider, place: &Place) -> Option<String> {
    let machine = || provider.base_url_values.get(Variable::REGION.name()).cloned();
    let own = || place.region.clone();
    match owner {
        Owner::Environment => machine().or_else(own),
        Owner::Operator => own().or_else(machine),
        Owner::Workspace => own(),
    }
}

/// By which ids models are asked in a region. Where neither a region nor a word is known, only by
/// those that stay wherever the credential is: a guess could send prompts out of their geography.
fn profiles(region: Option<&str>, place: &Place) -> Result<profile::Preference, Invalid> {
    let preference = match (region, place.inference_profile.as_deref()) {
        (None, None) => Some(vec![None]),
        (region, word) => profile::preference(region.unwrap_or_default(), word),
    };
    let known = || format!("must be `none` or one of {}", profile::GEOGRAPHIES.join(", "));
    let unknown = || Invalid { field: "inference_profile", problem: known().into() };
    preference.ok_or_else(unknown)
}

fn header_of(header: &StaticHeader) -> Result<Authorization, AccessError> {
    let (name, value) = fixed(header).ok_or(Invalid {
        field: "credential",
        problem: "has characters that no header can carry".into(),
    })?;
    Ok(Authorization::Header(name, value))
}

/// The provider's base URL with what is known. What the environment says comes first for the
/// credential beside it, as the vendors' own tools have it; a stored credential belongs to the
/// project or region it names itself, wherever the gateway runs.
fn filled(
    owner: Owner,
    provider: &Provider,
    credential: Option<&Credential>,
    place: &Place,
) -> Result<String, AccessError> {
    let own = |name: &str| {
        let is_region = Variable::REGION.names().any(|known| known == name);
        let region = place.region.clone().filter(|_| is_region);
        region.or_else(|| told(credential?, name))
    };
    let environment = |name: &str| provider.base_url_values.get(name).cloned();
    provider
        .filled_base_url(|name| match owner {
            Owner::Environment => environment(name).or_else(|| own(name)),
            Owner::Operator | Owner::Workspace => own(name).or_else(|| environment(name)),
        })
        .map_err(AccessError::Unfilled)
}

/// What a credential knows of the address it is for.
fn told(credential: &Credential, name: &str) -> Option<String> {
    match credential {
        Credential::Token(TokenSource::GoogleServiceAccount(account))
            if PROJECT.contains(&name) =>
        {
            account.project_id().map(str::to_owned)
        }
        Credential::Token(TokenSource::GoogleUser(user)) if PROJECT.contains(&name) => {
            user.quota_project_id().map(str::to_owned)
        }
        _ => None,
    }
}

/// Finds the ways to the providers of a catalogue. Sources of tokens keep the token they have from
/// snapshot to snapshot, and those that are the same are one.
pub(super) struct Ways<'a> {
    catalog: &'a Catalog,
    tokens: Vec<Arc<Tokens>>,
    /// Endpoints by what a credential prefers: many prefer the same.
    reached: HashMap<(ProviderId, profile::Preference), Arc<[EndpointId]>>,
}

impl<'a> Ways<'a> {
    pub(super) fn new(catalog: &'a Catalog, previous: Option<&Snapshot>) -> Self {
        let known = previous.into_iter().flat_map(|snapshot| snapshot.access.iter().flatten());
        let tokens = known.filter_map(|access| match &access.authorization {
            Authorization::Token(tokens) => Some(Arc::clone(tokens)),
            _ => None,
        });
        Self { catalog, tokens: tokens.collect(), reached: HashMap::new() }
    }

    /// The ways to a provider, in the order of preference. A credential that cannot be used is left
    /// out with a warning.
    pub(super) fn to(
        &mut self,
        id: ProviderId,
        state: &ControlState,
        environment: &[(String, Secret)],
    ) -> Vec<Arc<Access>> {
        let catalog = self.catalog;
        let provider = catalog.provider(id);
        let mut found: Vec<Access> = Vec::new();
        let usable = |access: Result<Access, AccessError>, credential: &str| match access {
            Ok(access) => Some(access),
            Err(error) => {
                tracing::warn!(
                    provider = provider.slug,
                    credential,
                    %error,
                    "a credential cannot be used and is left out"
                );
                None
            }
        };
        let mut rows: Vec<_> = state
            .credentials
            .iter()
            .filter(|(row, _)| row.provider == provider.slug && !row.disabled)
            .collect();
        rows.sort_by_key(|(row, _)| (row.workspace_id.is_none(), row.is_fallback, row.sort_order));
        for (row, secret) in rows {
            let owner = match row.workspace_id {
                Some(_) => Owner::Workspace,
                None => Owner::Operator,
            };
            let access = self.access(owner, id, row.base_url.as_deref(), Some(secret));
            let access = access.map(|access| Access {
                credential_id: row.id.clone(),
                workspace_id: row.workspace_id.clone(),
                is_fallback: row.is_fallback,
                allowed_models: both(access.allowed_models, row.allowed_models.clone()),
                allowed_key_hashes: row.allowed_key_hashes.clone(),
                allowed_member_ids: row.allowed_member_ids.clone(),
                ..access
            });
            found.extend(usable(access, &row.id));
        }
        for (_, secret) in environment.iter().filter(|(slug, _)| *slug == provider.slug) {
            let access = self.access(Owner::Environment, id, None, Some(secret));
            found.extend(usable(access, "environment"));
        }
        if provider.auth == AuthStyle::None && found.is_empty() {
            found.extend(usable(self.access(Owner::Environment, id, None, None), "none"));
        }
        found.into_iter().map(Arc::new).collect()
    }

    fn access(
        &mut self,
        owner: Owner,
        id: ProviderId,
        base_url: Option<&str>,
        secret: Option<&Secret>,
    ) -> Result<Access, AccessError> {
        let tokens = &mut self.tokens;
        let mut shared =
            |source: TokenSource| match tokens.iter().find(|known| *known.source() == source) {
                Some(known) => Arc::clone(known),
                None => {
                    let new = Arc::new(Tokens::new(source));
                    tokens.push(Arc::clone(&new));
                    new
                }
            };
        let provider = self.catalog.provider(id);
        let Reach { origin, anthropic_origin, authorization, profiles, own_models_only } =
            reach_as(owner, provider, base_url, secret, &mut shared)?;
        let catalog = self.catalog;
        let reached = &mut self.reached;
        let endpoints = profiles.map(|preference| {
            let known = reached.entry((id, preference));
            let found = known.or_insert_with_key(|(_, preference)| {
                profile::reached(catalog, id, preference).into()
            });
            Arc::clone(found)
        });
        Ok(Access {
            credential_id: "environment".to_owned(),
            origin,
            anthropic_origin,
            authorization,
            endpoints,
            workspace_id: None,
            is_fallback: false,
            allowed_models: own_models_only.then(|| own_models(self.catalog, id)),
            allowed_key_hashes: None,
            stamp: OnceLock::new(),
            allowed_member_ids: None,
        })
    }
}

/// The models a provider serves in its own protocol.
fn own_models(catalog: &Catalog, provider: ProviderId) -> Vec<String> {
    catalog
        .endpoints()
        .filter(|(id, _)| {
            catalog.provider_id_of(*id) == provider
                && catalog.dialect_of(*id) == catalog.provider(provider).dialect
        })
        .map(|(_, endpoint)| endpoint.model.clone())
        .collect()
}

/// What two lists of allowed models allow, `None` being all.
fn both(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    match (one, other) {
        (Some(one), Some(other)) => {
            Some(other.into_iter().filter(|model| one.contains(model)).collect())
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
