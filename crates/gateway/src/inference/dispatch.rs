//! Step 5: attempts at endpoints, one after the other, until content flows. LB-4, FALL, promise 4

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ledger::Spend;
use protocol::Fetched;
use protocol::exchange::{ErrorType, Fault, Identity, Request};
use protocol::json::{Envelope, RawJson};
use protocol::provenance::{Stamp, is_refusal, without};
use routing::health::{Observation, Outcome};
use routing::{AttemptFailure, AvailabilityCode};
use store::Attempt as AttemptRecord;
use tokio::sync::OnceCell;

use super::Call;
use super::attempt::{AttemptError, Completed, Started, attempt};
use super::bound::Cover;
use super::plan::{Candidate, Route};
use super::provenance::Replay;
use super::read_on::{Presence, is_worth_reading};
use super::reserve::Budget;
use super::settle::Settlement;
use super::vectors::Vectors;
use super::write::takes_proofs;
use crate::app::Worker;
use crate::clock::{now_micros, now_millis};
use crate::control::limits::{Limited, Place};
use crate::upstream::download::inline_media;

/// No attempt begins once a call has lasted as long as so many whole attempts may.
const CALL_TIME: u32 = 2;

/// What all attempts of a request share.
pub struct Dispatch<'a> {
    /// The worker that serves.
    pub worker: &'a Worker,
    /// The call.
    pub call: &'a Call,
    /// The caller's body.
    pub body: &'a Bytes,
    /// Its index.
    pub envelope: &'a Envelope<'a>,
    /// Where to try.
    pub route: &'a Route,
    /// How endpoints may be asked for what is held; `None`: as the caller asked.
    pub budget: Option<Budget>,
    /// Whether anybody still waits for the answer.
    pub presence: &'a Presence,
    /// What is asked for if it is no conversation.
    pub vectors: Option<Vectors>,
    /// The request in neutral form, decoded when the first endpoint needs it. Boxed like the next:
    /// most calls need neither, and each would have to be moved about with room for both.
    pub decoded: OnceLock<Result<Box<Request>, Fault>>,
    /// The same with media downloaded, for endpoints that take bytes only.
    pub inlined: [OnceCell<Result<Option<Box<Request>>, Fault>>; Fetched::COUNT],
}

/// An answer that began.
pub enum Begun {
    /// A stream with its first content.
    Stream(Box<Started>),
    /// A whole answer.
    Whole(Box<Completed>),
}

impl Begun {
    /// The provider's id of the answer, as far as it is known.
    fn upstream_id(&self) -> Option<&str> {
        match self {
            Self::Stream(started) => started.relay.upstream_id(),
            Self::Whole(completed) => completed.answer.upstream_id.as_deref(),
        }
    }
}

/// All attempts failed.
pub struct Exhausted {
    /// The error for the caller.
    pub fault: Fault,
    /// How many attempts were made.
    pub attempts: usize,
    /// All endpoints were full. RATE-5
    pub limited: Option<Box<Limited>>,
}

impl<'a> Dispatch<'a> {
    /// The request in neutral form.
    pub fn request(&self) -> Result<&Request, Fault> {
        self.decoded
            .get_or_init(|| {
                let surface = self.call.surface;
                let decoded = surface.decode(self.body, &self.call.addressed);
                let mut request = decoded.map_err(|fault| surface.untranslatable(fault))?;
                // The raw value never leaves. USERT-1
                request.user.clone_from(&self.call.user_identity);
                Ok(Box::new(request))
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    /// The request in neutral form with media as bytes, downloaded once for all endpoints for which
    /// the same have to be.
    pub async fn inlined_request(&self, fetched: Fetched) -> Result<&Request, Fault> {
        let settings = &self.worker.app.settings;
        let request = self.request()?;
        let inlined = self.inlined[fetched as usize]
            .get_or_init(|| async {
                Ok(inline_media(request, fetched, settings).await?.map(Box::new))
            })
            .await
            .as_ref()
            .map_err(Clone::clone)?;
        Ok(inlined.as_deref().unwrap_or(request))
    }

    /// Tries endpoint after endpoint.
    pub async fn run(&self, settlement: &mut Settlement) -> Result<Begun, Exhausted> {
        let app = &self.worker.app;
        let mut failures: Vec<Failure> = Vec::new();
        let mut debug = Vec::new();
        let mut full = false;
        'candidates: for candidate in &self.route.candidates {
            if failures.iter().any(|failure| failure.forbids(candidate, self)) {
                continue;
            }
            // Beyond the bound each further model still gets one attempt: a fallback model is not
            // starved by the many endpoints of the first. FALL-5
            let catalog = &self.call.snapshot.catalog;
            let model = &catalog.endpoint(candidate.endpoint).model;
            let tried =
                |failure: &Failure| catalog.endpoint(failure.candidate.endpoint).model == *model;
            let asked = failures.iter().filter(|failure| !failure.error.unsent).count();
            if asked >= app.settings.max_attempts && failures.iter().any(tried) {
                continue;
            }
            // A provider that hangs takes the time of an attempt; a call whose providers all hang
            // ends before it has taken that of many.
            if !failures.is_empty()
                && settlement.started().elapsed() >= app.settings.upstream.total * CALL_TIME
            {
                break;
            }
            // Nothing new is begun for a caller who left.
            if self.presence.has_left() {
                break;
            }
            let spent = settlement.spent_in_vain();
            let cover =
                self.budget.as_ref().map(|budget| budget.cover(self.call, candidate, spent));
            let most_output = match cover {
                // What is held does not pay for it, or what is left of it after attempts whose
                // providers counted something.
                Some(Cover::Beyond) => continue,
                Some(Cover::Cut(tokens)) => Some(tokens),
                Some(Cover::Whole) | None => None,
            };
            let mut replay = Replay::Verifiable;
            loop {
                let state = self.call.snapshot.endpoint(candidate.endpoint);
                let most = app.settings.limits.endpoint_concurrency;
                match Place::at_endpoint(state, most) {
                    Ok(place) => settlement.occupy(place),
                    Err(_) => {
                        full = true;
                        continue 'candidates;
                    }
                }
                let tried = self.once(candidate, most_output, replay, &mut debug, settlement).await;
                let error = match tried {
                    Ok(begun) => return Ok(begun),
                    Err(error) => error,
                };
                let again = replay == Replay::Verifiable
                    && failures.len() + 1 < app.settings.max_attempts
                    && self.refused_proofs(candidate, &error);
                failures.push(Failure { candidate: candidate.clone(), error, again });
                if !again || self.presence.has_left() {
                    break;
                }
                replay = Replay::Unproven;
            }
        }
        if failures.is_empty() && full {
            return Err(self.crowded());
        }
        Err(self.exhausted(failures))
    }

    /// Whether after a candidate another model is to be tried, which was not before and which the
    /// money pays for.
    pub(super) fn has_further_model(&self, candidate: &Candidate) -> bool {
        let candidates = &self.route.candidates;
        let catalog = &self.call.snapshot.catalog;
        let model = |of: &Candidate| catalog.model_id_of(of.endpoint);
        let Some(at) = candidates.iter().position(|one| std::ptr::eq(one, candidate)) else {
            return false;
        };
        let (tried, further) = candidates.split_at(at + 1);
        let is_paid = |next: &Candidate| {
            let cover = self.budget.as_ref().map(|it| it.cover(self.call, next, Spend::ZERO));
            !matches!(cover, Some(Cover::Beyond))
        };
        further
            .iter()
            .any(|next| !tried.iter().any(|one| model(one) == model(next)) && is_paid(next))
    }

    /// Tries one endpoint once, and writes down what came of it.
    async fn once(
        &self,
        candidate: &Candidate,
        most_output: Option<u64>,
        replay: Replay,
        debug: &mut Vec<u8>,
        settlement: &mut Settlement,
    ) -> Result<Begun, AttemptError> {
        let state = self.call.snapshot.endpoint(candidate.endpoint);
        if let Some(tokens) = most_output {
            settlement.cut(tokens.saturating_mul(self.call.facts.answers));
        }
        let started = Instant::now();
        settlement.keep(started);
        settlement.choose(candidate.endpoint, state, candidate.access.is_byok(), started);
        let mut watch = Watch { dispatch: self, candidate, started, over: false };
        self.presence.billed(is_worth_reading(self.call, candidate, None));
        let result = attempt(self, candidate, most_output, replay, debug, settlement, started)
            .await
            .map_err(|error| error.withheld(&candidate.access.authorization.sent()));
        watch.over = true;
        let latency = watch.started.elapsed();
        drop(watch);
        match &result {
            Ok(begun) => {
                let mut record = self.record(candidate, Some(200), latency, None);
                record.id = begun.upstream_id().map(super::settle::bounded);
                settlement.attempted(record);
            }
            Err(error) => {
                settlement.occupy(None);
                if let Some(counted) = &error.counted {
                    settlement.in_vain(counted, false);
                }
                self.presence.billed(false);
                self.observe(candidate, error);
                let status = error.upstream_status;
                let kind = error.fault.error_type.name();
                settlement.attempted(self.record(candidate, status, latency, Some(kind)));
                tracing::info!(
                    generation = self.call.generation_id,
                    provider = %state.provider_name,
                    model = %state.model,
                    credential = candidate.access.credential_id,
                    status,
                    error_type = error.fault.error_type.name(),
                    provider_code = error.fault.provider_code.as_deref().filter(|it| is_code(it)),
                    "an attempt failed"
                );
            }
        }
        result
    }

    /// Whether a provider refused nothing but the proofs of earlier reasoning: it is asked once more
    /// without them. wire-formats 12.4
    fn refused_proofs(&self, candidate: &Candidate, error: &AttemptError) -> bool {
        !error.unsent
            && self.vectors.is_none()
            && is_refusal(&error.fault)
            && takes_proofs(self, candidate)
            && self.request().is_ok_and(|request| without(request, &|_| true).is_some())
    }

    /// The error where all endpoints are full. ERR-11
    fn crowded(&self) -> Exhausted {
        let most = self.worker.app.settings.limits.endpoint_concurrency;
        let model = &self.call.model_requested;
        let message = format!("All providers for {model} are at capacity. Retry after 1 seconds.");
        let limited = Limited::crowded(message, most, now_micros());
        Exhausted { fault: limited.fault.clone(), attempts: 0, limited: Some(Box::new(limited)) }
    }

    fn record(
        &self,
        candidate: &Candidate,
        status: Option<u16>,
        latency: Duration,
        error_type: Option<String>,
    ) -> AttemptRecord {
        let state = self.call.snapshot.endpoint(candidate.endpoint);
        AttemptRecord {
            id: None,
            endpoint_id: Arc::clone(&state.tag),
            provider_name: Arc::clone(&state.provider_name),
            model_permaslug: Arc::clone(&state.permaslug),
            status,
            latency_ms: i64::try_from(latency.as_millis()).unwrap_or(i64::MAX),
            is_byok: candidate.access.is_byok(),
            error_type: error_type.map(Into::into),
        }
    }

    /// What a failed attempt says about the endpoint's health. LB-6, LB-7
    ///
    /// What a caller's own credential meets (refused, limited) says nothing of the endpoint for
    /// others, and a request that could not be written was never seen by it.
    fn observe(&self, candidate: &Candidate, error: &AttemptError) {
        let own = candidate.access.is_byok()
            && error.meaning.is_some_and(|status| (400..500).contains(&status));
        if own || error.unsent {
            return;
        }
        let now = now_millis();
        let until_ms =
            error.fault.retry_after.map(|seconds| now.saturating_add(seconds.saturating_mul(1000)));
        let excused =
            error.geographic || error.fault.error_type == ErrorType::ContentPolicyViolation;
        let outcome = match error.meaning {
            None => Outcome::Failure,
            Some(status) => Outcome::of_status(status, excused, until_ms),
        };
        self.call.snapshot.observe(candidate.endpoint, &Observation::of(outcome), now);
    }

    /// The error after the last attempt: that attempt's own, with the earlier ones named, and with
    /// what it means for the model's availability. FALL-3, ERR-10, ERR-12
    ///
    /// That an endpoint could not be asked says nothing where others were.
    fn exhausted(&self, mut failures: Vec<Failure>) -> Exhausted {
        if failures.iter().any(|failure| !failure.error.unsent) {
            failures.retain(|failure| !failure.error.unsent);
        }
        let attempts = failures.len();
        let Some((last, earlier)) = failures.split_last() else {
            let fault = Fault::new(
                ErrorType::ProviderUnavailable,
                "No provider could be asked for this model",
            );
            return Exhausted { fault, attempts, limited: None };
        };
        let mut fault = last.error.fault.clone();
        let faults: Vec<AttemptFailure<'_>> = failures
            .iter()
            .map(|failure| AttemptFailure {
                provider: &self.call.snapshot.endpoint(failure.candidate.endpoint).provider_slug,
                status: failure.error.meaning.unwrap_or(0),
                geographic: failure.error.geographic,
                retry_after: failure.error.fault.retry_after,
            })
            .collect();
        if let Some(mut verdict) = routing::verdict(self.route.requested_models(), &faults) {
            self.call.link(&mut verdict.availability);
            fault.retry_after = verdict.availability.retry_after;
            // Status, kind and message stay those of the attempt, but for the one case whose
            // message is documented, and one that would be masked. ERR-10, ERR-11
            if verdict.status == 429 {
                fault.message.clone_from(&verdict.message);
            }
            if verdict.availability.code == AvailabilityCode::RegionRestricted {
                fault.error_type = verdict.error_type;
                fault.status = verdict.status;
                fault.message.clone_from(&verdict.message);
            }
            if let Ok(raw) = RawJson::of(&verdict.availability) {
                fault.metadata.push(("availability".to_owned(), raw));
            }
        }
        if !earlier.is_empty() {
            let previous: Vec<_> = earlier
                .iter()
                .map(|failure| {
                    let state = self.call.snapshot.endpoint(failure.candidate.endpoint);
                    serde_json::json!({
                        "provider": &*state.provider_name,
                        "code": failure.error.fault.error_type.name(),
                        "status": failure.error.upstream_status,
                    })
                })
                .collect();
            if let Ok(raw) = RawJson::of(&previous) {
                fault.metadata.push(("previous_errors".to_owned(), raw));
            }
        }
        Exhausted { fault, attempts, limited: None }
    }

    /// What goes before the reasoning that a candidate makes; `None` where there is no choice, so that
    /// it returns to its maker in any case.
    pub fn stamp(&self, candidate: &Candidate) -> Option<Stamp> {
        self.route.plan.has_choice().then(|| self.call.stamp(candidate))
    }

    /// How the answer is named toward the caller.
    pub fn identity(&self, candidate: &Candidate) -> Identity {
        let state = self.call.snapshot.endpoint(candidate.endpoint);
        Identity {
            id: self.call.generation_id.clone(),
            model: state.model.to_string(),
            provider: state.provider_name.to_string(),
            created: self.call.created(),
        }
    }
}

/// Whether a provider's code may stand in the log: no text that may quote a prompt, or forge a line.
fn is_code(code: &str) -> bool {
    let is_of_codes = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_of_codes)
}

/// The longest code of a provider's that is logged, in bytes.
const LONGEST_CODE: usize = 64;

/// After this time without an answer a caller who leaves is evidence against the endpoint.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sees to it that an endpoint that only hangs does not look healthy because its callers leave
/// before the time limit. LB-1
struct Watch<'w> {
    dispatch: &'w Dispatch<'w>,
    candidate: &'w Candidate,
    started: Instant,
    over: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.over && self.started.elapsed() >= PATIENCE {
            self.dispatch.call.snapshot.observe(
                self.candidate.endpoint,
                &Observation::of(Outcome::Failure),
                now_millis(),
            );
        }
    }
}

struct Failure {
    candidate: Candidate,
    error: AttemptError,
    /// The endpoint was asked once more: what it refused were proofs of reasoning, which says nothing
    /// of others.
    again: bool,
}

impl Failure {
    /// Whether this failure makes an attempt at `next` pointless. A request that one provider of a
    /// model calls invalid is not tried at the model's other providers of the same protocol; one
    /// that is too long only where there is more room. FALL-2
    fn forbids(&self, next: &Candidate, dispatch: &Dispatch<'_>) -> bool {
        if self.again {
            return false;
        }
        let catalog = &dispatch.call.snapshot.catalog;
        let next_id = next.endpoint;
        let (failed, next) = (catalog.endpoint(self.candidate.endpoint), catalog.endpoint(next_id));
        let same_model = failed.model == next.model;
        // Another protocol is another writing of the request: what one refuses may pass there.
        let same_dialect =
            dispatch.call.dialect(self.candidate.endpoint) == dispatch.call.dialect(next_id);
        match self.error.fault.error_type {
            ErrorType::ContextLengthExceeded => {
                same_model && next.context_length <= failed.context_length
            }
            ErrorType::InvalidRequest
            | ErrorType::InvalidPrompt
            | ErrorType::InvalidImage
            | ErrorType::ImageTooLarge
            | ErrorType::ImageTooSmall
            | ErrorType::UnsupportedImageFormat
            | ErrorType::ImageNotFound
            | ErrorType::Unprocessable
            | ErrorType::StringTooLong => same_model && same_dialect && !self.error.unsent,
            // It is the model that does not want to, wherever it runs.
            ErrorType::Refusal => same_model,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_code() {
        let longest = "x".repeat(LONGEST_CODE);
        for code in ["rate_limit_exceeded", "1113", "InvalidParameter.Model", "a:b-c", &longest] {
            assert!(is_code(code), "{code}");
        }
        let longer = format!("{longest}x");
        for text in ["", "two words", "code\nINFO forged", "\u{1b}[31m", "größe", &longer] {
            assert!(!is_code(text), "{text}");
        }
    }
}
