//! Regions, and which endpoints are known to run in them.

use serde::Serialize;

use crate::endpoint::Endpoint;
use crate::provider::Provider;

/// A region that data must not leave, or that models are looked for in. MODELS-2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The European Union.
    Eu,
    /// The United States.
    Us,
}

const EU_COUNTRIES: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Region {
    /// Whether an endpoint runs there: its own region says so, or it names none and all data
    /// centres of its provider are there. Unknown means no.
    pub fn holds(self, endpoint: &Endpoint, provider: &Provider) -> bool {
        if let Some(region) = &endpoint.region {
            let names: &[&str] = match self {
                Self::Eu => &["eu", "europe"],
                Self::Us => &["us"],
            };
            let first = region.split(['-', '_', '.']).next().unwrap_or_default();
            // `us-east5` and `eu-west-1`, but also `eastus2` and `europe-west4`.
            return names.iter().any(|name| first.eq_ignore_ascii_case(name))
                || (self == Self::Us && is_american_azure_region(first));
        }
        let Some(countries) = &provider.datacenters else { return false };
        let inside = |country: &String| match self {
            Self::Eu => EU_COUNTRIES.iter().any(|known| known.eq_ignore_ascii_case(country)),
            Self::Us => country.eq_ignore_ascii_case("US"),
        };
        !countries.is_empty() && countries.iter().all(inside)
    }
}

/// Azure writes the country last: `eastus2`, `westus`, `northcentralus`.
fn is_american_azure_region(name: &str) -> bool {
    name.trim_end_matches(|digit: char| digit.is_ascii_digit()).ends_with("us")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MODELS-2
    #[test]
    fn regions_are_read_from_the_endpoint_then_from_the_data_centres() {
        for (region, countries, eu, us) in [
            (Some("us-east5"), None, false, true),
            (Some("eu-west-1"), None, true, false),
            (Some("europe-west4"), None, true, false),
            (Some("eastus2"), None, false, true),
            (Some("global"), Some(vec!["US"]), false, false),
            (None, Some(vec!["DE", "fr"]), true, false),
            (None, Some(vec!["US"]), false, true),
            (None, Some(vec!["US", "DE"]), false, false),
            (None, Some(vec![]), false, false),
            (None, None, false, false),
        ] {
            let provider: Provider = serde_json::from_value(serde_json::json!({
                "slug": "p", "name": "P", "dialect": "openai_chat", "base_url": "http://localhost",
                "datacenters": countries,
            }))
            .unwrap();
            let endpoint: Endpoint = serde_json::from_value(serde_json::json!({
                "model": "x/a", "provider": "p", "tag": "p", "upstream_model": "a",
                "region": region, "input_modalities": ["text"], "output_modalities": ["text"],
            }))
            .unwrap();
            assert_eq!(Region::Eu.holds(&endpoint, &provider), eu, "{region:?} {countries:?}");
            assert_eq!(Region::Us.holds(&endpoint, &provider), us, "{region:?} {countries:?}");
        }
    }
}
