//! Hosts of Foundry, under which resources have Claude beside OpenAI's models. wire-formats 2.8

/// The domain under which resources answer in Anthropic's protocol.
pub(crate) const FOUNDRY: &str = "services.ai.azure.com";

/// Domains under which the same resources answer in others.
const OTHERS: [&str; 2] = ["openai.azure.com", "cognitiveservices.azure.com"];

/// The host of the resource that `host` belongs to, under the domain of Foundry; `None` for hosts
/// that are no resource's of the public cloud: the others have no Claude. Capital letters do not
/// count.
pub fn foundry_host(host: &str) -> Option<String> {
    resource(host).map(|resource| format!("{resource}.{FOUNDRY}"))
}

/// Whether a host is that of a resource, not of a proxy.
pub fn is_azure_host(host: &str) -> bool {
    resource(host).is_some()
}

/// The name of the resource whose host this is, under any of its three domains, in small letters.
fn resource(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    OTHERS.iter().chain([&FOUNDRY]).find_map(|domain| {
        let resource = host.strip_suffix(domain)?.strip_suffix('.')?;
        (!resource.is_empty()).then(|| resource.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_the_same_name_in_every_domain() {
        for host in
            ["r.openai.azure.com", "r.cognitiveservices.azure.com", "r.services.ai.azure.com"]
        {
            assert_eq!(foundry_host(host).as_deref(), Some("r.services.ai.azure.com"), "{host}");
        }
        assert_eq!(foundry_host("R.OpenAI.Azure.com").as_deref(), Some("r.services.ai.azure.com"));
        for host in ["proxy.test", "openai.azure.com", "xopenai.azure.com", "r.openai.azure.us"] {
            assert_eq!(foundry_host(host), None, "{host}");
        }
    }
}
