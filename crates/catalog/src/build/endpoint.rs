//! Endpoints of the source document.

use std::collections::BTreeMap;

use protocol::Dialect;
use protocol::exchange::Effort;
use protocol::target::{Abilities, ReasoningStyle};

use super::date;
use super::model::kind;
use super::parameters::{ParameterLists, usual_parameters};
use super::price::{self, Doubt};
use super::profile;
use super::source::{ReasoningOption, SourceEndpoint, SourceModel};
use crate::endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
use crate::facts::{AbilityScope, Facts};
use crate::index::author;
use crate::modality::{Modalities, Modality};
use crate::price::{Meter, PriceList, PriceState};
use crate::profile::{GEOGRAPHIES, split};
use crate::provider::Provider;
use crate::{Parameter, Parameters};

/// An endpoint that goes within so many days is deprecated.
const NOTICE_DAYS: i64 = 90;

pub(super) struct Context<'a> {
    pub providers: &'a BTreeMap<String, Provider>,
    pub facts: &'a Facts,
    pub parameters: ParameterLists,
    /// The day of the data.
    pub today: i64,
}

/// An endpoint, and what its model learns from it.
pub(super) struct BuiltEndpoint {
    pub endpoint: Endpoint,
    pub free: bool,
    pub takes_budget: bool,
    pub last_day: Option<String>,
}

pub(super) fn build_all(
    model: &SourceModel,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Vec<BuiltEndpoint> {
    let profiles = |source: &SourceEndpoint| match context.providers.get(&source.provider) {
        Some(provider) if provider.dialect == Dialect::Bedrock => profile::of(source),
        _ => vec![source.clone()],
    };
    let mut found = Vec::with_capacity(model.endpoints.len());
    let reasons = reasons(model, context.facts);
    for source in model.endpoints.iter().flat_map(profiles) {
        match build(model, &source, reasons, context, notes) {
            Ok(built) => found.push(built),
            Err(reason) => {
                let note = format!("{} at {}: {reason}", model.id, source.provider);
                if notes.last() != Some(&note) {
                    notes.push(note);
                }
            }
        }
    }
    found
}

/// The endpoints of a model that is the fast mode of another: those of the other at providers that
/// are known to have it, at a multiple of the price. TIER-10
pub(super) fn fast_mode(
    model: &SourceModel,
    plain: &SourceModel,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Vec<BuiltEndpoint> {
    let reasons = reasons(plain, context.facts);
    let mut found = Vec::new();
    for source in &plain.endpoints {
        let times = context.facts.providers.of(&source.provider).fast_mode.get(&plain.id);
        let (Some(times), None) = (times, &source.tag) else { continue };
        if let Ok(mut built) = build(model, source, reasons, context, notes) {
            match price::raised(&built.endpoint.price, *times) {
                Some(price) => built.endpoint.price = price,
                None => continue,
            }
            found.push(built);
        }
    }
    found
}

fn build(
    model: &SourceModel,
    source: &SourceEndpoint,
    reasons: bool,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<BuiltEndpoint, &'static str> {
    let provider = context.providers.get(&source.provider).ok_or("its provider is not routable")?;
    let facts = context.facts.providers.of(&source.provider);
    let author = author(&model.id);
    if facts.without_authors.iter().any(|without| without == author) {
        return Err("served under another protocol there");
    }
    if source.api_shape.is_some() && !facts.serves_too(&model.id, &source.api_surfaces) {
        return Err("served under another interface than chat completions");
    }
    if facts.without_models.iter().any(|without| without.matches(&model.id)) {
        return Err("a name that nobody can ask for there");
    }
    let upstream_model = facts
        .upstream_models
        .get(&model.id)
        .or(source.provider_model_id.as_ref())
        .cloned()
        .ok_or("the provider's name of the model is not known")?;
    let suffix = source.tag.as_deref().unwrap_or_default();
    if suffix.starts_with(':') {
        return Err("a variant that is not a name of the provider");
    }
    // At Bedrock the id says where prompts are worked on, also that of a model without another.
    let region = match split(&upstream_model).0 {
        Some(geography) if provider.dialect == Dialect::Bedrock => Some(geography),
        _ => GEOGRAPHIES.contains(&suffix).then_some(suffix),
    };
    let region = region.map(str::to_owned);
    let kind = kind(&model.kind);
    let dialect = provider.dialect_for(author);
    let base = AbilityScope { model: &model.id, provider: &provider.slug, dialect };
    let rules = &context.facts.abilities;
    let mut price = price::build(source, kind).unwrap_or_else(|doubt| {
        let reason = match doubt {
            Doubt::None => "no source has a price".to_owned(),
            Doubt::Zero => "a price of zero that is not called free".to_owned(),
            Doubt::Incomplete => "input or output has no price".to_owned(),
            Doubt::Absurd => {
                format!("more than {} USD per million tokens", price::most(kind).millions())
            }
            Doubt::Text(error) => error.to_string(),
        };
        notes.push(format!("{} at {}: price unknown: {reason}", model.id, source.provider));
        PriceList::default()
    });
    if rules.searches_always(base) {
        price::with_search(&mut price);
    }
    if let Some(fees) = rules.request_fees(base) {
        price::with_request_fees(&mut price, fees);
    }
    let mut parameters = context.parameters.of(model, source, provider);
    let mut abilities = abilities(source, parameters, reasons);
    let said = abilities.reasoning;
    context.facts.abilities.apply(base, &mut abilities);
    if !parameters.is_empty() {
        parameters = parameters.or(context.facts.abilities.taken(base));
    }
    let refused = rules.refused(base);
    if !refused.is_empty() {
        let known = if parameters.is_empty() { usual_parameters() } else { parameters };
        parameters = known.without(refused);
    }
    let is_known_to_reason =
        abilities.reasoning != said && abilities.reasoning != ReasoningStyle::None;
    if source.supported_parameters.is_none() && !parameters.is_empty() && is_known_to_reason {
        parameters = parameters.with(Parameter::Reasoning).with(Parameter::IncludeReasoning);
    }
    if !reasons && abilities.reasoning == ReasoningStyle::None {
        parameters = parameters.without(REASONING.into_iter().collect());
    }
    let listed = |names: &[String]| -> Modalities {
        names.iter().filter_map(|name| Modality::from_name(name)).collect()
    };
    let input_modalities = match &source.input_modalities {
        Some(names) => listed(names),
        None => listed(&model.architecture.input_modalities),
    };
    Ok(BuiltEndpoint {
        free: source.is_free && price.state() == PriceState::Free,
        takes_budget: source
            .reasoning_options
            .iter()
            .any(|option| matches!(option, ReasoningOption::BudgetTokens {})),
        last_day: source.deprecation_date.clone(),
        endpoint: Endpoint {
            model: model.id.clone(),
            provider: provider.slug.clone(),
            tag: if suffix.is_empty() {
                provider.slug.clone()
            } else {
                format!("{}/{}", provider.slug, suffix.replace('+', "-"))
            },
            upstream_model,
            // Anthropic's protocol caches what is marked, whoever speaks it.
            supports_implicit_caching: facts.implicit_caching
                && dialect != Dialect::Anthropic
                && price.get(Meter::InputCacheRead).is_some(),
            price,
            context_length: source.context_length.or(model.context_length),
            max_completion_tokens: abilities.max_output_tokens,
            max_prompt_tokens: source.max_prompt_tokens,
            quantization: quantization(source.quantization.as_deref()),
            supported_parameters: accepted(parameters, &abilities),
            input_modalities,
            output_modalities: listed(&model.architecture.output_modalities),
            status: status(source, context.today),
            service_tier: ServiceTier::Default,
            region,
            data_policy: None,
            abilities,
        },
    })
}

fn status(source: &SourceEndpoint, today: i64) -> EndpointStatus {
    let left = source.deprecation_date.as_deref().and_then(date::day).map(|last| last - today);
    match (source.status.as_deref(), left) {
        (Some("retired"), _) => EndpointStatus::Disabled,
        (_, Some(left)) if left < 0 => EndpointStatus::Disabled,
        (Some("deprecated"), _) => EndpointStatus::Deprecated,
        (_, Some(left)) if left <= NOTICE_DAYS => EndpointStatus::Deprecated,
        _ => EndpointStatus::Active,
    }
}

fn quantization(name: Option<&str>) -> Quantization {
    name.and_then(|name| serde_json::from_value(name.into()).ok()).unwrap_or_default()
}

/// The parameters without those that the model refuses.
pub(crate) fn accepted(parameters: Parameters, abilities: &Abilities) -> Parameters {
    let mut refused = Parameters::NONE;
    let mut refuse = |names: &[Parameter]| {
        refused = names.iter().fold(refused, |set, name| set.with(*name));
    };
    if !abilities.sampling {
        use Parameter::{MinP, RepetitionPenalty, Temperature, TopA, TopK, TopP};
        refuse(&[Temperature, TopP, TopK, TopA, MinP, RepetitionPenalty]);
    }
    if !abilities.penalties {
        refuse(&[Parameter::FrequencyPenalty, Parameter::PresencePenalty]);
    }
    if !abilities.sampling_while_reasoning {
        // Models that reason take it at no time.
        refuse(&[Parameter::LogitBias]);
    }
    if !abilities.logprobs {
        refuse(&[Parameter::Logprobs, Parameter::TopLogprobs, Parameter::LogitBias]);
    }
    if !abilities.tools {
        refuse(&[Parameter::Tools, Parameter::ToolChoice, Parameter::ParallelToolCalls]);
    }
    parameters.without(refused)
}

const REASONING: [Parameter; 3] =
    [Parameter::Reasoning, Parameter::ReasoningEffort, Parameter::IncludeReasoning];

/// Whether a model reasons: by what its author's own endpoint lists, else by most of the endpoints
/// that list anything, or one of them and what else is known of the model. A single host may be
/// mistaken, or list the parameters of all its models alike. REASON-14
fn reasons(model: &SourceModel, facts: &Facts) -> bool {
    let names_reasoning = |names: &[String]| {
        names.iter().any(|name| REASONING.into_iter().any(|known| known.name() == name))
    };
    let listed: Vec<(&str, bool)> = model
        .endpoints
        .iter()
        .filter_map(|source| {
            let names = source.supported_parameters.as_deref().unwrap_or_default();
            let has_options = !source.reasoning_options.is_empty();
            let says = names_reasoning(names) || has_options;
            (has_options || !names.is_empty()).then_some((source.provider.as_str(), says))
        })
        .collect();
    if listed.is_empty() {
        return model.reasoning == Some(true);
    }
    let say = listed.iter().filter(|(_, says)| *says).count();
    if say == 0 || facts.abilities.knows_to_reason(&model.id) {
        return say > 0;
    }
    let is_own = |slug: &str| facts.providers.of(slug).is_of(slug, author(&model.id));
    let mut own = listed.iter().filter(|(slug, _)| is_own(slug)).peekable();
    if own.peek().is_some() {
        return own.any(|(_, says)| *says);
    }
    2 * say >= listed.len() || model.supported_parameters.as_deref().is_some_and(names_reasoning)
}

/// What follows from the source alone; the rules come after.
fn abilities(source: &SourceEndpoint, parameters: Parameters, reasons: bool) -> Abilities {
    let mut efforts = Vec::new();
    let mut style = ReasoningStyle::None;
    for option in source.reasoning_options.iter().filter(|_| reasons) {
        match option {
            ReasoningOption::Effort { values } => {
                style = ReasoningStyle::Effort;
                efforts = values.iter().flatten().filter_map(|name| effort(name)).collect();
            }
            ReasoningOption::BudgetTokens {} if style != ReasoningStyle::Effort => {
                style = ReasoningStyle::Budget;
            }
            ReasoningOption::Toggle if style == ReasoningStyle::None => {
                style = ReasoningStyle::Toggle;
            }
            _ => {}
        }
    }
    if style == ReasoningStyle::None && reasons {
        style = if parameters.has(Parameter::ReasoningEffort) {
            ReasoningStyle::Effort
        } else {
            ReasoningStyle::Toggle
        };
    }
    efforts.sort();
    efforts.dedup();
    Abilities {
        max_output_tokens: source.max_completion_tokens,
        reasoning: style,
        efforts,
        tools: parameters.has(Parameter::Tools),
        structured_output: parameters.has(Parameter::StructuredOutputs),
        penalties: parameters.has(Parameter::FrequencyPenalty),
        logprobs: parameters.has(Parameter::Logprobs),
        ..Abilities::default()
    }
}

pub(super) fn effort(name: &str) -> Option<Effort> {
    serde_json::from_value(name.into()).ok()
}
