//! Step 7: exactly one row for each call, on every way out. ZCI, USAGE, promise 2

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use catalog::{EndpointId, PriceList, PriceState};
use ledger::{Cost, Markup, MeteredUsage, NanoUsd, Spend};
use protocol::exchange::{Charge, ErrorType, FinishReason, Usage};
use store::{Attempt, Committed, Generation, SettledBy, Slot};

use crate::app::App;
use crate::clock::{minute_of_day, request_id_of};
use crate::control::limits::{Place, Reservation};
use crate::control::{EndpointState, Snapshot};
use crate::telemetry::OutcomeLabel;

/// The one owner of a call's record. Settled by [`Settlement::settle`]; dropped unsettled, it
/// settles itself as cancelled, so no way out is without its row.
pub struct Settlement {
    app: Arc<App>,
    snapshot: Arc<Snapshot>,
    slot: Option<Slot>,
    generation: Record,
    endpoint: Option<EndpointId>,
    started: Instant,
    first_content: Option<Instant>,
    /// What calls counted whose attempt came to nothing: their provider bills them all the same.
    in_vain: Vec<InVain>,
    /// When the attempt under way began.
    trying: Option<Instant>,
    estimated_prompt_tokens: u64,
    images: u64,
    /// The most tokens of output that were asked for, of all answers together.
    most_output: u64,
    /// What is held for the call; gone once it is settled. Promise 3
    reservation: Option<Reservation>,
    markup: Markup,
    /// The call's place among those of its key, and at the endpoint under way.
    _place: Option<Place>,
    at_endpoint: Option<Place>,
}

/// What an image of the prompt is taken for where its provider does not count it, in tokens: vendors
/// count some 85 to 1,600.
const TOKENS_OF_IMAGE: u64 = 1_000;

/// The row of a call, which is large and never moved; an empty one once it was handed over.
struct Record(Option<Box<Generation>>);

impl Record {
    fn take(&mut self) -> Box<Generation> {
        self.0.take().unwrap_or_default()
    }
}

impl Deref for Record {
    type Target = Generation;

    fn deref(&self) -> &Generation {
        static EMPTY: LazyLock<Generation> = LazyLock::new(Generation::default);
        self.0.as_deref().unwrap_or_else(|| &EMPTY)
    }
}

impl DerefMut for Record {
    fn deref_mut(&mut self) -> &mut Generation {
        self.0.get_or_insert_default()
    }
}

/// How an answer ended.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Token counts the provider told.
    pub usage: Option<Usage>,
    /// Bytes of text seen, for an estimate where none were told.
    pub text_bytes: u64,
    /// Images seen.
    pub images_out: u64,
    /// Why the answer ended.
    pub finish: Option<FinishReason>,
    /// The provider's own word.
    pub native_finish: Option<String>,
    /// The status the caller saw.
    pub status: u16,
    /// The kind of error, if there was one.
    pub error_type: Option<String>,
    /// The caller left.
    pub cancelled: bool,
    /// And the provider was read to its end all the same.
    pub read_on: bool,
    /// The tier that served.
    pub service_tier: Option<String>,
    /// The provider's id of the answer.
    pub upstream_id: Option<String>,
    /// Search units of a rerank.
    pub search_units: u64,
    /// What was told is the bill, also where nothing was written: an embedding has no output.
    pub as_told: bool,
}

/// What is billed for an answer.
#[derive(Clone, Debug, Default)]
pub struct Bill {
    /// The token counts billed and shown: told, or estimated.
    pub usage: Usage,
    /// What it costs, as shown.
    pub charge: Charge,
    cost: Cost,
    /// What the account is charged.
    charged: NanoUsd,
    /// What its own credentials are billed by providers.
    byok: NanoUsd,
    settled_by: SettledBy,
    price_state: store::PriceState,
    /// The endpoint whose prices hold; not the one that was asked if it served another tier.
    pricing: Option<EndpointId>,
}

/// What an endpoint counted for calls whose attempt came to nothing.
struct InVain {
    /// It is billed though there is no answer at all.
    is_due: bool,
    /// How many attempts ended before it.
    attempt: usize,
    endpoint: EndpointId,
    is_byok: bool,
    counted: Usage,
}

impl InVain {
    fn metered(&self) -> MeteredUsage {
        MeteredUsage { tokens: self.counted, requests: 1, ..MeteredUsage::default() }
    }
}

/// What is known of a call at its start.
pub struct Opening {
    /// The record with everything known at the start filled in.
    pub generation: Box<Generation>,
    /// The estimate of the prompt, in tokens.
    pub estimated_prompt_tokens: u64,
    /// How many images the prompt has.
    pub images: u64,
    /// The most tokens of output that the caller asked for, of all answers together.
    pub most_output: u64,
    /// What is held for it.
    pub reservation: Reservation,
    /// What is charged on top of what providers charge.
    pub markup: Markup,
    /// Its place among the running calls of its key.
    pub place: Option<Place>,
}

impl Settlement {
    /// Opens the record of a call. Boxed: it is large, and handed from one to the next.
    pub fn open(app: Arc<App>, snapshot: Arc<Snapshot>, slot: Slot, opening: Opening) -> Box<Self> {
        app.metrics.begin();
        Box::new(Self {
            app,
            snapshot,
            slot: Some(slot),
            generation: Record(Some(opening.generation)),
            endpoint: None,
            started: Instant::now(),
            first_content: None,
            in_vain: Vec::new(),
            trying: None,
            estimated_prompt_tokens: opening.estimated_prompt_tokens,
            images: opening.images,
            most_output: opening.most_output,
            reservation: Some(opening.reservation),
            markup: opening.markup,
            _place: opening.place,
            at_endpoint: None,
        })
    }

    /// The call goes on: what is held for it stays so.
    pub fn keep(&mut self, now: Instant) {
        if let Some(reservation) = &mut self.reservation {
            reservation.keep(now);
        }
    }

    /// No more than so many tokens of output are asked for, of all answers together.
    pub fn cut(&mut self, most_output: u64) {
        self.most_output = self.most_output.min(most_output);
    }

    /// A call was answered by the endpoint that is tried. Should its attempt come to nothing, what
    /// it counted is billed with the rest, at that endpoint's prices; where there is no rest, only
    /// what `is_due` all the same.
    pub fn in_vain(&mut self, counted: &Usage, is_due: bool) {
        let Some(endpoint) = self.endpoint else { return };
        let (attempt, is_byok) = (self.generation.attempts.len(), self.generation.is_byok);
        match self
            .in_vain
            .last_mut()
            .filter(|part| part.attempt == attempt && part.is_due == is_due)
        {
            Some(part) => part.counted = part.counted.and(counted),
            None => {
                let counted = *counted;
                self.in_vain.push(InVain { is_due, attempt, endpoint, is_byok, counted });
            }
        }
    }

    /// What attempts cost that came to nothing: of what is held for the call it is spent already.
    /// Where a price is not known nothing was held for it.
    pub fn spent_in_vain(&self) -> Spend {
        let mut bill = Bill::default();
        for part in &self.in_vain {
            self.add(&mut bill, &part.metered(), Some(part.endpoint), part.is_byok);
        }
        Spend { credits: bill.charged, byok: bill.byok }
    }

    /// What so much costs at an endpoint, as limits count it; `None` if nobody knows.
    pub fn cost_so_far(
        &self,
        used: &Usage,
        endpoint: EndpointId,
        is_byok: bool,
    ) -> Option<NanoUsd> {
        let used = MeteredUsage { tokens: *used, requests: 1, ..MeteredUsage::default() };
        let mut bill = Bill::default();
        let is_known = self.add(&mut bill, &used, Some(endpoint), is_byok);
        is_known.then_some(if is_byok { bill.byok } else { bill.charged })
    }

    /// The attempt came to something: its answer tells what all its calls counted.
    pub fn not_in_vain(&mut self) {
        let attempt = self.generation.attempts.len();
        self.in_vain.retain(|part| part.attempt != attempt);
    }

    /// The call has this place at the endpoint that is tried, and gives back the one before.
    pub fn occupy(&mut self, place: Option<Place>) {
        self.at_endpoint = place;
    }

    /// The record so far.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// When the call began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// When content began to flow.
    pub fn first_content(&self) -> Option<Instant> {
        self.first_content
    }

    /// An attempt is made at this endpoint; from now on it is the one that is billed.
    pub fn choose(
        &mut self,
        endpoint: EndpointId,
        state: &EndpointState,
        is_byok: bool,
        now: Instant,
    ) {
        self.endpoint = Some(endpoint);
        self.trying = Some(now);
        let generation = &mut *self.generation;
        generation.model = Arc::clone(&state.model);
        generation.model_permaslug = Arc::clone(&state.permaslug);
        generation.endpoint_tag = Arc::clone(&state.tag);
        generation.provider_name = Arc::clone(&state.provider_name);
        generation.provider_slug = Arc::clone(&state.provider_slug);
        generation.upstream_model = Arc::clone(&state.upstream_model);
        generation.is_byok = is_byok;
    }

    /// How much was passed through so far, in bytes, and whether piece by piece.
    pub fn passed(&mut self, request_bytes: u64, response_bytes: u64, streamed: bool) {
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.generation.request_bytes = Some(signed(request_bytes));
        self.generation.response_bytes = Some(signed(response_bytes));
        self.generation.streamed = streamed;
    }

    /// The model that was asked for was named after the call began.
    pub fn asked_for(&mut self, model: &str) {
        if self.generation.model_requested.is_empty() {
            self.generation.model_requested = model.into();
        }
    }

    /// An attempt ended. USAGE, GEN-2
    pub fn attempted(&mut self, attempt: Attempt) {
        self.trying = None;
        self.app.metrics.attempt(&self.generation.provider_slug, attempt.status.unwrap_or(0));
        self.generation.attempts.push(attempt);
    }

    /// Content began to flow.
    pub fn content_began(&mut self) {
        self.first_content.get_or_insert_with(Instant::now);
    }

    /// What `ending` will cost: computed once, before the last frame, and frozen by
    /// [`Self::settle`]. A prompt price that depends on the time of day is that of the start.
    pub fn bill(&self, ending: &Ending) -> Bill {
        let images = self.images.saturating_mul(TOKENS_OF_IMAGE);
        let estimated = Usage {
            input: self.estimated_prompt_tokens.saturating_add(images),
            // A guess is never more than what was asked for, and held.
            output: ending.text_bytes.div_ceil(4).min(self.most_output),
            ..Usage::default()
        };
        let mut usage = ending.usage.unwrap_or(estimated);
        // Zeros beside text stand for counts that were never made.
        let uncounted = ending.text_bytes > 0 && (usage.output == 0 || usage.input == 0);
        if uncounted {
            usage.output = if usage.output == 0 { estimated.output } else { usage.output };
            usage.input = if usage.input == 0 { estimated.input } else { usage.input };
        }
        // What a provider counted before a caller left is not yet all that it sent.
        let unfinished = ending.cancelled && ending.finish.is_none();
        if unfinished {
            usage.output = usage.output.max(estimated.output);
        }
        let mut bill = Bill {
            usage,
            settled_by: match (ending.usage.is_some() && !uncounted, ending.cancelled) {
                (true, true) if ending.read_on => SettledBy::Drained,
                (_, true) if unfinished => SettledBy::Metered,
                (true, _) => SettledBy::Usage,
                (false, _) => SettledBy::Estimated,
            },
            ..Bill::default()
        };
        bill.charge.is_byok = self.generation.is_byok;
        bill.charge.cost = "0".to_owned();
        let catalog = &self.snapshot.catalog;
        let Some(asked) = self.endpoint else {
            bill.settled_by = SettledBy::None;
            bill.usage = ending.usage.unwrap_or_default();
            return bill;
        };
        // A tier that nobody has priced counts as the one that was asked for, as a guess: what is
        // served for nothing would be held by no limit. TIER-6
        let served = catalog.endpoint_pricing(asked, ending.service_tier.as_deref());
        if served.is_none() && bill.settled_by == SettledBy::Usage {
            bill.settled_by = SettledBy::Estimated;
        }
        bill.pricing = Some(served.unwrap_or(asked));
        let prices = bill.pricing.map(|id| &catalog.endpoint(id).price);
        bill.price_state = match prices.map_or(PriceState::Unknown, PriceList::state) {
            PriceState::Known => store::PriceState::Known,
            PriceState::Free => store::PriceState::Free,
            PriceState::Unknown => store::PriceState::Unknown,
        };
        let failed = ending.status >= 400 && ending.finish.is_none();
        let nothing = usage.output == 0 && ending.images_out == 0;
        let waived =
            !ending.as_told && ledger::waived(if nothing { 0 } else { 1 }, ending.finish).is_some();
        let free = failed || waived;
        if free {
            bill.settled_by = SettledBy::None;
            // An estimate is for billing; in the books it would be tokens nobody counted.
            bill.usage = ending.usage.unwrap_or_default();
            if !self.in_vain.iter().any(|part| part.is_due) {
                return bill;
            }
            bill.usage = Usage::default();
            bill.settled_by = SettledBy::Usage;
        } else {
            bill.usage = usage;
        }
        // Each part at the prices of who answered it.
        let mut priced = true;
        let parts = || self.in_vain.iter().filter(|part| part.is_due || !free);
        for part in parts() {
            priced &= self.add(&mut bill, &part.metered(), Some(part.endpoint), part.is_byok);
        }
        if !free {
            let mut tokens = usage;
            if catalog.endpoint(asked).abilities.one_search_price {
                tokens.web_searches = tokens.web_searches.min(1);
            }
            let metered = MeteredUsage {
                tokens,
                requests: 1,
                images: self.images,
                images_out: ending.images_out,
                search_units: ending.search_units,
                ..MeteredUsage::default()
            };
            let (pricing, is_byok) = (bill.pricing, bill.charge.is_byok);
            priced &= self.add(&mut bill, &metered, pricing, is_byok);
        }
        bill.usage = parts().fold(bill.usage, |usage, part| usage.and(&part.counted));
        if priced {
            bill.charge.upstream_cost = Some(bill.cost.total.to_text());
            bill.charge.upstream_prompt_cost = Some(bill.cost.prompt.to_text());
            bill.charge.upstream_completion_cost = Some(bill.cost.completion.to_text());
            bill.charge.cost = bill.charged.to_text();
        } else {
            // Served and marked: the operator's own credential paid, the price is to be entered.
            // It is shown as `null`, never as zero.
            bill.price_state = store::PriceState::Unknown;
            bill.charge.cost = "null".to_owned();
        }
        bill
    }

    /// Adds what was used at an endpoint to a bill. Tells whether its price is known.
    fn add(
        &self,
        bill: &mut Bill,
        used: &MeteredUsage,
        endpoint: Option<EndpointId>,
        is_byok: bool,
    ) -> bool {
        let prices = endpoint.map(|id| &self.snapshot.catalog.endpoint(id).price);
        let minute = minute_of_day(self.generation.created_at);
        let Some(cost) = prices.and_then(|prices| ledger::cost(used, prices, minute)) else {
            return false;
        };
        match is_byok {
            true => bill.byok = bill.byok + cost.total,
            false => bill.charged = bill.charged + self.markup.apply(cost.total),
        }
        let sum = &mut bill.cost;
        sum.total = sum.total + cost.total;
        sum.prompt = sum.prompt + cost.prompt;
        sum.completion = sum.completion + cost.completion;
        sum.other = sum.other + cost.other;
        sum.cache_discount = sum.cache_discount + cost.cache_discount;
        true
    }

    /// Hands the record to the writer. The future resolves when it is committed.
    pub fn settle(mut self: Box<Self>, ending: Ending, bill: &Bill) -> Option<Committed> {
        self.hand_over(ending, bill)
    }

    fn hand_over(&mut self, ending: Ending, bill: &Bill) -> Option<Committed> {
        let slot = self.slot.take()?;
        let elapsed = self.started.elapsed();
        let millis =
            |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let first_content = self.first_content.map(|at| at.duration_since(self.started));
        // A failure is one, however the provider says it. CHAT-11
        let said = (ending.finish == Some(FinishReason::Error))
            .then(|| ErrorType::ProviderUnavailable.name());
        let error_type = ending.error_type.or(said);
        let outcome = match &error_type {
            _ if ending.cancelled => OutcomeLabel::Cancelled,
            None => OutcomeLabel::Ok,
            Some(error_type) => {
                let was_tried = !self.generation.attempts.is_empty();
                OutcomeLabel::of_failure(error_type, ending.status, was_tried)
            }
        };
        self.app.metrics.end(
            outcome,
            elapsed.as_secs_f64(),
            first_content.map(|duration| duration.as_secs_f64()),
        );
        let charged = bill.charged.0;
        if let Some(reservation) = self.reservation.take() {
            // Before the row is handed in: see there.
            reservation
                .settle(Spend { credits: bill.charged, byok: bill.byok }, &self.generation.id);
        }
        self.app.metrics.usage(bill.usage.input, bill.usage.output, charged);

        let mut generation = self.generation.take();
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let usage = &bill.usage;
        let word = |text: Option<String>| text.as_deref().map(bounded);
        generation.upstream_id = word(ending.upstream_id);
        generation.cancelled = ending.cancelled;
        generation.status = ending.status;
        generation.finish_reason = ending.finish.map(|reason| reason.name().into());
        generation.native_finish_reason = word(ending.native_finish);
        generation.error_type = error_type.map(Into::into);
        generation.service_tier = word(ending.service_tier);
        generation.first_token_ms = first_content.map(millis);
        generation.latency_ms = generation.first_token_ms.unwrap_or_else(|| millis(elapsed));
        generation.generation_time_ms = millis(elapsed);
        generation.native_tokens_prompt = signed(usage.input);
        generation.native_tokens_completion = signed(usage.output);
        generation.native_tokens_reasoning = signed(usage.reasoning);
        generation.native_tokens_cached = signed(usage.cached_input);
        generation.native_tokens_cache_write = signed(usage.cache_write);
        generation.native_tokens_cache_write_1h = signed(usage.cache_write_1h);
        generation.native_tokens_prompt_audio = signed(usage.audio_input);
        generation.native_tokens_prompt_images = signed(usage.image_input);
        generation.native_tokens_completion_audio = signed(usage.audio_output);
        generation.native_tokens_completion_images = signed(usage.image_output);
        generation.tokens_prompt = signed(usage.input);
        generation.tokens_completion = signed(usage.output);
        generation.num_media_prompt = signed(self.images);
        generation.num_media_completion = signed(ending.images_out);
        generation.web_searches = signed(usage.web_searches);
        generation.upstream_inference_cost = bill.cost.total.0;
        generation.upstream_prompt_cost = bill.cost.prompt.0;
        generation.upstream_completion_cost = bill.cost.completion.0;
        generation.cache_discount = bill.cost.cache_discount.0;
        generation.total_cost = charged;
        generation.usage_cost = charged;
        generation.price_state = bill.price_state;
        if let Some(pricing) = bill.pricing {
            let state = self.snapshot.endpoint(pricing);
            generation.prices = Some(Arc::clone(&state.prices));
            generation.price_version = Some(Arc::clone(&state.price_version));
        }
        generation.is_free = bill.price_state == store::PriceState::Free;
        generation.settled_by = bill.settled_by;
        Some(slot.settle(generation))
    }

    /// Settles a call whose caller left: what was metered so far is billed.
    pub fn abandon(mut self: Box<Self>, ending: Ending) {
        let ending = Ending { cancelled: true, ..ending };
        let bill = self.bill(&ending);
        // Nobody waits for the commit; the writer has the row.
        let _ = self.hand_over(ending, &bill);
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if self.slot.is_none() {
            return;
        }
        // The attempt that the caller did not wait for: where it hung can be seen. GEN-2
        if let Some(since) = self.trying.take() {
            let generation = &self.generation;
            let attempt = Attempt {
                id: None,
                endpoint_id: Arc::clone(&generation.endpoint_tag),
                provider_name: Arc::clone(&generation.provider_name),
                model_permaslug: Arc::clone(&generation.model_permaslug),
                status: None,
                latency_ms: i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX),
                is_byok: generation.is_byok,
                error_type: None,
            };
            self.attempted(attempt);
        }
        let ending = Ending { status: 499, cancelled: true, ..Ending::default() };
        let bill = self.bill(&ending);
        let _ = self.hand_over(ending, &bill);
    }
}

/// A provider's word, bounded like everything else that a peer may choose.
pub fn bounded(word: &str) -> Arc<str> {
    beginning(word, 200).into()
}

/// The first characters of a text, at most so many.
pub fn beginning(text: &str, most: usize) -> &str {
    // As many bytes are no more characters: most texts need not be gone through.
    let end = if text.len() <= most { None } else { text.char_indices().nth(most) };
    &text[..end.map_or(text.len(), |(end, _)| end)]
}

/// The opening values that every record shares.
pub fn record(id: &str, created_at: store::Micros) -> Box<Generation> {
    let mut generation = Box::<Generation>::default();
    generation.id = id.into();
    generation.request_id = request_id_of(id).into();
    generation.created_at = created_at;
    generation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, most, expected) in [
            ("", 3, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("äöü", 3, "äöü"),
            ("äöüß", 3, "äöü"),
        ] {
            assert_eq!(beginning(text, most), expected);
        }
    }
}
