//! Free simulated models for a first run without any provider's key. Their names say what they
//! are, everywhere.

use std::io;
use std::net::SocketAddr;

use catalog::{
    Architecture, AuthStyle, CatalogParts, DataPolicy, Endpoint, EndpointStatus, Meter, Modalities,
    Modality, Model, ModelKind, Parameter, Parameters, PicoUsd, PriceList, Provider, Quantization,
    ReasoningSupport, ServiceTier,
};
use protocol::Dialect;
use protocol::target::{Abilities, MaxTokensField, Quirks, ReasoningRequest, ReasoningStyle};
use testkit::{Protocol, Simulator};

const CONTEXT: u64 = 128_000;
const MOST_OUTPUT: u64 = 16_384;

/// The model that first examples name.
pub const EXAMPLE_MODEL: &str = "simulated/chat:free";

/// A wire protocol, as a simulated provider.
#[derive(Clone, Copy)]
enum Host {
    OpenAi,
    Anthropic,
    Gemini,
}

/// What a model's endpoint behaves like: the simulator goes by the model's name.
#[derive(Clone, Copy)]
enum Behaviour {
    Chat,
    Reasoning,
    Failing,
}

/// Id, name, description, and endpoints in the order in which they are meant to be seen.
type Description = (&'static str, &'static str, &'static str, &'static [(Host, Behaviour)]);

const MODELS: [Description; 6] = [
    (
        EXAMPLE_MODEL,
        "Simulated: Chat (free)",
        "No model at all: names itself and echoes the last message. Served over three protocols.",
        &[
            (Host::OpenAi, Behaviour::Chat),
            (Host::Anthropic, Behaviour::Chat),
            (Host::Gemini, Behaviour::Chat),
        ],
    ),
    (
        "simulated/reasoning:free",
        "Simulated: Reasoning (free)",
        "No model at all: shows what reasoning looks like.",
        &[
            (Host::OpenAi, Behaviour::Reasoning),
            (Host::Anthropic, Behaviour::Reasoning),
            (Host::Gemini, Behaviour::Reasoning),
        ],
    ),
    (
        "simulated/flaky:free",
        "Simulated: Flaky (free)",
        "No model at all: one of its providers always fails, another one answers instead.",
        &[(Host::OpenAi, Behaviour::Failing), (Host::Anthropic, Behaviour::Chat)],
    ),
    (
        "simulated/openai:free",
        "Simulated: OpenAI protocol (free)",
        "No model at all: echoes the last message over OpenAI Chat Completions.",
        &[(Host::OpenAi, Behaviour::Chat)],
    ),
    (
        "simulated/anthropic:free",
        "Simulated: Anthropic protocol (free)",
        "No model at all: echoes the last message over Anthropic Messages.",
        &[(Host::Anthropic, Behaviour::Chat)],
    ),
    (
        "simulated/gemini:free",
        "Simulated: Gemini protocol (free)",
        "No model at all: echoes the last message over Gemini generateContent.",
        &[(Host::Gemini, Behaviour::Chat)],
    ),
];

impl Host {
    const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    fn slug(self) -> &'static str {
        match self {
            Self::OpenAi => "simulated-openai",
            Self::Anthropic => "simulated-anthropic",
            Self::Gemini => "simulated-gemini",
        }
    }

    fn provider(self, address: SocketAddr) -> Provider {
        let (name, dialect, protocol) = match self {
            Self::OpenAi => ("Simulated OpenAI", Dialect::OpenaiChat, Protocol::OpenAi),
            Self::Anthropic => ("Simulated Anthropic", Dialect::Anthropic, Protocol::Anthropic),
            Self::Gemini => ("Simulated Gemini", Dialect::Gemini, Protocol::Gemini),
        };
        // The simulator refuses what the vendor refuses.
        let quirks = match self {
            Self::OpenAi => Quirks {
                max_tokens_field: MaxTokensField::MaxCompletionTokens,
                reasoning_request: ReasoningRequest::Effort,
                strict_messages: true,
                short_tool_ids: true,
                unsupported_parameters: [
                    "top_k",
                    "top_a",
                    "min_p",
                    "repetition_penalty",
                    "input_type",
                ]
                .map(str::to_owned)
                .to_vec(),
                ..Quirks::default()
            },
            Self::Anthropic | Self::Gemini => Quirks::default(),
        };
        Provider {
            slug: self.slug().to_owned(),
            name: name.to_owned(),
            dialect,
            author_dialects: Default::default(),
            base_url: format!("http://{address}{}", protocol.base_path()),
            path_style: Default::default(),
            base_url_values: Default::default(),
            auth: AuthStyle::None,
            environment_variables: Vec::new(),
            headers: Vec::new(),
            quirks,
            responses: false,
            embeddings: None,
            rerank: None,
            cancel_stops_billing: true,
            data_policy: policy(),
            models_path: "/models".to_owned(),
            headquarters: None,
            datacenters: None,
            privacy_policy_url: None,
            terms_of_service_url: None,
            status_page_url: None,
        }
    }

    fn upstream_model(self, behaviour: Behaviour) -> &'static str {
        match (behaviour, self) {
            (Behaviour::Failing, _) => "sim-fault-503",
            (Behaviour::Chat, Self::OpenAi) => "sim-chat",
            (Behaviour::Reasoning, Self::OpenAi) => "sim-reason",
            (_, Self::Anthropic) => "sim-claude",
            (_, Self::Gemini) => "sim-gemini-2.5",
        }
    }

    fn abilities(self, behaviour: Behaviour) -> Abilities {
        let style = match (behaviour, self) {
            (Behaviour::Chat | Behaviour::Failing, _) => ReasoningStyle::None,
            (Behaviour::Reasoning, Self::OpenAi) => ReasoningStyle::Effort,
            (Behaviour::Reasoning, Self::Anthropic | Self::Gemini) => ReasoningStyle::Budget,
        };
        Abilities {
            max_output_tokens: Some(MOST_OUTPUT),
            reasoning: style,
            // Gemini 2.5 refuses tools together with a schema.
            tools_with_schema: !matches!(self, Self::Gemini),
            ..Abilities::default()
        }
    }

    fn endpoint(self, model: &str, behaviour: Behaviour) -> Endpoint {
        let free = [Meter::Prompt, Meter::Completion].map(|meter| (meter, PicoUsd::ZERO));
        Endpoint {
            model: model.to_owned(),
            provider: self.slug().to_owned(),
            tag: self.slug().to_owned(),
            upstream_model: self.upstream_model(behaviour).to_owned(),
            price: PriceList { base: free.to_vec(), overrides: Vec::new() },
            context_length: Some(CONTEXT),
            max_completion_tokens: Some(MOST_OUTPUT),
            max_prompt_tokens: None,
            quantization: Quantization::Unknown,
            supported_parameters: parameters(behaviour),
            input_modalities: inputs(),
            output_modalities: Modalities::TEXT,
            status: EndpointStatus::Active,
            service_tier: ServiceTier::Default,
            region: None,
            supports_implicit_caching: true,
            data_policy: None,
            abilities: self.abilities(behaviour),
        }
    }
}

fn policy() -> DataPolicy {
    DataPolicy {
        trains: false,
        retains: false,
        retention_days: Some(0),
        zero_retention: true,
        verified: true,
    }
}

fn inputs() -> Modalities {
    Modalities::TEXT.with(Modality::Image).with(Modality::File).with(Modality::Audio)
}

fn parameters(behaviour: Behaviour) -> Parameters {
    let all: Parameters = Parameter::ALL.iter().copied().collect();
    if matches!(behaviour, Behaviour::Reasoning) {
        return all;
    }
    let reasoning = [Parameter::Reasoning, Parameter::ReasoningEffort, Parameter::IncludeReasoning];
    all.without(reasoning.into_iter().collect())
}

fn model(description: &Description) -> Model {
    let (id, name, text, endpoints) = *description;
    let behaviours = endpoints.iter().map(|(_, behaviour)| *behaviour);
    Model {
        id: id.to_owned(),
        canonical_slug: id.to_owned(),
        name: name.to_owned(),
        kind: ModelKind::Chat,
        created: 1_767_225_600,
        description: text.to_owned(),
        context_length: Some(CONTEXT),
        architecture: Architecture {
            input_modalities: inputs(),
            output_modalities: Modalities::TEXT,
            tokenizer: Some("Other".to_owned()),
            instruct_type: None,
        },
        supported_parameters: behaviours
            .clone()
            .fold(Parameters::NONE, |all, behaviour| all.or(parameters(behaviour))),
        reasoning: behaviours
            .clone()
            .any(|behaviour| matches!(behaviour, Behaviour::Reasoning))
            .then(|| ReasoningSupport { supports_max_tokens: true, ..ReasoningSupport::default() }),
        knowledge_cutoff: None,
        expiration_date: None,
        hugging_face_id: None,
        aliases: Vec::new(),
        family: None,
        distillable: true,
        hidden: false,
        retired: false,
    }
}

/// Starts the simulated providers in this process, on a free loopback port.
pub async fn start() -> io::Result<Simulator> {
    Simulator::start().await
}

/// Adds the simulated providers, their models and endpoints, as served at `address`.
pub fn add_to(parts: &mut CatalogParts, address: SocketAddr) {
    // Somebody's stored entries of the same names would make the catalogue inconsistent.
    parts.providers.retain(|provider| !provider.slug.starts_with("simulated-"));
    parts.models.retain(|model| !model.id.starts_with("simulated/"));
    parts.endpoints.retain(|endpoint| {
        !endpoint.model.starts_with("simulated/") && !endpoint.provider.starts_with("simulated-")
    });
    parts.providers.extend(Host::ALL.map(|host| host.provider(address)));
    for description in &MODELS {
        parts.models.push(model(description));
        let endpoints = description.3.iter();
        parts
            .endpoints
            .extend(endpoints.map(|(host, behaviour)| host.endpoint(description.0, *behaviour)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_models_are_free_consistent_and_say_what_they_are() {
        let mut parts = CatalogParts::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        add_to(&mut parts, address);
        add_to(&mut parts, address);
        let catalog = parts.into_catalog().unwrap();
        assert_eq!(catalog.models().len(), MODELS.len());
        for (id, model) in catalog.models() {
            assert!(model.id.starts_with("simulated/") && model.id.ends_with(":free"));
            assert!(model.name.starts_with("Simulated"));
            assert!(catalog.endpoints_of(id).len() > 0);
        }
        for (id, endpoint) in catalog.endpoints() {
            assert_eq!(endpoint.price.state(), catalog::PriceState::Free);
            assert!(catalog.provider_of(id).data_policy.zero_retention);
        }
        let chat = catalog.find(EXAMPLE_MODEL).unwrap();
        assert_eq!(catalog.endpoints_of(chat).len(), 3);
    }
}
