//! One immutable view of the control plane.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use catalog::{Availability, Catalog, EndpointId, ProviderId};
use protocol::Dialect;
use protocol::provenance::Stamp;
use routing::Policy;
use routing::health::{HealthTable, Observation};
use store::Micros;

use super::compile::unhex;
use super::limits::{Running, Terms};
use super::people::People;
use crate::upstream::{Authorization, Origin};

/// Everything a request needs of the control plane, as of one moment.
pub struct Snapshot {
    /// The store's revision it was made of.
    pub revision: store::Revision,
    /// The stored changes the catalogue was made with.
    pub overlays: Vec<store::Overlay>,
    /// What exists.
    pub catalog: Arc<Catalog>,
    /// What can be used: somebody has a credential for it.
    pub available: Availability,
    /// API keys by the SHA-256 of their text.
    pub keys: HashMap<[u8; 32], Arc<Caller>>,
    /// Who can sign in, and who is.
    pub people: People,
    /// How providers are reached, by position of the provider, in the order of preference.
    pub access: Vec<Vec<Arc<Access>>>,
    /// Health of endpoints, kept over changes of the catalogue.
    pub health: Arc<HealthTable>,
    /// Names of endpoints, by position of the endpoint.
    pub endpoints: Arc<[Arc<EndpointState>]>,
    /// The model used when a request names none, and its workspace neither. CHAT-2
    pub default_model: Option<String>,
}

/// Who calls: a key that may be used.
#[derive(Debug)]
pub struct Caller {
    /// The key's public identity, hex. AUTH-3
    pub key_hash: Arc<str>,
    /// The hash of the secret that is presented: a key may have several for a while.
    pub secret: [u8; 32],
    /// The masked key. AUTH-4
    pub label: String,
    /// The key's name.
    pub name: String,
    /// Who pays.
    pub account_id: Arc<str>,
    /// The scope.
    pub workspace_id: Arc<str>,
    /// Whether its workspace keeps answers of the Responses API where a request asks for it.
    pub stores_responses: bool,
    /// Refused while set. AUTH-6
    pub disabled: bool,
    /// Refused from then on, microseconds since 1970. AUTH-6
    pub expires_at: Option<Micros>,
    /// A management key: no inference. AUTH-7
    pub is_management: bool,
    /// The spending limit, nano-USD.
    pub limit_nano_usd: Option<i64>,
    /// When the limit starts afresh.
    pub limit_reset: Option<store::LimitReset>,
    /// Whether spend on own provider keys counts.
    pub include_byok_in_limit: bool,
    /// Who made the key.
    pub creator: Option<String>,
    /// The member whose key it is, if any.
    pub member_id: Option<String>,
    /// What its account lets happen to prompts, and how its workspace sorts providers. PRIV-3,
    /// PRIV-4, PROV-14
    pub policy: Arc<Policy>,
    /// The model of its requests for text that name none. CHAT-2
    pub default_text_model: Option<Arc<str>>,
    /// Who spends when it is used, and under which limits.
    pub terms: Terms,
}

/// One way to reach a provider: its address and a credential.
pub struct Access {
    /// The credential's id; `environment` for one found there.
    pub credential_id: String,
    /// Where.
    pub origin: Origin,
    /// Where in Anthropic's protocol, if that is elsewhere. wire-formats 2.8
    pub anthropic_origin: Option<Origin>,
    /// How requests are authorised.
    pub authorization: Authorization,
    /// The endpoints of its provider that it reaches, in order; `None`: all.
    pub endpoints: Option<Arc<[EndpointId]>>,
    /// The workspace whose own credential it is; `None`: everybody's.
    pub workspace_id: Option<String>,
    /// Used after the others. BYOK-2
    pub is_fallback: bool,
    /// The models it may serve; `None`: all. BYOK-6
    pub allowed_models: Option<Vec<String>>,
    /// The keys that may use it; `None`: all. BYOK-6
    pub allowed_key_hashes: Option<Vec<String>>,
    /// What says of reasoning that it was made this way, made when it is needed first.
    pub stamp: OnceLock<Stamp>,
    /// The members whose keys may use it; `None`: everybody. BYOK-6
    pub allowed_member_ids: Option<Vec<String>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Access")
            .field("credential_id", &self.credential_id)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// What the gateway keeps of an endpoint beside its catalogue entry.
pub struct EndpointState {
    /// The tag; like the others, shared by the rows that name it.
    pub tag: Arc<str>,
    /// The model's id.
    pub model: Arc<str>,
    /// The model's permanent name.
    pub permaslug: Arc<str>,
    /// The provider's display name.
    pub provider_name: Arc<str>,
    /// The provider's slug.
    pub provider_slug: Arc<str>,
    /// The provider's name of the model.
    pub upstream_model: Arc<str>,
    /// The prices as JSON, frozen with the rows that they priced.
    pub prices: Arc<str>,
    /// Their version: the same prices are the same version.
    pub price_version: Arc<str>,
    /// How many requests run there, where that is bounded. Counted anew after a change of the
    /// catalogue.
    pub running: Running,
}

impl Snapshot {
    /// The model of a request for text that names none: what its caller's workspace says, or else
    /// the whole gateway. CHAT-2
    pub fn default_text_model<'s>(&'s self, caller: &'s Caller) -> Option<&'s str> {
        caller.default_text_model.as_deref().or(self.default_model.as_deref())
    }

    /// The ways to reach an endpoint that `caller` may use: own credentials first, then
    /// everybody's, then fallbacks. BYOK-2, BYOK-6
    pub fn access_to<'s>(
        &'s self,
        endpoint: EndpointId,
        caller: &'s Caller,
    ) -> impl Iterator<Item = &'s Arc<Access>> {
        let model = &self.catalog.endpoint(endpoint).model;
        self.access_for(self.catalog.provider_id_of(endpoint), model, caller)
            .filter(move |access| access.reaches(endpoint))
    }

    /// The ways to reach a provider that `caller` may use for `model`, by whatever id it is asked
    /// there. BYOK-2, BYOK-6
    pub fn access_for<'s>(
        &'s self,
        provider: ProviderId,
        model: &'s str,
        caller: &'s Caller,
    ) -> impl Iterator<Item = &'s Arc<Access>> {
        self.access
            .get(provider.0 as usize)
            .into_iter()
            .flatten()
            .filter(move |access| access.serves(model, caller))
    }

    /// The caller of a key, by the key's public hash, whatever its secret is now.
    pub fn caller_of(&self, key_hash: &str) -> Option<&Arc<Caller>> {
        self.keys.get(&unhex(key_hash)?)
    }

    /// The same caller as it is now, by the secret it presented; `None` once that is no more.
    pub fn presented_again(&self, caller: &Caller) -> Option<&Arc<Caller>> {
        self.keys.get(&caller.secret).filter(|now| now.key_hash == caller.key_hash)
    }

    /// Whether anybody could reach the provider: what makes its models available.
    pub fn has_access(&self, provider: ProviderId) -> bool {
        self.access.get(provider.0 as usize).is_some_and(|access| !access.is_empty())
    }

    /// Whether anybody could reach the endpoint.
    pub fn is_reached(&self, endpoint: EndpointId) -> bool {
        let ways = self.access.get(self.catalog.provider_id_of(endpoint).0 as usize);
        ways.into_iter().flatten().any(|access| access.reaches(endpoint))
    }

    /// Records how an attempt at an endpoint went.
    pub fn observe(&self, endpoint: EndpointId, observation: &Observation, now_ms: u64) {
        if let Some(health) = self.health.recorder(endpoint) {
            health.record(observation, now_ms);
        }
    }

    /// The names of an endpoint.
    pub fn endpoint(&self, id: EndpointId) -> &Arc<EndpointState> {
        &self.endpoints[id.0 as usize]
    }
}

impl Access {
    /// Where a protocol is spoken.
    pub fn origin_for(&self, dialect: Dialect) -> &Origin {
        match dialect {
            Dialect::Anthropic => self.anthropic_origin.as_ref().unwrap_or(&self.origin),
            _ => &self.origin,
        }
    }

    /// Where a path of the provider's own API is: `/anthropic/…` may be elsewhere.
    pub fn origin_of_path(&self, path: &str) -> &Origin {
        let is_anthropics = path.starts_with("/anthropic/");
        self.anthropic_origin.as_ref().filter(|_| is_anthropics).unwrap_or(&self.origin)
    }

    /// Whether an endpoint of its provider is one that it asks.
    pub fn reaches(&self, endpoint: EndpointId) -> bool {
        self.endpoints.as_ref().is_none_or(|known| known.binary_search(&endpoint).is_ok())
    }

    fn serves(&self, model: &str, caller: &Caller) -> bool {
        self.workspace_id.as_deref().is_none_or(|id| id == &*caller.workspace_id)
            && self
                .allowed_models
                .as_ref()
                .is_none_or(|models| models.iter().any(|allowed| allowed == model))
            && self
                .allowed_key_hashes
                .as_ref()
                .is_none_or(|hashes| hashes.iter().any(|hash| *hash == *caller.key_hash))
            && self.allowed_member_ids.as_ref().is_none_or(|members| {
                caller.member_id.as_ref().is_some_and(|member| members.contains(member))
            })
    }

    /// Whether this is a caller's own credential. BYOK-13
    pub fn is_byok(&self) -> bool {
        self.workspace_id.is_some()
    }
}
