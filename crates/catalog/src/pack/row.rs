//! Rows of the packed form. What is usual, or follows from something else, is left out.

use std::collections::HashMap;

use protocol::target::Abilities;
use serde::{Deserialize, Serialize};

use super::table::Table;
use crate::Parameters;
use crate::describe::describe;
use crate::endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
use crate::modality::Modalities;
use crate::model::{Architecture, Model, ModelKind, ReasoningSupport};
use crate::price::PriceList;
use crate::price_object::PriceObject;
use crate::provider::DataPolicy;

/// The tables while they are filled.
#[derive(Default)]
pub(super) struct Writing {
    pub parameters: Table<Parameters>,
    pub modalities: Table<Modalities>,
    pub abilities: Table<serde_json::Value>,
    pub reasoning: Table<ReasoningSupport>,
}

/// The tables while they are looked into.
pub(super) struct Reading {
    pub parameters: HashMap<String, Parameters>,
    pub modalities: HashMap<String, Modalities>,
    pub abilities: HashMap<String, Abilities>,
    pub reasoning: HashMap<String, ReasoningSupport>,
}

/// A key that is not in its table.
pub(super) struct Missing(pub String);

fn find<T: Clone>(table: &HashMap<String, T>, key: &str) -> Result<T, Missing> {
    table.get(key).cloned().ok_or_else(|| Missing(key.to_owned()))
}

/// Takes keys apart; one that is not there is empty, and so in no table.
fn keys<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.split(' ');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A model as a row; its endpoints follow it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelRow {
    /// How many endpoints follow.
    n: usize,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
    name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    kind: ModelKind,
    #[serde(default, skip_serializing_if = "is_default")]
    created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<u64>,
    /// Keys of the input and output modalities, with a space between.
    io: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokenizer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instruct: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cutoff: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hugging_face: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    family: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    distillable: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    hidden: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    retired: bool,
}

impl ModelRow {
    pub(super) fn write(
        model: Model,
        endpoints: usize,
        tables: &mut Writing,
    ) -> Result<Self, serde_json::Error> {
        let io = format!(
            "{} {}",
            tables.modalities.key(&model.architecture.input_modalities)?,
            tables.modalities.key(&model.architecture.output_modalities)?,
        );
        let reasoning =
            model.reasoning.as_ref().map(|support| tables.reasoning.key(support)).transpose()?;
        let description =
            (model.description != describe(&model)).then(|| model.description.clone());
        Ok(Self {
            n: endpoints,
            canonical: (model.canonical_slug != model.id).then_some(model.canonical_slug),
            id: model.id,
            name: model.name,
            kind: model.kind,
            created: model.created,
            description,
            context: model.context_length,
            io,
            tokenizer: model.architecture.tokenizer,
            instruct: model.architecture.instruct_type,
            reasoning,
            cutoff: model.knowledge_cutoff,
            expires: model.expiration_date,
            hugging_face: model.hugging_face_id,
            aliases: model.aliases,
            family: model.family,
            distillable: model.distillable,
            hidden: model.hidden,
            retired: model.retired,
        })
    }

    /// The model, still without what it inherits from its endpoints, whether it needs a
    /// description, and how many endpoints follow.
    pub(super) fn read(self, tables: &Reading) -> Result<(Model, bool, usize), Missing> {
        let [input, output] = keys(&self.io);
        let needs_description = self.description.is_none();
        let model = Model {
            canonical_slug: self.canonical.unwrap_or_else(|| self.id.clone()),
            id: self.id,
            name: self.name,
            kind: self.kind,
            created: self.created,
            description: self.description.unwrap_or_default(),
            context_length: self.context,
            architecture: Architecture {
                input_modalities: find(&tables.modalities, input)?,
                output_modalities: find(&tables.modalities, output)?,
                tokenizer: self.tokenizer,
                instruct_type: self.instruct,
            },
            supported_parameters: Parameters::NONE,
            reasoning: self.reasoning.map(|key| find(&tables.reasoning, &key)).transpose()?,
            knowledge_cutoff: self.cutoff,
            expiration_date: self.expires,
            hugging_face_id: self.hugging_face,
            aliases: self.aliases,
            family: self.family,
            distillable: self.distillable,
            hidden: self.hidden,
            retired: self.retired,
        };
        Ok((model, needs_description, self.n))
    }
}

/// An endpoint as a row; its model stands above it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointRow {
    /// The provider's slug.
    p: String,
    /// The tag, where it is not the provider's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// The provider's name of the model.
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<PriceObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    quantization: Quantization,
    /// Keys of the parameters, input and output modalities and abilities, with spaces between.
    keys: String,
    #[serde(default, skip_serializing_if = "is_default")]
    status: EndpointStatus,
    #[serde(default, skip_serializing_if = "is_default")]
    tier: ServiceTier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    caching: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<DataPolicy>,
}

impl EndpointRow {
    pub(super) fn write(
        endpoint: Endpoint,
        tables: &mut Writing,
    ) -> Result<Self, serde_json::Error> {
        let mut abilities = endpoint.abilities;
        // The limit is a field of its own: as part of the abilities it would multiply them.
        if abilities.max_output_tokens == endpoint.max_completion_tokens {
            abilities.max_output_tokens = None;
        }
        let keys = [
            tables.parameters.key(&endpoint.supported_parameters)?,
            tables.modalities.key(&endpoint.input_modalities)?,
            tables.modalities.key(&endpoint.output_modalities)?,
            tables.abilities.key(&unusual(&abilities)?)?,
        ]
        .join(" ");
        Ok(Self {
            tag: (endpoint.tag != endpoint.provider).then_some(endpoint.tag),
            p: endpoint.provider,
            id: endpoint.upstream_model,
            price: (endpoint.price != PriceList::default()).then_some(PriceObject(endpoint.price)),
            context: endpoint.context_length,
            output: endpoint.max_completion_tokens,
            input: endpoint.max_prompt_tokens,
            quantization: endpoint.quantization,
            keys,
            status: endpoint.status,
            tier: endpoint.service_tier,
            region: endpoint.region,
            caching: endpoint.supports_implicit_caching,
            policy: endpoint.data_policy,
        })
    }

    pub(super) fn read(self, model: &str, tables: &Reading) -> Result<Endpoint, Missing> {
        let [parameters, input, output, abilities] = keys(&self.keys);
        let mut abilities = find(&tables.abilities, abilities)?;
        abilities.max_output_tokens = abilities.max_output_tokens.or(self.output);
        Ok(Endpoint {
            model: model.to_owned(),
            supported_parameters: find(&tables.parameters, parameters)?,
            input_modalities: find(&tables.modalities, input)?,
            output_modalities: find(&tables.modalities, output)?,
            abilities,
            tag: self.tag.unwrap_or_else(|| self.p.clone()),
            provider: self.p,
            upstream_model: self.id,
            price: self.price.unwrap_or_default().0,
            context_length: self.context,
            max_completion_tokens: self.output,
            max_prompt_tokens: self.input,
            quantization: self.quantization,
            status: self.status,
            service_tier: self.tier,
            region: self.region,
            supports_implicit_caching: self.caching,
            data_policy: self.policy,
        })
    }
}

/// The abilities that are not as they usually are.
fn unusual(abilities: &Abilities) -> Result<serde_json::Value, serde_json::Error> {
    let mut value = serde_json::to_value(abilities)?;
    let usual = serde_json::to_value(Abilities::default())?;
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, member| usual.get(name) != Some(member));
    }
    Ok(value)
}
