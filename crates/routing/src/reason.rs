//! Why an endpoint or a model is not tried. Data; words are made on demand.

use std::fmt;

use catalog::{Meter, Modalities, ModelKind, Parameters, PicoUsd, Quantization, ServiceTier};
use serde::Serialize;

use crate::facts::Surface;
use crate::policy::{DataRegion, Source};

/// Why an endpoint or a model is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Reason {
    /// No model of that name. ERR-10
    UnknownModel,
    /// A free entry that is no longer there, while the paid one is. ERR-10
    FreeVariantEnded,
    /// The family of the alias has no visible model. LATEST-1
    EmptyFamily,
    /// The model is retired.
    Retired,
    /// The model is hidden.
    Hidden,
    /// The model is asked through another route. ERR-10
    WrongSurface {
        /// What it is.
        kind: ModelKind,
    },
    /// Account or guardrail do not allow the model. GUARD-1
    ModelNotAllowed,
    /// The model is in the list already.
    Repeated,
    /// The model has no endpoint.
    NoEndpoints,
    /// Switched off.
    Disabled,
    /// No credential for its provider.
    NoCredential,
    /// Credentials for its provider ask for the model by another inference profile.
    InferenceProfile,
    /// Its service tier was not asked for, or another one was. TIER-1, TIER-3
    ServiceTier {
        /// Its tier.
        tier: ServiceTier,
    },
    /// The fast sibling is served by the model's author only. TIER-10
    NotFirstParty,
    /// Not in a list of allowed providers. PROV-4
    NotAllowed {
        /// Whose list.
        source: Source,
    },
    /// In a list of ignored providers. PROV-4
    Ignored {
        /// Whose list.
        source: Source,
    },
    /// It trains on prompts or stores them. PROV-6, PRIV-3
    DataCollection,
    /// It is not free of retention. PROV-7
    Retention,
    /// The model's output may not train other models. PROV-8
    NotDistillable,
    /// It runs elsewhere, or nobody knows where.
    Region {
        /// Where it must run.
        region: DataRegion,
    },
    /// Its weights are stored otherwise. PROV-10
    Quantization {
        /// How.
        quantization: Quantization,
    },
    /// It is too dear. PROV-12
    Price {
        /// For what.
        meter: Meter,
        /// Its price.
        price: PicoUsd,
        /// The highest accepted.
        limit: PicoUsd,
    },
    /// Its price is not known, and there is a ceiling. PROV-12
    UnknownPrice,
    /// The prompt is too long.
    ContextLength {
        /// Tokens of the prompt, estimated.
        tokens: u64,
        /// The most it takes.
        limit: u64,
    },
    /// It cannot generate so much. CHAT-5
    MaxTokens {
        /// Tokens asked for.
        tokens: u64,
        /// The most it generates.
        limit: u64,
    },
    /// It does not take what the prompt holds. LB-9
    InputModalities {
        /// What it does not take.
        missing: Modalities,
    },
    /// It does not give what is asked for. LB-9
    OutputModalities {
        /// What it does not give.
        missing: Modalities,
    },
    /// It does not support all parameters. PROV-5
    Parameters {
        /// Those it does not support.
        missing: Parameters,
    },
    /// Others of the model support what the request uses. PROV-9
    Capability {
        /// What it does not support.
        missing: Parameters,
    },
    /// Fallbacks are switched off. PROV-2, PROV-3
    FallbacksOff,
}

/// How far a candidate came before it was left out, the farthest last. The code of a refusal is
/// that of the rule that removed the last candidate. ERR-10
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It is as if the endpoint did not exist.
    Absent,
    /// Lists of providers.
    Selection,
    /// Privacy.
    Privacy,
    /// What the request needs.
    Constraint,
    /// After the filters.
    Ordering,
}

impl Reason {
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::UnknownModel
            | Self::FreeVariantEnded
            | Self::EmptyFamily
            | Self::Retired
            | Self::Hidden
            | Self::WrongSurface { .. }
            | Self::ModelNotAllowed
            | Self::Repeated
            | Self::NoEndpoints
            | Self::Disabled
            | Self::NoCredential
            | Self::InferenceProfile
            | Self::ServiceTier { .. }
            | Self::NotFirstParty => Stage::Absent,
            Self::NotAllowed { .. } | Self::Ignored { .. } => Stage::Selection,
            Self::DataCollection | Self::Retention => Stage::Privacy,
            Self::NotDistillable
            | Self::Region { .. }
            | Self::Quantization { .. }
            | Self::Price { .. }
            | Self::UnknownPrice
            | Self::ContextLength { .. }
            | Self::MaxTokens { .. }
            | Self::InputModalities { .. }
            | Self::OutputModalities { .. }
            | Self::Parameters { .. } => Stage::Constraint,
            Self::Capability { .. } | Self::FallbacksOff => Stage::Ordering,
        }
    }

    /// The entry of `excluded_by`, where the vocabulary has one. ERR-10
    pub const fn excluded_by(&self) -> Option<&'static str> {
        Some(match self {
            Self::Retention => "data_policy:zdr",
            Self::DataCollection => "data_policy:training",
            Self::Region { .. } => "data_region",
            Self::Price { .. } | Self::UnknownPrice => "max_price",
            Self::ContextLength { .. } | Self::MaxTokens { .. } => "context_length",
            Self::Parameters { .. } => "require_parameters",
            Self::Quantization { .. } => "quantization",
            Self::NotAllowed { .. } | Self::Ignored { .. } => "allowed_providers",
            _ => return None,
        })
    }

    /// The member of the request that decided, for `constraint.field`, by the API it came in by.
    /// ERR-10
    pub const fn field(&self, surface: Surface) -> Option<&'static str> {
        Some(match self {
            Self::WrongSurface { .. } => "model",
            Self::NotDistillable => "provider.enforce_distillable_text",
            Self::Region { .. } => "data_region",
            Self::Quantization { .. } => "provider.quantizations",
            Self::Price { .. } | Self::UnknownPrice => "provider.max_price",
            Self::ContextLength { .. } | Self::InputModalities { .. } => surface.prompt_member(),
            Self::MaxTokens { .. } => surface.limit_member(),
            Self::OutputModalities { .. } => surface.modalities_member(),
            Self::Parameters { .. } => "provider.require_parameters",
            _ => return None,
        })
    }
}

fn names<T>(items: impl Iterator<Item = T>, name: impl Fn(T) -> &'static str) -> String {
    items.map(name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Reason {
    /// The reason in words: a clause about the endpoint or model.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel => write!(out, "no model has this name"),
            Self::FreeVariantEnded => write!(out, "the free variant is no longer offered"),
            Self::EmptyFamily => write!(out, "the family of this alias has no model"),
            Self::Retired => write!(out, "the model is retired"),
            Self::Hidden => write!(out, "the model is hidden"),
            Self::WrongSurface { kind } => match Surface::route_for(*kind) {
                Some(route) => write!(out, "the model is served by {route}"),
                None => write!(out, "the model is not served by this route"),
            },
            Self::ModelNotAllowed => write!(out, "account or guardrail do not allow the model"),
            Self::Repeated => write!(out, "the model is in the list already"),
            Self::NoEndpoints => write!(out, "the model has no endpoint"),
            Self::Disabled => write!(out, "the endpoint is switched off"),
            Self::NoCredential => write!(out, "there is no credential for the provider"),
            Self::InferenceProfile => write!(
                out,
                "no credential for the provider asks by its inference profile: the region or \
                 `inference_profile` of each says otherwise"
            ),
            Self::ServiceTier { tier } => {
                let name = match tier {
                    ServiceTier::Default => "default",
                    ServiceTier::Flex => "flex",
                    ServiceTier::Priority => "priority",
                };
                write!(out, "its service tier is {name}, which the request does not admit")
            }
            Self::NotFirstParty => write!(out, "fast mode is served by the model's author only"),
            Self::NotAllowed { source } => match source {
                Source::Request => write!(out, "it is not in provider.only"),
                Source::Account => write!(out, "the account does not allow the provider"),
                Source::Guardrail => write!(out, "a guardrail does not allow the provider"),
            },
            Self::Ignored { source } => match source {
                Source::Request => write!(out, "it is in provider.ignore"),
                _ => write!(out, "the account ignores the provider"),
            },
            Self::DataCollection => write!(out, "it may store prompts or train on them"),
            Self::Retention => write!(out, "it is not marked as free of retention"),
            Self::NotDistillable => write!(out, "the output may not train other models"),
            Self::Region { region: DataRegion::Eu } => {
                write!(out, "it is not known to run in the European Union")
            }
            Self::Region { region: DataRegion::Us } => {
                write!(out, "it is not known to run in the United States")
            }
            Self::Quantization { quantization } => {
                write!(out, "its quantization is {}", format!("{quantization:?}").to_lowercase())
            }
            Self::Price { meter, price, limit } => {
                let meter = format!("{meter:?}").to_lowercase();
                write!(out, "its {meter} price of ${price} per unit is above ${limit}")
            }
            Self::UnknownPrice => write!(out, "its price is not known and max_price is set"),
            Self::ContextLength { tokens, limit } => {
                write!(out, "the prompt has about {tokens} tokens, it takes {limit}")
            }
            Self::MaxTokens { tokens, limit } => {
                write!(out, "{tokens} output tokens are asked for, it generates at most {limit}")
            }
            Self::InputModalities { missing } => {
                write!(out, "it does not take {} input", names(missing.iter(), |one| one.name()))
            }
            Self::OutputModalities { missing } => {
                write!(out, "it does not give {} output", names(missing.iter(), |one| one.name()))
            }
            Self::Parameters { missing } => {
                write!(out, "it does not support {}", names(missing.iter(), |one| one.name()))
            }
            Self::Capability { missing } => write!(
                out,
                "it does not support {}, and others do",
                names(missing.iter(), |one| one.name())
            ),
            Self::FallbacksOff => write!(out, "fallbacks are switched off"),
        }
    }
}
