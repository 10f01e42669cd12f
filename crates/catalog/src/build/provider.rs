//! Providers of the source document.

use protocol::Dialect;

use super::source::{SourceDataPolicy, SourceProvider};
use crate::facts::ProviderFacts;
use crate::parts::ListedProvider;
use crate::provider::{AuthStyle, DataPolicy, Provider};

pub(super) enum Outcome {
    Routable(Provider),
    Listed(ListedProvider),
    LeftOut(&'static str),
}

pub(super) fn build(source: &SourceProvider, facts: &ProviderFacts) -> Outcome {
    if source.kind == "self-hosted" {
        return Outcome::LeftOut("a local server: the operator adds it with its address");
    }
    if source.status == "legacy" {
        return Outcome::LeftOut("no longer in service");
    }
    let dialect = facts.dialect.or(match source.wire_protocol.as_deref() {
        Some("openai-chat") => Some(Dialect::OpenaiChat),
        Some("anthropic") => Some(Dialect::Anthropic),
        Some("gemini") => Some(Dialect::Gemini),
        Some("cohere") => Some(Dialect::Cohere),
        _ => None,
    });
    let base_url = facts.base_url.as_ref().or(source.base_url.as_ref());
    match (dialect, base_url, &facts.unroutable) {
        (Some(dialect), Some(base_url), None) => {
            Outcome::Routable(routable(source, facts, dialect, base_url))
        }
        (_, _, Some(reason)) => Outcome::Listed(listed(source, reason)),
        (_, None, _) => Outcome::Listed(listed(source, "its address is not known")),
        (None, ..) => Outcome::Listed(listed(source, "its own protocol")),
    }
}

fn routable(
    source: &SourceProvider,
    facts: &ProviderFacts,
    dialect: Dialect,
    base_url: &str,
) -> Provider {
    let auth = facts.auth.clone().unwrap_or_else(|| match source.auth.style.as_deref() {
        Some("x-api-key") => AuthStyle::XApiKey,
        Some("x-goog-api-key") => AuthStyle::XGoogApiKey,
        Some("azure api-key") => AuthStyle::ApiKey,
        Some("none") => AuthStyle::None,
        Some("bearer") | None => AuthStyle::Bearer,
        Some(header) => AuthStyle::Header(header.to_owned()),
    });
    let environment_variables = facts.environment_variables.clone().unwrap_or_else(|| {
        let named: Vec<String> =
            source.env_keys.iter().flatten().filter(|name| is_key_name(name)).cloned().collect();
        if named.is_empty() { vec![conventional_name(&source.slug)] } else { named }
    });
    let models_path = source
        .models_endpoint
        .as_ref()
        .and_then(|endpoint| endpoint.path.as_deref())
        .and_then(|path| path.split([';', '?', ' ']).next())
        .filter(|path| path.starts_with('/'))
        .unwrap_or("/models");
    Provider {
        slug: source.slug.clone(),
        name: source.name.clone(),
        dialect,
        base_url: base_url.trim_end_matches('/').to_owned(),
        auth,
        environment_variables,
        headers: Vec::new(),
        quirks: facts.quirks.clone(),
        embeddings: facts.embeddings,
        rerank: facts.rerank,
        cancel_stops_billing: facts.cancel_stops_billing,
        data_policy: policy(&source.data_policy),
        models_path: models_path.to_owned(),
        headquarters: source.headquarters.clone(),
        datacenters: source.datacenters.clone(),
        privacy_policy_url: source.privacy_policy_url.clone(),
        terms_of_service_url: source.terms_of_service_url.clone(),
        status_page_url: source.status_page_url.clone(),
    }
}

fn listed(source: &SourceProvider, reason: &str) -> ListedProvider {
    ListedProvider {
        slug: source.slug.clone(),
        name: source.name.clone(),
        reason: reason.to_owned(),
        headquarters: source.headquarters.clone(),
        datacenters: source.datacenters.clone(),
        privacy_policy_url: source.privacy_policy_url.clone(),
        terms_of_service_url: source.terms_of_service_url.clone(),
        status_page_url: source.status_page_url.clone(),
    }
}

/// What is not stated is assumed at its worst. Zero retention holds only where it is the rule, not
/// where it must be agreed upon. PRIV-1, PRIV-4
fn policy(source: &SourceDataPolicy) -> DataPolicy {
    let trains = source.trains_on_prompts.unwrap_or(true);
    let retains = source.retains_prompts.unwrap_or(true);
    DataPolicy {
        trains,
        retains,
        retention_days: source.retention_days,
        zero_retention: source.zdr_available == Some(true) && !retains && !trains,
        verified: false,
    }
}

/// The source's names include hosts, regions and accounts.
fn is_key_name(name: &str) -> bool {
    ["_KEY", "_TOKEN", "_PAT"].iter().any(|end| name.ends_with(end))
}

/// `DEEP_INFRA_API_KEY` for `deep-infra`.
pub(crate) fn conventional_name(slug: &str) -> String {
    let upper: String = slug
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    // A shell variable cannot begin with a digit.
    let lead = if upper.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{lead}{upper}_API_KEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PRIV-1
    #[test]
    fn a_silent_policy_is_assumed_at_its_worst() {
        let silent = SourceDataPolicy {
            trains_on_prompts: None,
            retains_prompts: None,
            retention_days: None,
            zdr_available: None,
        };
        let policy = policy(&silent);
        assert!(policy.trains && policy.retains && !policy.zero_retention);
    }

    /// PRIV-4
    #[test]
    fn zero_retention_by_agreement_only_is_none() {
        let by_agreement = SourceDataPolicy {
            trains_on_prompts: Some(false),
            retains_prompts: Some(true),
            retention_days: Some(30),
            zdr_available: Some(true),
        };
        assert!(!policy(&by_agreement).zero_retention);
    }

    #[test]
    fn a_key_without_a_known_variable_gets_the_conventional_name() {
        assert_eq!(conventional_name("aion-labs"), "AION_LABS_API_KEY");
        assert_eq!(conventional_name("01ai"), "_01AI_API_KEY");
    }
}
