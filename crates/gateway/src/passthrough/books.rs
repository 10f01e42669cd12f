//! Step 8: one row for each call, on every way out. Promise 2

use std::sync::Arc;
use std::time::Instant;

use catalog::{EndpointId, ProviderId};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use protocol::exchange::{ErrorType, Fault, FinishReason, Usage};
use protocol::facts::RequestFacts;
use store::{Attempt, Committed, Slot};

use super::body::Passage;
use super::credential::endpoint_of;
use super::further::Further;
use super::named::Named;
use super::peek::MOST;
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
    app: Arc<App>,
    settlement: Option<Box<Settlement>>,
    /// Holds more for a call that has several answers, where a limit counts them.
    further: Option<Further>,
    snapshot: Arc<Snapshot>,
    provider: ProviderId,
    is_byok: bool,
    endpoint: Option<EndpointId>,
    asked: Asked,
    passage: Arc<Passage>,
    tap: Tap,
    response_bytes: u64,
    streamed: bool,
    /// The status the caller saw; `None` while there is none.
    status: Option<u16>,
}

/// What a call asks for, as far as its cost goes.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// It is work, or may be.
    is_work: bool,
    /// The answer may tell what it used.
    is_read: bool,
    /// Nothing but work can be meant.
    is_plain: bool,
    /// The answer comes later.
    is_background: bool,
    /// Each answer is one picture, or several.
    is_pictures: bool,
    /// How many answers.
    answers: u64,
    /// What it asks for is known when its body has passed.
    is_long: bool,
}

/// What is held for a call, and what holds more of it.
type Held = (Reservation, Option<Further>);

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
    /// The path after the provider.
    pub rest: &'k str,
    /// Its id.
    pub generation_id: &'k str,
}

impl Books {
    /// Opens the row of a call.
    pub fn open(
        app: &Arc<App>,
        snapshot: &Arc<Snapshot>,
        known: &Known<'_>,
        (slot, place, (reservation, further)): (Slot, Option<Place>, Held),
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
        let (estimated_prompt_tokens, most_output) = estimate(app, snapshot, known);
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
            app: Arc::clone(app),
            settlement: Some(settlement),
            further,
            snapshot: Arc::clone(snapshot),
            provider: known.provider,
            is_byok: known.access.is_byok(),
            endpoint: known.endpoint,
            asked: Asked {
                is_work: known.named.is_work,
                is_read: known.named.is_read,
                is_plain: known.named.is_plain,
                is_background: known.named.is_background,
                is_pictures: known.rest.contains("/images/"),
                answers: known.named.answers,
                is_long: known.named.is_long,
            },
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
        if let Some(further) = &mut self.further {
            further.keep(Instant::now());
        }
    }

    /// Whether limits leave something for another answer, after those that counted so much, or for
    /// the first one, once it is known whose. What nobody knows the price of was begun without a
    /// limit.
    pub async fn goes_on(&mut self, used: &Usage) -> Result<(), Fault> {
        let said = self.said();
        let (Some(further), Some(settlement)) = (&mut self.further, &self.settlement) else {
            return Ok(());
        };
        let Some(endpoint) = self.endpoint.or(said) else { return Ok(()) };
        if self.endpoint.is_none() {
            self.endpoint = Some(endpoint);
            further.begin(&self.snapshot, endpoint).await?;
        }
        let Some(spent) = settlement.cost_so_far(used, endpoint, self.is_byok) else {
            return Ok(());
        };
        match further.allows(spent).await {
            true => Ok(()),
            false => Err(Fault::new(
                ErrorType::PaymentRequired,
                "a limit leaves nothing for another answer of the WebSocket",
            )),
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
        if self.asked.is_read && (200..300).contains(&status) {
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

    /// A tunnel came to its end, and passed so much, in bytes: toward the provider, and back.
    /// `fault`: it was ended from here.
    pub fn tunnelled(
        &mut self,
        told: Told,
        (request_bytes, response_bytes): (u64, u64),
        fault: Option<&Fault>,
    ) -> Option<Committed> {
        self.response_bytes = response_bytes;
        let error_type = fault.map(|fault| fault.error_type.name());
        self.settle(Ending { error_type, ..Ending::default() }, request_bytes, Some(told))
    }

    /// The answer came to its end; the future resolves when its row is committed.
    pub fn end(&mut self) -> Option<Committed> {
        let status = self.status.unwrap_or(499);
        let error_type = (status >= 400).then(|| kind_of(status).name());
        let bytes = self.passage.bytes();
        self.settle(Ending { error_type, ..Ending::default() }, bytes, None)
    }

    /// There was no answer, or it broke off.
    pub fn fail(&mut self, fault: &Fault) -> Option<Committed> {
        self.status.get_or_insert(fault.status);
        let error_type = Some(fault.error_type.name());
        let bytes = self.passage.bytes();
        self.settle(Ending { error_type, ..Ending::default() }, bytes, None)
    }

    fn settle(
        &mut self,
        mut ending: Ending,
        request_bytes: u64,
        spoken: Option<Told>,
    ) -> Option<Committed> {
        let mut settlement = self.settlement.take()?;
        // What a WebSocket said last may lack its count, however it ended.
        let came_whole = !ending.cancelled && ending.error_type.is_none() && spoken.is_none();
        let told = spoken.unwrap_or_else(|| self.tap.end(came_whole));
        ending.usage = told.usage();
        ending.search_units = told.reading.search_units;
        ending.service_tier.clone_from(&told.reading.report.service_tier);
        let written = self.written(&told, &ending, came_whole);
        ending.status = self.status.unwrap_or(499);
        let mut billed = ending.clone();
        if (ending.usage.is_some() || written.is_some())
            && let Some(endpoint) = self.answered(&told)
        {
            let state = self.snapshot.endpoint(endpoint);
            settlement.choose(endpoint, state, self.is_byok, Instant::now());
            let most = self.most_output(endpoint);
            settlement.cut(most);
            let is_counted = ending.usage.is_some();
            let mut text_bytes = written.unwrap_or(0);
            if let Some(usage) = billed.usage.as_mut().filter(|_| self.is_socket()) {
                // It is not in the counts, which are of what was said before.
                let rest = text_bytes.div_ceil(4).min(most);
                usage.output = usage.output.saturating_add(rest);
            }
            if self.asked.is_long && (!is_counted || text_bytes > 0) {
                let usage = billed.usage.get_or_insert_default();
                if usage.input == 0 {
                    usage.input = self.long_prompt(endpoint);
                }
                if !is_counted && text_bytes == 0 {
                    // An estimate it is all the same, of no output.
                    settlement.cut(0);
                    text_bytes = 1;
                }
            }
            billed = Ending {
                as_told: true,
                text_bytes,
                images_out: match (is_counted, self.asked.is_pictures) {
                    (false, true) => told.pictures.max(u64::from(told.is_binary)),
                    _ => 0,
                },
                // What was delivered is paid, whoever broke it off.
                cancelled: !came_whole,
                status: StatusCode::OK.as_u16(),
                finish: (told.is_finished && written == Some(0)).then_some(FinishReason::Stop),
                ..billed
            };
            ending.images_out = billed.images_out;
        }
        if let Some(model) = self.passage.said().and_then(|said| said.model.as_deref()) {
            settlement.asked_for(beginning(model, LONGEST_MODEL));
        }
        let bill = settlement.bill(&billed);
        ending.upstream_id = told.reading.report.id;
        settlement.passed(request_bytes, self.response_bytes, self.streamed);
        settlement.settle(ending, &bill)
    }

    /// The endpoint of the model that answered, if it is known by that name; it may have been
    /// another one than was asked.
    fn answered(&self, told: &Told) -> Option<EndpointId> {
        let find = |name: &str| endpoint_of(&self.snapshot.catalog, self.provider, name);
        let answered = told.reading.report.model.as_deref().and_then(find);
        answered.or(self.endpoint).or_else(|| self.said())
    }

    /// The endpoint of the model that was named after the call began.
    fn said(&self) -> Option<EndpointId> {
        let name = self.passage.said()?.model.as_deref()?;
        endpoint_of(&self.snapshot.catalog, self.provider, name)
    }

    /// The most output that was asked for, of all answers together.
    fn most_output(&self, endpoint: EndpointId) -> u64 {
        let longest = longest_output(&self.snapshot, endpoint);
        match self.passage.said() {
            Some(said) => {
                said.most_output.unwrap_or(u64::MAX).min(longest).saturating_mul(said.answers)
            }
            // A shorter length was told when the row was opened.
            None => longest.saturating_mul(self.asked.answers),
        }
    }

    /// How many tokens the prompt of a long body has, by what passed of it.
    fn long_prompt(&self, endpoint: EndpointId) -> u64 {
        let tokens = self.passage.text().div_ceil(4);
        prompt_tokens(&self.app, &self.snapshot, endpoint, tokens)
    }

    fn is_socket(&self) -> bool {
        self.status == Some(StatusCode::SWITCHING_PROTOCOLS.as_u16())
    }

    /// How many bytes of text are paid beside what was counted; `None` if nothing is known of the
    /// cost but what was counted.
    fn written(&self, told: &Told, ending: &Ending, came_whole: bool) -> Option<u64> {
        let delivered = self.status.is_some_and(|status| (101..300).contains(&status));
        // Who leaves before the answer begins has had the prompt read.
        let left = self.status.is_none() && ending.cancelled && self.passage.is_over();
        if !self.asked.is_work || !delivered && !left {
            return None;
        }
        let Asked { is_plain, is_background, is_pictures, .. } = self.asked;
        let is_background =
            is_background || self.passage.said().is_some_and(|said| said.is_background);
        let is_counted = told.usage().is_some();
        let is_nothing = !is_counted && told.written == 0;
        let is_empty = came_whole && self.response_bytes == 0;
        match () {
            // All that is told is all that there is.
            () if is_counted && (came_whole || told.is_finished || !is_plain) => Some(0),
            // Elsewhere a model may be named that is not asked now.
            () if !is_plain => None,
            // An error is free, and of a socket that says nothing nothing is known.
            () if is_nothing && (told.is_failed || is_empty || self.is_socket()) => None,
            // It goes on without its caller, who may fetch it later.
            () if is_background => Some(u64::MAX),
            // No less is known than that it was as long as it might be.
            () if told.is_unread || told.is_binary && !is_pictures => Some(u64::MAX),
            () => Some(told.written),
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        let bytes = self.passage.bytes();
        // Nobody waits for the commit; the writer has the row.
        drop(self.settle(Ending { cancelled: true, ..Ending::default() }, bytes, None));
    }
}

/// How many tokens a call has and may ask for, as far as its size and its endpoint tell, for an
/// answer that counts nothing. No more than what is held. Of a long body it shows at its end.
fn estimate(app: &App, snapshot: &Snapshot, known: &Known<'_>) -> (u64, u64) {
    let named = known.named;
    if !named.is_work {
        return (0, 0);
    }
    if named.is_long {
        return (0, u64::MAX);
    }
    let length = known.headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let size: u64 = length.unwrap_or(named.size as u64);
    // Media that were seen are no text; of what cannot be looked into most may be media.
    let text = size.saturating_sub((named.size - named.text) as u64).min(MOST as u64);
    let tokens = text.div_ceil(4);
    let asked = named.most_output.unwrap_or(u64::MAX);
    let Some(id) = known.endpoint else { return (tokens, asked.saturating_mul(named.answers)) };
    let output = asked.min(longest_output(snapshot, id));
    (prompt_tokens(app, snapshot, id, tokens), output.saturating_mul(named.answers))
}

/// How many tokens a prompt has at an endpoint that has so many by its size.
fn prompt_tokens(app: &App, snapshot: &Snapshot, id: EndpointId, tokens: u64) -> u64 {
    let endpoint = snapshot.catalog.endpoint(id);
    let facts = RequestFacts { estimated_prompt_tokens: tokens, ..RequestFacts::default() };
    let input = app.estimates.tokens(snapshot.catalog.model_of(id), &facts);
    input.min(endpoint.longest_prompt().unwrap_or(u64::MAX))
}

/// The most tokens of one answer of an endpoint.
fn longest_output(snapshot: &Snapshot, id: EndpointId) -> u64 {
    let endpoint = snapshot.catalog.endpoint(id);
    endpoint.max_completion_tokens.or(endpoint.context_length).unwrap_or(UNKNOWN_OUTPUT)
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
