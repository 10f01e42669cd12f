//! Step 3: which endpoints, in which order, and why.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{
    Catalog, DynamicVariant, EndpointId, Modalities, Modality, ModelId, Parameter, Parameters,
    ServiceTier, Slug,
};
use futures_util::future::join_all;
use protocol::Surface;
use protocol::exchange::{ErrorType, Fault, Reasoning};
use protocol::facts::{RequestFacts, StructuredOutput};
use protocol::json::RawJson;
use routing::{
    Attempt, AvailabilityCode, Available, Credential, Exclusion, Explanation, Facts, NoRoute, Plan,
    Preferences, Resolved, Rng, Situation, Speed, Strategy, Subject, TierAsked, Via,
};

use super::count;
use super::prepare::Call;
use super::sticky::AskOthers;
use super::unserved::refuse_unserved;
use crate::api::money::Usd;
use crate::clock::{minute_of_day, random};
use crate::control::Access;

/// One way to answer: an endpoint, and how it is reached.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Address and credential.
    pub access: Arc<Access>,
    /// The service tier to ask for. TIER-2
    pub tier: ServiceTier,
}

/// The ways to answer, in order, and the plan they come from.
#[derive(Debug)]
pub struct Route {
    /// The ways, the best first; never empty.
    pub candidates: Vec<Candidate>,
    /// The plan, with its reasons.
    pub plan: Plan,
    requested: Vec<String>,
}

impl Route {
    /// How the model was chosen. RMETA-2
    pub fn strategy(&self) -> &'static str {
        self.plan.strategy.name()
    }

    /// The router that chose the model, if one did. GEN-2
    pub fn router(&self) -> Option<&'static str> {
        self.plan.strategy.router()
    }

    /// How many endpoints were looked at. RMETA-2
    pub fn considered(&self) -> usize {
        self.endpoints().count() + left_out(&self.plan.exclusions)
    }

    /// The candidates, each endpoint once: it may be tried with several credentials. RMETA-2
    pub fn endpoints(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().enumerate().filter_map(|(at, candidate)| {
            let seen = |earlier: &Candidate| earlier.endpoint == candidate.endpoint;
            (!self.candidates[..at].iter().any(seen)).then_some(candidate)
        })
    }

    /// How the model of a candidate was found.
    pub fn via(&self, candidate: &Candidate) -> Option<Via> {
        let of_candidate = |attempt: &&Attempt| attempt.endpoint == candidate.endpoint;
        let attempt = self.plan.attempts.iter().find(of_candidate)?;
        let found =
            |model: &&Resolved| model.asked == attempt.asked && model.model == attempt.model;
        self.plan.models.iter().find(found).map(|model| model.via)
    }

    /// The models asked for, as written.
    pub fn requested_models(&self) -> &[String] {
        &self.requested
    }
}

/// No endpoint can answer, as the caller is told.
#[derive(Debug)]
pub struct NoRouteFault {
    /// The error.
    pub fault: Fault,
    /// How many endpoints were looked at.
    pub considered: usize,
    /// How the model would have been chosen. RMETA-2
    pub strategy: &'static str,
}

impl From<Fault> for NoRouteFault {
    fn from(fault: Fault) -> Self {
        Self { fault, considered: 0, strategy: Strategy::Direct.name() }
    }
}

/// Plans the route of a call. Where it turns on how long the prompt is, that is counted, and it is
/// planned once more. LB-9
pub async fn plan(call: &Call, body: &Bytes) -> Result<Route, NoRouteFault> {
    let requested = requested_models(call);
    let planned = in_situation(call, &requested, |situation| {
        let planned = routing::plan(situation, &mut Rng::seeded(random()));
        let turns_on_length = match &planned {
            Ok(plan) => count::may_change(call, plan, situation.facts.estimated_prompt_tokens),
            Err(no_route) => count::may_find(no_route),
        };
        (planned, turns_on_length)
    });
    let plan = match planned.await? {
        (_, true) if count_prompt(call, &requested, body).await => {
            in_situation(call, &requested, |situation| {
                routing::plan(situation, &mut Rng::seeded(random()))
            })
            .await?
        }
        (planned, _) => planned,
    };
    let plan = plan.map_err(|no_route| refused(call, *no_route))?;
    let mut candidates: Vec<_> = plan
        .attempts
        .iter()
        .filter(|attempt| can_be_asked(call, attempt.endpoint))
        .filter_map(|attempt| {
            let access = way(call, attempt.endpoint, attempt.credential)?;
            Some(Candidate {
                endpoint: attempt.endpoint,
                access: Arc::clone(access),
                tier: attempt.tier,
            })
        })
        .collect();
    call.prefer_makers(&mut candidates);
    if candidates.is_empty() && !plan.attempts.is_empty() {
        let message = format!(
            "model: no provider of {} can be asked for {} here; choose another model",
            call.model_requested,
            call.surface.name()
        );
        return Err(Fault::new(ErrorType::NotFound, message).into());
    }
    Ok(Route { candidates, plan, requested })
}

/// Counts the prompt for the model that is asked for first, unless that was done. Tells whether it
/// is counted now and was not before.
async fn count_prompt(call: &Call, requested: &[String], body: &Bytes) -> bool {
    if call.counted.get().is_some() || call.facts.longest_input_tokens.is_some() {
        return false;
    }
    let first = requested.first().and_then(|name| Slug::parse(name).ok());
    let Some(model) = first.and_then(|slug| call.snapshot.catalog.find(&slug.base)) else {
        return false;
    };
    match Box::pin(count::prompt(call, model, body)).await {
        Some(counted) => call.counted.set(counted).is_ok(),
        None => false,
    }
}

/// Whether it is known how the endpoint is asked for vectors, if that is what is asked for.
fn can_be_asked(call: &Call, endpoint: EndpointId) -> bool {
    let catalog = &call.snapshot.catalog;
    let provider = catalog.provider_of(endpoint);
    let model = &catalog.endpoint(endpoint).upstream_model;
    match call.surface {
        Surface::Embeddings => provider.embeddings_form(model).is_some(),
        Surface::Rerank => provider.rerank_form(model).is_some(),
        _ => true,
    }
}

/// Tells the route of a call in words and data, with what each attempt would cost. Who asks for it
/// wants to know, so the prompt is counted where it can be.
pub async fn explain(call: &Call, body: &Bytes) -> Result<serde_json::Value, Fault> {
    let requested = requested_models(call);
    count_prompt(call, &requested, body).await;
    in_situation(call, &requested, |situation| {
        let planned = routing::plan(situation, &mut Rng::seeded(random()));
        let explanation = match &planned {
            Ok(plan) => Explanation::of_plan(situation, plan),
            Err(no_route) => Explanation::of_refusal(situation, no_route),
        };
        let mut told = serde_json::to_value(explanation).unwrap_or_default();
        if let (Ok(plan), Some(attempts)) = (&planned, told["attempts"].as_array_mut()) {
            for (attempt, told) in plan.attempts.iter().zip(attempts) {
                told["estimate"] = estimate(situation, attempt.endpoint, minute_of_day(call.begun));
            }
        }
        told
    })
    .await
}

/// What an attempt would cost in USD: with the estimated prompt alone, and at most.
fn estimate(situation: &Situation<'_>, endpoint: EndpointId, minute: u16) -> serde_json::Value {
    let endpoint = situation.catalog.endpoint(endpoint);
    let prompt_tokens = situation.facts.estimated_prompt_tokens;
    let room = endpoint.context_length.map(|length| length.saturating_sub(prompt_tokens));
    let most_output = [situation.facts.max_output_tokens, endpoint.max_completion_tokens, room]
        .into_iter()
        .flatten()
        .min();
    let estimate =
        most_output.and_then(|most| ledger::estimate(&endpoint.price, prompt_tokens, most, minute));
    serde_json::json!({
        "prompt_tokens": prompt_tokens,
        "max_output_tokens": most_output,
        "prompt": estimate.map(|estimate| Usd(estimate.prompt.0)),
        "most": estimate.map(|estimate| Usd(estimate.most.0)),
    })
}

/// Gathers everything a plan depends on, and hands it over. Where other nodes have to be asked
/// which endpoint the conversation is with, it is planned without that first, and once more if
/// there is one: which models come into question only planning tells.
async fn in_situation<T>(
    call: &Call,
    requested: &[String],
    then: impl Fn(&Situation<'_>) -> T,
) -> Result<T, Fault> {
    let (planned, unknown) = with_memory(call, requested, &Memory::new(), &then)?;
    if unknown.is_empty() {
        return Ok(planned);
    }
    let catalog = &call.snapshot.catalog;
    let asked = unknown.into_iter().map(async |model| {
        let tag = call.app.sticky.recall(call.conversation, &catalog.model(model).id).await?;
        Some((model, tag))
    });
    let found: Memory = join_all(asked).await.into_iter().flatten().collect();
    if found.is_empty() {
        return Ok(planned);
    }
    with_memory(call, requested, &found, &then).map(|(planned, _)| planned)
}

/// Tags of endpoints that other nodes remember, by model.
type Memory = HashMap<ModelId, Arc<str>>;

/// The same with what other nodes have told; tells also of which models they were not asked.
fn with_memory<T>(
    call: &Call,
    requested: &[String],
    memory: &Memory,
    then: impl Fn(&Situation<'_>) -> T,
) -> Result<(T, Vec<ModelId>), Fault> {
    let snapshot = &call.snapshot;
    let catalog = &snapshot.catalog;
    let facts = facts(call, requested)?;
    let mut preferences = match &call.facts.provider {
        Some(raw) => {
            Preferences::parse(raw.as_raw()).map_err(|error| Fault::invalid(error.to_string()))?
        }
        None => Preferences::default(),
    };
    if let Some(route) = &call.facts.route {
        preferences.apply_route(route);
    }
    let credentials = |endpoint: EndpointId| {
        let mut available = Available::NONE;
        let model = &catalog.endpoint(endpoint).model;
        for access in snapshot.access_for(catalog.provider_id_of(endpoint), model, &call.caller) {
            if !access.reaches(endpoint) {
                available.by_other_profile = true;
                continue;
            }
            let count = match (access.is_byok(), access.is_fallback) {
                (true, false) => &mut available.own,
                (true, true) => &mut available.fallback,
                (false, _) => &mut available.shared,
            };
            *count = count.saturating_add(1);
        }
        available
    };
    let unknown = RefCell::new(Vec::new());
    let sticky = |model: ModelId| {
        let known = memory.get(&model).cloned();
        let tag = match known {
            Some(tag) => tag,
            None => match call.app.sticky.known(call.conversation, &catalog.model(model).id) {
                Ok(tag) => tag?,
                Err(AskOthers) => {
                    let mut unknown = unknown.borrow_mut();
                    if !unknown.contains(&model) {
                        unknown.push(model);
                    }
                    return None;
                }
            },
        };
        catalog.endpoints_of(model).find(|id| catalog.endpoint(*id).tag == *tag)
    };
    let made = |endpoint: EndpointId| {
        call.reasoning.rank(&call.app.provenance, &snapshot.endpoint(endpoint).provider_slug)
    };
    let situation = Situation {
        facts: &facts,
        preferences: &preferences,
        policy: &call.caller.policy,
        catalog,
        health: &*snapshot.health,
        credentials: &credentials,
        sticky: &sticky,
        made: &made,
        now_ms: (call.begun / 1000).unsigned_abs(),
    };
    let planned = then(&situation);
    Ok((planned, unknown.into_inner()))
}

fn way(call: &Call, endpoint: EndpointId, credential: Credential) -> Option<&Arc<Access>> {
    let (byok, fallback, position) = match credential {
        Credential::Own(position) => (true, Some(false), position),
        Credential::Fallback(position) => (true, Some(true), position),
        Credential::Shared(position) => (false, None, position),
    };
    call.snapshot
        .access_to(endpoint, &call.caller)
        .filter(|access| {
            access.is_byok() == byok && fallback.is_none_or(|wanted| access.is_fallback == wanted)
        })
        .nth(usize::from(position))
}

/// Models that are named nearly as the one asked for, if that is the only one.
fn similar(call: &Call) -> Option<String> {
    let name = call.facts.model.as_deref().filter(|_| call.facts.models.is_empty())?;
    // A variant may be a part of an id, or not.
    let base = name.split(':').next().unwrap_or(name);
    [name, base].into_iter().find_map(|name| {
        let close = catalog::close_names(&call.snapshot.catalog, name, &call.snapshot.available);
        (!close.is_empty()).then(|| close.join(", "))
    })
}

fn refused(call: &Call, mut no_route: NoRoute) -> NoRouteFault {
    call.link(&mut no_route.availability);
    if no_route.availability.code == AvailabilityCode::ModelNotFound
        && let Some(similar) = similar(call)
    {
        no_route.message.push_str(&format!("; similar: {similar}"));
    }
    let mut fault =
        Fault::new(no_route.error_type, no_route.message.clone()).with_status(no_route.status);
    fault.retry_after = no_route.availability.retry_after;
    if let Ok(raw) = RawJson::of(&no_route.availability) {
        fault.metadata.push(("availability".to_owned(), raw));
    }
    NoRouteFault {
        fault,
        considered: left_out(&no_route.exclusions),
        strategy: no_route.strategy.name(),
    }
}

/// How many endpoints were left out; names that lead to no model are none.
fn left_out(exclusions: &[Exclusion]) -> usize {
    let endpoint = |exclusion: &&Exclusion| matches!(exclusion.subject, Subject::Endpoint(_));
    exclusions.iter().filter(endpoint).count()
}

/// The models asked for, the preferred one first. FALL-1
fn requested_models(call: &Call) -> Vec<String> {
    let catalog = &call.snapshot.catalog;
    let mut requested = vec![known_name(catalog, &call.model_requested)];
    for model in &call.facts.models {
        let model = known_name(catalog, model);
        if !requested.contains(&model) {
            requested.push(model);
        }
    }
    requested
}

/// The name a model has here, where clients call it as its author does: `claude-sonnet-4-5`. CLIENT-1
fn known_name(catalog: &Catalog, name: &str) -> String {
    let (base, variants) = name.split_at(name.find(':').unwrap_or(name.len()));
    if name.contains(['~', '@']) || catalog.find(base).is_some() {
        return name.to_owned();
    }
    match catalog.find_native(base) {
        Some(id) => format!("{}{variants}", catalog.model(id).id),
        None => name.to_owned(),
    }
}

fn facts(call: &Call, requested: &[String]) -> Result<Facts, Fault> {
    let asked = &call.facts;
    refuse_unserved(asked)?;
    let models = slugs(requested)?;
    let tier = |name: &str| {
        TierAsked::from_name(name).ok_or_else(|| {
            Fault::invalid(
                "service_tier: unknown value; use auto, default, flex, priority, scale or fast",
            )
        })
    };
    let speed = |name: &str| match name {
        "fast" => Ok(Speed::Fast),
        "standard" => Ok(Speed::Standard),
        _ => Err(Fault::invalid("speed: unknown value; use fast or standard")),
    };
    Ok(Facts {
        surface: match call.surface {
            Surface::Completions => routing::Surface::Completions,
            Surface::Embeddings => routing::Surface::Embeddings,
            Surface::Rerank => routing::Surface::Rerank,
            Surface::Responses => routing::Surface::Responses,
            Surface::Gemini => routing::Surface::Gemini,
            Surface::Chat | Surface::Messages => routing::Surface::Chat,
        },
        parameters: parameters(asked),
        input_modalities: input_modalities(asked),
        output_modalities: output_modalities(asked)?,
        structured: match asked.structured_output {
            None => routing::StructuredOutput::None,
            Some(StructuredOutput::JsonSchema) => routing::StructuredOutput::JsonSchema,
            Some(StructuredOutput::JsonObject | StructuredOutput::Other) => {
                routing::StructuredOutput::JsonObject
            }
        },
        // By the model asked for; those to fall back on are not so different.
        estimated_prompt_tokens: asked.longest_input_tokens.unwrap_or_else(|| {
            models
                .first()
                .and_then(|slug| call.snapshot.catalog.find(&slug.base))
                .map_or(asked.estimated_prompt_tokens, |id| {
                    call.prompt_tokens(call.snapshot.catalog.model(id))
                })
        }),
        models,
        counted_for: call.counted.get().map(|counted| counted.model),
        max_output_tokens: asked.max_output_tokens,
        service_tier: asked.service_tier.as_deref().map(tier).transpose()?,
        speed: asked.speed.as_deref().map(speed).transpose()?,
        pro: asked.reasoning.as_ref().is_some_and(Reasoning::asks_for_pro),
        session: Some(call.conversation.session()),
        made_reasoning: call.reasoning.is_some(),
        router: None,
    })
}

/// Takes the names of models apart. One that cannot be read does not spoil the others of a list;
/// what is not served yet is said rather than passed over. FALL-1, VAR-2
fn slugs(requested: &[String]) -> Result<Vec<Slug>, Fault> {
    let mut slugs = Vec::with_capacity(requested.len());
    let mut unread = None;
    for name in requested {
        match Slug::parse(name) {
            Ok(slug) => slugs.push(slug),
            Err(error) => unread = unread.or(Some(error)),
        }
    }
    if let (true, Some(error)) = (slugs.is_empty(), unread) {
        return Err(Fault::invalid(error.to_string()));
    }
    if slugs.iter().any(|slug| slug.preset.is_some()) {
        return Err(Fault::invalid("model: presets (@preset/…) are not served yet"));
    }
    if slugs.iter().any(|slug| slug.variants.contains(&DynamicVariant::Online)) {
        return Err(Fault::invalid(
            "model: the variant :online is not served yet; leave it out to ask without a search",
        ));
    }
    Ok(slugs)
}

/// The parameters an endpoint must know. An empty list of tools and a plain text format ask for
/// nothing; a schema asks for more than JSON. PROV-5, STRUCT-2
fn parameters(asked: &RequestFacts) -> Parameters {
    let used = |parameter: &Parameter| match parameter {
        Parameter::Tools | Parameter::ToolChoice | Parameter::ParallelToolCalls => asked.tools > 0,
        Parameter::ResponseFormat => asked.structured_output.is_some(),
        _ => true,
    };
    let sent: Parameters = asked
        .parameters
        .iter()
        .filter_map(|name| Parameter::from_name(name))
        .filter(used)
        .collect();
    match asked.structured_output {
        Some(StructuredOutput::JsonSchema) => sent.with(Parameter::StructuredOutputs),
        _ => sent,
    }
}

fn input_modalities(asked: &RequestFacts) -> Modalities {
    let mut modalities = Modalities::TEXT;
    for (present, modality) in [
        (asked.image_input, Modality::Image),
        (asked.audio_input, Modality::Audio),
        (asked.video_input, Modality::Video),
        (asked.file_input, Modality::File),
    ] {
        if present {
            modalities = modalities.with(modality);
        }
    }
    modalities
}

fn output_modalities(asked: &RequestFacts) -> Result<Modalities, Fault> {
    if asked.output_modalities.is_empty() {
        return Ok(Modalities::TEXT);
    }
    asked
        .output_modalities
        .iter()
        .map(|name| {
            Modality::from_name(name).ok_or_else(|| {
                Fault::invalid(format!(
                    "modalities: unknown value `{}`; use text, image or audio",
                    name.chars().take(40).collect::<String>()
                ))
            })
        })
        .collect()
}
