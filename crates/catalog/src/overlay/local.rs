//! Local servers in one call.

use std::collections::BTreeMap;

use protocol::Dialect;
use protocol::target::{MaxTokensField, Quirks, ReasoningReplay, ReasoningRequest};

use super::document::{EndpointChange, ModelChange, Overlay, PolicyChange, ProviderChange};
use crate::modality::Modality;
use crate::model::ModelKind;
use crate::provider::AuthStyle;

/// A kind of local server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalServerKind {
    /// Ollama.
    Ollama,
    /// vLLM, and what serves like it.
    VLlm,
    /// The server of llama.cpp.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
}

impl LocalServerKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Ollama, Self::VLlm, Self::LlamaCpp, Self::LmStudio];

    /// The slug of the provider, and the author of its models.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::VLlm => "vllm",
            Self::LlamaCpp => "llama-cpp",
            Self::LmStudio => "lm-studio",
        }
    }

    /// The display name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ollama => "Ollama",
            Self::VLlm => "vLLM",
            Self::LlamaCpp => "llama.cpp",
            Self::LmStudio => "LM Studio",
        }
    }

    /// Where it listens if nothing else is said.
    pub const fn default_base_url(self) -> &'static str {
        match self {
            Self::Ollama => "http://localhost:11434/v1",
            Self::VLlm => "http://localhost:8000/v1",
            Self::LlamaCpp => "http://localhost:8080/v1",
            Self::LmStudio => "http://localhost:1234/v1",
        }
    }

    fn quirks(self) -> Quirks {
        let common = Quirks {
            max_tokens_field: MaxTokensField::MaxTokens,
            no_developer_role: true,
            // It would fetch them from within the operator's network.
            no_media_urls: true,
            ..Quirks::default()
        };
        match self {
            Self::Ollama => Quirks { reasoning_replay: ReasoningReplay::Reasoning, ..common },
            Self::VLlm => Quirks {
                reasoning_replay: ReasoningReplay::Reasoning,
                reasoning_request: ReasoningRequest::ChatTemplate,
                think_tags: true,
                ..common
            },
            Self::LlamaCpp => Quirks {
                reasoning_replay: ReasoningReplay::ReasoningContent,
                reasoning_request: ReasoningRequest::ChatTemplate,
                think_tags: true,
                ..common
            },
            Self::LmStudio => Quirks { think_tags: true, ..common },
        }
    }

    /// What its models take.
    fn parameters(self, embeds: bool) -> Vec<String> {
        let has_switch = self.quirks().reasoning_request == ReasoningRequest::ChatTemplate;
        let usual: &[&str] = if embeds { &[] } else { &PARAMETERS };
        let reasoning: &[&str] = if has_switch && !embeds { &REASONING } else { &[] };
        usual.iter().chain(reasoning).map(|name| (*name).to_owned()).collect()
    }
}

/// A local server and what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalServer {
    /// Its kind.
    pub kind: LocalServerKind,
    /// The slug of the provider; the kind's own for the first server of a kind.
    pub slug: String,
    /// Where it listens; `/v1` is added if no path is given.
    pub base_url: String,
    /// The names of its models, as it lists them.
    pub models: Vec<String>,
}

/// The provider, models and endpoints of a local server: free, nothing retained, no key.
pub fn local_server(kind: LocalServerKind, base_url: &str, models: &[String]) -> Overlay {
    let server = LocalServer {
        kind,
        slug: kind.slug().to_owned(),
        base_url: base_url.to_owned(),
        models: models.to_vec(),
    };
    server.overlay()
}

impl LocalServer {
    /// The document that adds the server. Models are called `slug/name`: `ollama/llama3.2:3b`; of a
    /// name with slashes the last part, and the whole name remains an alias.
    pub fn overlay(&self) -> Overlay {
        let mut overlay = Overlay {
            providers: vec![ProviderChange {
                slug: self.slug.clone(),
                name: Some(self.name()),
                dialect: Some(Dialect::OpenaiChat),
                base_url: Some(with_path(&self.base_url)),
                auth: Some(AuthStyle::None),
                environment_variables: Some(Vec::new()),
                quirks: Some(self.kind.quirks()),
                cancel_stops_billing: Some(true),
                data_policy: Some(PolicyChange { zero_retention: true, ..PolicyChange::default() }),
                ..ProviderChange::default()
            }],
            ..Overlay::default()
        };
        let ids = self.ids();
        for (upstream, id) in &ids {
            let full = format!("{}/{upstream}", self.slug);
            let embeds = upstream.to_ascii_lowercase().contains("embed");
            overlay.models.push(ModelChange {
                id: id.clone(),
                name: Some((*upstream).clone()),
                kind: Some(if embeds { ModelKind::Embedding } else { ModelKind::Chat }),
                output_modalities: embeds.then(|| vec![Modality::Embeddings]),
                aliases: (full != *id).then(|| vec![full]),
                ..ModelChange::default()
            });
            let free = ["prompt", "completion"].map(|name| (name.to_owned(), "0".to_owned()));
            overlay.endpoints.push(EndpointChange {
                model: id.clone(),
                provider: self.slug.clone(),
                upstream_model: Some((*upstream).clone()),
                price_per_million: Some(BTreeMap::from(free)),
                supported_parameters: Some(self.kind.parameters(embeds)),
                ..EndpointChange::default()
            });
        }
        overlay
    }

    /// The display name: by it figures are told apart, so that of a further server of a kind has its
    /// slug in it.
    fn name(&self) -> String {
        let kind = self.kind.name();
        match self.slug == self.kind.slug() {
            true => kind.to_owned(),
            false => format!("{kind} ({})", self.slug),
        }
    }

    /// The server's names with the ids they get, each once, in order of the names.
    fn ids(&self) -> Vec<(&String, String)> {
        let short = |name: &str| {
            let last = name.trim_matches('/').rsplit('/').next().unwrap_or_default();
            format!("{}/{}", self.slug, last.replace(char::is_whitespace, "-"))
        };
        let mut names: Vec<&String> =
            self.models.iter().filter(|name| is_model_name(name)).collect();
        names.sort();
        names.dedup();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for name in &names {
            *taken.entry(short(name)).or_default() += 1;
        }
        names
            .into_iter()
            .map(|name| {
                let id = short(name);
                // Two names that end alike keep all their parts.
                let id = if taken.get(&id).is_some_and(|count| *count > 1) {
                    let whole = name.trim_matches('/').replace('/', "--");
                    format!("{}/{}", self.slug, whole.replace(char::is_whitespace, "-"))
                } else {
                    id
                };
                (name, id)
            })
            .collect()
    }
}

/// Whether a server's name of a model can be a part of an id: there is a letter or a digit in the part
/// that the id is made of, and no control character.
pub fn is_model_name(name: &str) -> bool {
    let last = name.trim_matches('/').rsplit('/').next().unwrap_or_default();
    last.contains(char::is_alphanumeric) && !name.contains(char::is_control)
}

/// What local servers take: also the sampling of llama.cpp and vLLM, which clouds leave out.
const PARAMETERS: [&str; 19] = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "min_p",
    "parallel_tool_calls",
    "presence_penalty",
    "repetition_penalty",
    "response_format",
    "seed",
    "stop",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
];

/// What servers take beside it that have a switch for reasoning.
const REASONING: [&str; 2] = ["include_reasoning", "reasoning"];

/// The address with the path that local servers serve below.
fn with_path(base_url: &str) -> String {
    let url = base_url.trim().trim_end_matches('/');
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { url } else { format!("{url}/v1") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_the_path_they_lack() {
        for (given, expected) in [
            ("http://localhost:11434", "http://localhost:11434/v1"),
            ("localhost:11434/", "http://localhost:11434/v1"),
            ("https://gpu.lan/api/v1/", "https://gpu.lan/api/v1"),
        ] {
            assert_eq!(with_path(given), expected);
        }
    }

    #[test]
    fn a_second_server_of_a_kind_has_a_name_of_its_own() {
        let name = |slug: &str| {
            let server = LocalServer {
                kind: LocalServerKind::VLlm,
                slug: slug.to_owned(),
                base_url: "gpu:8000".to_owned(),
                models: Vec::new(),
            };
            server.overlay().providers.pop().unwrap().name.unwrap()
        };
        assert_eq!(name("vllm"), "vLLM");
        assert_eq!(name("gpu2"), "vLLM (gpu2)");
    }

    /// CHAT-4: what is not listed is dropped
    #[test]
    fn sampling_of_local_servers_is_listed() {
        let names = ["llama3.2:3b", "nomic-embed-text"].map(str::to_owned);
        let overlay = local_server(LocalServerKind::Ollama, "localhost", &names);
        let listed = |at: usize| overlay.endpoints[at].supported_parameters.clone().unwrap();
        assert!(listed(0).contains(&"min_p".to_owned()));
        assert!(listed(0).iter().all(|name| crate::Parameter::from_name(name).is_some()));
        assert_eq!(listed(1), Vec::<String>::new());
    }

    #[test]
    fn names_without_a_letter_or_with_control_characters_are_none() {
        for good in ["llama3.2:3b", "Qwen/Qwen3-8B", "my model", "größe"] {
            assert!(is_model_name(good), "{good}");
        }
        for bad in ["", " ", "/", "a/ ", "-", "a\nb", "a\u{1b}[2J"] {
            assert!(!is_model_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_that_end_alike_keep_their_parts() {
        let names = ["Qwen/Qwen3-8B", "mine/Qwen3-8B", "llama3.2:3b"].map(str::to_owned);
        let overlay = local_server(LocalServerKind::VLlm, "localhost:8000", &names);
        let ids: Vec<_> = overlay.models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids, ["vllm/Qwen--Qwen3-8B", "vllm/llama3.2:3b", "vllm/mine--Qwen3-8B"]);
    }
}
