//! The cost of an answer, computed once and frozen.

mod items;
#[cfg(test)]
mod tests;
mod waiver;

use catalog::{Meter, PicoUsd, PriceList};

use crate::amount::Femto;
use crate::{MeteredUsage, NanoUsd, Quantity};

use items::Item;
pub(crate) use items::{Tariff, items};
pub use waiver::{WaivedReason, waived};

/// What an answer costs, with its parts, in nano-dollars. `total` is
/// `prompt + completion + other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// All of it.
    pub total: NanoUsd,
    /// Input tokens of all kinds.
    pub prompt: NanoUsd,
    /// Output tokens of all kinds.
    pub completion: NanoUsd,
    /// Requests, images, searches, seconds, characters and other pieces.
    pub other: NanoUsd,
    /// What caching saved against the plain input price; negative when writing cost more. GEN-4
    pub cache_discount: NanoUsd,
}

/// One line of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostLine {
    /// What was metered.
    pub meter: Meter,
    /// How much of it, in the meter's unit.
    pub quantity: Quantity,
    /// What a unit costs, in pico-dollars: the meter's own price, or that of the meter its units
    /// fall under.
    pub price: PicoUsd,
    /// The line's share of the total, in nano-dollars.
    pub share: NanoUsd,
}

/// A cost with a line for each meter that was used. The shares sum exactly to the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostDetails {
    /// The sums.
    pub cost: Cost,
    /// Input tokens first, then output tokens, then pieces; without meters that counted nothing
    /// or have no price.
    pub lines: Vec<CostLine>,
}

/// The cost of `usage` at `prices`; `None` if the price is unknown, which is never zero.
/// `utc_minute_of_day` (0–1439) selects prices by time of day. MODELS-7, USAGE-4
pub fn cost(usage: &MeteredUsage, prices: &PriceList, utc_minute_of_day: u16) -> Option<Cost> {
    bill(usage, prices, utc_minute_of_day, |_| {})
}

/// [`cost()`], line by line. MODELS-6
pub fn cost_details(
    usage: &MeteredUsage,
    prices: &PriceList,
    utc_minute_of_day: u16,
) -> Option<CostDetails> {
    let mut lines = Vec::new();
    let cost = bill(usage, prices, utc_minute_of_day, |line| lines.push(line))?;
    Some(CostDetails { cost, lines })
}

/// The one place where a cost is computed.
fn bill(
    usage: &MeteredUsage,
    prices: &PriceList,
    utc_minute_of_day: u16,
    mut each: impl FnMut(CostLine),
) -> Option<Cost> {
    let tariff = Tariff { prices, prompt_tokens: usage.tokens.input, utc_minute_of_day };
    let items = items(usage, &tariff)?;
    let mut cost = Cost::default();
    let (mut exact, mut saved) = (Femto::ZERO, Femto::ZERO);
    for item in items.as_slice() {
        exact = exact.plus(Femto::product(item.quantity, item.price));
        // Only the running total is rounded, and a line's share is what it grows by: so shares
        // sum to the total, and a line that costs nothing has no share.
        let total = exact.rounded();
        let share = total - cost.total;
        cost.total = total;
        let part = match item.meter {
            Meter::Prompt | Meter::Audio | Meter::ImageToken => &mut cost.prompt,
            Meter::InputCacheRead
            | Meter::InputAudioCache
            | Meter::InputCacheWrite
            | Meter::InputCacheWrite1h => {
                let plain = match item.meter {
                    Meter::InputAudioCache => Meter::Audio,
                    _ => Meter::Prompt,
                };
                let plain = tariff.price(plain).unwrap_or_default();
                let difference = PicoUsd(plain.0.saturating_sub(item.price.0));
                saved = saved.plus(Femto::product(item.quantity, difference));
                &mut cost.prompt
            }
            Meter::Completion
            | Meter::InternalReasoning
            | Meter::AudioOutput
            | Meter::ImageOutputToken => &mut cost.completion,
            _ => &mut cost.other,
        };
        *part = *part + share;
        let Item { meter, quantity, price } = *item;
        each(CostLine { meter, quantity, price, share });
    }
    cost.cache_discount = saved.rounded();
    Some(cost)
}
