//! A plan in words, for the explanation of a route before it is taken.

use catalog::ServiceTier;
use serde::Serialize;

use crate::availability::ErrorAvailability;
use crate::no_route::{NoRoute, written};
use crate::plan::{
    Attempt, Credential, Exclusion, Placement, Plan, Resolved, StickyFate, Strategy, Subject, Via,
};
use crate::reason::Reason;
use crate::situation::Situation;

/// A plan, or the lack of one, with names and words in place of positions.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation<'a> {
    /// The models asked for.
    pub requested: Vec<String>,
    /// How the model was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// The models found.
    pub models: Vec<ExplainedModel<'a>>,
    /// The attempts, in order.
    pub attempts: Vec<ExplainedAttempt<'a>>,
    /// What is not tried, and why.
    pub exclusions: Vec<ExplainedExclusion<'a>>,
    /// What became of the conversation's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<ExplainedSticky<'a>>,
    /// Why there is no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ExplainedError<'a>>,
}

/// A model found.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedModel<'a> {
    /// As it was asked for.
    pub requested: String,
    /// Its id.
    pub model: &'a str,
    /// How it was found.
    pub via: Via,
}

/// An attempt.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedAttempt<'a> {
    /// The model's id.
    pub model: &'a str,
    /// The provider's display name.
    pub provider: &'a str,
    /// The endpoint's tag.
    pub tag: &'a str,
    /// The credential.
    pub credential: Credential,
    /// The service tier the provider is asked for. TIER-2
    pub service_tier: ServiceTier,
    /// Why it is tried at this point, the main reason first.
    pub why: Vec<String>,
}

/// Something that is not tried.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedExclusion<'a> {
    /// The model: its id, or the name that leads nowhere.
    pub model: String,
    /// The endpoint's tag, unless it is the whole model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<&'a str>,
    /// Why, in words.
    pub reason: String,
    /// Why, as data.
    pub detail: Reason,
}

/// What became of the conversation's memory.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedSticky<'a> {
    /// The tag of the endpoint that was remembered.
    pub tag: &'a str,
    /// What was done with it.
    pub fate: StickyFate,
}

/// Why there is no route.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedError<'a> {
    /// The HTTP status.
    pub code: u16,
    /// What happened.
    pub message: &'a str,
    /// The `availability` object.
    pub availability: &'a ErrorAvailability,
}

fn placed(placement: Placement) -> String {
    match placement {
        Placement::Listed(at) => format!("number {} of provider.order", u32::from(at) + 1),
        Placement::Drawn => "drawn among the best by the inverse square of the price".to_owned(),
        Placement::Priced => "by price, as a fallback".to_owned(),
        Placement::Sorted(sort) => format!("sorted by {}", sort.name()),
    }
}

fn attempt<'a>(situation: &Situation<'a>, attempt: &Attempt) -> ExplainedAttempt<'a> {
    let mut why = vec![placed(attempt.why.placement)];
    why.extend(attempt.why.notes.iter().map(|note| note.words().to_owned()));
    let endpoint = situation.catalog.endpoint(attempt.endpoint);
    ExplainedAttempt {
        model: &endpoint.model,
        provider: &situation.catalog.provider_of(attempt.endpoint).name,
        tag: &endpoint.tag,
        credential: attempt.credential,
        service_tier: attempt.tier,
        why,
    }
}

fn exclusion<'a>(situation: &Situation<'a>, exclusion: &Exclusion) -> ExplainedExclusion<'a> {
    let (model, tag) = match exclusion.subject {
        Subject::Model(at) => {
            (situation.facts.models.get(usize::from(at)).map(written).unwrap_or_default(), None)
        }
        Subject::Endpoint(id) => {
            let endpoint = situation.catalog.endpoint(id);
            (endpoint.model.clone(), Some(endpoint.tag.as_str()))
        }
    };
    let reason = exclusion.reason;
    ExplainedExclusion { model, tag, reason: reason.to_string(), detail: reason }
}

impl<'a> Explanation<'a> {
    fn begin(situation: &Situation<'a>, models: &[Resolved], exclusions: &[Exclusion]) -> Self {
        let requested: Vec<String> = situation.facts.models.iter().map(written).collect();
        Self {
            models: models
                .iter()
                .map(|found| ExplainedModel {
                    requested: requested.get(usize::from(found.asked)).cloned().unwrap_or_default(),
                    model: &situation.catalog.model(found.model).id,
                    via: found.via,
                })
                .collect(),
            requested,
            strategy: None,
            attempts: Vec::new(),
            exclusions: exclusions.iter().map(|one| exclusion(situation, one)).collect(),
            sticky: None,
            error: None,
        }
    }

    /// Explains a plan made for this situation.
    pub fn of_plan(situation: &Situation<'a>, plan: &Plan) -> Self {
        Self {
            strategy: Some(plan.strategy),
            attempts: plan.attempts.iter().map(|one| attempt(situation, one)).collect(),
            sticky: plan.sticky.map(|used| ExplainedSticky {
                tag: &situation.catalog.endpoint(used.endpoint).tag,
                fate: used.fate,
            }),
            ..Self::begin(situation, &plan.models, &plan.exclusions)
        }
    }

    /// Explains why there is no plan for this situation.
    pub fn of_refusal(situation: &Situation<'a>, refusal: &'a NoRoute) -> Self {
        Self {
            error: Some(ExplainedError {
                code: refusal.status,
                message: &refusal.message,
                availability: &refusal.availability,
            }),
            ..Self::begin(situation, &refusal.models, &refusal.exclusions)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scene, endpoint};
    use crate::{Available, Rng, plan};

    #[test]
    fn plans_and_refusals_read_as_words_and_data() {
        let scene = Scene::new(vec![endpoint("x/a", "p", "1"), endpoint("x/a", "q", "5")])
            .ask(&["x/a:floor", "x/none"])
            .provider_object(r#"{"max_price":{"prompt":2}}"#);
        let situation = Situation {
            facts: &scene.facts,
            preferences: &scene.preferences,
            policy: &scene.policy,
            catalog: &scene.catalog,
            health: &(),
            credentials: &|_| Available::OWN,
            sticky: &|_| None,
            made: &|_| None,
            now_ms: 0,
        };
        let made = plan(&situation, &mut Rng::seeded(1)).unwrap();
        let json = serde_json::to_value(Explanation::of_plan(&situation, &made)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "requested": ["x/a:floor", "x/none"],
                "strategy": "fallback",
                "models": [{"requested": "x/a:floor", "model": "x/a", "via": "name"}],
                "attempts": [{
                    "model": "x/a", "provider": "P", "tag": "p",
                    "credential": {"class": "own", "position": 0},
                    "service_tier": "default",
                    "why": ["sorted by price", "your own credential comes first"],
                }],
                "exclusions": [
                    {"model": "x/none", "reason": "no model has this name",
                     "detail": {"rule": "unknown_model"}},
                    {"model": "x/a", "tag": "q",
                     "reason": "its prompt price of $0.000005 per unit is above $0.000002",
                     "detail": {"rule": "price", "meter": "prompt", "price": "0.000005",
                                "limit": "0.000002"}},
                ],
            })
        );
        let nobody = Situation { credentials: &|_| Available::NONE, ..situation };
        let refusal = plan(&nobody, &mut Rng::seeded(1)).unwrap_err();
        let json = serde_json::to_value(Explanation::of_refusal(&nobody, &refusal)).unwrap();
        assert_eq!(json["error"]["code"], 404);
        assert_eq!(json["error"]["availability"]["code"], "no_endpoints");
        assert_eq!(json["attempts"], serde_json::json!([]));
    }
}
