//! Models of the source document.

use protocol::exchange::Effort;
use protocol::target::{Abilities, ReasoningStyle};

use super::endpoint::BuiltEndpoint;
use super::source::SourceModel;
use crate::describe::describe as describe_in_words;
use crate::endpoint::EndpointStatus;
use crate::facts::Facts;
use crate::index::author;
use crate::modality::{Modalities, Modality};
use crate::model::{Architecture, Model, ModelKind, ReasoningSupport};
use crate::parts::CatalogParts;
use crate::profile::GEOGRAPHIES;

/// The kind of a name of the source.
pub(super) fn kind(name: &str) -> ModelKind {
    match name {
        "completion" => ModelKind::Completion,
        "embedding" => ModelKind::Embedding,
        "rerank" => ModelKind::Rerank,
        "image" => ModelKind::Image,
        "tts" => ModelKind::Speech,
        "stt" => ModelKind::Transcription,
        "video" => ModelKind::Video,
        "realtime" => ModelKind::Realtime,
        "ocr" => ModelKind::Ocr,
        "moderation" => ModelKind::Moderation,
        _ => ModelKind::Chat,
    }
}

/// Adds a model with its endpoints; free ones as a variant of their own. VAR-1
///
/// A model without a routable endpoint is left out, unless it is retired: then it is kept so that
/// the error can say so.
pub(super) fn add(
    source: &SourceModel,
    endpoints: Vec<BuiltEndpoint>,
    facts: &Facts,
    parts: &mut CatalogParts,
) {
    let retired = source.status == "retired";
    let (free, paid): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(|entry| entry.free);
    let has_paid = !paid.is_empty();
    if has_paid || (retired && free.is_empty()) {
        let mut model = describe(source, &paid, retired, facts);
        model.family = facts.families.family_of(&model.id).map(str::to_owned);
        push(model, paid, parts);
    }
    if !free.is_empty() {
        let mut model = describe(source, &free, retired, facts);
        if !has_paid {
            model.aliases.push(model.id.clone());
        }
        model.id.push_str(":free");
        model.canonical_slug.push_str(":free");
        model.name.push_str(" (free)");
        push(model, free, parts);
    }
}

fn push(mut model: Model, entries: Vec<BuiltEndpoint>, parts: &mut CatalogParts) {
    let mut endpoints: Vec<_> = entries.into_iter().map(|entry| entry.endpoint).collect();
    for endpoint in &mut endpoints {
        endpoint.model.clone_from(&model.id);
    }
    super::inherit(std::slice::from_mut(&mut model), &endpoints);
    model.description = describe_in_words(&model);
    parts.endpoints.append(&mut endpoints);
    parts.models.push(model);
}

fn describe(
    source: &SourceModel,
    endpoints: &[BuiltEndpoint],
    retired: bool,
    facts: &Facts,
) -> Model {
    let set = |names: &[String]| -> Modalities {
        names.iter().filter_map(|name| Modality::from_name(name)).collect()
    };
    let served: Vec<&BuiltEndpoint> = endpoints
        .iter()
        .filter(|entry| entry.endpoint.status != EndpointStatus::Disabled)
        .collect();
    // It goes when its last endpoint goes, if each of them has a day.
    let last_day = served
        .iter()
        .map(|entry| entry.last_day.clone())
        .collect::<Option<Vec<_>>>()
        .and_then(|days| days.into_iter().max());
    Model {
        id: source.id.clone(),
        canonical_slug: source.canonical_slug.clone().unwrap_or_else(|| source.id.clone()),
        name: everywhere(&source.name).to_owned(),
        kind: kind(&source.kind),
        created: source.created.unwrap_or_default(),
        description: String::new(),
        context_length: source.context_length,
        architecture: Architecture {
            input_modalities: set(&source.architecture.input_modalities),
            output_modalities: set(&source.architecture.output_modalities),
            tokenizer: source.architecture.tokenizer.clone(),
            instruct_type: source.architecture.instruct_type.clone(),
        },
        supported_parameters: crate::Parameters::NONE,
        reasoning: reasoning(source, endpoints, facts),
        knowledge_cutoff: source.knowledge_cutoff.clone(),
        expiration_date: last_day,
        hugging_face_id: source.hugging_face_id.clone(),
        aliases: Vec::new(),
        family: None,
        // Open weights come with licences that allow it, as far as the sources know; anything else
        // is not assumed. PROV-8
        distillable: source.open_weights == Some(true),
        hidden: retired || (!endpoints.is_empty() && served.is_empty()),
        retired: retired || (!endpoints.is_empty() && served.is_empty()),
    }
}

/// The name of a model without the geography of one host's inference profile, which a source may take
/// for a part of it: `Claude Sonnet 4 (EU)`.
fn everywhere(name: &str) -> &str {
    let inside = name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    match inside {
        Some((plain, inside)) if GEOGRAPHIES.contains(&inside.to_ascii_lowercase().as_str()) => {
            plain
        }
        _ => name,
    }
}

/// How the model reasons: as at its author's own endpoint, else at the first that says more than
/// nothing. REASON-14
fn reasoning(
    source: &SourceModel,
    endpoints: &[BuiltEndpoint],
    facts: &Facts,
) -> Option<ReasoningSupport> {
    let author = author(&source.id);
    let own = |entry: &&BuiltEndpoint| {
        let provider = entry.endpoint.provider.as_str();
        facts.providers.of(provider).is_of(provider, author)
    };
    let tells = |entry: &&BuiltEndpoint| entry.endpoint.abilities.reasoning != ReasoningStyle::None;
    let best = endpoints
        .iter()
        .find(|entry| own(entry) && tells(entry))
        .or_else(|| endpoints.iter().find(tells))?;
    Some(support(&best.endpoint.abilities, best.takes_budget))
}

/// The published form of an endpoint's abilities. REASON-14
pub(crate) fn support(abilities: &Abilities, takes_budget: bool) -> ReasoningSupport {
    let mut efforts: Vec<Effort> =
        abilities.efforts.iter().copied().filter(|effort| *effort != Effort::None).collect();
    efforts.sort();
    efforts.reverse();
    let supported_efforts = match abilities.reasoning {
        ReasoningStyle::Toggle | ReasoningStyle::None => Some(Vec::new()),
        // A budget is computed from any effort.
        _ if efforts.is_empty() => None,
        _ => Some(efforts),
    };
    ReasoningSupport {
        supported_efforts,
        default_effort: (!abilities.reasoning_default_on && !abilities.reasoning_mandatory)
            .then_some(Effort::None),
        default_enabled: abilities.reasoning_default_on || abilities.reasoning_mandatory,
        mandatory: abilities.reasoning_mandatory,
        supports_max_tokens: takes_budget || matches!(abilities.reasoning, ReasoningStyle::Budget),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_not_named_after_where_one_host_runs_it() {
        for (name, plain) in [
            ("Claude Sonnet 4 (EU)", "Claude Sonnet 4"),
            ("Nova Micro (APAC)", "Nova Micro"),
            ("Gemini (preview)", "Gemini (preview)"),
            ("(EU)", "(EU)"),
            ("Plain", "Plain"),
        ] {
            assert_eq!(everywhere(name), plain);
        }
    }
}
