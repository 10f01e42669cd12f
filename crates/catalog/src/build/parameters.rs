//! What may be sent to endpoints of the source document.

use std::collections::BTreeMap;

use protocol::Dialect;
use protocol::target::ReasoningRequest;

use super::model::kind;
use super::source::{SourceEndpoint, SourceModel};
use crate::index::author;
use crate::model::ModelKind;
use crate::provider::Provider;
use crate::{Parameter, Parameters};

/// What endpoints of each provider are known to take, by its slug.
pub(super) struct ParameterLists(BTreeMap<String, Parameters>);

impl ParameterLists {
    pub(super) fn new(models: &[SourceModel]) -> Self {
        let mut of_provider: BTreeMap<String, Parameters> = BTreeMap::new();
        for model in models.iter().filter(|model| converses(kind(&model.kind))) {
            for source in &model.endpoints {
                if let Some(names) = &source.supported_parameters {
                    let known = of_provider.entry(source.provider.clone()).or_default();
                    *known = known.or(named(names));
                }
            }
        }
        Self(of_provider)
    }

    /// What may be sent to an endpoint.
    pub(super) fn of(
        &self,
        model: &SourceModel,
        source: &SourceEndpoint,
        provider: &Provider,
    ) -> Parameters {
        let kind = kind(&model.kind);
        let known = match &source.supported_parameters {
            Some(names) => named(names),
            None if converses(kind) => self.likely(model, kind, provider),
            None => Parameters::NONE,
        };
        // The two names of the limit are written as the provider wants them.
        if known.has(Parameter::MaxTokens) || known.has(Parameter::MaxCompletionTokens) {
            known.with(Parameter::MaxTokens).with(Parameter::MaxCompletionTokens)
        } else {
            known
        }
    }

    /// Without a list of the source: what most endpoints of the model take, else what is known of
    /// the model, else the usual; of that, what the provider takes for other models.
    fn likely(&self, model: &SourceModel, kind: ModelKind, provider: &Provider) -> Parameters {
        let lists: Vec<Parameters> = model
            .endpoints
            .iter()
            .filter_map(|it| it.supported_parameters.as_deref())
            .map(named)
            .collect();
        let most = || {
            let by_half = |name: &&Parameter| {
                2 * lists.iter().filter(|list| list.has(**name)).count() >= lists.len()
            };
            Parameter::ALL.iter().filter(by_half).copied().collect::<Parameters>()
        };
        let likely = match (&model.supported_parameters, kind) {
            _ if !lists.is_empty() => most(),
            (Some(names), _) if !names.is_empty() => named(names),
            (_, ModelKind::Completion) => completion_parameters(),
            _ => usual_parameters(),
        };
        let likely = match self.0.get(&provider.slug) {
            Some(taken) => likely.without(likely.without(*taken)),
            None => likely,
        };
        // A model that takes no effort refuses to be asked for one.
        let author = author(&model.id);
        let asks_by_effort = provider.dialect_for(author) == Dialect::OpenaiChat
            && provider.quirks_for(author).reasoning_request == ReasoningRequest::Effort;
        if asks_by_effort && !likely.has(Parameter::ReasoningEffort) {
            let reasoning = [Parameter::Reasoning, Parameter::IncludeReasoning];
            return likely.without(reasoning.into_iter().collect());
        }
        likely
    }
}

fn converses(kind: ModelKind) -> bool {
    matches!(kind, ModelKind::Chat | ModelKind::Completion)
}

fn named(names: &[String]) -> Parameters {
    names.iter().filter_map(|name| Parameter::from_name(name)).collect()
}

fn completion_parameters() -> Parameters {
    use Parameter::{MaxTokens, Stop, Temperature, TopP};
    [MaxTokens, Stop, Temperature, TopP].into_iter().collect()
}

/// What an endpoint for conversations is assumed to take if nobody says anything.
pub(crate) fn usual_parameters() -> Parameters {
    use Parameter::{
        FrequencyPenalty, MaxCompletionTokens, MaxTokens, ParallelToolCalls, PresencePenalty,
        ResponseFormat, Seed, Stop, StructuredOutputs, Temperature, ToolChoice, Tools, TopP,
    };
    [
        FrequencyPenalty,
        MaxCompletionTokens,
        MaxTokens,
        ParallelToolCalls,
        PresencePenalty,
        ResponseFormat,
        Seed,
        Stop,
        StructuredOutputs,
        Temperature,
        ToolChoice,
        Tools,
        TopP,
    ]
    .into_iter()
    .collect()
}
