//! From the names asked for to models of the catalogue.

use catalog::{DynamicVariant, Endpoint, EndpointStatus, ModelId, Provider, Slug};

use crate::ProviderPattern;
use crate::facts::TierAsked;
use crate::plan::{Exclusion, Resolved, Strategy, Subject, Via};
use crate::preferences::Sort;
use crate::reason::Reason;
use crate::situation::Situation;

/// Finds the models asked for, in order. A name that leads nowhere is noted and passed over, so
/// that one bad entry of a list does not spoil the others. FALL-1
pub(crate) fn models(situation: &Situation<'_>, exclusions: &mut Vec<Exclusion>) -> Vec<Resolved> {
    let mut found: Vec<Resolved> = Vec::with_capacity(situation.facts.models.len());
    for (at, slug) in situation.facts.models.iter().enumerate().take(usize::from(u16::MAX)) {
        let asked = at as u16;
        let result = find(situation, slug).and_then(|(model, via)| {
            check(situation, model)?;
            if found.iter().any(|known| known.model == model) {
                return Err(Reason::Repeated);
            }
            if situation.catalog.endpoints_of(model).len() == 0 {
                return Err(Reason::NoEndpoints);
            }
            Ok(Resolved { asked, model, via })
        });
        match result {
            Ok(resolved) => found.push(resolved),
            Err(reason) => exclusions.push(Exclusion { subject: Subject::Model(asked), reason }),
        }
    }
    found
}

/// The model of a name, or its pro sibling. A model that was found by another name stays found by it.
fn find(situation: &Situation<'_>, slug: &Slug) -> Result<(ModelId, Via), Reason> {
    let (model, via) = find_plain(situation, slug)?;
    Ok(match pro_sibling(situation, model) {
        Some(sibling) if via == Via::Name => (sibling, Via::ProSibling),
        Some(sibling) => (sibling, via),
        None => (model, via),
    })
}

fn find_plain(situation: &Situation<'_>, slug: &Slug) -> Result<(ModelId, Via), Reason> {
    let catalog = situation.catalog;
    let Some(model) = catalog.find(&slug.base) else {
        if slug.is_latest() {
            return newest(situation, &slug.base)
                .map(|model| (model, Via::Latest))
                .ok_or(Reason::EmptyFamily);
        }
        return match paid_slug(&slug.base).and_then(|paid| catalog.find(paid)) {
            Some(_) => Err(Reason::FreeVariantEnded),
            None => Err(Reason::UnknownModel),
        };
    };
    if situation.facts.wants_fast_sibling()
        && let Some(sibling) = fast_sibling(situation, model)
    {
        return Ok((sibling, Via::FastSibling));
    }
    let entry = catalog.model(model);
    let by_name = slug.base == entry.id || slug.base == entry.canonical_slug;
    let via = match (by_name, slug.is_latest()) {
        (true, _) => Via::Name,
        (false, true) => Via::Latest,
        (false, false) => Via::Alias,
    };
    Ok((model, via))
}

fn check(situation: &Situation<'_>, id: ModelId) -> Result<(), Reason> {
    let model = situation.catalog.model(id);
    if model.retired {
        // A free entry is retired by its promotion ending, not by the model going away.
        let paid = paid_slug(&model.id).and_then(|paid| situation.catalog.find(paid));
        return Err(if paid.is_some() { Reason::FreeVariantEnded } else { Reason::Retired });
    }
    if model.hidden {
        return Err(Reason::Hidden);
    }
    if !situation.facts.surface.admits(model) {
        return Err(Reason::WrongSurface { kind: model.kind });
    }
    if !situation.policy.admits_model(model) {
        return Err(Reason::ModelNotAllowed);
    }
    Ok(())
}

/// The paid name of a free entry. ERR-10
pub(crate) fn paid_slug(slug: &str) -> Option<&str> {
    slug.strip_suffix(":free")
}

/// The newest model of `~author/family-latest` that this request could be sent to, so that the
/// alias leads where the list of models says. LATEST-1, LATEST-2
fn newest(situation: &Situation<'_>, alias: &str) -> Option<ModelId> {
    let family = alias.strip_prefix('~')?.strip_suffix("-latest")?;
    situation
        .catalog
        .family(family)
        .iter()
        .copied()
        .find(|id| check(situation, *id).is_ok() && is_offered(situation, *id, |_, _| true))
}

/// Whether a model has an endpoint that is offered, has a credential, and is `wanted` at its provider.
fn is_offered(
    situation: &Situation<'_>,
    model: ModelId,
    wanted: impl Fn(&Endpoint, &Provider) -> bool,
) -> bool {
    let catalog = situation.catalog;
    catalog.endpoints_of(model).any(|id| {
        let endpoint = catalog.endpoint(id);
        endpoint.status != EndpointStatus::Disabled
            && wanted(endpoint, catalog.provider_of(id))
            && (situation.credentials)(id).any()
    })
}

/// The sibling that serves fast mode, for models of Anthropic, if the author offers it and can be
/// asked: otherwise the request runs on the model itself. TIER-10
fn fast_sibling(situation: &Situation<'_>, id: ModelId) -> Option<ModelId> {
    let model = situation.catalog.model(id);
    if model.author() != "anthropic" || model.id.ends_with("-fast") {
        return None;
    }
    let sibling = situation.catalog.find(&format!("{}-fast", model.id))?;
    let is_author = |_: &Endpoint, provider: &Provider| provider.slug == model.author();
    (situation.catalog.model(sibling).is_visible() && is_offered(situation, sibling, is_author))
        .then_some(sibling)
}

/// The sibling that answers in pro mode, where it was asked for and the request may go there. REASON-8
fn pro_sibling(situation: &Situation<'_>, id: ModelId) -> Option<ModelId> {
    let catalog = situation.catalog;
    let model = catalog.model(id);
    if !situation.facts.pro || !has_pro_mode(&model.id) {
        return None;
    }
    let sibling = catalog.find(&format!("{}-pro", model.id))?;
    check(situation, sibling).ok()?;
    let (wanted, policy) = (situation.preferences, situation.policy);
    let admitted = |endpoint: &Endpoint, provider: &Provider| {
        let named = |list: &[ProviderPattern]| {
            list.iter().any(|pattern| pattern.removes(endpoint, provider))
        };
        (wanted.only.is_empty() || named(&wanted.only))
            && policy.allowed_providers.iter().all(|list| named(&list.providers))
            && !named(&wanted.ignore)
            && !named(&policy.ignored_providers)
    };
    is_offered(situation, sibling, admitted).then_some(sibling)
}

/// Whether a model can be asked in pro mode: OpenAI's from GPT-5.6 on.
fn has_pro_mode(id: &str) -> bool {
    let Some(rest) = id.strip_prefix("openai/gpt-").filter(|rest| !rest.ends_with("-pro")) else {
        return false;
    };
    let number = rest.split('-').next().unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    matches!((major.parse::<u32>(), minor.parse::<u32>()),
        (Ok(major), Ok(minor)) if (major, minor) >= (5, 6))
}

/// How the model was chosen: what a router says of itself, else `fallback` for a list of models,
/// else how the one model was found. RMETA-2
pub(crate) fn strategy(situation: &Situation<'_>, models: &[Resolved]) -> Strategy {
    if let Some(router) = situation.facts.router {
        return router;
    }
    if situation.facts.models.len() > 1 {
        return Strategy::Fallback;
    }
    match models.first().map(|resolved| resolved.via) {
        Some(Via::Latest) => Strategy::Latest,
        Some(Via::Alias) => Strategy::Alias,
        None if situation.facts.models.first().is_some_and(Slug::is_latest) => Strategy::Latest,
        _ => Strategy::Direct,
    }
}

/// What the variants of a name ask for. VAR-2, TIER-5
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VariantWishes {
    pub sort: Option<Sort>,
    pub admits_priority: bool,
    pub admits_flex: bool,
}

/// Reads the variants of a name; of several that sort, the first one does. They open no tier when
/// the default tier or an order was asked for. VAR-2, TIER-5
pub(crate) fn wishes(situation: &Situation<'_>, slug: &Slug) -> VariantWishes {
    let open = situation.facts.service_tier != Some(TierAsked::Default)
        && situation.preferences.order.is_empty();
    let mut wishes = VariantWishes::default();
    for variant in &slug.variants {
        let sort = match variant {
            DynamicVariant::Nitro => {
                wishes.admits_priority = open;
                Sort::Throughput
            }
            DynamicVariant::Floor => {
                wishes.admits_flex = open;
                Sort::Price
            }
            DynamicVariant::Exacto => Sort::Exacto,
            DynamicVariant::Online => continue,
        };
        wishes.sort.get_or_insert(sort);
    }
    wishes
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Scene, catalog_with, endpoint};
    use crate::{Available, Facts, Reason, Strategy, Surface, Via};

    fn scene() -> Scene {
        let ids = [
            "anthropic/claude-opus-4",
            "anthropic/claude-opus-5",
            "anthropic/claude-opus-6",
            "other/claude-opus-9",
            "anthropic/claude-sonnet-9",
        ];
        Scene::of(catalog_with(
            ids.iter().map(|id| endpoint(id, "p", "1")).collect(),
            |model| {
                let version = model.id.chars().last().and_then(|digit| digit.to_digit(10));
                model.created = i64::from(version.unwrap_or(0));
                model.family = Some(match model.id.contains("sonnet") {
                    true => "claude-sonnet".to_owned(),
                    false if version == Some(4) => "anthropic/claude-opus".to_owned(),
                    false => "claude-opus".to_owned(),
                });
                model.hidden = version == Some(6);
                model.aliases = match version {
                    Some(5) => vec!["opus".to_owned()],
                    _ => Vec::new(),
                };
            },
            |_| {},
        ))
    }

    /// LATEST-1, LATEST-3, RMETA-2, API-5
    #[test]
    fn names_resolve_to_models_and_the_strategy_says_how() {
        for (asked, model, via, strategy) in [
            ("anthropic/claude-opus-4", "anthropic/claude-opus-4", Via::Name, Strategy::Direct),
            (
                "anthropic/claude-opus-4-20250101",
                "anthropic/claude-opus-4",
                Via::Name,
                Strategy::Direct,
            ),
            ("opus:nitro", "anthropic/claude-opus-5", Via::Alias, Strategy::Alias),
            (
                "~anthropic/claude-opus-latest",
                "anthropic/claude-opus-5",
                Via::Latest,
                Strategy::Latest,
            ),
            (
                "~anthropic/claude-sonnet-latest",
                "anthropic/claude-sonnet-9",
                Via::Latest,
                Strategy::Latest,
            ),
        ] {
            let scene = scene().ask(&[asked]);
            let plan = scene.plan(1).unwrap();
            assert_eq!(scene.catalog.model(plan.models[0].model).id, model, "{asked}");
            assert_eq!((plan.models[0].via, plan.strategy), (via, strategy), "{asked}");
        }
        let mut routed = scene().ask(&["opus", "anthropic/claude-opus-4"]);
        assert_eq!(routed.plan(1).unwrap().strategy, Strategy::Fallback);
        routed.facts = Facts { router: Some(Strategy::Auto), ..routed.facts };
        assert_eq!(routed.plan(1).unwrap().strategy, Strategy::Auto);
    }

    /// LATEST-1, LATEST-2
    #[test]
    fn latest_passes_over_models_that_nobody_here_can_call() {
        let mut off = endpoint("a/m-3", "p", "1");
        off.status = catalog::EndpointStatus::Disabled;
        let scene = || {
            let made = [endpoint("a/m-1", "p", "1"), endpoint("a/m-2", "q", "1"), off.clone()];
            Scene::of(catalog_with(
                made.to_vec(),
                |model| {
                    let version = model.id.chars().last().and_then(|digit| digit.to_digit(10));
                    model.created = i64::from(version.unwrap_or(0));
                    model.family = Some("a/m".to_owned());
                },
                |_| {},
            ))
            .ask(&["~a/m-latest"])
        };
        let found = |scene: &Scene| {
            let plan = scene.plan(1).ok()?;
            Some(scene.catalog.model(plan.models[0].model).id.clone())
        };
        assert_eq!(found(&scene()).as_deref(), Some("a/m-2"), "the newest is switched off");
        let without = scene().credential("q", Available::NONE);
        assert_eq!(found(&without).as_deref(), Some("a/m-1"), "no credential for the second");
        let mut forbidden = scene();
        forbidden.policy.ignored_models = vec!["a/m-2".to_owned()];
        assert_eq!(found(&forbidden).as_deref(), Some("a/m-1"));
        let none = scene().credential("q", Available::NONE).credential("p", Available::NONE);
        assert_eq!(none.refusal().exclusions[0].reason, Reason::EmptyFamily);
    }

    /// LATEST-1, LATEST-2, TIER-10: what the list of models shows can be called.
    #[test]
    fn routes_agree_with_the_shipped_list_of_models() {
        use catalog::{Catalog, Resolution, Slug, available, resolve};
        for slugs in [&["anthropic"][..], &["openai"], &["digitalocean"], &["venice", "anthropic"]]
        {
            let catalog = Catalog::embedded().unwrap();
            let usable = available(&catalog, &|provider| slugs.contains(&provider.slug.as_str()));
            let families: std::collections::BTreeSet<String> = catalog
                .models()
                .filter_map(|(_, model)| model.family_name())
                .map(|family| format!("~{family}-latest"))
                .collect();
            let mut scene = Scene::of(catalog);
            scene.facts.estimated_prompt_tokens = 10;
            for (_, provider) in scene.catalog.providers() {
                if !slugs.contains(&provider.slug.as_str()) {
                    for (_, made) in scene.catalog.endpoints() {
                        if made.provider == provider.slug {
                            scene.credentials.insert(made.tag.clone(), Available::NONE);
                        }
                    }
                }
            }
            for alias in families {
                let listed = resolve(&scene.catalog, &Slug::parse(&alias).unwrap(), &usable);
                scene = scene.ask(&[&alias]);
                let plan = scene.plan(1);
                match listed {
                    Resolution::Latest(id) => {
                        assert_eq!(plan.unwrap().models[0].model, id, "{alias} {slugs:?}");
                    }
                    other => assert!(plan.is_err(), "{alias} {slugs:?} {other:?}"),
                }
            }
            for (id, model) in catalog_chat_models(&scene.catalog, &usable) {
                scene = scene.ask(&[&model]);
                for tier in [None, Some(crate::TierAsked::Priority), Some(crate::TierAsked::Flex)] {
                    scene.facts.service_tier = tier;
                    assert!(scene.plan(1).is_ok(), "{model} {id:?} {slugs:?} {tier:?}");
                }
            }
        }
    }

    /// The usable models that answer in text to text.
    fn catalog_chat_models(
        catalog: &catalog::Catalog,
        usable: &catalog::Availability,
    ) -> Vec<(catalog::ModelId, String)> {
        catalog
            .models()
            .filter(|(id, model)| {
                usable.has_model(*id)
                    && Surface::Chat.admits(model)
                    && model.architecture.input_modalities.has(catalog::Modality::Text)
                    && model.architecture.output_modalities.has(catalog::Modality::Text)
            })
            .map(|(id, model)| (id, model.id.clone()))
            .collect()
    }

    /// TIER-10
    #[test]
    fn fast_without_a_sibling_at_the_author_runs_on_the_model_itself() {
        let scene = |endpoints| {
            let mut scene = Scene::new(endpoints).ask(&["anthropic/claude-opus-5"]);
            scene.facts.speed = Some(crate::Speed::Fast);
            scene
        };
        let plain = endpoint("anthropic/claude-opus-5", "anthropic", "1");
        let elsewhere = endpoint("anthropic/claude-opus-5-fast", "venice", "1");
        assert_eq!(scene(vec![plain.clone(), elsewhere.clone()]).tags(1), ["anthropic"]);
        let mut first_party = endpoint("anthropic/claude-opus-5-fast", "anthropic/fast", "2");
        let all = vec![plain.clone(), elsewhere, first_party.clone()];
        assert_eq!(scene(all).tags(1), ["anthropic/fast"]);
        first_party.status = catalog::EndpointStatus::Disabled;
        assert_eq!(scene(vec![plain, first_party]).tags(1), ["anthropic"]);
    }

    /// REASON-8
    #[test]
    fn pro_mode_goes_to_the_pro_sibling_where_somebody_offers_it() {
        let scene = |endpoints, pro| {
            let mut scene = Scene::new(endpoints).ask(&["openai/gpt-6-sol"]);
            scene.facts.pro = pro;
            scene
        };
        let plain = endpoint("openai/gpt-6-sol", "openai", "1");
        let mut sibling = endpoint("openai/gpt-6-sol-pro", "venice", "2");
        let all = vec![plain.clone(), sibling.clone()];
        assert_eq!(scene(all.clone(), true).tags(1), ["venice"]);
        assert_eq!(scene(all.clone(), false).tags(1), ["openai"]);
        // Where the request may not go, it stays with the model it named.
        for object in [r#"{"only":["openai"]}"#, r#"{"ignore":["venice"]}"#] {
            let kept = scene(all.clone(), true).provider_object(object);
            assert_eq!(kept.tags(1), ["openai"], "{object}");
        }
        sibling.status = catalog::EndpointStatus::Disabled;
        assert_eq!(scene(vec![plain.clone(), sibling], true).tags(1), ["openai"]);
        assert_eq!(scene(vec![plain], true).tags(1), ["openai"]);
        for (id, expected) in [
            ("openai/gpt-5.6", true),
            ("openai/gpt-5.6-luna", true),
            ("openai/gpt-6-sol", true),
            ("openai/gpt-10", true),
            ("openai/gpt-5", false),
            ("openai/gpt-5.5", false),
            ("openai/gpt-5-mini", false),
            ("openai/gpt-4o", false),
            ("openai/gpt-6-sol-pro", false),
            ("openai/o3", false),
            ("acme/gpt-6", false),
        ] {
            assert_eq!(super::has_pro_mode(id), expected, "{id}");
        }
    }

    /// FALL-1, FALL-5, PERF-6
    #[test]
    fn models_are_exhausted_in_the_order_asked_for() {
        let scene = Scene::new(vec![
            endpoint("x/a", "a1", "9"),
            endpoint("x/a", "a2", "9"),
            endpoint("x/b", "b1", "1"),
        ])
        .ask(&["x/b", "x/a"])
        .provider_object(r#"{"sort":"price"}"#);
        assert_eq!(scene.tags(1), ["b1", "a1", "a2"]);
        let scene = scene.ask(&["x/a", "x/b"]);
        assert_eq!(scene.tags(1), ["a1", "a2", "b1"]);
        let scene = scene.provider_object(r#"{"sort":{"by":"price","partition":"none"}}"#);
        assert_eq!(scene.tags(1), ["b1", "a1", "a2"], "the cheaper second model wins");
    }

    /// ERR-10
    #[test]
    fn a_route_admits_the_kinds_of_model_it_serves() {
        use catalog::ModelKind::{Chat, Completion, Embedding, Image, Speech, Video};
        for (surface, kind, paints, admitted) in [
            (Surface::Chat, Chat, false, true),
            (Surface::Chat, Completion, false, true),
            (Surface::Chat, Embedding, false, false),
            (Surface::Chat, Image, true, true),
            (Surface::Images, Chat, true, true),
            (Surface::Images, Chat, false, false),
            (Surface::Images, Image, false, true),
            (Surface::Embeddings, Embedding, false, true),
            (Surface::Embeddings, Chat, false, false),
            (Surface::Speech, Speech, false, true),
            (Surface::Video, Video, false, true),
            (Surface::Rerank, Chat, false, false),
        ] {
            let mut model = crate::fixture::model("x/a");
            model.kind = kind;
            if paints {
                model.architecture.output_modalities = crate::fixture::text_and_image();
            }
            assert_eq!(surface.admits(&model), admitted, "{surface:?} {kind:?}");
        }
    }
}
