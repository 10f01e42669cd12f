//! Everything a plan depends on.

use catalog::{Catalog, EndpointId, ModelId};

use crate::facts::Facts;
use crate::health::HealthView;
use crate::policy::Policy;
use crate::preferences::Preferences;

/// Everything a plan depends on, besides chance. The same situation and seed give the same plan.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// What the request asks for.
    pub facts: &'a Facts,
    /// What the caller wants of the route.
    pub preferences: &'a Preferences,
    /// What account and guardrails allow.
    pub policy: &'a Policy,
    /// What exists.
    pub catalog: &'a Catalog,
    /// How it has been doing.
    pub health: &'a dyn HealthView,
    /// Which credentials there are for an endpoint.
    pub credentials: &'a dyn Fn(EndpointId) -> Available,
    /// The endpoint remembered for this conversation and a model. Asked only for requests with a
    /// session. STICKY-6
    pub sticky: &'a dyn Fn(ModelId) -> Option<EndpointId>,
    /// How recent the reasoning is that an endpoint's provider made of this conversation: 0 for the
    /// maker of the latest, 1 for the one before; `None`: it made none. Asked only where the facts
    /// say that there is some. REASON-11
    pub made: &'a dyn Fn(EndpointId) -> Option<u8>,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// How many credentials there are for an endpoint, by class: those of the caller's own workspace
/// that are prioritised, the shared ones of the instance, and the caller's fallback keys. Keys
/// whose filters do not match the request are left out. BYOK-2, BYOK-6
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// The caller's own, prioritised.
    pub own: u8,
    /// The instance's.
    pub shared: u8,
    /// The caller's own, to be used after the shared ones.
    pub fallback: u8,
    /// The own key is always to be used: shared ones are not. BYOK-4
    pub exclusive: bool,
    /// There are others for its provider, which ask for the model by another inference profile.
    pub by_other_profile: bool,
}

impl Available {
    /// None at all.
    pub const NONE: Self =
        Self { own: 0, shared: 0, fallback: 0, exclusive: false, by_other_profile: false };
    /// None but those that ask by another inference profile.
    pub const BY_OTHER_PROFILE: Self = Self { by_other_profile: true, ..Self::NONE };
    /// One shared credential.
    pub const SHARED: Self = Self { shared: 1, ..Self::NONE };
    /// One credential of the caller's own and none shared.
    pub const OWN: Self = Self { own: 1, ..Self::NONE };

    /// The shared ones that may be used. BYOK-4
    pub const fn usable_shared(self) -> u8 {
        if self.exclusive && (self.own > 0 || self.fallback > 0) { 0 } else { self.shared }
    }

    /// Whether there is any.
    pub const fn any(self) -> bool {
        self.own > 0 || self.usable_shared() > 0 || self.fallback > 0
    }
}
