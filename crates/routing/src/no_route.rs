//! Why there is nothing to try. ERR-10, ERR-11

use catalog::{Catalog, DynamicVariant, EndpointId, Slug};
use protocol::exchange::ErrorType;

use crate::availability::{AvailabilityCode, Constraint, ErrorAvailability};
use crate::plan::{Exclusion, Resolved, Strategy, Subject};
use crate::policy::Source;
use crate::reason::{Reason, Stage};
use crate::resolve;
use crate::situation::Situation;

/// Why there is nothing to try.
#[derive(Clone, Debug, PartialEq)]
pub struct NoRoute {
    /// The `error.availability` object.
    pub availability: ErrorAvailability,
    /// What happened, for the caller. ERR-11
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// The kind of error.
    pub error_type: ErrorType,
    /// How the model would have been chosen. RMETA-2
    pub strategy: Strategy,
    /// The models found.
    pub models: Vec<Resolved>,
    /// What is not tried, and why: every endpoint of the models found is here.
    pub exclusions: Vec<Exclusion>,
}

/// The entries of `excluded_by`, in the order of publication. ERR-10
const EXCLUDED_BY: [&str; 8] = [
    "data_region",
    "data_policy:zdr",
    "data_policy:training",
    "max_price",
    "context_length",
    "require_parameters",
    "quantization",
    "allowed_providers",
];

/// A name as the caller wrote it.
pub(crate) fn written(slug: &Slug) -> String {
    let mut text = slug.base.clone();
    for variant in &slug.variants {
        text.push_str(match variant {
            DynamicVariant::Nitro => ":nitro",
            DynamicVariant::Floor => ":floor",
            DynamicVariant::Exacto => ":exacto",
            DynamicVariant::Online => ":online",
        });
    }
    if let Some(preset) = &slug.preset {
        text.push_str("@preset/");
        text.push_str(preset);
    }
    text
}

impl NoRoute {
    /// Reads from the exclusions why nothing is left. With models found, the rule that removed the
    /// last candidates decides: an endpoint that got farther says more about the request than one
    /// that was out from the start. Without, the name that came closest to a model does.
    pub(crate) fn explain(
        situation: &Situation<'_>,
        models: Vec<Resolved>,
        exclusions: Vec<Exclusion>,
    ) -> Self {
        let requested: Vec<String> = situation.facts.models.iter().map(written).collect();
        let (code, message, deciding) = if models.is_empty() {
            unresolved(&requested, &exclusions)
        } else {
            filtered(situation, &models, &requested, &exclusions)
        };
        let mut availability = ErrorAvailability::new(code, requested);
        availability.excluded_by = EXCLUDED_BY
            .into_iter()
            .filter(|name| {
                exclusions.iter().any(|exclusion| exclusion.reason.excluded_by() == Some(name))
            })
            .collect();
        let endpoints = deciding.iter().filter_map(|exclusion| match exclusion.subject {
            Subject::Endpoint(id) => Some(id),
            Subject::Model(_) => None,
        });
        if code != AvailabilityCode::ModelNotFound {
            availability.affected_providers = providers(situation.catalog, endpoints);
        }
        availability.fallback_models = hints(situation, &exclusions);
        if matches!(code, AvailabilityCode::ConstraintFiltered | AvailabilityCode::WrongEndpoint) {
            availability.constraint = deciding.iter().find_map(|exclusion| {
                let field = exclusion.reason.field(situation.facts.surface)?;
                Some(Constraint { field, detail: exclusion.reason.to_string() })
            });
        }
        // A guardrail that stands in the way of what the request itself admits is a matter of
        // permission. GUARD-7
        let forbidden = deciding.iter().any(|exclusion| {
            matches!(
                exclusion.reason,
                Reason::ModelNotAllowed | Reason::NotAllowed { source: Source::Guardrail }
            )
        });
        let error_type = if forbidden { ErrorType::PermissionDenied } else { code.error_type() };
        let strategy = resolve::strategy(situation, &models);
        Self {
            status: error_type.status(),
            error_type,
            availability,
            message,
            strategy,
            models,
            exclusions,
        }
    }
}

/// Slugs of providers, each once, in order of appearance.
fn providers(catalog: &Catalog, endpoints: impl Iterator<Item = EndpointId>) -> Vec<String> {
    let mut slugs: Vec<String> = Vec::new();
    for id in endpoints {
        let slug = &catalog.provider_of(id).slug;
        if !slugs.contains(slug) {
            slugs.push(slug.clone());
        }
    }
    slugs
}

type Decision = (AvailabilityCode, String, Vec<Exclusion>);

/// No name led to a model that can be asked.
fn unresolved(requested: &[String], exclusions: &[Exclusion]) -> Decision {
    let closeness = |reason: &Reason| match reason {
        Reason::ModelNotAllowed => 6,
        Reason::WrongSurface { .. } => 5,
        Reason::FreeVariantEnded => 4,
        Reason::Retired => 3,
        Reason::Hidden | Reason::NoEndpoints => 2,
        _ => 1,
    };
    // Of equals the first: it is the one the caller likes best.
    let deciding = exclusions.iter().rev().max_by_key(|exclusion| closeness(&exclusion.reason));
    let Some(deciding) = deciding else {
        let message = "No models provided".to_owned();
        return (AvailabilityCode::ModelNotFound, message, Vec::new());
    };
    let name = match deciding.subject {
        Subject::Model(at) => requested.get(usize::from(at)).map_or("", String::as_str),
        Subject::Endpoint(_) => "",
    };
    let (code, message) = match deciding.reason {
        Reason::ModelNotAllowed => (
            AvailabilityCode::NoEndpoints,
            format!("Request blocked: {name} is not an allowed model"),
        ),
        reason @ Reason::WrongSurface { .. } => (
            AvailabilityCode::WrongEndpoint,
            format!("{name} cannot be used with this endpoint: {reason}"),
        ),
        Reason::FreeVariantEnded => (
            AvailabilityCode::FreeVariantEnded,
            format!("{name} is no longer free. Use {}", paid(name)),
        ),
        Reason::Retired => {
            (AvailabilityCode::ModelDeprecated, format!("{name} is no longer available"))
        }
        Reason::Hidden | Reason::NoEndpoints => {
            (AvailabilityCode::NoEndpoints, format!("No endpoints found for {name}."))
        }
        _ => (AvailabilityCode::ModelNotFound, format!("{name} is not a valid model ID")),
    };
    (code, message, vec![*deciding])
}

fn paid(name: &str) -> String {
    name.replacen(":free", "", 1)
}

/// Models were found, but none of their endpoints is left.
fn filtered(
    situation: &Situation<'_>,
    models: &[Resolved],
    requested: &[String],
    exclusions: &[Exclusion],
) -> Decision {
    let of_endpoint = |exclusion: &&Exclusion| matches!(exclusion.subject, Subject::Endpoint(_));
    let farthest = exclusions
        .iter()
        .filter(of_endpoint)
        .map(|exclusion| exclusion.reason.stage())
        .max()
        .unwrap_or(Stage::Absent);
    let deciding: Vec<Exclusion> = exclusions
        .iter()
        .filter(of_endpoint)
        .filter(|exclusion| exclusion.reason.stage() == farthest)
        .copied()
        .collect();
    let names: Vec<&str> = models
        .iter()
        .filter_map(|found| requested.get(usize::from(found.asked)))
        .map(String::as_str)
        .collect();
    let names = names.join(", ");
    let because = deciding.first().map(|exclusion| exclusion.reason.to_string());
    let because = because.unwrap_or_default();
    let (code, message) = match farthest {
        Stage::Absent | Stage::Ordering => {
            let message = format!(
                "No endpoints found for {names}.{}{}",
                without_key(situation, &deciding),
                by_other_profiles(situation, &deciding, |_| true)
            );
            (AvailabilityCode::NoEndpoints, message)
        }
        Stage::Selection => {
            (AvailabilityCode::NoEndpoints, selection_message(situation, exclusions))
        }
        Stage::Privacy => (
            AvailabilityCode::PrivacyRestricted,
            format!("No endpoints of {names} match the data policy: {because}."),
        ),
        Stage::Constraint => (
            AvailabilityCode::ConstraintFiltered,
            format!("No endpoints found for {names} that meet the request: {because}."),
        ),
    };
    (code, message, deciding)
}

/// How many providers a message names.
const NAMED: usize = 5;

/// Which providers would serve if there were a key: the commonest reason for a first error.
fn without_key(situation: &Situation<'_>, deciding: &[Exclusion]) -> String {
    let keyless = deciding.iter().filter_map(|exclusion| match exclusion.subject {
        Subject::Endpoint(id) if exclusion.reason == Reason::NoCredential => Some(id),
        _ => None,
    });
    let mut names = providers(situation.catalog, keyless);
    if names.is_empty() {
        return String::new();
    }
    let more = if names.len() > NAMED { " and others" } else { "" };
    names.truncate(NAMED);
    format!(" It is served by {}{more}, but there is no key for them.", names.join(", "))
}

/// Which endpoints that fit are not asked because of where the credentials are.
fn by_other_profiles(
    situation: &Situation<'_>,
    exclusions: &[Exclusion],
    fits: impl Fn(EndpointId) -> bool,
) -> String {
    let tags = exclusions.iter().filter_map(|exclusion| match exclusion.subject {
        Subject::Endpoint(id) if exclusion.reason == Reason::InferenceProfile && fits(id) => {
            Some(situation.catalog.endpoint(id).tag.as_str())
        }
        _ => None,
    });
    let mut tags: Vec<&str> = tags.collect();
    if tags.is_empty() {
        return String::new();
    }
    let more = if tags.len() > NAMED { " and others" } else { "" };
    tags.truncate(NAMED);
    format!(" Left out: {}{more}: {}.", tags.join(", "), Reason::InferenceProfile)
}

/// Who serves the model, and what was allowed. ERR-11
fn selection_message(situation: &Situation<'_>, exclusions: &[Exclusion]) -> String {
    let serving = exclusions.iter().filter_map(|exclusion| match exclusion.subject {
        Subject::Endpoint(id) if exclusion.reason.stage() >= Stage::Selection => Some(id),
        _ => None,
    });
    let mut message = format!(
        "No allowed providers are available for the selected model. It is served by: {}.",
        providers(situation.catalog, serving).join(", ")
    );
    let preferences = situation.preferences;
    for (member, patterns) in [("only", &preferences.only), ("ignore", &preferences.ignore)] {
        if !patterns.is_empty() {
            let entries: Vec<&str> = patterns.iter().map(|entry| entry.text()).collect();
            message.push_str(&format!(" provider.{member}: {}.", entries.join(", ")));
        }
    }
    // What was allowed by its name is not missing because of the list.
    let allowed = |id: EndpointId| {
        let tag = &situation.catalog.endpoint(id).tag;
        preferences.only.iter().any(|entry| entry.text().eq_ignore_ascii_case(tag))
    };
    message.push_str(&by_other_profiles(situation, exclusions, allowed));
    message
}

/// Models that could be asked instead: the paid one after a free promotion, the newest of the
/// family after a retirement. ERR-10
fn hints(situation: &Situation<'_>, exclusions: &[Exclusion]) -> Vec<String> {
    let catalog = situation.catalog;
    let mut models = Vec::new();
    for exclusion in exclusions {
        let Subject::Model(at) = exclusion.subject else { continue };
        let Some(slug) = situation.facts.models.get(usize::from(at)) else { continue };
        let hint = match exclusion.reason {
            Reason::FreeVariantEnded => {
                resolve::paid_slug(&slug.base).and_then(|paid| catalog.find(paid))
            }
            Reason::Retired => catalog.find(&slug.base).and_then(|id| {
                let family = catalog.model(id).family_name()?;
                catalog.family(&family).first().copied()
            }),
            _ => None,
        };
        if let Some(hint) = hint.map(|id| catalog.model(id)).filter(|model| !model.retired)
            && !models.contains(&hint.id)
        {
            models.push(hint.id.clone());
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use catalog::{Catalog, ModelKind};

    use super::*;
    use crate::Available;
    use crate::fixture::{Scene, catalog_with, endpoint};

    /// ERR-11
    #[test]
    fn a_missing_key_is_named() {
        let scene = Scene::new(vec![endpoint("x/a", "p", "1"), endpoint("x/a", "q", "1")])
            .credential("p", Available::NONE)
            .credential("q", Available::NONE);
        assert_eq!(
            scene.refusal().message,
            "No endpoints found for x/a. It is served by p, q, but there is no key for them."
        );
    }

    #[test]
    fn a_profile_that_nobody_asks_by_is_named() {
        let scene = |object: &str| {
            Scene::new(vec![
                endpoint("x/a", "p/eu", "1"),
                endpoint("x/a", "p/us", "1"),
                endpoint("x/a", "q", "1"),
            ])
            .credential("p/eu", Available::BY_OTHER_PROFILE)
            .credential("p/us", Available::BY_OTHER_PROFILE)
            .provider_object(object)
        };
        let why = "no credential for the provider asks by its inference profile: the region or \
                   `inference_profile` of each says otherwise.";
        let refusal = scene(r#"{"only":["p/eu"]}"#).refusal();
        let expected = format!("It is served by: q. provider.only: p/eu. Left out: p/eu: {why}");
        assert!(refusal.message.ends_with(&expected), "{}", refusal.message);
        let refusal = scene("{}").credential("q", Available::BY_OTHER_PROFILE).refusal();
        let expected = format!("No endpoints found for x/a. Left out: p/eu, p/us, q: {why}");
        assert_eq!(refusal.message, expected);
    }

    fn shelf() -> Catalog {
        let ids = ["x/a", "x/b:free", "x/b", "x/old", "x/new", "x/vectors", "x/hidden"];
        catalog_with(
            ids.iter().map(|id| endpoint(id, "p", "1")).collect(),
            |model| match model.id.as_str() {
                "x/old" => {
                    model.retired = true;
                    model.family = Some("f".to_owned());
                }
                "x/new" => model.family = Some("f".to_owned()),
                "x/b:free" => model.retired = true,
                "x/vectors" => model.kind = ModelKind::Embedding,
                "x/hidden" => model.hidden = true,
                _ => {}
            },
            |_| {},
        )
    }

    /// ERR-10, ERR-11
    #[test]
    fn each_name_that_leads_nowhere_has_its_code() {
        use AvailabilityCode as Code;
        for (models, code, status, message, hint) in [
            (
                vec!["acme/fake-1.0"],
                Code::ModelNotFound,
                400,
                "acme/fake-1.0 is not a valid model ID",
                None,
            ),
            (
                vec!["acme/fake:nitro"],
                Code::ModelNotFound,
                400,
                "acme/fake:nitro is not a valid model ID",
                None,
            ),
            (
                vec!["~acme/none-latest"],
                Code::ModelNotFound,
                400,
                "~acme/none-latest is not a valid model ID",
                None,
            ),
            (
                vec!["x/old"],
                Code::ModelDeprecated,
                404,
                "x/old is no longer available",
                Some("x/new"),
            ),
            (
                vec!["x/b:free"],
                Code::FreeVariantEnded,
                404,
                "x/b:free is no longer free. Use x/b",
                Some("x/b"),
            ),
            (
                vec!["x/a:free"],
                Code::FreeVariantEnded,
                404,
                "x/a:free is no longer free. Use x/a",
                Some("x/a"),
            ),
            (vec!["x/hidden"], Code::NoEndpoints, 404, "No endpoints found for x/hidden.", None),
            (
                vec!["x/vectors"],
                Code::WrongEndpoint,
                400,
                "x/vectors cannot be used with this endpoint: the model is served by /api/v1/embeddings",
                None,
            ),
            (
                vec!["x/none", "x/nothing"],
                Code::ModelNotFound,
                400,
                "x/none is not a valid model ID",
                None,
            ),
            (
                vec!["x/none", "x/old"],
                Code::ModelDeprecated,
                404,
                "x/old is no longer available",
                Some("x/new"),
            ),
            (vec![], Code::ModelNotFound, 400, "No models provided", None),
        ] {
            let refusal = Scene::of(shelf()).ask(&models).refusal();
            assert_eq!(refusal.availability.code, code, "{models:?}");
            assert_eq!((refusal.status, refusal.message.as_str()), (status, message));
            assert_eq!(refusal.availability.requested_models, models);
            assert_eq!(refusal.availability.fallback_models.first().map(String::as_str), hint);
            assert!(!refusal.availability.retryable);
        }
        let wrong = Scene::of(shelf()).ask(&["x/vectors"]).refusal().availability;
        assert!(wrong.constraint.unwrap().detail.contains("/api/v1/embeddings"));
    }

    /// FALL-1: one bad name does not spoil a list.
    #[test]
    fn names_that_lead_nowhere_are_passed_over_while_another_works() {
        let scene = Scene::of(shelf()).ask(&["x/none", "x/old", "x/a", "x/a:nitro"]);
        let plan = scene.plan(1).unwrap();
        assert_eq!(plan.attempts.len(), 1);
        assert_eq!(plan.attempts[0].asked, 2);
        assert_eq!(
            plan.exclusions,
            [(0, Reason::UnknownModel), (1, Reason::Retired), (3, Reason::Repeated),]
                .map(|(at, reason)| Exclusion { subject: Subject::Model(at), reason })
        );
    }

    /// GUARD-1, GUARD-7
    #[test]
    fn a_model_that_is_not_allowed_is_a_403() {
        let mut scene = Scene::of(shelf()).ask(&["x/a"]);
        scene.policy.allowed_models = vec![vec!["x/b".to_owned()]];
        let refusal = scene.refusal();
        assert_eq!((refusal.status, refusal.error_type), (403, ErrorType::PermissionDenied));
    }

    /// ERR-10: the rule that removed the last candidate gives the code.
    #[test]
    fn the_farthest_stage_decides_and_all_rules_are_listed() {
        let scene = Scene::new(vec![
            endpoint("x/a", "none", "1"),
            endpoint("x/a", "other", "1"),
            endpoint("x/a", "dear", "9"),
        ])
        .credential("none", Available::NONE)
        .provider_object(r#"{"ignore":["other"],"max_price":{"prompt":2}}"#);
        let refusal = scene.refusal();
        assert_eq!(refusal.availability.code, AvailabilityCode::ConstraintFiltered);
        assert_eq!(refusal.availability.excluded_by, ["max_price", "allowed_providers"]);
        assert_eq!(refusal.availability.affected_providers, ["dear"]);
        assert_eq!(refusal.exclusions.len(), 3);
        let refusal = Scene::new(vec![endpoint("x/a", "none", "1")])
            .credential("none", Available::NONE)
            .refusal();
        assert_eq!(refusal.availability.code, AvailabilityCode::NoEndpoints);
        assert!(refusal.message.starts_with("No endpoints found for x/a."));
        assert!(refusal.availability.excluded_by.is_empty());
    }

    /// ERR-11
    #[test]
    fn the_message_about_lists_names_who_serves_and_what_was_allowed() {
        let scene = Scene::new(vec![endpoint("x/a", "p/one", "1"), endpoint("x/a", "q", "1")])
            .provider_object(r#"{"only":["z","y/w"]}"#);
        assert_eq!(
            scene.refusal().message,
            "No allowed providers are available for the selected model. It is served by: p, q. \
             provider.only: z, y/w."
        );
    }
}
