//! Price ceilings. PROV-12

use catalog::{Meter, PriceState};

use crate::candidate::Candidate;
use crate::group::Group;
use crate::preferences::MaxPrice;
use crate::price::utc_minute;
use crate::reason::Reason;
use crate::situation::Situation;

/// Endpoints above a ceiling are left out, even if nothing else is left. The price that counts is
/// the one in force for a prompt of this size at this hour. A meter the endpoint does not price
/// passes; an endpoint whose prices are not known does not. PROV-12, MODELS-7
pub(super) fn max_price(
    situation: &Situation<'_>,
    _: &Group,
    candidate: &Candidate<'_>,
) -> Option<Reason> {
    let limits = &situation.preferences.max_price;
    if *limits == MaxPrice::default() {
        return None;
    }
    let list = &candidate.endpoint.price;
    if list.state() == PriceState::Unknown {
        return Some(Reason::UnknownPrice);
    }
    let minute = utc_minute(situation.now_ms);
    [
        (Meter::Prompt, limits.prompt),
        (Meter::Completion, limits.completion),
        (Meter::Request, limits.request),
        (Meter::Image, limits.image),
        (Meter::Audio, limits.audio),
    ]
    .into_iter()
    .find_map(|(meter, limit)| {
        let limit = limit?;
        let price = list.effective(meter, situation.facts.estimated_prompt_tokens, minute)?;
        (price > limit).then_some(Reason::Price { meter, price, limit })
    })
}

#[cfg(test)]
mod tests {
    use catalog::{PicoUsd, PriceList, PriceOverride};

    use crate::AvailabilityCode;
    use crate::fixture::{Scene, endpoint};

    fn scene() -> Scene {
        let mut unknown = endpoint("x/a", "unknown", "1");
        unknown.price = PriceList::default();
        let mut stepped = endpoint("x/a", "stepped", "1");
        stepped.price.overrides = vec![PriceOverride {
            min_prompt_tokens: Some(5_000),
            prices: vec![(catalog::Meter::Prompt, PicoUsd(9_000_000))],
            ..PriceOverride::default()
        }];
        Scene::new(vec![
            endpoint("x/a", "cheap", "1"),
            endpoint("x/a", "dear", "3"),
            unknown,
            stepped,
        ])
    }

    /// PROV-12
    #[test]
    fn a_ceiling_is_hard_inclusive_and_counts_for_the_size_of_the_prompt() {
        for (object, tokens, expected) in [
            (r#"{"max_price":{"prompt":1}}"#, 10, vec!["cheap", "stepped"]),
            (r#"{"max_price":{"prompt":"1.0"}}"#, 6_000, vec!["cheap"]),
            (r#"{"max_price":{"completion":2.99}}"#, 10, vec!["cheap", "stepped"]),
            (r#"{"max_price":{"image":0.01}}"#, 10, vec!["cheap", "dear", "stepped"]),
            (r#"{"max_price":{"prompt":0.5}}"#, 10, vec![]),
        ] {
            let mut scene = scene().provider_object(object);
            scene.facts.estimated_prompt_tokens = tokens;
            let mut tags = scene.tags(1);
            tags.sort_unstable();
            assert_eq!(tags, expected, "{object}");
        }
        let refusal = scene().provider_object(r#"{"max_price":{"prompt":0.5}}"#).refusal();
        assert_eq!(refusal.availability.code, AvailabilityCode::ConstraintFiltered);
        assert_eq!(refusal.availability.excluded_by, ["max_price"]);
        assert_eq!(refusal.availability.constraint.unwrap().field, "provider.max_price");
    }

    /// PROV-13
    #[test]
    fn a_sort_works_below_the_ceiling() {
        let scene = scene().provider_object(r#"{"sort":"price","max_price":{"prompt":2}}"#);
        assert_eq!(scene.tags(1), ["cheap", "stepped"]);
    }
}
