//! Step 8: one row for each call, on every way out. Promise 2

use std::sync::Arc;
use std::time::Instant;

use catalog::{EndpointId, ProviderId};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use protocol::exchange::{ErrorType, Fault};
use store::{Attempt, Committed, Slot};

use super::body::Passage;
use super::credential::endpoint_of;
use super::peek::Named;
use super::tap::{Tap, Told};
use crate::app::App;
use crate::clock::now_micros;
use crate::control::limits::{Place, Reservation};
use crate::control::{Access, Caller, Snapshot};
use crate::inference::prepare::attribute;
use crate::inference::settle::{Ending, Opening, Settlement, beginning, record};

/// What the books call such calls, in `api_type`.
const API_TYPE: &str = "passthrough";
/// The longest name of a model that is kept, in characters.
const LONGEST_MODEL: usize = 200;
/// The most output of an endpoint of which nothing is known, in tokens.
const UNKNOWN_OUTPUT: u64 = 32_768;

/// What a call owes to the books. Dropped before its end, the caller left.
pub struct Books {
    settlement: Option<Box<Settlement>>,
    snapshot: Arc<Snapshot>,
    provider: ProviderId,
    is_byok: bool,
    endpoint: Option<EndpointId>,
    is_work: bool,
    passage: Arc<Passage>,
    tap: Tap,
    response_bytes: u64,
    streamed: bool,
    /// The status the caller saw; `None` while there is none.
    status: Option<u16>,
}

/// What is known of a call before its provider is asked.
pub struct Known<'k> {
    /// Who calls.
    pub caller: &'k Caller,
    /// What its headers say of its application.
    pub headers: &'k HeaderMap,
    /// The provider.
    pub provider: ProviderId,
    /// The credential.
    pub access: &'k Access,
    /// What it asks for.
    pub named: &'k Named,
    /// The endpoint of the model it names, or means most likely.
    pub endpoint: Option<EndpointId>,
    /// Its id.
    pub generation_id: &'k str,
}

impl Books {
    /// Opens the row of a call.
    pub fn open(
        app: &Arc<App>,
        snapshot: &Arc<Snapshot>,
        known: &Known<'_>,
        (slot, place, reservation): (Slot, Option<Place>, Reservation),
    ) -> Self {
        let provider = snapshot.catalog.provider(known.provider);
        let named = known.named.model.as_deref().unwrap_or_default();
        let mut generation = record(known.generation_id, now_micros());
        generation.account_id = Arc::clone(&known.caller.account_id);
        generation.workspace_id = Arc::clone(&known.caller.workspace_id);
        generation.key_hash = Arc::clone(&known.caller.key_hash);
        generation.api_type = API_TYPE.into();
        generation.model_requested = beginning(named, LONGEST_MODEL).into();
        generation.provider_name = provider.name.as_str().into();
        generation.provider_slug = provider.slug.as_str().into();
        generation.is_byok = known.access.is_byok();
        if let Some(endpoint) = known.endpoint {
            let state = snapshot.endpoint(endpoint);
            generation.model = Arc::clone(&state.model);
            generation.model_permaslug = Arc::clone(&state.permaslug);
            generation.upstream_model = Arc::clone(&state.upstream_model);
        }
        attribute(known.headers, &mut generation);
        let (estimated_prompt_tokens, most_output) = estimate(snapshot, known);
        let opening = Opening {
            generation,
            estimated_prompt_tokens,
            images: 0,
            most_output,
            reservation,
            markup: known.caller.terms.markup,
            place,
        };
        let settlement = Settlement::open(Arc::clone(app), Arc::clone(snapshot), slot, opening);
        Self {
            settlement: Some(settlement),
            snapshot: Arc::clone(snapshot),
            provider: known.provider,
            is_byok: known.access.is_byok(),
            endpoint: known.endpoint,
            is_work: known.named.is_work,
            passage: Arc::default(),
            tap: Tap::Shut,
            response_bytes: 0,
            streamed: false,
            status: None,
        }
    }

    /// How much of the body was passed on.
    pub fn passage(&self) -> &Arc<Passage> {
        &self.passage
    }

    /// The call goes on: what is held for it stays so.
    pub fn keep(&mut self) {
        if let Some(settlement) = &mut self.settlement {
            settlement.keep(Instant::now());
        }
    }

    /// The provider answered, or nobody did.
    pub fn attempted(&mut self, status: Option<u16>, fault: Option<&Fault>) {
        let Some(settlement) = &mut self.settlement else { return };
        let generation = settlement.generation();
        let attempt = Attempt {
            id: None,
            endpoint_id: Arc::clone(&generation.endpoint_tag),
            provider_name: Arc::clone(&generation.provider_name),
            model_permaslug: Arc::clone(&generation.model_permaslug),
            status,
            latency_ms: i64::try_from(settlement.started().elapsed().as_millis())
                .unwrap_or(i64::MAX),
            is_byok: self.is_byok,
            error_type: fault.map(|fault| fault.error_type.name().into()),
        };
        settlement.attempted(attempt);
    }

    /// An answer begins, with these headers.
    pub fn begin(&mut self, status: u16, headers: &HeaderMap, streamed: bool) {
        self.status = Some(status);
        self.streamed = streamed;
        if self.is_work && (200..300).contains(&status) {
            self.tap = Tap::of(headers);
        }
    }

    /// Bytes of the answer pass.
    pub fn see(&mut self, bytes: &[u8]) {
        self.response_bytes = self.response_bytes.saturating_add(bytes.len() as u64);
        let Some(settlement) = &mut self.settlement else { return };
        settlement.keep(Instant::now());
        if self.tap.is_open() {
            settlement.content_began();
            self.tap.see(bytes);
        }
    }

    /// How many bytes of the answer passed.
    pub fn response_bytes(&self) -> u64 {
        self.response_bytes
    }

    /// A tunnel passed so much, in bytes: toward the provider, and back.
    pub fn tunnelled(&mut self, request_bytes: u64, response_bytes: u64) -> Option<Committed> {
        self.response_bytes = response_bytes;
        self.settle(Ending::default(), request_bytes)
    }

    /// The same for a tunnel that was ended from here.
    pub fn interrupted(
        &mut self,
        fault: &Fault,
        (request_bytes, response_bytes): (u64, u64),
    ) -> Option<Committed> {
        self.response_bytes = response_bytes;
        let error_type = Some(fault.error_type.name());
        self.settle(Ending { error_type, ..Ending::default() }, request_bytes)
    }

    /// The answer came to its end; the future resolves when its row is committed.
    pub fn end(&mut self) -> Option<Committed> {
        let status = self.status.unwrap_or(499);
        let error_type = (status >= 400).then(|| kind_of(status).name());
        let bytes = self.passage.bytes();
        self.settle(Ending { error_type, ..Ending::default() }, bytes)
    }

    /// There was no answer, or it broke off.
    pub fn fail(&mut self, fault: &Fault) -> Option<Committed> {
        self.status.get_or_insert(fault.status);
        let error_type = Some(fault.error_type.name());
        let bytes = self.passage.bytes();
        self.settle(Ending { error_type, ..Ending::default() }, bytes)
    }

    fn settle(&mut self, mut ending: Ending, request_bytes: u64) -> Option<Committed> {
        let mut settlement = self.settlement.take()?;
        let Told { report, is_unread } = self.tap.end();
        // Where an answer came to its end and could not be read, what was held for it is what it
        // may have cost, and no less is known.
        let came_whole = !ending.cancelled && ending.error_type.is_none();
        let is_estimated = is_unread && came_whole && self.endpoint.is_some();
        ending.status = self.status.unwrap_or(499);
        ending.usage = report.usage();
        // The one who answered, if it is known by that name; it may have been another one.
        let told = report.model.as_deref();
        let answered =
            told.and_then(|name| endpoint_of(&self.snapshot.catalog, self.provider, name));
        if (ending.usage.is_some() || is_estimated)
            && let Some(endpoint) = answered.or(self.endpoint)
        {
            ending.as_told = true;
            if is_estimated {
                // Of output as much as may have been asked for.
                ending.text_bytes = u64::MAX;
            }
            let state = self.snapshot.endpoint(endpoint);
            settlement.choose(endpoint, state, self.is_byok, Instant::now());
        }
        ending.service_tier = report.service_tier;
        ending.upstream_id = report.id;
        settlement.passed(request_bytes, self.response_bytes, self.streamed);
        let bill = settlement.bill(&ending);
        settlement.settle(ending, &bill)
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        let bytes = self.passage.bytes();
        // Nobody waits for the commit; the writer has the row.
        drop(self.settle(Ending { cancelled: true, ..Ending::default() }, bytes));
    }
}

/// How many tokens a call has and may ask for, as far as its size and its endpoint tell, for an
/// answer that cannot be read. No more than what is held.
fn estimate(snapshot: &Snapshot, known: &Known<'_>) -> (u64, u64) {
    let Some(id) = known.endpoint.filter(|_| known.named.is_work) else { return (0, 0) };
    let endpoint = snapshot.catalog.endpoint(id);
    let length = known.headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let size = length.unwrap_or(known.named.size as u64);
    let input = size.div_ceil(4).min(endpoint.longest_prompt().unwrap_or(u64::MAX));
    let own = endpoint.max_completion_tokens.or(endpoint.context_length);
    let output = known.named.most_output.unwrap_or(u64::MAX).min(own.unwrap_or(UNKNOWN_OUTPUT));
    (input, output.saturating_mul(known.named.answers))
}

/// What a provider's status means, where its words are the caller's to read.
fn kind_of(status: u16) -> ErrorType {
    match status {
        401 => ErrorType::Authentication,
        402 => ErrorType::PaymentRequired,
        403 => ErrorType::PermissionDenied,
        404 => ErrorType::NotFound,
        408 | 504 => ErrorType::Timeout,
        412 => ErrorType::PreconditionFailed,
        413 => ErrorType::PayloadTooLarge,
        422 => ErrorType::Unprocessable,
        429 => ErrorType::RateLimitExceeded,
        400..=499 => ErrorType::InvalidRequest,
        503 | 529 => ErrorType::ProviderOverloaded,
        _ => ErrorType::ProviderUnavailable,
    }
}
