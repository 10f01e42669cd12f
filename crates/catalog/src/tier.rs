//! Which endpoint's prices hold for the tier that served. TIER-6

use crate::endpoint::{Endpoint, ServiceTier};
use crate::index::{Catalog, EndpointId};

impl Catalog {
    /// The endpoint whose prices hold for an answer that `asked` was asked for and that was served
    /// at the tier the provider reports: `asked` itself if it says nothing, `auto` or the same tier,
    /// else the endpoint of that tier of the same model and provider. `None` if the catalogue has
    /// no price for what was served: what is billed then is a guess. An
    /// endpoint that is switched off takes no requests, but its prices hold. TIER-6
    pub fn endpoint_pricing(&self, asked: EndpointId, served: Option<&str>) -> Option<EndpointId> {
        let endpoint = self.endpoint(asked);
        let word = match served {
            None | Some("" | "auto") => return Some(asked),
            Some(word) => word,
        };
        let tier = ServiceTier::from_served(word)?;
        if tier == endpoint.service_tier {
            return Some(asked);
        }
        let model = self.find(&endpoint.model)?;
        let of_tier = |tier| {
            self.endpoints_of(model).filter(move |id| {
                let other = self.endpoint(*id);
                other.service_tier == tier && is_sibling(endpoint, other)
            })
        };
        // A provider may have several variants of a model, each with tiers of its own. Only where
        // there is one of each tier may their tags be unlike.
        of_tier(tier).find(|id| stem(self.endpoint(*id)) == stem(endpoint)).or_else(|| {
            let only = of_tier(tier).next()?;
            let one_each =
                of_tier(tier).count() == 1 && of_tier(endpoint.service_tier).count() == 1;
            one_each.then_some(only)
        })
    }
}

/// Whether two endpoints are the same model at the same place, but for their tier.
fn is_sibling(one: &Endpoint, other: &Endpoint) -> bool {
    one.provider == other.provider
        && one.region == other.region
        && one.upstream_model == other.upstream_model
}

/// The tag without its tier: `openai` of `openai/flex`.
fn stem(endpoint: &Endpoint) -> &str {
    let tag = endpoint.tag.as_str();
    let suffix = match endpoint.service_tier {
        ServiceTier::Default => return tag,
        ServiceTier::Flex => "/flex",
        ServiceTier::Priority => "/priority",
    };
    tag.strip_suffix(suffix).unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::provider::Provider;

    fn catalog(tags: &[(&str, ServiceTier)]) -> Catalog {
        let model: Model = serde_json::from_value(serde_json::json!({
            "id": "x/m", "canonical_slug": "x/m-1", "name": "M", "kind": "chat", "created": 0,
            "context_length": null,
            "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        }))
        .unwrap();
        let provider = |slug: &str| -> Provider {
            serde_json::from_value(serde_json::json!({
                "slug": slug, "name": slug, "dialect": "openai_chat", "base_url": "http://localhost",
            }))
            .unwrap()
        };
        let endpoint = |tag: &str, tier: ServiceTier| -> Endpoint {
            serde_json::from_value(serde_json::json!({
                "model": "x/m", "provider": tag.split('/').next(), "tag": tag,
                "upstream_model": "m", "service_tier": tier,
                "input_modalities": ["text"], "output_modalities": ["text"],
            }))
            .unwrap()
        };
        let endpoints = tags.iter().map(|(tag, tier)| endpoint(tag, *tier)).collect();
        Catalog::new(vec![model], endpoints, vec![provider("a"), provider("b")]).unwrap()
    }

    fn priced(catalog: &Catalog, asked: &str, served: Option<&str>) -> Option<String> {
        let (id, _) = catalog.endpoints().find(|(_, endpoint)| endpoint.tag == asked).unwrap();
        catalog.endpoint_pricing(id, served).map(|id| catalog.endpoint(id).tag.clone())
    }

    /// TIER-6
    #[test]
    fn the_tier_that_served_is_billed_and_one_without_a_price_is_unknown() {
        use ServiceTier::{Default, Flex, Priority};
        let catalog = catalog(&[
            ("a", Default),
            ("a/flex", Flex),
            ("a/priority", Priority),
            ("a/turbo", Default),
            ("a/turbo/priority", Priority),
            ("b", Default),
        ]);
        for (asked, served, expected) in [
            ("a", None, Some("a")),
            ("a", Some(""), Some("a")),
            ("a/priority", Some("auto"), Some("a/priority")),
            ("a/priority", Some("priority"), Some("a/priority")),
            ("a/priority", Some("default"), Some("a")),
            ("a/priority", Some("standard"), Some("a")),
            ("a/flex", Some("on_demand"), Some("a")),
            ("a", Some("priority"), Some("a/priority")),
            ("a", Some("flex"), Some("a/flex")),
            ("a/turbo/priority", Some("default"), Some("a/turbo")),
            ("a/turbo", Some("priority"), Some("a/turbo/priority")),
            ("a/turbo", Some("flex"), None),
            ("b", Some("default"), Some("b")),
            ("b", Some("priority"), None),
            ("b", Some("flex"), None),
            ("a", Some("scale"), None),
            ("a", Some("batch"), None),
        ] {
            assert_eq!(priced(&catalog, asked, served).as_deref(), expected, "{asked} {served:?}");
        }
    }

    /// TIER-6: of several that could be meant, none is guessed.
    #[test]
    fn a_tier_of_several_variants_is_not_guessed() {
        use ServiceTier::{Default, Priority};
        let several =
            catalog(&[("a", Default), ("a/one/priority", Priority), ("a/two/priority", Priority)]);
        assert_eq!(priced(&several, "a", Some("priority")), None);
        let unlike = catalog(&[("a/one", Default), ("a/quick", Priority)]);
        assert_eq!(priced(&unlike, "a/one", Some("priority")).as_deref(), Some("a/quick"));
    }
}
