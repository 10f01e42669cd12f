//! Providers: data, never code.

use protocol::target::Quirks;
use protocol::{Dialect, embeddings, rerank};
use serde::{Deserialize, Serialize};

/// A company or server that runs models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// The slug, e.g. `deepinfra`. SLUG-1
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The protocol it speaks.
    pub dialect: Dialect,
    /// The address below which the dialect's paths are, without a trailing slash.
    pub base_url: String,
    /// How a request is authenticated.
    #[serde(default)]
    pub auth: AuthStyle,
    /// Conventional environment variables of its key, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment_variables: Vec<String>,
    /// Headers sent with each request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Deviations from the protocol.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quirks: Quirks,
    /// How it is asked for embeddings, where not as others of its protocol. EMB-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<embeddings::Form>,
    /// How it is asked to rerank, where not as others of its protocol. RERANK-2
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank: Option<rerank::Form>,
    /// Closing the connection stops generation and billing. STREAM-8
    #[serde(default)]
    pub cancel_stops_billing: bool,
    /// What happens to prompts. PRIV-1
    #[serde(default)]
    pub data_policy: DataPolicy,
    /// The path below the base URL that lists models, for checks of a credential.
    #[serde(default = "default_models_path")]
    pub models_path: String,
    /// Country code of its seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<String>,
    /// Country codes of its data centres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenters: Option<Vec<String>>,
    /// Its privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_policy_url: Option<String>,
    /// Its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    /// Its status page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_page_url: Option<String>,
}

/// Whether Bedrock serves a model of Cohere's under this id, with or without a region before it.
fn is_coheres(upstream_model: &str) -> bool {
    upstream_model.split('.').any(|part| part == "cohere")
}

impl Provider {
    /// How it is asked for embeddings of a model, by its own name of it; `None`: nobody knows.
    pub fn embeddings_form(&self, upstream_model: &str) -> Option<embeddings::Form> {
        self.embeddings.or(match self.dialect {
            Dialect::OpenaiChat | Dialect::OpenaiResponses => Some(embeddings::Form::OpenAi),
            Dialect::Gemini => Some(embeddings::Form::Gemini),
            Dialect::Cohere => Some(embeddings::Form::Cohere),
            Dialect::Bedrock if is_coheres(upstream_model) => Some(embeddings::Form::BedrockCohere),
            Dialect::Bedrock => Some(embeddings::Form::BedrockTitan),
            Dialect::Anthropic | Dialect::Ollama => None,
        })
    }

    /// How it is asked to rerank with a model, by its own name of it; `None`: nobody knows.
    pub fn rerank_form(&self, upstream_model: &str) -> Option<rerank::Form> {
        self.rerank.or(match self.dialect {
            // Hosts that took OpenAI's protocol for conversations took Cohere's for rankings.
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Cohere => {
                Some(rerank::Form::Cohere)
            }
            Dialect::Bedrock if is_coheres(upstream_model) => Some(rerank::Form::BedrockCohere),
            Dialect::Bedrock => Some(rerank::Form::BedrockAmazon),
            Dialect::Gemini | Dialect::Anthropic | Dialect::Ollama => None,
        })
    }

    /// The names in braces in the base URL that must be filled in before the provider can be
    /// reached, e.g. `CLOUDFLARE_ACCOUNT_ID`.
    pub fn base_url_variables(&self) -> impl Iterator<Item = &str> {
        self.base_url.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
    }

    /// Whether requests can be sent: nothing in the base URL is left to fill in.
    pub fn is_reachable(&self) -> bool {
        !self.base_url.is_empty() && !self.base_url.contains(['{', '}'])
    }

    /// The base URL with its variables filled in from `lookup`; the first missing name otherwise.
    /// A value must be a part of a host or path: letters, digits, `.`, `-` and `_`.
    pub fn filled_base_url(
        &self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let mut url = self.base_url.clone();
        for name in self.base_url_variables() {
            let safe = |value: &String| {
                !value.is_empty()
                    && value
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
            };
            let value = lookup(name).filter(safe).ok_or_else(|| name.to_owned())?;
            url = url.replace(&format!("{{{name}}}"), &value);
        }
        Ok(url)
    }
}

fn default_models_path() -> String {
    "/models".to_owned()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a request is authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthStyle {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `api-key: KEY`.
    ApiKey,
    /// A header of another name.
    Header(String),
    /// Nothing: a local server.
    None,
}

/// What a provider does with prompts. Unknown means that it retains and trains. PRIV-1
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataPolicy {
    /// Prompts are used for training.
    pub trains: bool,
    /// Prompts are stored.
    pub retains: bool,
    /// For how many days, if known.
    pub retention_days: Option<u32>,
    /// The operator, or a public statement, says that nothing is retained: eligible under zero
    /// retention. PRIV-4
    pub zero_retention: bool,
    /// Whether the operator has checked this.
    pub verified: bool,
}

impl Default for DataPolicy {
    fn default() -> Self {
        Self {
            trains: true,
            retains: true,
            retention_days: None,
            zero_retention: false,
            verified: false,
        }
    }
}
