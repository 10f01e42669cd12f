//! One number per endpoint to compare prices by.

use catalog::{Endpoint, Meter, PriceState};

use crate::situation::Situation;

/// The longest prompt that a comparison looks at; longer ones change nothing and could overflow.
const LONGEST_PROMPT: u64 = 100_000_000;

/// The minute of the day in UTC, 0–1439.
pub(crate) fn utc_minute(now_ms: u64) -> u16 {
    (now_ms / 60_000 % 1440) as u16
}

/// What a request of this size is expected to cost at an endpoint, in pico-dollars; `None` when
/// the price is not known. LB-1, PROV-11
///
/// The prompt is the estimate; the answer is taken to have a third of its tokens, and never more
/// than were asked for: the 3 : 1 ratio by which prices are usually blended. A fee per request is
/// added. Where neither prompt nor completion costs anything (images, speech), one unit of
/// everything that does is: a price per image is not free.
pub fn comparable(situation: &Situation<'_>, endpoint: &Endpoint) -> Option<u128> {
    if endpoint.price.state() == PriceState::Unknown {
        return None;
    }
    let prompt = situation.facts.estimated_prompt_tokens.clamp(3, LONGEST_PROMPT);
    let third = prompt / 3;
    let completion = situation.facts.max_output_tokens.map_or(third, |most| third.min(most)).max(1);
    let minute = utc_minute(situation.now_ms);
    let price = |meter| {
        endpoint
            .price
            .effective(meter, situation.facts.estimated_prompt_tokens, minute)
            .map(|price| u128::from(price.0.max(0).unsigned_abs()))
    };
    let request = price(Meter::Request).unwrap_or(0);
    match (price(Meter::Prompt).unwrap_or(0), price(Meter::Completion).unwrap_or(0)) {
        (0, 0) => {
            Some(endpoint.price.base.iter().filter_map(|(meter, _)| price(*meter)).sum::<u128>())
        }
        (input, output) => {
            Some(input * u128::from(prompt) + output * u128::from(completion) + request)
        }
    }
}

/// The place of a price in an order: known before unknown, cheap before dear.
pub(crate) fn price_order(price: Option<u128>) -> u128 {
    price.unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use catalog::{PicoUsd, PriceList, PriceOverride};

    use super::*;
    use crate::fixture::{Scene, endpoint};

    fn cost(made: &Endpoint, prompt: u64, most: Option<u64>) -> Option<u128> {
        let mut scene = Scene::new(vec![made.clone()]);
        scene.facts.estimated_prompt_tokens = prompt;
        scene.facts.max_output_tokens = most;
        comparable(
            &Situation {
                facts: &scene.facts,
                preferences: &scene.preferences,
                policy: &scene.policy,
                catalog: &scene.catalog,
                health: &scene.health,
                credentials: &|_| crate::Available::SHARED,
                sticky: &|_| None,
                made: &|_| None,
                now_ms: scene.now_ms,
            },
            made,
        )
    }

    #[test]
    fn prices_are_blended_three_to_one_and_bounded_by_what_is_asked_for() {
        let mut made = endpoint("x/a", "p", "1");
        made.price.base = vec![(Meter::Prompt, PicoUsd(10)), (Meter::Completion, PicoUsd(100))];
        for (prompt, most, expected) in [
            (300, None, 300 * 10 + 100 * 100),
            (300, Some(5), 300 * 10 + 5 * 100),
            (0, None, 3 * 10 + 100),
            (u64::MAX, Some(1), u128::from(LONGEST_PROMPT) * 10 + 100),
        ] {
            assert_eq!(cost(&made, prompt, most), Some(expected), "{prompt} {most:?}");
        }
        made.price.base.push((Meter::Request, PicoUsd(7)));
        assert_eq!(cost(&made, 3, None), Some(30 + 100 + 7));
        made.price.overrides.push(PriceOverride {
            min_prompt_tokens: Some(299),
            prices: vec![(Meter::Prompt, PicoUsd(20))],
            ..PriceOverride::default()
        });
        assert_eq!(cost(&made, 300, Some(1)), Some(300 * 20 + 100 + 7));
        made.price = PriceList::default();
        assert_eq!(cost(&made, 300, None), None, "unknown is not free");
        made.price.base = vec![(Meter::ImageOutput, PicoUsd(40))];
        assert_eq!(cost(&made, 300, None), Some(40));
        made.price.base.extend([(Meter::Prompt, PicoUsd(0)), (Meter::Completion, PicoUsd(0))]);
        assert_eq!(cost(&made, 300, None), Some(40), "tokens at no price do not make it free");
        assert!(price_order(None) > price_order(Some(40)));
    }
}
