//! The inference profiles of a model at Bedrock, each an endpoint of its own: they cost
//! differently, and their prompts are worked on in different places.

use super::source::SourceEndpoint;
use crate::price::PicoUsd;
use crate::profile::split;

/// What the source calls a price for requests that stay in the region they are sent to.
const IN_REGION: &str = "in-region";

/// An endpoint as its own id is billed, and those for the other geographies of the model.
pub(super) fn of(source: &SourceEndpoint) -> Vec<SourceEndpoint> {
    let Some(id) = &source.provider_model_id else { return vec![source.clone()] };
    let (own_geography, own) = split(id);
    let own = match own_geography {
        None => asked(own, &source.alternate_model_ids),
        Some(_) => own,
    };
    let mut found = vec![match own_geography {
        None => {
            let provider_model_id = Some(own.to_owned());
            SourceEndpoint { provider_model_id, ..priced(source, IN_REGION) }
        }
        Some(_) => source.clone(),
    }];
    for other in &source.alternate_model_ids {
        let (Some(geography), name) = split(other) else { continue };
        if name != own || own_geography == Some(geography) || source.tag.is_some() {
            continue;
        }
        found.push(SourceEndpoint {
            provider_model_id: Some(other.clone()),
            tag: Some(geography.to_owned()),
            ..priced(source, price_region(source, geography))
        });
    }
    found
}

/// The id that a model without a geography is asked by. The source may call it by one of another date,
/// or by its name at another service: profiles are made of the id that is asked here.
fn asked<'a>(own: &'a str, others: &'a [String]) -> &'a str {
    let has_profile =
        |id: &str| others.iter().any(|other| matches!(split(other), (Some(_), name) if name == id));
    if has_profile(own) {
        return own;
    }
    others.iter().map(String::as_str).find(|other| has_profile(other)).unwrap_or(own)
}

/// The region whose prices hold for a geography: what does not leave it costs what stays in a region,
/// if nothing else is told.
fn price_region<'a>(source: &SourceEndpoint, geography: &'a str) -> &'a str {
    let is_told = source.region_prices.as_ref().is_some_and(|all| all.contains_key(geography));
    if is_told || geography == "global" { geography } else { IN_REGION }
}

/// The endpoint with the prices of a region. The source tells those of input or output, or of both:
/// other tokens of a side follow it in proportion, rounded up, and a side that is not told of costs
/// what it does elsewhere.
fn priced(source: &SourceEndpoint, region: &str) -> SourceEndpoint {
    let mut priced = source.clone();
    let Some(regional) = source.region_prices.as_ref().and_then(|all| all.get(region)) else {
        return priced;
    };
    let ratio = |name: &str| {
        let price = |text: Option<&str>| text.and_then(|text| PicoUsd::parse(text).ok());
        let there = price(regional.get(name).map(String::as_str))?;
        let here = price(source.pricing.get(name)?.as_deref())?;
        (here.0 > 0).then_some((there.0, here.0))
    };
    let (input, output) = (ratio("prompt"), ratio("completion"));
    let scaled = |name: &str, text: &str| {
        if !is_of_tokens(name) {
            return None;
        }
        let (there, here) = if is_output(name) { output } else { input }?;
        let price = PicoUsd::parse(text).ok()?.0.checked_mul(there)?;
        Some(PicoUsd(price / here + i64::from(price % here != 0)).to_string())
    };
    for (name, text) in &mut priced.pricing {
        let new = text.as_deref().and_then(|text| scaled(name, text));
        *text = new.or(text.take());
    }
    for tier in &mut priced.pricing_tiers {
        for (name, value) in tier {
            if let Some(new) = value.as_str().and_then(|text| scaled(name, text)) {
                *value = new.into();
            }
        }
    }
    priced
}

fn is_of_tokens(name: &str) -> bool {
    is_output(name)
        || matches!(name, "prompt" | "cache_read" | "cache_write" | "cache_write_1h" | "audio")
        || name.ends_with("_token")
}

fn is_output(name: &str) -> bool {
    name == "completion" || name.ends_with("reasoning") || name.contains("output")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceEndpoint {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_geography_is_an_endpoint_with_its_prices() {
        let source = source(
            r#"{
                "provider": "amazon-bedrock", "provider_model_id": "anthropic.claude-x",
                "alternate_model_ids": ["us.anthropic.claude-x", "global.anthropic.claude-x",
                    "anthropic.claude-x@1", "us.anthropic.claude-y"],
                "price_confidence": "agree",
                "pricing": {"prompt": "0.000003", "completion": "0.000015",
                    "cache_read": "0.0000003", "web_search": "0.01", "request": null},
                "pricing_tiers": [{"min_prompt_tokens": 200000, "prompt": "0.000006"}],
                "region_prices": {"us": {"prompt": "0.0000033", "completion": "0.0000165"}}
            }"#,
        );
        let found = of(&source);
        let ids: Vec<_> = found.iter().filter_map(|one| one.provider_model_id.clone()).collect();
        assert_eq!(
            ids,
            ["anthropic.claude-x", "us.anthropic.claude-x", "global.anthropic.claude-x"]
        );
        let price = |at: usize, name: &str| found[at].pricing[name].clone();
        for (name, own, us) in [
            ("prompt", "0.000003", "0.0000033"),
            ("completion", "0.000015", "0.0000165"),
            ("cache_read", "0.0000003", "0.00000033"),
            ("web_search", "0.01", "0.01"),
        ] {
            assert_eq!(price(0, name).as_deref(), Some(own), "{name}");
            assert_eq!(price(1, name).as_deref(), Some(us), "{name}");
            assert_eq!(price(2, name).as_deref(), Some(own), "{name}");
        }
        assert_eq!(price(1, "request"), None);
        assert_eq!(found[1].pricing_tiers[0]["prompt"], "0.0000066");
        assert_eq!(found[1].pricing_tiers[0]["min_prompt_tokens"], 200_000);
        assert_eq!(found[1].tag.as_deref(), Some("us"));
    }

    /// An id of another date is not lost, and nor is that of another service taken.
    #[test]
    fn the_id_that_profiles_are_made_of_is_asked() {
        for (id, others, expected) in [
            (
                "anthropic.claude-x-20240620-v1:0",
                r#"["anthropic.claude-x-20250219-v1:0", "eu.anthropic.claude-x-20250219-v1:0"]"#,
                vec!["anthropic.claude-x-20250219-v1:0", "eu.anthropic.claude-x-20250219-v1:0"],
            ),
            (
                "openai.gpt-oss",
                r#"["openai.gpt-oss-1:0", "us-gov.openai.gpt-oss-1:0"]"#,
                vec!["openai.gpt-oss-1:0", "us-gov.openai.gpt-oss-1:0"],
            ),
            ("a.b-v1:0", r#"["a.b-v2:0", "us.a.b-v1:0"]"#, vec!["a.b-v1:0", "us.a.b-v1:0"]),
            ("a.b", r#"["a.c", "us.a.d"]"#, vec!["a.b"]),
        ] {
            let source = source(&format!(
                r#"{{"provider": "amazon-bedrock", "provider_model_id": "{id}",
                    "alternate_model_ids": {others}}}"#
            ));
            let ids: Vec<_> =
                of(&source).into_iter().filter_map(|one| one.provider_model_id).collect();
            assert_eq!(ids, expected, "{id}");
        }
    }

    #[test]
    fn each_side_is_priced_by_what_is_told_of_it() {
        let source = |regional: &str| {
            source(&format!(
                r#"{{
                    "provider": "amazon-bedrock", "provider_model_id": "a.b",
                    "pricing": {{"prompt": "0.000001", "completion": "0.000003",
                        "cache_read": "0.0000001", "image_output": "0.00003"}},
                    "region_prices": {{"in-region": {{{regional}}}}}
                }}"#
            ))
        };
        for (regional, expected) in [
            (r#""prompt": "0.0000011""#, ["0.0000011", "0.000003", "0.00000011", "0.00003"]),
            (r#""completion": "0.0000033""#, ["0.000001", "0.0000033", "0.0000001", "0.000033"]),
        ] {
            let found = of(&source(regional));
            for (name, price) in
                ["prompt", "completion", "cache_read", "image_output"].iter().zip(expected)
            {
                assert_eq!(found[0].pricing[*name].as_deref(), Some(price), "{regional} {name}");
            }
        }
    }

    #[test]
    fn what_stays_in_its_region_has_the_price_for_that() {
        let source = source(
            r#"{
                "provider": "amazon-bedrock", "provider_model_id": "a.b",
                "alternate_model_ids": ["global.a.b", "in.a.b"],
                "pricing": {"prompt": "0.000001", "completion": "0.000003"},
                "region_prices": {"in-region": {"prompt": "0.0000011", "completion": "0.0000033"}}
            }"#,
        );
        let prompts: Vec<_> = of(&source).iter().map(|one| one.pricing["prompt"].clone()).collect();
        let expected = ["0.0000011", "0.000001", "0.0000011"].map(|it| Some(it.to_owned()));
        assert_eq!(prompts, expected);
    }
}
