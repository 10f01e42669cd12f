//! The model that the first examples name: one that surely answers, and costs little.

use std::collections::HashMap;

use catalog::facts::Facts;
use catalog::{
    Catalog, Endpoint, EndpointStatus, Meter, Modalities, Modality, Model, ModelKind, Parameter,
    PicoUsd, PriceState, ProviderId, ServiceTier,
};

/// How much older than its provider's newest a model may be, in seconds: eighteen months. Those
/// that are older are often listed still and served to nobody new.
const RECENT: i64 = 548 * 86_400;

/// A model at a provider that can be reached.
struct Candidate<'a> {
    model: &'a Model,
    provider: ProviderId,
    /// Per output and input token. What is written dominates what a short question costs.
    price: (PicoUsd, PicoUsd),
    takes_tools: bool,
    /// Whether its author serves it there.
    is_own: bool,
}

impl<'a> Candidate<'a> {
    /// `None` if the model is none to talk to, or what it costs is not known.
    fn of(
        model: &'a Model,
        endpoint: &Endpoint,
        provider: ProviderId,
        facts: &Facts,
    ) -> Option<Self> {
        let fits = endpoint.status == EndpointStatus::Active
            && endpoint.service_tier == ServiceTier::Default
            && endpoint.input_modalities.has(Modality::Text)
            && endpoint.output_modalities == Modalities::TEXT
            && model.kind == ModelKind::Chat
            && model.is_visible()
            // It is pasted into a shell, between quotes.
            && model.id.chars().all(|letter| letter.is_ascii_graphic() && !"'\"\\".contains(letter));
        let price = (endpoint.price.get(Meter::Completion)?, endpoint.price.get(Meter::Prompt)?);
        // Half a price is what a router asks for on top of the models behind it.
        let is_whole = endpoint.price.state() == PriceState::Free
            || (price.0 > PicoUsd::ZERO && price.1 > PicoUsd::ZERO);
        (fits && is_whole).then(|| Self {
            model,
            provider,
            price,
            takes_tools: endpoint.supported_parameters.has(Parameter::Tools),
            is_own: {
                let slug = &endpoint.provider;
                facts.providers.of(slug).is_of(slug, model.author())
            },
        })
    }

    /// Whether enough is known of the model to say that it is in use: a list that has nothing but
    /// a name for it may have found the name anywhere.
    fn is_known(&self) -> bool {
        self.takes_tools && self.model.created > 0 && self.model.expiration_date.is_none()
    }
}

/// The cheapest model of those that surely answer, at providers that can be reached; where there is
/// none, of those that might.
pub fn model(
    catalog: &Catalog,
    facts: &Facts,
    reachable: impl Fn(ProviderId) -> bool,
) -> Option<String> {
    let candidates: Vec<_> = catalog
        .endpoints()
        .filter_map(|(id, endpoint)| {
            let provider = catalog.provider_id_of(id);
            let found = Candidate::of(catalog.model_of(id), endpoint, provider, facts)?;
            reachable(provider).then_some(found)
        })
        .collect();
    let mut newest: HashMap<ProviderId, i64> = HashMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.is_known()) {
        let newest = newest.entry(candidate.provider).or_default();
        *newest = candidate.model.created.max(*newest);
    }
    let is_recent = |candidate: &Candidate<'_>| {
        let newest = newest.get(&candidate.provider).copied().unwrap_or_default();
        candidate.is_known() && candidate.model.created >= newest - RECENT
    };
    // Of a family there is always a model that its author sells.
    let is_in_a_family =
        |candidate: &Candidate<'_>| is_recent(candidate) && candidate.model.family.is_some();
    let rules: [&dyn Fn(&Candidate<'_>) -> bool; 6] = [
        &|candidate| is_in_a_family(candidate) && candidate.is_own,
        &is_in_a_family,
        &is_recent,
        &|candidate| candidate.is_known(),
        &|candidate| candidate.takes_tools,
        &|_| true,
    ];
    let cheapest = rules.iter().find_map(|rule| {
        let fitting = candidates.iter().filter(|candidate| rule(candidate));
        fitting.min_by_key(|candidate| (candidate.price, &candidate.model.id))
    });
    cheapest.map(|candidate| candidate.model.id.clone())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_shipped_provider_s_example_is_a_model_that_it_sells() {
        let (catalog, facts) = (Catalog::embedded().unwrap(), Facts::shipped().unwrap());
        for (slug, author) in [
            ("openai", "openai"),
            ("anthropic", "anthropic"),
            ("google-ai-studio", "google"),
            ("mistral", "mistralai"),
            ("deepseek", "deepseek"),
            ("xai", "x-ai"),
        ] {
            let provider = catalog.find_provider(slug).unwrap();
            let name = model(&catalog, &facts, |id| id == provider).unwrap();
            let chosen = catalog.model(catalog.find(&name).unwrap());
            assert_eq!(chosen.author(), author, "{slug}");
        }
        for slug in ["azure", "fireworks", "groq", "together"] {
            let provider = catalog.find_provider(slug).unwrap();
            let name = model(&catalog, &facts, |id| id == provider).unwrap();
            let chosen = catalog.find(&name).unwrap();
            let works =
                catalog.endpoints_of(chosen).map(|at| catalog.endpoint(at)).any(|endpoint| {
                    endpoint.provider == slug && endpoint.supported_parameters.has(Parameter::Tools)
                });
            assert!(works && catalog.model(chosen).created > 0, "{slug}: {name}");
        }
    }

    /// A router has a price of its own for what it passes on, and none for what comes back.
    #[test]
    fn what_nobody_describes_or_nobody_prices_is_no_example() {
        let (catalog, facts) = (Catalog::embedded().unwrap(), Facts::shipped().unwrap());
        for unusable in ["openai/babbage", "google/gemini-exp-1114:free", "microsoft/model-router"]
        {
            let candidate = catalog.endpoints().find_map(|(id, endpoint)| {
                let named = endpoint.model == unusable;
                let provider = catalog.provider_id_of(id);
                let model = catalog.model_of(id);
                named.then(|| Candidate::of(model, endpoint, provider, &facts)).flatten()
            });
            assert!(!candidate.is_some_and(|found| found.is_known()), "{unusable}");
        }
    }

    #[test]
    fn where_nothing_can_be_reached_there_is_no_example() {
        let mut parts = catalog::CatalogParts::default();
        crate::simulated::add_to(&mut parts, SocketAddr::from(([127, 0, 0, 1], 1)));
        let catalog = parts.into_catalog().unwrap();
        let facts = Facts::shipped().unwrap();
        assert!(model(&catalog, &facts, |_| true).is_some());
        assert_eq!(model(&catalog, &facts, |_| false), None);
    }
}
