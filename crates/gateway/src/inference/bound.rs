//! What a request costs at most at an endpoint, and how long its answer may be for an amount.

use catalog::{Endpoint, Meter, Model, PriceList};
use ledger::{Markup, MeteredUsage, NanoUsd, affordable_output_tokens_beside, upper_bound};
use protocol::exchange::{SearchContext, Usage};
use protocol::facts::RequestFacts;
use protocol::json::Envelope;
use protocol::{Dialect, Surface};

use super::count::Counts;

/// An image is never more tokens than this at any provider that is known: 48,169 at the model
/// that counts most for one.
const IMAGE_TOKENS: u64 = 50_000;
/// What providers write before a prompt that has tools or a schema, in tokens: at most 600 where
/// it is published.
const INSTRUCTIONS: u64 = 1_024;
/// What templates put around a prompt, in tokens, beyond what the JSON around it takes.
const TEMPLATE: u64 = 64;
/// The most output of an endpoint of which nothing is known, in tokens.
const UNKNOWN_OUTPUT: u64 = 32_768;
/// The longest prompt of an endpoint of which nothing is known, in tokens.
const UNKNOWN_CONTEXT: u64 = 1_048_576;
/// Bytes of a token, in texts where they are longest.
const MOST_BYTES_OF_TOKEN: u64 = 16;
/// An answer of unstated length is not begun for fewer tokens than this.
pub const LEAST_OUTPUT: u64 = 16;
/// An answer of unstated length waits for running requests rather than to be cut below this, in
/// tokens.
const COMFORTABLE_OUTPUT: u64 = 8_192;

/// What a request uses at most, whoever answers.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Bytes of everything but media: no tokenizer makes more tokens of a text than it has bytes.
    text: u64,
    /// Bytes of what is beside the conversation, and tokens of what is written before it.
    around: u64,
    /// What vocabularies made of the conversation, once it was counted. `None`: not yet.
    counts: Option<Counts>,
    /// There are texts alone, of one conversation.
    is_countable: bool,
    images: u64,
    search_units: u64,
    /// Searches of the web, at providers that speak what the caller does: others are not told of
    /// such tools.
    web_searches: u64,
    spoken: Option<Dialect>,
    /// Inputs of which each may be as long as a context; 1 for a conversation.
    inputs: u64,
    /// Audio, video and documents, whose tokens are not known from their bytes.
    other_media: bool,
    audio: bool,
    answers: u64,
    asked: Option<u64>,
    minute: u16,
}

impl Demand {
    /// Measures a request that is made at `minute` of the UTC day.
    pub fn of(
        (facts, surface): (&RequestFacts, Surface),
        envelope: &Envelope<'_>,
        size: usize,
        minute: u16,
    ) -> Self {
        // Messages and tools are counted without their media, the other members whole.
        let counted = surface.counted_members().iter().filter_map(|name| envelope.raw(name));
        let others = size.saturating_sub(counted.map(|raw| raw.get().len()).sum());
        let written = facts.tools > 0 || facts.structured_output.is_some();
        let inputs = match surface {
            Surface::Embeddings | Surface::Rerank => facts.message_count.max(1) as u64,
            _ => 1,
        };
        let around = (others as u64)
            .saturating_add(facts.namespace_bytes)
            .saturating_add(TEMPLATE.saturating_mul(inputs));
        let text = facts
            .estimated_prompt_tokens
            .saturating_mul(4)
            .saturating_add(around)
            .saturating_add(if written { INSTRUCTIONS } else { 0 });
        // What a provider's own tools find comes into the prompt as well.
        let other_media = facts.audio_input
            || facts.video_input
            || facts.file_input
            || facts.hosted_tools
            || facts.unknown_parts;
        // What is counted of a conversation is in `counted_members`.
        let is_conversation =
            !matches!(surface, Surface::Completions | Surface::Embeddings | Surface::Rerank);
        Self {
            text,
            around: around.saturating_add(INSTRUCTIONS),
            counts: None,
            is_countable: is_conversation && !other_media && !facts.image_input,
            images: facts.images,
            search_units: facts.search_units,
            web_searches: facts.web_searches,
            spoken: Some(surface.dialect()),
            inputs,
            other_media,
            audio: facts.audio_input,
            answers: facts.answers.max(1),
            asked: facts.max_output_tokens,
            minute,
        }
    }

    /// What is known of a request that is passed through: its size, what it states, and that it
    /// may refer to more than it has in it (`references`).
    pub fn of_bytes(
        (size, answers): (usize, u64),
        asked: Option<u64>,
        references: bool,
        minute: u16,
    ) -> Self {
        Self {
            text: (size as u64).saturating_add(TEMPLATE + INSTRUCTIONS),
            around: 0,
            counts: None,
            is_countable: false,
            images: 0,
            search_units: 0,
            web_searches: 0,
            spoken: None,
            inputs: 1,
            other_media: references,
            audio: references,
            answers: answers.max(1),
            asked,
            minute,
        }
    }

    /// Whether the caller states the length of the answer.
    pub fn states_length(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether counting the prompt may show that it is shorter than its bytes say.
    pub fn can_be_counted(&self) -> bool {
        self.is_countable && self.counts.is_none()
    }

    /// From now on goes by what was counted, as far as it is less.
    pub fn count(&mut self, counts: Counts) {
        self.counts = Some(counts);
    }

    /// The same with the fewest tokens that so many bytes may be expected to have.
    pub fn at_its_shortest(&self) -> Self {
        Self { text: self.text / MOST_BYTES_OF_TOKEN, ..self.clone() }
    }

    /// The bound at an endpoint.
    pub fn at<'e>(&self, endpoint: &'e Endpoint, dialect: Dialect, markup: Markup) -> Bound<'e> {
        self.with_text(self.text, endpoint, dialect, markup)
    }

    /// The bound at an endpoint of a model whose vocabulary may have been counted with.
    pub fn at_model<'e>(
        &self,
        (endpoint, model): (&'e Endpoint, &Model),
        dialect: Dialect,
        markup: Markup,
    ) -> Bound<'e> {
        let counted = self.counts.as_ref().and_then(|counts| counts.of(model));
        let counted = counted.map_or(u64::MAX, |tokens| tokens.saturating_add(self.around));
        self.with_text(self.text.min(counted), endpoint, dialect, markup)
    }

    fn with_text<'e>(
        &self,
        text: u64,
        endpoint: &'e Endpoint,
        dialect: Dialect,
        markup: Markup,
    ) -> Bound<'e> {
        let context = endpoint.longest_prompt().unwrap_or(UNKNOWN_CONTEXT);
        let media = match self.other_media {
            true => context.saturating_mul(self.inputs),
            false => self
                .images
                .saturating_mul(IMAGE_TOKENS.min(context))
                .min(context.saturating_mul(self.inputs)),
        };
        let input = text.saturating_add(media);
        let web_searches = match self.spoken == Some(dialect) {
            true => self.web_searches.saturating_mul(self.answers),
            false => 0,
        };
        let web_searches = match endpoint.abilities.one_search_price {
            true => web_searches.min(self.answers),
            false => web_searches,
        };
        let own = endpoint.max_completion_tokens.or(endpoint.context_length);
        Bound {
            prices: &endpoint.price,
            usage: MeteredUsage {
                tokens: Usage { input, web_searches, ..Usage::default() },
                requests: self.inputs,
                images: self.images,
                search_units: self.search_units,
                ..MeteredUsage::default()
            },
            audio: self.audio,
            answers: self.answers,
            wanted: self.asked.unwrap_or(u64::MAX).min(own.unwrap_or(UNKNOWN_OUTPUT)),
            unbound: self.asked.or(own),
            states_length: self.asked.is_some(),
            markup,
            minute: self.minute,
        }
    }
}

/// The bound of a request at one endpoint. Amounts are what is charged, in nano-dollars.
pub struct Bound<'e> {
    prices: &'e PriceList,
    usage: MeteredUsage,
    audio: bool,
    answers: u64,
    /// The most tokens of one answer that make sense here.
    wanted: u64,
    /// The most tokens of one answer if nothing is written into the request; `None`: no end.
    unbound: Option<u64>,
    states_length: bool,
    markup: Markup,
    minute: u16,
}

/// How an endpoint may be asked for what was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// As the caller asked.
    Whole,
    /// With so many tokens of each answer at most.
    Cut(u64),
    /// Not at all.
    Beyond,
}

impl Bound<'_> {
    /// What it costs at most; `None` if the price is unknown.
    pub fn most(&self) -> Option<NanoUsd> {
        self.with_output(self.wanted)
    }

    /// What has to be there for it to be begun without waiting.
    pub fn comfortable(&self) -> Option<NanoUsd> {
        match self.states_length {
            true => self.most(),
            false => self.with_output(self.wanted.min(COMFORTABLE_OUTPUT)),
        }
    }

    /// What the prompt alone costs at most.
    pub fn prompt(&self) -> Option<NanoUsd> {
        self.with_output(0)
    }

    /// What has to be there for it to be begun at all.
    pub fn least(&self) -> Option<NanoUsd> {
        self.with_output(self.least_output())
    }

    /// How many tokens of each answer an amount pays for; `None`: not even the prompt.
    pub fn affordable(&self, amount: NanoUsd) -> Option<u64> {
        if self.wanted == 0 {
            // Nothing is written: what is used is the whole cost.
            return self.with_output(0).filter(|cost| *cost <= amount).map(|_| u64::MAX);
        }
        let cost = self.markup.affordable(amount);
        let mut least = Some(u64::MAX);
        self.each_reading(|usage| {
            let tokens = affordable_output_tokens_beside(usage, self.prices, cost, self.minute);
            least = least.zip(tokens).map(|(least, tokens)| least.min(tokens));
        });
        least.map(|tokens| if tokens == u64::MAX { tokens } else { tokens / self.answers })
    }

    /// How it may be asked for what `granted` pays for.
    pub fn cover(&self, granted: NanoUsd) -> Cover {
        match self.affordable(granted) {
            Some(tokens) if tokens >= self.unbound.unwrap_or(u64::MAX) => Cover::Whole,
            Some(tokens) if tokens >= self.least_output() => Cover::Cut(tokens.min(self.wanted)),
            _ => Cover::Beyond,
        }
    }

    fn least_output(&self) -> u64 {
        if self.states_length { self.wanted } else { self.wanted.min(LEAST_OUTPUT) }
    }

    fn with_output(&self, tokens: u64) -> Option<NanoUsd> {
        let output = tokens.saturating_mul(self.answers);
        let mut most = Some(NanoUsd::ZERO);
        self.each_reading(|usage| {
            let tokens = Usage { output, ..usage.tokens };
            let usage = MeteredUsage { tokens, ..*usage };
            let cost = upper_bound(&usage, self.prices, self.minute);
            most = most.zip(cost).map(|(most, cost)| most.max(cost));
        });
        most.map(|cost| self.markup.apply(cost))
    }

    /// All ways in which the prompt may come to be billed: every token of it by the same meter.
    /// A mixture costs no more than the dearest of them.
    fn each_reading(&self, mut each: impl FnMut(&MeteredUsage)) {
        let plain = self.usage;
        each(&plain);
        let input = plain.tokens.input;
        let mut by = |tokens: Usage| each(&MeteredUsage { tokens, ..plain });
        let priced = |meter| self.prices.get(meter).is_some();
        if priced(Meter::InputCacheWrite) {
            by(Usage { cache_write: input, ..plain.tokens });
        }
        if priced(Meter::InputCacheWrite1h) {
            by(Usage { cache_write: input, cache_write_1h: input, ..plain.tokens });
        }
        if self.audio && priced(Meter::Audio) {
            by(Usage { audio_input: input, ..plain.tokens });
        }
        if plain.images > 0 && priced(Meter::ImageToken) {
            by(Usage { image_input: input, ..plain.tokens });
        }
        // How much comes of what is found on the web is the provider's to say.
        for (meter, context) in [
            (Meter::RequestMediumContext, SearchContext::Medium),
            (Meter::RequestHighContext, SearchContext::High),
        ] {
            if priced(meter) {
                by(Usage { search_context: Some(context), ..plain.tokens });
            }
        }
        // A price for shorter prompts may be the dearer one.
        for threshold in self.prices.overrides.iter().filter_map(|entry| entry.min_prompt_tokens) {
            if threshold < input {
                by(Usage { input: threshold, ..plain.tokens });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::{PicoUsd, PriceOverride};
    use ledger::BasisPoints;
    use proptest::prelude::*;

    use super::*;

    fn demand(asked: Option<u64>, answers: u64) -> Demand {
        Demand {
            text: 1_000,
            around: 0,
            counts: None,
            is_countable: false,
            images: 0,
            search_units: 0,
            web_searches: 0,
            spoken: Some(Dialect::OpenaiChat),
            inputs: 1,
            other_media: false,
            audio: false,
            answers,
            asked,
            minute: 0,
        }
    }

    fn endpoint(price: PriceList, most: Option<u64>) -> Endpoint {
        Endpoint {
            model: "a/b".to_owned(),
            provider: "p".to_owned(),
            tag: "p".to_owned(),
            upstream_model: "b".to_owned(),
            price,
            context_length: None,
            max_completion_tokens: most,
            max_prompt_tokens: None,
            quantization: Default::default(),
            supported_parameters: Default::default(),
            input_modalities: catalog::Modalities::TEXT,
            output_modalities: catalog::Modalities::TEXT,
            status: Default::default(),
            service_tier: Default::default(),
            region: None,
            supports_implicit_caching: false,
            data_policy: None,
            abilities: Default::default(),
        }
    }

    fn prices(base: &[(Meter, i64)]) -> PriceList {
        let base = base.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect();
        PriceList { base, overrides: Vec::new() }
    }

    #[test]
    fn what_is_bounded_or_not_is_written_only_where_it_has_to_be() {
        let list = prices(&[(Meter::Prompt, 0), (Meter::Completion, 1_000)]);
        let cover = |asked, most, granted| {
            let endpoint = endpoint(list.clone(), most);
            let demand = demand(asked, 1);
            demand.at(&endpoint, Dialect::OpenaiChat, Markup::default()).cover(NanoUsd(granted))
        };
        assert_eq!(cover(None, Some(100), 100), Cover::Whole);
        assert_eq!(cover(None, Some(100), 99), Cover::Cut(99));
        assert_eq!(cover(None, Some(100), 15), Cover::Beyond, "too little for an answer");
        assert_eq!(cover(Some(50), Some(100), 50), Cover::Whole);
        assert_eq!(cover(Some(50), Some(100), 49), Cover::Beyond, "the caller said how long");
        assert_eq!(cover(Some(200), Some(100), 100), Cover::Cut(100), "more than it can");
        assert_eq!(cover(None, None, i64::MAX / 2), Cover::Cut(UNKNOWN_OUTPUT));
    }

    #[test]
    fn searches_are_held_where_they_can_be_made_and_have_a_price() {
        let demand = Demand { web_searches: 3, ..demand(Some(1), 2) };
        let most = |meter, dialect| {
            let list =
                prices(&[(Meter::Prompt, 0), (Meter::Completion, 0), (meter, 10_000_000_000)]);
            demand.at(&endpoint(list, None), dialect, Markup::default()).most()
        };
        assert_eq!(most(Meter::WebSearch, Dialect::OpenaiChat), Some(NanoUsd(60_000_000)));
        assert_eq!(most(Meter::WebSearch, Dialect::Anthropic), Some(NanoUsd::ZERO));
        assert_eq!(most(Meter::Page, Dialect::OpenaiChat), Some(NanoUsd::ZERO));
    }

    #[test]
    fn a_request_is_held_at_the_dearest_of_its_fees() {
        let list = prices(&[
            (Meter::Prompt, 0),
            (Meter::Completion, 0),
            (Meter::Request, 5_000_000_000),
            (Meter::RequestHighContext, 12_000_000_000),
        ]);
        let demand = demand(Some(1), 1);
        let endpoint = endpoint(list, None);
        let bound = demand.at(&endpoint, Dialect::OpenaiChat, Markup::default());
        assert_eq!(bound.most(), Some(NanoUsd(12_000_000)));
    }

    proptest! {
        /// Promise 3: no answer that keeps within what was granted is charged more.
        #[test]
        fn nothing_costs_more_than_its_bound(
            price in (0_i64..9_000_000, 0_i64..9_000_000, 0_i64..9_000_000, 0_i64..9_000_000),
            tier in (0_u64..2_000, 0_i64..9_000_000),
            used in (0_u64..=1_000, 0_u64..=1_000, 0_u64..=1_000),
            output in 0_u64..=500, reasoning in 0_u64..=500,
            answers in 1_u64..4, points in 0_u32..3_000, granted in 0_i64..40_000_000,
        ) {
            let mut list = prices(&[
                (Meter::Prompt, price.0),
                (Meter::Completion, price.1),
                (Meter::InputCacheWrite, price.2),
                (Meter::InputCacheRead, price.3.min(price.0)),
            ]);
            list.overrides.push(PriceOverride {
                min_prompt_tokens: Some(tier.0),
                prices: vec![(Meter::Prompt, PicoUsd(tier.1))],
                ..PriceOverride::default()
            });
            // A price for reading that is not dearer than the prompt's, of either tier.
            list.base[3].1.0 = list.base[3].1.0.min(tier.1);
            let endpoint = endpoint(list.clone(), Some(500));
            let markup = Markup(BasisPoints(points));
            let demand = demand(None, answers);
            let bound = demand.at(&endpoint, Dialect::OpenaiChat, markup);
            let charged = |output: u64| {
                let tokens = Usage {
                    input: used.0,
                    cached_input: used.1,
                    cache_write: used.2,
                    output: output * answers,
                    reasoning,
                    ..Usage::default()
                };
                let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
                markup.apply(ledger::cost(&usage, &list, 0).unwrap().total)
            };
            let most = bound.most().unwrap();
            prop_assert!(charged(output) <= most);
            prop_assert!(bound.least().unwrap() <= most);
            match bound.cover(NanoUsd(granted)) {
                Cover::Whole => prop_assert!(charged(500).0 <= granted),
                Cover::Cut(tokens) => prop_assert!(charged(tokens).0 <= granted),
                Cover::Beyond => prop_assert!(granted < bound.least().unwrap().0),
            }
        }
    }
}
