//! Providers: data, never code.

use std::collections::BTreeMap;

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
    /// What it speaks for the models of some authors, where that is another protocol.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub author_dialects: BTreeMap<String, AuthorDialect>,
    /// The address below which the paths are, without a trailing slash. What stands in braces is
    /// filled in by [`Self::filled_base_url`].
    pub base_url: String,
    /// How the path of a request is made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub path_style: PathStyle,
    /// What the environment says of the variables of the base URL, and of [`Variable::REGION`] for a
    /// provider at AWS, by their first names. Not part of the catalogue: whoever may read the
    /// environment fills it in.
    #[serde(skip)]
    pub base_url_values: BTreeMap<String, String>,
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
    /// Beside chat completions it offers Responses, below the same address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub responses: bool,
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

/// Whether Bedrock serves Titan Text Embeddings V2 under this id: the other models of Amazon's that
/// make vectors are asked in other ways.
fn is_titans(upstream_model: &str) -> bool {
    upstream_model.contains("amazon.titan-embed-text-v2")
}

/// How Vertex AI is asked for embeddings of Google's models. The model that mixes texts and images
/// has a form of its own, and is not asked.
fn vertex_form(upstream_model: &str) -> Option<embeddings::Form> {
    let begins = |start: &str| upstream_model.starts_with(start);
    if begins("gemini-embedding-001") || begins("text-embedding-large-exp") {
        Some(embeddings::Form::VertexPredictOne)
    } else if begins("gemini-embedding-") {
        Some(embeddings::Form::VertexContent)
    } else if begins("text-embedding-") || begins("text-multilingual-embedding-") {
        Some(embeddings::Form::VertexPredict)
    } else {
        None
    }
}

impl Provider {
    /// The protocol it speaks for an author's models.
    pub fn dialect_for(&self, author: &str) -> Dialect {
        self.author_dialects.get(author).map_or(self.dialect, |other| other.dialect)
    }

    /// Its deviations from the protocol it speaks for an author's models.
    pub fn quirks_for(&self, author: &str) -> &Quirks {
        self.author_dialects.get(author).map_or(&self.quirks, |other| &other.quirks)
    }

    /// How it is asked for embeddings of a model, by its own name of it; `None`: nobody knows.
    pub fn embeddings_form(&self, upstream_model: &str) -> Option<embeddings::Form> {
        if self.path_style == PathStyle::Vertex {
            return self.embeddings.or_else(|| vertex_form(upstream_model));
        }
        self.embeddings.or(match self.dialect {
            Dialect::OpenaiChat | Dialect::OpenaiResponses => Some(embeddings::Form::OpenAi),
            Dialect::Gemini => Some(embeddings::Form::Gemini),
            Dialect::Cohere => Some(embeddings::Form::Cohere),
            Dialect::Bedrock if is_coheres(upstream_model) => Some(embeddings::Form::BedrockCohere),
            Dialect::Bedrock if is_titans(upstream_model) => Some(embeddings::Form::BedrockTitan),
            Dialect::Bedrock | Dialect::Anthropic | Dialect::Ollama => None,
        })
    }

    /// How it is asked to rerank with a model, by its own name of it; `None`: nobody knows.
    pub fn rerank_form(&self, upstream_model: &str) -> Option<rerank::Form> {
        if self.path_style == PathStyle::Vertex {
            return self.rerank;
        }
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

    /// What must be filled in before the provider can be reached, e.g. `CLOUDFLARE_ACCOUNT_ID`.
    pub fn base_url_variables(&self) -> impl Iterator<Item = Variable<'_>> {
        self.base_url
            .split('{')
            .skip(1)
            .filter_map(|rest| Some(Variable::parse(rest.split_once('}')?.0)))
    }

    /// Whether requests can be sent: nothing in the base URL is left to fill in.
    pub fn is_reachable(&self) -> bool {
        !self.base_url.is_empty()
            && self.filled_base_url(|name| self.base_url_values.get(name).cloned()).is_ok()
    }

    /// The base URL with its variables filled in from `lookup`, which is asked for each name of a
    /// variable in order; the first name of a variable that is missing otherwise. A value must be
    /// a part of a host or path: letters, digits, `.`, `-` and `_`.
    pub fn filled_base_url(
        &self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let mut url = String::with_capacity(self.base_url.len() + 32);
        let mut rest = self.base_url.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((inside, after)) = after.split_once('}') else { break };
            let variable = Variable::parse(inside);
            let value = variable.value(&lookup).ok_or_else(|| variable.name().to_owned())?;
            url.push_str(before);
            url.push_str(&value);
            rest = after;
        }
        url.push_str(rest);
        // A lone brace is nothing that could be filled in.
        if url.contains(['{', '}']) { Err(url) } else { Ok(url) }
    }
}

/// A variable of a base URL: `{NAME}`, `{NAME|OTHER_NAME}` or, with a value for when none of them
/// is set, `{NAME=value}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'a> {
    names: &'a str,
    default: Option<&'a str>,
}

impl Variable<'static> {
    /// The region of AWS, under the names that its own tools read.
    pub const REGION: Self = Self { names: "AWS_REGION|AWS_DEFAULT_REGION", default: None };
}

impl<'a> Variable<'a> {
    fn parse(inside: &'a str) -> Self {
        match inside.split_once('=') {
            Some((names, default)) => Self { names, default: Some(default) },
            None => Self { names: inside, default: None },
        }
    }

    /// Whether a text between braces is a variable that can be filled in.
    pub(crate) fn is_written(inside: &str) -> bool {
        let variable = Variable::parse(inside);
        let is_name = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        variable.names().all(is_name) && variable.default.is_none_or(is_part)
    }

    /// Its names, the conventional one first.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.names.split('|')
    }

    /// Its first name.
    pub fn name(&self) -> &'a str {
        self.names().next().unwrap_or_default()
    }

    /// Its value if nothing is known of it.
    pub fn default(&self) -> Option<&'a str> {
        self.default
    }

    /// Its value: of the first name that has a usable one, else the default.
    pub fn value(&self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.found(lookup).or_else(|| self.default.map(str::to_owned))
    }

    /// The value of the first name that has a usable one.
    pub fn found(&self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.names().find_map(|name| lookup(name).filter(|value| is_part(value)))
    }
}

/// Whether a text can be a part of a host or path.
fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// What a provider speaks for the models of one author.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorDialect {
    /// The protocol.
    pub dialect: Dialect,
    /// Deviations from it. Those of the provider's own protocol do not count here.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quirks: Quirks,
}

/// How the path of a request is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathStyle {
    /// Below the base URL, as the protocol has it.
    #[default]
    Protocol,
    /// Vertex AI: the base URL ends with `/v1/projects/{project}/locations/{location}`, and the
    /// protocol decides what follows. At Google's own host the location decides about the host.
    /// wire-formats 4
    Vertex,
    /// Azure's newer addresses: OpenAI's protocol below the base URL, which ends with
    /// `/openai/v1`; Anthropic's beside it, below `/anthropic/v1`, and at Azure's own hosts under
    /// the domain of Foundry. wire-formats 2.8, 8
    Azure,
    /// Azure's classic addresses, with the provider's name of the model in the path, and this
    /// version of the interface (`2024-10-21`); Anthropic's protocol as in [`Self::Azure`].
    /// wire-formats 8
    AzureDeployments(String),
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
    /// Amazon's: a Bedrock API key, or keys with which each request is signed. wire-formats 5.1
    Aws,
    /// Google Cloud's: a service account, a user, the machine's own account (`metadata`), or an
    /// API key of express mode. wire-formats 4
    Google,
    /// Azure's: an API key, an application of Entra, or the machine's own identity
    /// (`managed_identity`). wire-formats 8
    Azure,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(base_url: &str) -> Provider {
        serde_json::from_value(serde_json::json!({
            "slug": "p", "name": "P", "dialect": "gemini", "base_url": base_url,
            "author_dialects": {"anthropic": {"dialect": "anthropic"}},
        }))
        .unwrap()
    }

    #[test]
    fn an_authors_models_may_speak_another_protocol_with_its_own_deviations() {
        let mut provider = provider("https://p.test");
        provider.quirks.no_function_call_ids = true;
        assert_eq!(provider.dialect_for("google"), Dialect::Gemini);
        assert_eq!(provider.dialect_for("anthropic"), Dialect::Anthropic);
        assert!(provider.quirks_for("google").no_function_call_ids);
        assert!(!provider.quirks_for("anthropic").no_function_call_ids);
    }

    #[test]
    fn variables_have_other_names_and_values_for_when_none_is_set() {
        let url = "https://x/{PROJECT|OLD_PROJECT}/{PLACE|OLD_PLACE=global}";
        let mut provider = provider(url);
        let filled = |known: &[(&str, &str)]| {
            provider.filled_base_url(|name| {
                known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(filled(&[]), Err("PROJECT".to_owned()));
        assert_eq!(filled(&[("OLD_PROJECT", "p")]), Ok("https://x/p/global".to_owned()));
        let both = [("OLD_PROJECT", "old"), ("PROJECT", "new"), ("PLACE", "eu")];
        assert_eq!(filled(&both), Ok("https://x/new/eu".to_owned()));
        // What is no part of a path is passed over, so that nobody chooses another path.
        let unsafe_one = [("PROJECT", "a/../b"), ("OLD_PROJECT", "p")];
        assert_eq!(filled(&unsafe_one), Ok("https://x/p/global".to_owned()));
        let names: Vec<_> = provider.base_url_variables().map(|variable| variable.name()).collect();
        assert_eq!(names, ["PROJECT", "PLACE"]);
        assert!(!provider.is_reachable());
        provider.base_url_values.insert("PROJECT".to_owned(), "p".to_owned());
        assert!(provider.is_reachable());
    }

    #[test]
    fn what_is_open_at_the_end_is_not_reachable() {
        for url in ["https://{A", "https://A}", "https://{}/v1", ""] {
            assert!(!provider(url).is_reachable(), "{url}");
        }
    }

    #[test]
    fn bedrock_is_asked_for_vectors_of_the_models_whose_form_is_known() {
        let mut provider = provider("https://p.test");
        provider.dialect = Dialect::Bedrock;
        for (model, form) in [
            ("amazon.titan-embed-text-v2:0", Some(embeddings::Form::BedrockTitan)),
            ("us.cohere.embed-v4:0", Some(embeddings::Form::BedrockCohere)),
            ("amazon.titan-embed-text-v1", None),
            ("amazon.titan-embed-image-v1", None),
            ("amazon.nova-2-multimodal-embeddings-v1:0", None),
        ] {
            assert_eq!(provider.embeddings_form(model), form, "{model}");
        }
    }

    #[test]
    fn vertex_is_asked_for_vectors_as_its_models_want_it() {
        let mut provider = provider("https://p.test");
        provider.path_style = PathStyle::Vertex;
        for (model, form) in [
            ("text-embedding-005", Some(embeddings::Form::VertexPredict)),
            ("text-multilingual-embedding-002", Some(embeddings::Form::VertexPredict)),
            ("gemini-embedding-001", Some(embeddings::Form::VertexPredictOne)),
            ("gemini-embedding-2", Some(embeddings::Form::VertexContent)),
            ("multimodalembedding@001", None),
        ] {
            assert_eq!(provider.embeddings_form(model), form, "{model}");
        }
    }

    #[test]
    fn styles_have_names_for_operators() {
        for (name, auth) in
            [("aws", AuthStyle::Aws), ("google", AuthStyle::Google), ("azure", AuthStyle::Azure)]
        {
            assert_eq!(serde_json::from_value::<AuthStyle>(name.into()).unwrap(), auth);
        }
        assert_eq!(serde_json::from_value::<PathStyle>("azure".into()).unwrap(), PathStyle::Azure);
        let classic = serde_json::json!({"azure_deployments": "2024-10-21"});
        let read: PathStyle = serde_json::from_value(classic).unwrap();
        assert_eq!(read, PathStyle::AzureDeployments("2024-10-21".to_owned()));
    }
}
