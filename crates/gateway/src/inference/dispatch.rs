//! Step 4: attempts at endpoints, one after the other, until content flows. LB-4, FALL, promise 4

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::exchange::{ErrorType, Fault, Identity, Request};
use protocol::json::{Envelope, RawJson};
use protocol::openai_chat;
use routing::AttemptFailure;
use routing::health::{Observation, Outcome};
use store::Attempt as AttemptRecord;

use super::attempt::{AttemptError, Completed, Started, attempt};
use super::plan::{Candidate, Route};
use super::settle::Settlement;
use super::{Call, Surface};
use crate::app::Worker;
use crate::clock::now_millis;

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
    /// The request in neutral form, decoded when the first endpoint needs it.
    pub decoded: OnceLock<Result<Request, Fault>>,
}

/// An answer that began.
pub enum Begun {
    /// A stream with its first content.
    Stream(Box<Started>),
    /// A whole answer.
    Whole(Box<Completed>),
}

/// All attempts failed.
pub struct Exhausted {
    /// The error for the caller.
    pub fault: Fault,
    /// How many attempts were made.
    pub attempts: usize,
}

impl<'a> Dispatch<'a> {
    /// The request in neutral form.
    pub fn request(&self) -> Result<&Request, Fault> {
        self.decoded
            .get_or_init(|| {
                let mut request = match self.call.surface {
                    Surface::Chat => openai_chat::decode_request(self.body),
                    Surface::Completions => openai_chat::completions::decode_request(self.body),
                }?;
                // The raw value never leaves. USERT-1
                request.user.clone_from(&self.call.user_identity);
                Ok(request)
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Tries endpoint after endpoint.
    pub async fn run(&self, settlement: &mut Settlement) -> Result<Begun, Exhausted> {
        let app = &self.worker.app;
        let mut failures: Vec<Failure> = Vec::new();
        let mut debug = Vec::new();
        let candidates = self.route.candidates.iter().take(app.settings.max_attempts);
        for candidate in candidates {
            if failures.last().is_some_and(|failure| failure.forbids(candidate, self)) {
                continue;
            }
            let state = self.call.snapshot.endpoint(candidate.endpoint);
            settlement.choose(candidate.endpoint, state, candidate.access.is_byok());
            let started = Instant::now();
            let result = attempt(self, candidate, &mut debug, settlement).await;
            let latency = started.elapsed();
            match result {
                Ok(begun) => {
                    settlement.attempted(self.record(candidate, Some(200), latency, None));
                    return Ok(begun);
                }
                Err(error) => {
                    self.observe(candidate, &error);
                    let status = error.upstream_status;
                    let kind = error.fault.error_type.name();
                    settlement.attempted(self.record(candidate, status, latency, Some(kind)));
                    tracing::info!(
                        generation = self.call.generation_id,
                        provider = %state.provider_name,
                        model = %state.model,
                        status,
                        error = %error.fault.message,
                        "an attempt failed"
                    );
                    failures.push(Failure { candidate: candidate.clone(), error });
                }
            }
        }
        Err(self.exhausted(failures))
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
    fn observe(&self, candidate: &Candidate, error: &AttemptError) {
        let now = now_millis();
        let until_ms =
            error.fault.retry_after.map(|seconds| now.saturating_add(seconds.saturating_mul(1000)));
        let outcome = match error.upstream_status {
            // A 200 whose body was an error, or broke off.
            None | Some(200..=299) => Outcome::Failure,
            Some(status) => {
                let excused = error.fault.error_type == ErrorType::ContentPolicyViolation;
                Outcome::of_status(status, excused, until_ms)
            }
        };
        self.call.snapshot.observe(candidate.endpoint, &Observation::of(outcome), now);
    }

    /// The error after the last attempt: that attempt's own, with the earlier ones named, and with
    /// what it means for the model's availability. FALL-3, ERR-10, ERR-12
    fn exhausted(&self, failures: Vec<Failure>) -> Exhausted {
        let attempts = failures.len();
        let Some((last, earlier)) = failures.split_last() else {
            let fault = Fault::new(
                ErrorType::ProviderUnavailable,
                "No provider could be asked for this model",
            );
            return Exhausted { fault, attempts };
        };
        let mut fault = last.error.fault.clone();
        let faults: Vec<AttemptFailure<'_>> = failures
            .iter()
            .map(|failure| AttemptFailure {
                provider: &self.call.snapshot.endpoint(failure.candidate.endpoint).provider_slug,
                status: failure.error.upstream_status.filter(|status| *status != 200).unwrap_or(0),
                geographic: false,
                retry_after: failure.error.fault.retry_after,
            })
            .collect();
        if let Some(mut verdict) = routing::verdict(self.route.requested_models(), &faults) {
            self.call.link(&mut verdict.availability);
            fault.retry_after = verdict.availability.retry_after;
            // Status, kind and message stay those of the attempt, but for the one case whose
            // message is documented. ERR-10, ERR-11
            if verdict.status == 429 {
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
        Exhausted { fault, attempts }
    }

    /// How the answer is named toward the caller.
    pub fn identity(&self, candidate: &Candidate) -> Identity {
        let state = self.call.snapshot.endpoint(candidate.endpoint);
        Identity {
            id: self.call.generation_id.clone(),
            model: state.model.to_string(),
            provider: state.provider_name.to_string(),
            created: self.call.created,
        }
    }
}

struct Failure {
    candidate: Candidate,
    error: AttemptError,
}

impl Failure {
    /// Whether this failure makes an attempt at `next` pointless. A request that one provider of a
    /// model calls invalid is not tried at the model's other providers, only at other models; one
    /// that is too long only where there is more room. FALL-2
    fn forbids(&self, next: &Candidate, dispatch: &Dispatch<'_>) -> bool {
        let catalog = &dispatch.call.snapshot.catalog;
        let (failed, next) =
            (catalog.endpoint(self.candidate.endpoint), catalog.endpoint(next.endpoint));
        let same_model = failed.model == next.model;
        match self.error.fault.error_type {
            ErrorType::ContextLengthExceeded => {
                same_model && next.context_length <= failed.context_length
            }
            ErrorType::InvalidRequest
            | ErrorType::InvalidPrompt
            | ErrorType::ContentPolicyViolation
            | ErrorType::Refusal
            | ErrorType::InvalidImage
            | ErrorType::ImageTooLarge
            | ErrorType::ImageTooSmall
            | ErrorType::UnsupportedImageFormat
            | ErrorType::ImageNotFound
            | ErrorType::ImageDownloadFailed
            | ErrorType::PayloadTooLarge
            | ErrorType::Unprocessable
            | ErrorType::MaxTokensExceeded
            | ErrorType::TokenLimitExceeded
            | ErrorType::StringTooLong => same_model,
            _ => false,
        }
    }
}
