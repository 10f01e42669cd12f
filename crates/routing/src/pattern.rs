//! Names of providers and endpoints, as callers write them in lists.

use catalog::{Endpoint, Provider, ServiceTier};

/// An entry of `order`, `only` or `ignore`: a provider's slug or name, or an endpoint's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPattern(Box<str>);

/// How an entry fits an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does not.
    No,
    /// It names the provider: all regions and variants. SLUG-2
    Provider,
    /// It names this endpoint. SLUG-3
    Endpoint,
}

impl ProviderPattern {
    /// Takes an entry as written, without the spaces around it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// How it fits an endpoint. Capital letters do not count: display names are accepted too.
    /// SLUG-2, SLUG-3
    pub fn fit(&self, endpoint: &Endpoint, provider: &Provider) -> Fit {
        if self.0.eq_ignore_ascii_case(&provider.slug) {
            // The plain tag of a provider is its slug: naming it means the provider.
            return Fit::Provider;
        }
        if self.0.eq_ignore_ascii_case(&endpoint.tag) {
            return Fit::Endpoint;
        }
        if self.0.eq_ignore_ascii_case(&provider.name) {
            return Fit::Provider;
        }
        Fit::No
    }

    /// Whether it selects an endpoint in `order` or `only`. A provider's slug selects endpoints of
    /// other tiers only where something else admits the tier. SLUG-4
    pub fn selects(&self, endpoint: &Endpoint, provider: &Provider, tier_admitted: bool) -> bool {
        match self.fit(endpoint, provider) {
            Fit::No => false,
            Fit::Provider => endpoint.service_tier == ServiceTier::Default || tier_admitted,
            Fit::Endpoint => true,
        }
    }

    /// Whether it removes an endpoint in `ignore`. A provider's slug removes its tiers as well:
    /// who shuns a provider does not want it at another price.
    pub fn removes(&self, endpoint: &Endpoint, provider: &Provider) -> bool {
        self.fit(endpoint, provider) != Fit::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{endpoint, provider};

    /// SLUG-2, SLUG-3, SLUG-4
    #[test]
    fn a_base_slug_fits_all_regions_and_variants_but_no_tier_and_a_full_slug_fits_exactly() {
        let vertex = provider("google-vertex", "Google Vertex");
        let with = |tag: &str, tier| {
            let mut made = endpoint("google/gemini", tag, "1");
            made.service_tier = tier;
            made
        };
        let plain = with("google-vertex", ServiceTier::Default);
        let region = with("google-vertex/us-east5", ServiceTier::Default);
        let flex = with("google-vertex/flex", ServiceTier::Flex);
        for (text, tag, admitted, selected, removed) in [
            ("google-vertex", &plain, false, true, true),
            ("google-vertex", &region, false, true, true),
            ("google-vertex", &flex, false, false, true),
            ("google-vertex", &flex, true, true, true),
            ("google-vertex/flex", &flex, false, true, true),
            ("google-vertex/flex", &region, false, false, false),
            ("google-vertex/us-east5", &region, false, true, true),
            ("google-vertex/us-east5", &plain, false, false, false),
            (" Google Vertex ", &region, false, true, true),
            ("google", &region, false, false, false),
            ("", &region, false, false, false),
        ] {
            let pattern = ProviderPattern::new(text);
            assert_eq!(pattern.selects(tag, &vertex, admitted), selected, "{text} {}", tag.tag);
            assert_eq!(pattern.removes(tag, &vertex), removed, "{text} {}", tag.tag);
        }
    }
}
