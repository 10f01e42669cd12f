//! The plan: what to try, in which order, and why; and what not, and why not.

use catalog::{EndpointId, ModelId, ServiceTier};
use serde::Serialize;

use crate::preferences::Sort;
use crate::reason::{Reason, Stage};

/// What to try, in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The models found, in the order asked for.
    pub models: Vec<Resolved>,
    /// The attempts, in order; never empty.
    pub attempts: Vec<Attempt>,
    /// What is not tried, and why: every endpoint of the models found is here or above.
    pub exclusions: Vec<Exclusion>,
    /// How the model was chosen. RMETA-2
    pub strategy: Strategy,
    /// What became of the conversation's memory, if there was one.
    pub sticky: Option<StickyUse>,
}

impl Plan {
    /// Whether another request of the same conversation may go elsewhere: there is more than one way
    /// to answer this one, or there would be if it asked for something else.
    pub fn has_choice(&self) -> bool {
        let possible = |exclusion: &Exclusion| {
            matches!(exclusion.subject, Subject::Endpoint(_))
                && exclusion.reason.stage() > Stage::Absent
        };
        self.attempts.len() > 1 || self.exclusions.iter().any(possible)
    }
}

/// A model found for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Position of the name in the facts.
    pub asked: u16,
    /// The model.
    pub model: ModelId,
    /// How it was found.
    pub via: Via,
}

/// How a model was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// By its id or permanent name.
    Name,
    /// By another name of it.
    Alias,
    /// As the newest of a family. LATEST-1
    Latest,
    /// As the fast sibling of the model asked for. TIER-10
    FastSibling,
    /// As the pro sibling of the model asked for. REASON-8
    ProSibling,
}

/// How the model was chosen. RMETA-2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the API's own words")]
pub enum Strategy {
    Direct,
    Auto,
    Free,
    Latest,
    Alias,
    Fallback,
    Pareto,
    Bodybuilder,
    Fusion,
}

impl Strategy {
    /// The API's own word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Auto => "auto",
            Self::Free => "free",
            Self::Latest => "latest",
            Self::Alias => "alias",
            Self::Fallback => "fallback",
            Self::Pareto => "pareto",
            Self::Bodybuilder => "bodybuilder",
            Self::Fusion => "fusion",
        }
    }

    /// The router's slug, if one chose the model. GEN-2
    pub const fn router(self) -> Option<&'static str> {
        Some(match self {
            Self::Auto => "openrouter/auto",
            Self::Free => "openrouter/free",
            Self::Pareto => "openrouter/pareto-code",
            Self::Bodybuilder => "openrouter/bodybuilder",
            Self::Fusion => "openrouter/fusion",
            Self::Direct | Self::Latest | Self::Alias | Self::Fallback => return None,
        })
    }
}

/// One try at one endpoint with one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its model.
    pub model: ModelId,
    /// Position of the model's name in the facts.
    pub asked: u16,
    /// The credential.
    pub credential: Credential,
    /// The service tier the provider is asked for: the endpoint's own, whatever the caller wrote,
    /// since its prices are those of this tier. TIER-2, TIER-3, TIER-6
    pub tier: ServiceTier,
    /// Why it is tried at this point.
    pub why: Why,
}

/// A credential of an endpoint: its class, and its position among those of the class that fit the
/// request. BYOK-2, BYOK-5
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "class", content = "position", rename_all = "snake_case")]
pub enum Credential {
    /// The caller's own, prioritised.
    Own(u8),
    /// The instance's.
    Shared(u8),
    /// The caller's own, after the shared ones.
    Fallback(u8),
}

impl Credential {
    /// Whether it is the caller's own. BYOK-13
    pub const fn is_byok(self) -> bool {
        matches!(self, Self::Own(_) | Self::Fallback(_))
    }
}

/// Why an endpoint stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// What put it there.
    pub placement: Placement,
    /// What else moved it.
    pub notes: Notes,
}

/// What decides the place of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// `provider.order` names it, at this position. PROV-2
    Listed(u16),
    /// Drawn by the inverse square of its price. LB-1
    Drawn,
    /// By price, after the one that was drawn or listed. LB-1
    Priced,
    /// Sorted. PROV-11
    Sorted(Sort),
}

/// What else moved an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Note {
    /// The conversation was here before. STICKY-1
    Sticky = 1,
    /// The caller's own credential comes first. BYOK-3
    OwnCredential = 1 << 1,
    /// It misses a preferred throughput or latency. PERF-4
    BelowThreshold = 1 << 2,
    /// It had a significant outage in the last 30 seconds. LB-1
    Failing = 1 << 3,
    /// It asked not to be called yet.
    RateLimited = 1 << 4,
    /// Its uptime is between 80 % and 95 %. LB-5
    Degraded = 1 << 5,
    /// Its uptime is under 80 %. LB-5
    Poor = 1 << 6,
    /// Its service tier was asked for. TIER-2, TIER-3
    Tier = 1 << 7,
    /// It calls tools well. EXACTO-5
    GoodTools = 1 << 8,
    /// It calls tools badly, or slowly. EXACTO-6
    PoorTools = 1 << 9,
    /// The prompt is longer than it takes, by the estimate. LB-9
    Tight = 1 << 10,
    /// Reasoning of the conversation was made there, which others cannot read. REASON-11
    MadeReasoning = 1 << 11,
}

impl Note {
    const ALL: [Self; 12] = [
        Self::MadeReasoning,
        Self::Sticky,
        Self::OwnCredential,
        Self::BelowThreshold,
        Self::Failing,
        Self::RateLimited,
        Self::Degraded,
        Self::Poor,
        Self::Tier,
        Self::GoodTools,
        Self::PoorTools,
        Self::Tight,
    ];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MadeReasoning => "earlier reasoning was made here, which others cannot read",
            Self::Sticky => "the conversation was served here before",
            Self::OwnCredential => "your own credential comes first",
            Self::BelowThreshold => "it misses a preferred throughput or latency",
            Self::Failing => "it has been failing in the last 30 seconds",
            Self::RateLimited => "it is rate limited at the moment",
            Self::Degraded => "its uptime is under 95 %",
            Self::Poor => "its uptime is under 80 %",
            Self::Tier => "its service tier was asked for",
            Self::GoodTools => "it calls tools well",
            Self::Tight => "the prompt may be too long for it",
            Self::PoorTools => "its tool calls or throughput fall behind",
        }
    }
}

/// A set of notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u16);

impl Notes {
    /// Adds one.
    pub const fn add(&mut self, note: Note) {
        self.0 |= note as u16;
    }

    /// Adds one if it holds.
    pub const fn add_if(&mut self, holds: bool, note: Note) {
        self.0 |= (note as u16) * (holds as u16);
    }

    /// Whether one is in the set.
    pub const fn has(self, note: Note) -> bool {
        self.0 & note as u16 != 0
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Note> {
        Note::ALL.into_iter().filter(move |note| self.has(*note))
    }
}

/// What is not tried, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exclusion {
    /// What.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
}

/// What is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The model at this position in the facts.
    Model(u16),
    /// An endpoint.
    Endpoint(EndpointId),
}

/// What became of the conversation's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickyUse {
    /// The endpoint that was remembered.
    pub endpoint: EndpointId,
    /// What was done with it.
    pub fate: StickyFate,
}

/// What was done with a remembered endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StickyFate {
    /// It goes first.
    Applied,
    /// The caller gave an order. STICKY-3
    OrderGiven,
    /// Reading its cache is no cheaper than the prompt. STICKY-2
    NoSaving,
    /// It is failing, rate limited or left out. STICKY-4
    Unavailable,
    /// Another service tier was asked for. TIER-2
    OtherTier,
}
