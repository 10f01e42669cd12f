//! What somebody must look at before a price is taken over from a list: what is compared is what
//! units are billed at, whichever entry of a price list says it.

use super::source::is_listed;
use crate::build::most_per_token;
use crate::model::ModelKind;
use crate::price::{Meter, PicoUsd, PriceList, PriceOverride, PriceState};

/// A price that became so many times larger or smaller is held back.
const JUMP: i128 = 3;

/// Two prices that differ by less than one part in so many are the same: lists round.
const SAME: i128 = 200;

/// Whether two prices differ by rounding only.
pub(super) fn is_same(left: PicoUsd, right: PicoUsd) -> bool {
    let (left, right) = (i128::from(left.0), i128::from(right.0));
    left == right || (left - right).abs() * SAME < left.max(right)
}

/// Why a price is not accepted by itself, one reason for each meter and condition. `new` has what
/// the list does not say from `old`.
pub(super) fn doubts(old: &PriceList, new: &PriceList, kind: ModelKind) -> Vec<String> {
    let mut found = absurd(new, kind);
    if old.state() == PriceState::Unknown {
        if new.state() == PriceState::Free {
            found.push("a price of zero, which may mean unknown".to_owned());
        } else if new.get(Meter::Prompt).is_none() || new.get(Meter::Completion).is_none() {
            // Half a price looks known and cheap, and bills nothing.
            found.push("a price of input or output alone".to_owned());
        }
        return found;
    }
    for difference in differences(old, new) {
        let Difference { before: Some(before), after: Some(after), .. } = difference else {
            continue;
        };
        let (old, new) = (i128::from(before.0), i128::from(after.0));
        if (old == 0) != (new == 0) {
            found.push(difference.to_string());
        } else if new > old * JUMP || old > new * JUMP {
            found.push(format!("{difference}, more than {JUMP} times"));
        }
    }
    found
}

/// Prices of tokens beyond what any model costs, for a price without one to compare with as well.
pub(super) fn absurd(price: &PriceList, kind: ModelKind) -> Vec<String> {
    let most = most_per_token(kind);
    let conditional = price.overrides.iter().flat_map(|entry| &entry.prices);
    let mut found: Vec<String> = price
        .base
        .iter()
        .chain(conditional)
        .filter(|(meter, price)| meter.counts_tokens() && *price > most)
        .map(|(meter, price)| {
            let (name, price, most) = (meter.name(), price.millions(), most.millions());
            format!("{name} at {price} USD per million, more than {most}")
        })
        .collect();
    found.dedup();
    found
}

/// The price without what the list could say and no longer says: its own rates of special tokens,
/// and conditions of long prompts. What no list of this form has stays.
pub(super) fn without_vanished(merged: &PriceList, listed: &PriceList) -> PriceList {
    let has = |prices: &[(Meter, PicoUsd)], meter: Meter| {
        !is_listed(meter) || prices.iter().any(|(known, _)| *known == meter)
    };
    let mut left = merged.clone();
    left.base.retain(|(meter, _)| has(&listed.base, *meter));
    left.overrides.retain_mut(|entry| {
        if entry.utc_start.is_some() {
            return true;
        }
        let same = |known: &&PriceOverride| known.min_prompt_tokens == entry.min_prompt_tokens;
        let Some(still) = listed.overrides.iter().find(same) else { return false };
        entry.prices.retain(|(meter, _)| has(&still.prices, *meter));
        !entry.prices.is_empty()
    });
    left
}

/// What changes where the list no longer says something, one sentence for each meter and condition.
pub(super) fn vanished(merged: &PriceList, left: &PriceList) -> Vec<String> {
    differences(merged, left)
        .into_iter()
        .map(|difference| format!("{difference}, being no longer listed"))
        .collect()
}

/// What the units of a meter are billed at, before and after, for prompts of some length and at
/// some time.
#[derive(PartialEq, Eq)]
struct Difference {
    meter: Meter,
    above: Option<u64>,
    minute: u16,
    before: Option<PicoUsd>,
    after: Option<PicoUsd>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.meter.name())?;
        if let Some(tokens) = self.above {
            write!(formatter, " above {tokens} tokens")?;
        }
        if self.minute > 0 {
            write!(formatter, " at {:02}:{:02} UTC", self.minute / 60, self.minute % 60)?;
        }
        let text = |price: Option<PicoUsd>| price.map_or("unknown".to_owned(), PicoUsd::millions);
        let (before, after) = (text(self.before), text(self.after));
        write!(formatter, " goes from {before} to {after} USD per million")
    }
}

/// Where two price lists bill differently: at the beginning, above each length and at each time at
/// which a price of either changes.
fn differences(old: &PriceList, new: &PriceList) -> Vec<Difference> {
    let entries = || old.overrides.iter().chain(&new.overrides);
    let mut lengths: Vec<Option<u64>> = entries().map(|entry| entry.min_prompt_tokens).collect();
    lengths.push(None);
    let clock = |hhmm: u16| (hhmm / 100 * 60 + hhmm % 100).min(1_439);
    let mut minutes: Vec<u16> =
        entries().flat_map(|entry| [entry.utc_start, entry.utc_end]).flatten().map(clock).collect();
    minutes.push(0);
    minutes.sort_unstable();
    minutes.dedup();
    lengths.sort_unstable();
    lengths.dedup();
    let mut found: Vec<Difference> = Vec::new();
    for meter in Meter::ALL {
        for above in &lengths {
            for minute in &minutes {
                let tokens = above.map_or(0, |length| length.saturating_add(1));
                let own = |list: &PriceList| list.effective(meter, tokens, *minute).is_some();
                // Without a price of its own on either side it follows what it is a part of.
                if !own(old) && !own(new) {
                    continue;
                }
                let before = billed(old, meter, tokens, *minute);
                let after = billed(new, meter, tokens, *minute);
                let same = match (before, after) {
                    (Some(before), Some(after)) => is_same(before, after),
                    _ => before == after,
                };
                let told = |known: &Difference| {
                    (known.meter, known.before, known.after) == (meter, before, after)
                };
                if !same && !found.iter().any(told) {
                    let (above, minute) = (*above, *minute);
                    found.push(Difference { meter, above, minute, before, after });
                }
            }
        }
    }
    found
}

/// The price that units of a meter are billed at: its own, or that of the meter they fall under.
fn billed(list: &PriceList, meter: Meter, tokens: u64, minute: u16) -> Option<PicoUsd> {
    list.effective(meter, tokens, minute).or_else(|| {
        let whole = match meter {
            Meter::InputAudioCache => Meter::InputCacheRead,
            Meter::InputCacheWrite1h => Meter::InputCacheWrite,
            Meter::InputCacheRead | Meter::InputCacheWrite | Meter::Audio | Meter::ImageToken => {
                Meter::Prompt
            }
            Meter::InternalReasoning | Meter::AudioOutput | Meter::ImageOutputToken => {
                Meter::Completion
            }
            _ => return None,
        };
        billed(list, whole, tokens, minute)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(prices: &[(Meter, i64)]) -> PriceList {
        PriceList {
            base: prices.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect(),
            overrides: Vec::new(),
        }
    }

    fn above(mut list: PriceList, tokens: u64, prices: &[(Meter, i64)]) -> PriceList {
        list.overrides.push(PriceOverride {
            min_prompt_tokens: Some(tokens),
            prices: prices.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect(),
            ..PriceOverride::default()
        });
        list
    }

    const WHOLE: [(Meter, i64); 2] = [(Meter::Prompt, 1_000_000), (Meter::Completion, 2_000_000)];

    /// Promise 2: half a price looks cheap, and bills nothing.
    #[test]
    fn an_unknown_price_is_replaced_by_a_whole_one_only() {
        let unknown = PriceList::default();
        for (new, held) in [
            (list(&WHOLE), false),
            (list(&WHOLE[..1]), true),
            (list(&WHOLE[1..]), true),
            (list(&[(Meter::Prompt, 0), (Meter::Completion, 0)]), true),
            (list(&[(Meter::Prompt, 2_000_000_000), (Meter::Completion, 1)]), true),
            (above(list(&WHOLE), 9, &[(Meter::Prompt, 2_000_000_000)]), true),
        ] {
            assert_eq!(!doubts(&unknown, &new, ModelKind::Chat).is_empty(), held, "{new:?}");
        }
    }

    #[test]
    fn what_units_are_billed_at_is_compared() {
        let old = list(&WHOLE);
        let with = |meter, price| list(&[WHOLE[0], WHOLE[1], (meter, price)]);
        for (new, reason) in [
            (with(Meter::InternalReasoning, 5_000_000), ""),
            (
                with(Meter::InternalReasoning, 7_000_000),
                "internal_reasoning goes from 2 to 7 USD per million, more than 3 times",
            ),
            (
                with(Meter::InputCacheRead, 100_000),
                "input_cache_read goes from 1 to 0.1 USD per million, more than 3 times",
            ),
            (with(Meter::Audio, 3_000_000), ""),
            (
                above(list(&WHOLE), 200_000, &[(Meter::Prompt, 4_000_000)]),
                "prompt above 200000 tokens goes from 1 to 4 USD per million, more than 3 times",
            ),
            (above(list(&WHOLE), 200_000, &[(Meter::Prompt, 2_000_000)]), ""),
        ] {
            assert_eq!(doubts(&old, &new, ModelKind::Chat).join("; "), reason);
        }
    }

    #[test]
    fn a_price_that_falls_with_another_is_told_of_once() {
        let old = above(list(&WHOLE), 9, &[(Meter::Completion, 3_000_000)]);
        let new = above(
            list(&[(Meter::Prompt, 9_000_000), WHOLE[1]]),
            9,
            &old.overrides[0]
                .prices
                .iter()
                .map(|(meter, price)| (*meter, price.0))
                .collect::<Vec<_>>(),
        );
        assert_eq!(doubts(&old, &new, ModelKind::Chat).len(), 1);
    }

    #[test]
    fn what_the_list_no_longer_says_is_told_of_by_its_effect() {
        let old = above(
            list(&[
                WHOLE[0],
                WHOLE[1],
                (Meter::WebSearch, 10),
                (Meter::InternalReasoning, 2_000_000),
                (Meter::InputCacheRead, 100_000),
            ]),
            200_000,
            &[(Meter::Prompt, 2_000_000)],
        );
        let left = without_vanished(&old, &list(&WHOLE));
        assert_eq!(left, list(&[WHOLE[0], WHOLE[1], (Meter::WebSearch, 10)]));
        assert_eq!(
            vanished(&old, &left),
            [
                "prompt above 200000 tokens goes from 2 to 1 USD per million, being no longer listed",
                "input_cache_read goes from 0.1 to 1 USD per million, being no longer listed",
            ]
        );
    }
}
