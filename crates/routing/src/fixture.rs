//! Small catalogues and scripted health for tests.

use std::collections::HashMap;

use catalog::{
    Catalog, DataPolicy, Endpoint, EndpointId, Meter, Modalities, Model, PicoUsd, PriceList,
    Provider, Slug,
};

use crate::health::{Condition, HealthView, Percentiles, ToolRecord};
use crate::{Available, Facts, NoRoute, Plan, Policy, Preferences, Rng, Situation};

pub fn model(id: &str) -> Model {
    let mut made: Model = serde_json::from_value(serde_json::json!({
        "id": id, "canonical_slug": format!("{id}-20250101"), "name": id, "kind": "chat",
        "created": 0, "context_length": null,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    }))
    .unwrap();
    made.description = String::new();
    made
}

/// An endpoint whose prompt and completion tokens cost `dollars` per million.
pub fn endpoint(model: &str, tag: &str, dollars: &str) -> Endpoint {
    let price = PicoUsd::per_million(dollars).unwrap();
    let mut made: Endpoint = serde_json::from_value(serde_json::json!({
        "model": model, "provider": tag.split('/').next().unwrap(), "tag": tag,
        "upstream_model": model, "input_modalities": ["text"], "output_modalities": ["text"],
    }))
    .unwrap();
    made.price = PriceList {
        base: vec![(Meter::Prompt, price), (Meter::Completion, price)],
        overrides: Vec::new(),
    };
    made
}

pub fn provider(slug: &str, name: &str) -> Provider {
    let mut made: Provider = serde_json::from_value(serde_json::json!({
        "slug": slug, "name": name, "dialect": "openai_chat", "base_url": "http://localhost",
    }))
    .unwrap();
    made.data_policy =
        DataPolicy { trains: false, retains: false, zero_retention: true, ..DataPolicy::default() };
    made
}

/// A catalogue of these endpoints, with the models and providers they name.
pub fn catalog(endpoints: Vec<Endpoint>) -> Catalog {
    catalog_with(endpoints, |_| {}, |_| {})
}

/// The same, with changes to models and providers.
pub fn catalog_with(
    endpoints: Vec<Endpoint>,
    change_model: impl Fn(&mut Model),
    change_provider: impl Fn(&mut Provider),
) -> Catalog {
    let mut models: Vec<Model> = Vec::new();
    let mut providers: Vec<Provider> = Vec::new();
    for made in &endpoints {
        if !models.iter().any(|known| known.id == made.model) {
            let mut new = model(&made.model);
            change_model(&mut new);
            models.push(new);
        }
        if !providers.iter().any(|known| known.slug == made.provider) {
            let mut new = provider(&made.provider, &made.provider.to_uppercase());
            change_provider(&mut new);
            providers.push(new);
        }
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

/// Health by tag, set by hand.
#[derive(Clone, Debug, Default)]
pub struct Script(pub HashMap<EndpointId, Record>);

#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    pub condition: Condition,
    pub latency: Option<Percentiles>,
    pub throughput: Option<Percentiles>,
    pub tools: ToolRecord,
}

pub fn flat(value: f64) -> Option<Percentiles> {
    Some(Percentiles { p50: value, p75: value, p90: value, p99: value })
}

impl HealthView for Script {
    fn condition(&self, endpoint: EndpointId, _: u64) -> Condition {
        self.0.get(&endpoint).copied().unwrap_or_default().condition
    }
    fn latency(&self, endpoint: EndpointId, _: u64) -> Option<Percentiles> {
        self.0.get(&endpoint)?.latency
    }
    fn throughput(&self, endpoint: EndpointId, _: u64) -> Option<Percentiles> {
        self.0.get(&endpoint)?.throughput
    }
    fn tools(&self, endpoint: EndpointId, _: u64) -> ToolRecord {
        self.0.get(&endpoint).copied().unwrap_or_default().tools
    }
}

/// Everything a plan depends on, to be changed by a test.
#[derive(Debug)]
pub struct Scene {
    pub facts: Facts,
    pub preferences: Preferences,
    pub policy: Policy,
    pub catalog: Catalog,
    pub health: Script,
    /// Credentials by tag; endpoints that are not named have one shared credential.
    pub credentials: HashMap<String, Available>,
    pub sticky: HashMap<String, String>,
    /// Providers that made reasoning of the conversation, the latest first.
    pub made: Vec<String>,
    pub now_ms: u64,
}

impl Scene {
    /// A request for the models of these endpoints, in the order in which they appear.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self::of(catalog(endpoints))
    }

    pub fn of(catalog: Catalog) -> Self {
        let models = catalog.models().map(|(_, model)| Slug::parse(&model.id).unwrap()).collect();
        Self {
            facts: Facts { models, estimated_prompt_tokens: 1000, ..Facts::default() },
            preferences: Preferences::default(),
            policy: Policy::default(),
            catalog,
            health: Script::default(),
            credentials: HashMap::new(),
            sticky: HashMap::new(),
            made: Vec::new(),
            now_ms: 1_700_000_000_000,
        }
    }

    pub fn ask(mut self, models: &[&str]) -> Self {
        self.facts.models = models.iter().map(|text| Slug::parse(text).unwrap()).collect();
        self
    }

    pub fn provider_object(mut self, json: &str) -> Self {
        self.preferences = Preferences::parse(serde_json::from_str(json).unwrap()).unwrap();
        self
    }

    pub fn id(&self, tag: &str) -> EndpointId {
        self.catalog.endpoints().find(|(_, endpoint)| endpoint.tag == tag).unwrap().0
    }

    pub fn record(mut self, tag: &str, record: Record) -> Self {
        let id = self.id(tag);
        self.health.0.insert(id, record);
        self
    }

    pub fn credential(mut self, tag: &str, available: Available) -> Self {
        self.credentials.insert(tag.to_owned(), available);
        self
    }

    pub fn plan(&self, seed: u64) -> Result<Plan, Box<NoRoute>> {
        let credentials = |id: EndpointId| {
            let tag = &self.catalog.endpoint(id).tag;
            self.credentials.get(tag).copied().unwrap_or(Available::SHARED)
        };
        let sticky = |id: catalog::ModelId| {
            let tag = self.sticky.get(&self.catalog.model(id).id)?;
            self.catalog.endpoints_of(id).find(|at| self.catalog.endpoint(*at).tag == *tag)
        };
        let made = |id: EndpointId| {
            let slug = &self.catalog.provider_of(id).slug;
            self.made.iter().position(|maker| maker == slug).map(|at| at as u8)
        };
        let facts = Facts { made_reasoning: !self.made.is_empty(), ..self.facts.clone() };
        crate::plan(
            &Situation {
                facts: &facts,
                preferences: &self.preferences,
                policy: &self.policy,
                catalog: &self.catalog,
                health: &self.health,
                credentials: &credentials,
                sticky: &sticky,
                made: &made,
                now_ms: self.now_ms,
            },
            &mut Rng::seeded(seed),
        )
    }

    /// The tags of the attempts, in order.
    pub fn tags(&self, seed: u64) -> Vec<&str> {
        match self.plan(seed) {
            Ok(plan) => plan
                .attempts
                .iter()
                .map(|attempt| self.catalog.endpoint(attempt.endpoint).tag.as_str())
                .collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Why there is no route.
    pub fn refusal(&self) -> Box<NoRoute> {
        self.plan(1).unwrap_err()
    }
}

pub fn text_and_image() -> Modalities {
    Modalities::TEXT.with(catalog::Modality::Image)
}
