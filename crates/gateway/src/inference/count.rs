//! Counts a prompt with the vocabulary of its model, where its estimate (`estimate`) or its bytes
//! (`bound`) would decide against it. Counting takes a second for two mebibytes, so it is not done
//! where no count could change what is decided.

use std::time::Duration;

use bytes::Bytes;
use catalog::{EndpointId, Model, ModelId};
use protocol::json::Envelope;
use routing::{Exclusion, NoRoute, Plan, Reason};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::plan::Candidate;
use super::prepare::Call;
use crate::tokenizer::Counting;

/// The prompts counted at once for who asks for a count: the work is free, and must leave the machine
/// to what is paid for.
static ASKED_FOR: Semaphore = Semaphore::const_new(2);
/// The prompts counted at once for requests.
static NEEDED: Semaphore = Semaphore::const_new(2);
/// The longest that a request waits for its turn to be counted; then bytes and estimates decide.
const PATIENCE: Duration = Duration::from_secs(2);

/// A shorter prompt fits everywhere, in tokens.
const SHORT: u64 = 1_024;

/// Counts for who asked for it, in turn.
pub async fn asked_for<T: Send + 'static>(
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Option<T> {
    aside(ASKED_FOR.acquire().await.ok()?, work).await
}

/// Counts for a request, if its turn comes soon.
async fn needed<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    aside(timeout(PATIENCE, NEEDED.acquire()).await.ok()?.ok()?, work).await
}

/// Does work on a thread of its own. It goes on if nobody waits for it any more: so does its turn.
async fn aside<T: Send + 'static>(
    turn: SemaphorePermit<'static>,
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Option<T> {
    let work = move || {
        let _held = turn;
        work()
    };
    tokio::task::spawn_blocking(work).await.ok().flatten()
}

/// The most tokens of a prompt, by each of the ways in which its models count.
#[derive(Clone, Debug, Default)]
pub struct Counts(Vec<(Counting, u64)>);

impl Counts {
    /// The most tokens that a model makes of it; `None` where its vocabulary is not public.
    pub fn of(&self, model: &Model) -> Option<u64> {
        let counting = Counting::of(model)?;
        self.0.iter().find(|(known, _)| *known == counting).map(|(_, tokens)| *tokens)
    }
}

/// Whether a vocabulary of these candidates' models is public.
pub fn is_possible(call: &Call, candidates: &[Candidate]) -> bool {
    ways_of(call, candidates).next().is_some()
}

fn ways_of(call: &Call, candidates: &[Candidate]) -> impl Iterator<Item = Counting> {
    let catalog = &call.snapshot.catalog;
    let models = candidates.iter().map(|candidate| catalog.model_of(candidate.endpoint));
    models.filter_map(Counting::of)
}

/// Counts a prompt for the models of these candidates; nothing for those without a public
/// vocabulary.
pub async fn bounds(call: &Call, candidates: &[Candidate], body: &Bytes) -> Counts {
    let mut ways = Vec::new();
    for way in ways_of(call, candidates) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    if ways.is_empty() {
        return Counts::default();
    }
    let (members, body) = (call.surface.counted_members(), body.clone());
    let counted = needed(move || {
        let envelope = Envelope::parse(&body).ok()?;
        let json = || members.iter().filter_map(|name| envelope.raw(name)).map(|raw| raw.get());
        let counts = ways.into_iter().filter_map(|way| Some((way, way.bound(json())?)));
        Some(Counts(counts.collect()))
    });
    counted.await.unwrap_or_default()
}

/// A prompt that was counted for a model.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// The model whose vocabulary it was.
    pub model: ModelId,
    /// How it was counted: the same for models of the same vocabulary and template.
    pub counting: Counting,
    /// The tokens, with what the template writes.
    pub tokens: u64,
}

/// Counts a prompt exactly, for the model that is asked for first. `None` where its vocabulary is not
/// public, or the prompt cannot be read in neutral form.
pub async fn prompt(call: &Call, model: ModelId, body: &Bytes) -> Option<Counted> {
    let counting = Counting::of(call.snapshot.catalog.model(model))?;
    let (surface, addressed, body) = (call.surface, call.addressed.clone(), body.clone());
    let count = move || counting.count_prompt(&surface.decode(&body, &addressed).ok()?);
    Some(Counted { model, counting, tokens: needed(count).await? })
}

/// Whether a plan would be another one if the prompt were as short as its estimate may be wrong: an
/// endpoint is avoided that it may fit, for one with more room.
pub fn may_change(call: &Call, plan: &Plan, estimated: u64) -> bool {
    if estimated < SHORT {
        return false;
    }
    let room = |endpoint: EndpointId| call.snapshot.catalog.endpoint(endpoint).longest_prompt();
    let mut rooms = plan.attempts.iter().map(|attempt| room(attempt.endpoint).unwrap_or(u64::MAX));
    let is_close = |room: u64| room < estimated && estimated - estimated / 3 <= room;
    rooms.clone().any(is_close) && rooms.any(|room| room >= estimated)
}

/// Whether nobody can answer only since the prompt is too long by its estimate, which may be as
/// wrong as an estimate can be.
pub fn may_find(no_route: &NoRoute) -> bool {
    let may_fit = |exclusion: &Exclusion| match exclusion.reason {
        Reason::ContextLength { tokens, limit } => tokens / 4 <= limit,
        _ => false,
    };
    no_route.exclusions.iter().any(may_fit)
}
