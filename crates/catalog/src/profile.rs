//! Inference profiles of Bedrock: the ids of a model with a geography before them, which says where
//! its prompts may be worked on. Many models are asked by these alone. The AWS documentation has them
//! under "Supported Regions and models for inference profiles".

use std::collections::HashMap;

use crate::endpoint::Endpoint;
use crate::index::{Catalog, EndpointId, ProviderId};

/// The geographies that ids begin with.
pub const GEOGRAPHIES: [&str; 9] = ["apac", "au", "ca", "eu", "global", "in", "jp", "us", "us-gov"];

/// An id without the geography before it, and that.
pub fn split(upstream_model: &str) -> (Option<&str>, &str) {
    match upstream_model.split_once('.') {
        Some((geography, own)) if GEOGRAPHIES.contains(&geography) => (Some(geography), own),
        _ => (None, upstream_model),
    }
}

/// The ids by which a credential asks, the preferred ones first; `None` stands for ids without a
/// geography.
pub type Preference = Vec<Option<&'static str>>;

/// The preference of a credential for an AWS region, by the word its operator wrote: a geography
/// of [`GEOGRAPHIES`], which is then not left, or `none`. Without a word the geographies of the
/// region come first, then the whole world. A word that is none of these is no preference.
pub fn preference(region: &str, word: Option<&str>) -> Option<Preference> {
    match word {
        Some("none") => Some(vec![None]),
        Some(word) => {
            let named = GEOGRAPHIES.iter().find(|known| **known == word)?;
            Some(vec![Some(named), None])
        }
        None => Some(around(region).iter().copied().map(Some).chain([None]).collect()),
    }
}

/// Geographies whose profiles can be asked in a region, the closest first. Government and China
/// are clouds of their own, without a way to the rest of the world.
fn around(region: &str) -> &'static [&'static str] {
    let is_in = |start: &str| region.starts_with(start);
    match region {
        "ap-northeast-1" | "ap-northeast-3" => &["jp", "apac", "global"],
        "ap-southeast-2" | "ap-southeast-4" => &["au", "apac", "global"],
        "ap-south-1" | "ap-south-2" => &["in", "apac", "global"],
        _ if is_in("us-gov-") => &["us-gov"],
        _ if is_in("cn-") || is_in("eusc-") => &[],
        _ if is_in("us-") => &["us", "global"],
        _ if is_in("ca-") => &["ca", "us", "global"],
        _ if is_in("eu-") => &["eu", "global"],
        _ if is_in("ap-") => &["apac", "global"],
        _ => &["global"],
    }
}

/// The endpoints of a provider that a credential with this preference asks, in order: of each
/// model those with the most preferred id. So that what is billed is what the endpoint says, the
/// id is a matter of the endpoint, and never changed on the way. An endpoint that is an operator's
/// own is always asked, and stands in for no other.
pub fn reached(
    catalog: &Catalog,
    provider: ProviderId,
    preference: &Preference,
) -> Vec<EndpointId> {
    let slug = &catalog.provider(provider).slug;
    let own = || catalog.endpoints().filter(|(id, _)| catalog.provider_id_of(*id) == provider);
    let rank = |geography: Option<&str>| preference.iter().position(|known| *known == geography);
    let mut best: HashMap<(&str, &str), usize> = HashMap::new();
    for (_, endpoint) in own().filter(|(_, endpoint)| is_shipped(slug, endpoint)) {
        let (geography, name) = split(&endpoint.upstream_model);
        let Some(rank) = rank(geography) else { continue };
        let known = best.entry((&endpoint.model, name)).or_insert(rank);
        *known = rank.min(*known);
    }
    own()
        .filter(|(_, endpoint)| {
            let (geography, name) = split(&endpoint.upstream_model);
            let best = best.get(&(endpoint.model.as_str(), name)).copied();
            !is_shipped(slug, endpoint) || best.is_some() && rank(geography) == best
        })
        .map(|(id, _)| id)
        .collect()
}

/// Whether an endpoint is as this catalogue is built: tagged with a geography, or with its
/// provider's slug alone and then by the model's own id, or by one whose geography is its region.
fn is_shipped(slug: &str, endpoint: &Endpoint) -> bool {
    match endpoint.tag.strip_prefix(slug) {
        Some("") => split(&endpoint.upstream_model)
            .0
            .is_none_or(|geography| endpoint.region.as_deref() == Some(geography)),
        Some(rest) => rest.strip_prefix('/').is_some_and(|name| GEOGRAPHIES.contains(&name)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geography_stands_before_the_id() {
        for (id, geography, own) in [
            ("us.anthropic.claude-x-v1:0", Some("us"), "anthropic.claude-x-v1:0"),
            ("us-gov.openai.gpt", Some("us-gov"), "openai.gpt"),
            ("anthropic.claude-x", None, "anthropic.claude-x"),
            ("arn:aws:bedrock:us-east-1:1:inference-profile/us.a.b", None, ""),
            ("plain", None, "plain"),
        ] {
            let own = if own.is_empty() { id } else { own };
            assert_eq!(split(id), (geography, own), "{id}");
        }
    }

    #[test]
    fn the_region_decides_where_nobody_says_otherwise() {
        for (region, expected) in [
            ("us-east-1", vec![Some("us"), Some("global"), None]),
            ("us-gov-west-1", vec![Some("us-gov"), None]),
            ("eu-central-1", vec![Some("eu"), Some("global"), None]),
            ("ap-northeast-1", vec![Some("jp"), Some("apac"), Some("global"), None]),
            ("sa-east-1", vec![Some("global"), None]),
            ("cn-north-1", vec![None]),
        ] {
            assert_eq!(preference(region, None), Some(expected), "{region}");
        }
        assert_eq!(preference("us-east-1", Some("eu")), Some(vec![Some("eu"), None]));
        assert_eq!(preference("us-east-1", Some("none")), Some(vec![None]));
        assert_eq!(preference("us-east-1", Some("europe")), None);
    }

    /// The region of an endpoint is what its id says, whatever its tag is.
    #[test]
    fn shipped_profiles_say_where_they_run() {
        let catalog = Catalog::embedded().unwrap();
        let bedrock = catalog.find_provider("amazon-bedrock").unwrap();
        for (id, endpoint) in catalog.endpoints() {
            if catalog.provider_id_of(id) == bedrock {
                let geography = split(&endpoint.upstream_model).0;
                assert_eq!(endpoint.region.as_deref(), geography, "{}", endpoint.upstream_model);
            }
        }
    }

    /// What an operator called by a tag of their own is theirs to ask, and stands in for nothing.
    #[test]
    fn endpoints_of_ones_own_are_always_reached() {
        let (models, mut endpoints, providers) = Catalog::embedded().unwrap().into_parts();
        let shipped = endpoints
            .iter()
            .find(|endpoint| endpoint.upstream_model == "eu.anthropic.claude-opus-4-7")
            .unwrap();
        let mut mine = shipped.clone();
        mine.tag = "amazon-bedrock/mine".to_owned();
        mine.upstream_model = "global.anthropic.claude-opus-4-7".to_owned();
        let model = mine.model.clone();
        endpoints.push(mine);
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let bedrock = catalog.find_provider("amazon-bedrock").unwrap();
        for (region, word, other) in [
            ("eu-west-1", None, "amazon-bedrock/eu"),
            ("eu-west-1", Some("none"), "amazon-bedrock"),
            ("sa-east-1", None, "amazon-bedrock/global"),
        ] {
            let preference = preference(region, word).unwrap();
            let mut tags: Vec<_> = reached(&catalog, bedrock, &preference)
                .into_iter()
                .map(|id| catalog.endpoint(id))
                .filter(|endpoint| endpoint.model == model)
                .map(|endpoint| endpoint.tag.as_str())
                .collect();
            tags.sort_unstable();
            assert_eq!(tags, [other, "amazon-bedrock/mine"], "{region} {word:?}");
        }
        // Nor is a provider's only endpoint there a profile, if nothing says so.
        let (models, mut endpoints, providers) = catalog.into_parts();
        let mine = endpoints.iter_mut().find(|endpoint| endpoint.tag == "amazon-bedrock/mine");
        let mine = mine.unwrap();
        (mine.tag, mine.region) = ("amazon-bedrock".to_owned(), None);
        let mine = mine.clone();
        endpoints.retain(|endpoint| endpoint.model != model || *endpoint == mine);
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        let found = reached(&catalog, bedrock, &vec![None]);
        assert!(found.iter().any(|id| *catalog.endpoint(*id) == mine));
    }

    #[test]
    fn each_model_is_asked_by_one_id() {
        let catalog = Catalog::embedded().unwrap();
        let bedrock = catalog.find_provider("amazon-bedrock").unwrap();
        let asked = |region: &str, word| {
            let preference = preference(region, word).unwrap();
            move |model: &str| -> Vec<String> {
                let catalog = Catalog::embedded().unwrap();
                reached(&catalog, bedrock, &preference)
                    .into_iter()
                    .map(|id| catalog.endpoint(id))
                    .filter(|endpoint| endpoint.model == model)
                    .map(|endpoint| endpoint.upstream_model.clone())
                    .collect()
            }
        };
        let opus = "anthropic/claude-opus-4.7";
        for (region, word, expected) in [
            ("us-west-2", None, "us.anthropic.claude-opus-4-7"),
            ("eu-west-1", None, "eu.anthropic.claude-opus-4-7"),
            ("ap-northeast-1", None, "jp.anthropic.claude-opus-4-7"),
            ("sa-east-1", None, "global.anthropic.claude-opus-4-7"),
            ("us-west-2", Some("global"), "global.anthropic.claude-opus-4-7"),
            ("us-west-2", Some("none"), "anthropic.claude-opus-4-7"),
        ] {
            assert_eq!(asked(region, word)(opus), [expected], "{region} {word:?}");
        }
        // Without a profile by its own id; and a geography that was named is not left.
        assert_eq!(asked("eu-west-1", None)("z-ai/glm-4.7"), ["zai.glm-4.7"]);
        assert!(asked("eu-west-1", Some("eu"))("anthropic/claude-fable-5.2").is_empty());
    }
}
