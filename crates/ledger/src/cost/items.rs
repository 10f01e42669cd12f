//! Which units of an answer are billed, by which meter, at which price.

use catalog::{Meter, PicoUsd, PriceList, PriceState};
use protocol::exchange::SearchContext;

use crate::{MeteredUsage, Quantity};

/// Units of one meter at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub meter: Meter,
    pub quantity: Quantity,
    pub price: PicoUsd,
}

/// The items of an answer, in the order in which they are listed; at most one for each meter.
pub(crate) struct Items {
    items: [Item; Meter::ALL.len()],
    count: usize,
}

impl Items {
    const EMPTY: Item =
        Item { meter: Meter::Prompt, quantity: Quantity::units(0), price: PicoUsd::ZERO };

    fn new() -> Self {
        Self { items: [Self::EMPTY; Meter::ALL.len()], count: 0 }
    }

    fn push(&mut self, meter: Meter, quantity: Quantity, price: PicoUsd) {
        if quantity.is_zero() {
            return;
        }
        if let Some(item) = self.items.get_mut(self.count) {
            *item = Item { meter, quantity, price };
            self.count += 1;
        }
    }

    pub fn as_slice(&self) -> &[Item] {
        self.items.get(..self.count).unwrap_or_default()
    }
}

/// The prices that hold for one answer. MODELS-7
#[derive(Clone, Copy)]
pub(crate) struct Tariff<'a> {
    pub prices: &'a PriceList,
    pub prompt_tokens: u64,
    pub utc_minute_of_day: u16,
}

impl Tariff<'_> {
    /// The meter's own price.
    pub fn own(&self, meter: Meter) -> Option<PicoUsd> {
        self.prices.effective(meter, self.prompt_tokens, self.utc_minute_of_day)
    }

    /// The price its units are billed at: its own, or that of the meter it is a part of.
    pub fn price(&self, meter: Meter) -> Option<PicoUsd> {
        let mut meter = Some(meter);
        while let Some(tried) = meter {
            if let Some(price) = self.own(tried) {
                return Some(price);
            }
            meter = part_of(tried);
        }
        None
    }

    fn is_positive(&self, meter: Meter) -> bool {
        self.own(meter).is_some_and(|price| price.0 > 0)
    }
}

/// The meter under which units fall that have no price of their own. MODELS-6
const fn part_of(meter: Meter) -> Option<Meter> {
    match meter {
        Meter::InputCacheRead | Meter::InputCacheWrite | Meter::Audio | Meter::ImageToken => {
            Some(Meter::Prompt)
        }
        Meter::InputAudioCache => Some(Meter::InputCacheRead),
        Meter::InputCacheWrite1h => Some(Meter::InputCacheWrite),
        Meter::InternalReasoning | Meter::AudioOutput | Meter::ImageOutputToken => {
            Some(Meter::Completion)
        }
        Meter::VideoSecond => Some(Meter::SecondOut),
        _ => None,
    }
}

/// Every part is taken out of what is left, so that no token is billed twice even if a
/// provider's parts do not add up.
fn take(left: &mut u64, wanted: u64) -> u64 {
    let taken = wanted.min(*left);
    *left -= taken;
    taken
}

fn input_tokens(usage: &MeteredUsage) -> [(Meter, u64); 7] {
    let tokens = &usage.tokens;
    let mut left = tokens.input;
    let mut read = take(&mut left, tokens.cached_input);
    let cached_audio = take(&mut read, tokens.cached_audio);
    let mut write = take(&mut left, tokens.cache_write);
    let write_1h = take(&mut write, tokens.cache_write_1h);
    let audio = take(&mut left, tokens.audio_input.saturating_sub(cached_audio));
    let image = take(&mut left, tokens.image_input);
    [
        (Meter::Prompt, left),
        (Meter::InputCacheRead, read),
        (Meter::InputAudioCache, cached_audio),
        (Meter::InputCacheWrite, write),
        (Meter::InputCacheWrite1h, write_1h),
        (Meter::Audio, audio),
        (Meter::ImageToken, image),
    ]
}

fn output_tokens(usage: &MeteredUsage) -> [(Meter, u64); 4] {
    let tokens = &usage.tokens;
    let mut left = tokens.output;
    let reasoning = take(&mut left, tokens.reasoning);
    let audio = take(&mut left, tokens.audio_output);
    let image = take(&mut left, tokens.image_output);
    [
        (Meter::Completion, left),
        (Meter::InternalReasoning, reasoning),
        (Meter::AudioOutput, audio),
        (Meter::ImageOutputToken, image),
    ]
}

/// What is counted by the piece or by time. Where tokens that stand for the same are counted and
/// priced, the piece says it once more: it is left out.
fn pieces(usage: &MeteredUsage, tariff: &Tariff<'_>) -> [(Meter, Quantity); 10] {
    let request = match usage.tokens.search_context {
        Some(SearchContext::Medium) => Meter::RequestMediumContext,
        Some(SearchContext::High) => Meter::RequestHighContext,
        Some(SearchContext::Low) | None => Meter::Request,
    };
    // Without a fee of its own it is a request like any other.
    let request = if tariff.own(request).is_some() { request } else { Meter::Request };
    let tokens = &usage.tokens;
    let unless = |said: bool, quantity| if said { Quantity::default() } else { quantity };
    let priced_prompt = tokens.input > 0 && tariff.is_positive(Meter::Prompt);
    let images = unless(tokens.image_input > 0 || priced_prompt, Quantity::units(usage.images));
    let images_out = unless(tokens.image_output > 0, Quantity::units(usage.images_out));
    let heard = tokens.audio_input > 0 || (tokens.input > 0 && tariff.own(Meter::Audio).is_some());
    let spoken =
        tokens.audio_output > 0 || (tokens.output > 0 && tariff.own(Meter::AudioOutput).is_some());
    let mut seconds_out = unless(spoken, Quantity::thousandths(usage.milliseconds_out));
    let mut video = Quantity::thousandths(usage.video_milliseconds);
    if tariff.own(Meter::VideoSecond).is_none() {
        seconds_out = seconds_out.plus(std::mem::take(&mut video));
    }
    [
        (request, Quantity::units(usage.requests)),
        (Meter::Image, images),
        (Meter::ImageOutput, images_out),
        (Meter::SecondIn, unless(heard, Quantity::thousandths(usage.milliseconds_in))),
        (Meter::SecondOut, seconds_out),
        (Meter::Character, unless(priced_prompt, Quantity::units(usage.characters))),
        (Meter::SearchUnit, Quantity::units(usage.search_units)),
        (Meter::Page, Quantity::units(usage.pages)),
        (Meter::VideoSecond, video),
        (Meter::WebSearch, Quantity::units(tokens.web_searches)),
    ]
}

/// A piece that pays for a whole answer: beside it, tokens need no price. Searches and images
/// sent are only a part of one.
const fn pays_for_all(meter: Meter) -> bool {
    !matches!(meter, Meter::WebSearch | Meter::Image)
}

/// The items of an answer; `None` if something it used has no price that covers it.
pub(crate) fn items(usage: &MeteredUsage, tariff: &Tariff<'_>) -> Option<Items> {
    if tariff.prices.state() == PriceState::Unknown {
        return None;
    }
    let pieces = pieces(usage, tariff);
    let paid = |meter: Meter, quantity: Quantity| {
        (meter == Meter::Request || !quantity.is_zero()) && tariff.own(meter).is_some()
    };
    let covered =
        pieces.iter().any(|(meter, quantity)| pays_for_all(*meter) && paid(*meter, *quantity));
    let mut items = Items::new();
    let tokens = [&input_tokens(usage)[..], &output_tokens(usage)[..]];
    for (meter, count) in tokens.into_iter().flatten().filter(|(_, count)| *count > 0) {
        match tariff.price(*meter) {
            Some(price) => items.push(*meter, Quantity::units(*count), price),
            None if covered => items.push(*meter, Quantity::units(*count), PicoUsd::ZERO),
            None => return None,
        }
    }
    // What has no price of its own is paid for with the tokens it became. Without any, nothing
    // pays for it: that is not free, unless everything is.
    let carried = covered || tariff.prices.state() == PriceState::Free;
    for (meter, quantity) in pieces.into_iter().filter(|(_, quantity)| !quantity.is_zero()) {
        let tokens = match meter {
            Meter::ImageOutput | Meter::SecondOut | Meter::VideoSecond => usage.tokens.output,
            _ => usage.tokens.input,
        };
        let needs_price = !matches!(meter, Meter::Request | Meter::WebSearch);
        match tariff.own(meter) {
            Some(price) => items.push(meter, quantity, price),
            None if needs_price && tokens == 0 && !carried => return None,
            None => {}
        }
    }
    Some(items)
}
