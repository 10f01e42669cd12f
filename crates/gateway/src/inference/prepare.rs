//! Step 2: what is asked for.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use catalog::EndpointId;
use http::{HeaderMap, HeaderValue};
use protocol::exchange::{Fault, FinishReason, Usage};
use protocol::facts::RequestFacts;
use protocol::openai_responses::Echo;
use protocol::surface::Addressed;
use protocol::{Dialect, Surface};
use routing::health::{Observation, Outcome};
use sha2::{Digest, Sha256};
use store::Generation;

use super::count::Counted;
use super::estimate::kind_of;
use super::plan::{Candidate, Route};
use super::provenance::Reasoning;
use super::settle::{beginning, record};
use super::sticky::Conversation;
use super::stored::Stored;
use crate::app::App;
use crate::clock::{generation_id, now_micros, now_millis};
use crate::control::{Caller, Snapshot};
use crate::tokenizer::Counting;

/// One call: everything known of it that does not change on its way.
pub struct Call {
    /// What all requests share.
    pub app: Arc<App>,
    /// The control state it works with.
    pub snapshot: Arc<Snapshot>,
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The API the caller speaks.
    pub surface: Surface,
    /// What the address of the request says.
    pub addressed: Addressed,
    /// The answer's id, told in `X-Generation-Id`. API-10
    pub generation_id: String,
    /// When it was begun, in microseconds since 1970.
    pub begun: store::Micros,
    /// What is asked for.
    pub facts: RequestFacts,
    /// The model as the caller named it; empty for the default model.
    pub model_requested: String,
    /// The conversation, for stickiness.
    pub conversation: Conversation,
    /// The end user toward providers, made unrecognisable. USERT-1
    pub user_identity: Option<String>,
    /// The caller wants to know about the route. RMETA-1
    pub wants_metadata: bool,
    betas: Vec<String>,
    headers: Attribution,
    /// Reasoning of earlier turns whose makers are known.
    pub reasoning: Reasoning,
    /// The caller speaks of functions, as there were before tools, and is told of calls as such.
    pub calls_as_function: bool,
    /// What the Responses surface repeats of the request. RESP-4
    pub echo: Option<Echo>,
    /// What becomes of the answer where the workspace keeps some.
    pub stored: Option<Stored>,
    pub(super) route: OnceLock<Route>,
    /// The length of the prompt, where something turned on it and it could be counted.
    pub(super) counted: OnceLock<Counted>,
}

/// An answer that was given.
pub struct Served<'s> {
    /// Who gave it.
    pub candidate: &'s Candidate,
    /// When the attempt at it began.
    pub began: Instant,
    /// When content began; known for streams only.
    pub first_content: Option<Instant>,
    /// How long the caller kept it from sending more.
    pub held_up: Duration,
    /// Why it ended.
    pub finish: Option<FinishReason>,
    /// The tokens of the prompt, if the provider counted them.
    pub counted: Option<u64>,
}

/// The longest name of an end user that is kept, in characters.
const LONGEST_USER: usize = 512;

/// What the request's headers say about the application. ATTR-1
#[derive(Default)]
struct Attribution {
    referer: Option<Arc<str>>,
    title: Option<Arc<str>>,
    categories: Option<Arc<str>>,
    user_agent: Option<Arc<str>>,
    origin: Option<Arc<str>>,
    session_id: Option<String>,
}

/// The headers a call is told things by, each where it stood first. Looking for them one by one
/// would search the headers a dozen times.
#[derive(Default)]
struct CallHeaders<'h> {
    http_referer: Option<&'h HeaderValue>,
    referer: Option<&'h HeaderValue>,
    openrouter_title: Option<&'h HeaderValue>,
    title: Option<&'h HeaderValue>,
    categories: Option<&'h HeaderValue>,
    user_agent: Option<&'h HeaderValue>,
    origin: Option<&'h HeaderValue>,
    session_id: Option<&'h HeaderValue>,
    metadata: Option<&'h HeaderValue>,
    experimental_metadata: Option<&'h HeaderValue>,
    beta: Option<&'h HeaderValue>,
    anthropic_beta: Option<&'h HeaderValue>,
}

impl<'h> CallHeaders<'h> {
    fn read(headers: &'h HeaderMap) -> Self {
        let mut told = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "http-referer" => &mut told.http_referer,
                "referer" => &mut told.referer,
                "x-openrouter-title" => &mut told.openrouter_title,
                "x-title" => &mut told.title,
                "x-openrouter-categories" => &mut told.categories,
                "user-agent" => &mut told.user_agent,
                "origin" => &mut told.origin,
                "x-session-id" => &mut told.session_id,
                "x-openrouter-metadata" => &mut told.metadata,
                "x-openrouter-experimental-metadata" => &mut told.experimental_metadata,
                "x-anthropic-beta" => &mut told.beta,
                "anthropic-beta" => &mut told.anthropic_beta,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        told
    }

    /// Whether the caller wants to know the route. RMETA-1
    fn wants_metadata(&self) -> bool {
        [self.metadata, self.experimental_metadata]
            .into_iter()
            .flatten()
            .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"enabled"))
    }

    /// The beta features of Anthropic the caller asks for. PROV-15
    fn betas(&self) -> Vec<String> {
        [self.beta, self.anthropic_beta]
            .into_iter()
            .filter_map(|value| value?.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|beta| !beta.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn attribution(&self) -> Attribution {
        let text = |value: Option<&'h HeaderValue>| -> Option<&'h str> {
            let value = std::str::from_utf8(value?.as_bytes()).ok()?.trim();
            Some(beginning(value, 512)).filter(|text| !text.is_empty())
        };
        let shared = |value| text(value).map(Arc::from);
        Attribution {
            // What an application says of itself goes before what its browser adds.
            referer: shared(self.http_referer)
                .or_else(|| text(self.referer).map(site_of).map(Arc::from)),
            title: shared(self.openrouter_title).or_else(|| shared(self.title)),
            categories: shared(self.categories),
            user_agent: shared(self.user_agent),
            origin: shared(self.origin),
            session_id: text(self.session_id).map(str::to_owned),
        }
    }
}

/// The site of a page: a browser tells the page's whole address, in which a prompt may stand, and
/// which makes an application of each page.
fn site_of(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(address.len(), |at| host + at);
    address.get(..end).unwrap_or_default()
}

impl Call {
    /// Gathers what does not change.
    pub fn new(
        app: Arc<App>,
        snapshot: Arc<Snapshot>,
        caller: Arc<Caller>,
        (surface, addressed): (Surface, Addressed),
        generation_id: String,
        headers: &HeaderMap,
        facts: RequestFacts,
    ) -> Result<Self, Fault> {
        let told = CallHeaders::read(headers);
        let headers_read = told.attribution();
        if headers_read.session_id.as_ref().is_some_and(|id| id.chars().count() > 256) {
            return Err(Fault::invalid("x-session-id: is longer than 256 characters"));
        }
        let conversation =
            Conversation::of(&caller.account_id, headers_read.session_id.as_deref(), &facts);
        let user_identity =
            facts.user.as_deref().map(|user| user_identity(&caller.account_id, user));
        let named = facts.model.as_ref().or(facts.models.first()).map(String::as_str);
        let default = || match surface {
            Surface::Embeddings | Surface::Rerank => None,
            _ => snapshot.default_text_model(&caller),
        };
        let Some(model_requested) = named.or_else(default).map(str::to_owned) else {
            return Err(Fault::invalid(
                "model: is missing, and no default model is set for this workspace",
            ));
        };
        Ok(Self {
            wants_metadata: told.wants_metadata(),
            app,
            snapshot,
            caller,
            surface,
            addressed,
            generation_id,
            begun: now_micros(),
            facts,
            model_requested,
            conversation,
            user_identity,
            betas: told.betas(),
            headers: headers_read,
            reasoning: Reasoning::default(),
            calls_as_function: false,
            echo: None,
            stored: None,
            route: OnceLock::new(),
            counted: OnceLock::new(),
        })
    }

    /// A new generation's id.
    pub fn new_id() -> String {
        generation_id()
    }

    /// When it was begun, in seconds since 1970.
    pub fn created(&self) -> u64 {
        (self.begun / 1_000_000).unsigned_abs()
    }

    /// Makes the link to the documentation one that the caller can follow.
    pub fn link(&self, availability: &mut routing::ErrorAvailability) {
        let address = self.app.settings.public_url.trim_end_matches('/');
        availability.docs_url.insert_str(0, address);
    }

    /// The beta features of Anthropic the caller asks for. PROV-15
    pub fn anthropic_betas(&self) -> Vec<&str> {
        self.betas.iter().map(String::as_str).collect()
    }

    /// The record of this call, with all that is known at its start.
    pub fn record(&self) -> Box<Generation> {
        let headers = &self.headers;
        let session = self.facts.session_id.as_deref().or(headers.session_id.as_deref());
        let user = self.facts.user.as_deref();
        let mut generation = record(&self.generation_id, self.begun);
        generation.account_id = Arc::clone(&self.caller.account_id);
        generation.workspace_id = Arc::clone(&self.caller.workspace_id);
        generation.key_hash = Arc::clone(&self.caller.key_hash);
        generation.model_requested = self.model_requested.as_str().into();
        generation.streamed = self.facts.stream;
        generation.session_id = session.map(Into::into);
        generation.external_user = user.map(|user| beginning(user, LONGEST_USER).into());
        generation.app_referer = headers.referer.clone();
        generation.app_title = headers.title.clone();
        generation.app_categories = headers.categories.clone();
        generation.user_agent = headers.user_agent.clone();
        generation.origin = headers.origin.clone();
        generation.api_type = api_type(self.surface).into();
        generation
    }

    /// The protocol in which an endpoint is asked.
    pub fn dialect(&self, endpoint: EndpointId) -> Dialect {
        let catalog = &self.snapshot.catalog;
        let asked = self.facts.reasoning.as_ref();
        let reasoned_tools =
            self.facts.tools > 0 && catalog.endpoint(endpoint).abilities.reasons(asked);
        catalog.dialect_toward(endpoint, self.surface.dialect(), reasoned_tools)
    }

    /// The tokens of the prompt for a model: counted, where that was done with its vocabulary, or
    /// estimated.
    pub fn prompt_tokens(&self, model: &catalog::Model) -> u64 {
        match self.counted.get() {
            Some(counted) if Counting::of(model) == Some(counted.counting) => counted.tokens,
            _ => self.app.estimates.tokens(model, &self.facts),
        }
    }

    fn learn_tokens(&self, candidate: &Candidate, counted: u64) {
        let model = self.snapshot.catalog.model_of(candidate.endpoint);
        if let Some(error) = self.app.estimates.learn(model, &self.facts, counted) {
            self.app.metrics.token_estimate_error(kind_of(model), error);
        }
    }

    /// What an answer means for the endpoint's health and for the conversation. An answer that
    /// ended in an error counts against the endpoint. LB-6, MODELS-13, PERF-2, STICKY-1
    pub fn served(&self, served: &Served<'_>, usage: &Usage) {
        let Served { candidate, began, first_content, held_up, finish, counted } = *served;
        if finish == Some(FinishReason::Error) {
            let failure = Observation::of(Outcome::Failure);
            self.snapshot.observe(candidate.endpoint, &failure, now_millis());
            return;
        }
        let seconds = began.elapsed().saturating_sub(held_up).as_secs_f64();
        let since = |at: Instant| at.saturating_duration_since(began).as_secs_f64() * 1000.0;
        let now = now_millis();
        let observation = Observation {
            began_ms: Some(now.saturating_sub((seconds * 1000.0) as u64)),
            latency_ms: first_content.map(since),
            throughput: (usage.output > 0 && seconds > 0.0).then(|| usage.output as f64 / seconds),
            ..Observation::of(Outcome::Success)
        };
        self.snapshot.observe(candidate.endpoint, &observation, now);
        if let Some(counted) = counted {
            self.learn_tokens(candidate, counted);
        }
        let state = self.snapshot.endpoint(candidate.endpoint);
        let cached = usage.cached_input.saturating_add(usage.cache_write);
        self.app.sticky.served(self.conversation, &state.model, &state.tag, cached);
    }
}

/// What kind of API was called. GEN-2
fn api_type(surface: Surface) -> &'static str {
    match surface {
        Surface::Chat
        | Surface::Completions
        | Surface::Responses
        | Surface::Messages
        | Surface::Gemini => "completions",
        Surface::Embeddings => "embeddings",
        Surface::Rerank => "rerank",
    }
}

/// Writes down what the headers of a request say about the application and its session. ATTR-1
pub(crate) fn attribute(headers: &HeaderMap, generation: &mut Generation) {
    let read = CallHeaders::read(headers).attribution();
    generation.app_referer = read.referer;
    generation.app_title = read.title;
    generation.app_categories = read.categories;
    generation.user_agent = read.user_agent;
    generation.origin = read.origin;
    generation.session_id = read.session_id.map(Into::into);
}

/// A name for the end user that a provider can tell apart but not recognise. USERT-1
fn user_identity(account: &str, user: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(account.as_bytes());
    hash.update([0]);
    hash.update(user.as_bytes());
    let digest = hash.finalize();
    let mut name = String::with_capacity(5 + 32);
    name.push_str("user-");
    for byte in &digest[..16] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// USERT-1
    #[test]
    fn end_users_are_told_apart_but_not_named() {
        let one = user_identity("account", "ann@example.com");
        assert_eq!(one, user_identity("account", "ann@example.com"));
        assert_ne!(one, user_identity("other", "ann@example.com"));
        assert!(!one.contains("ann"));
        assert_eq!(one.len(), 37);
    }

    #[test]
    fn of_a_page_the_books_have_the_site() {
        for (page, site) in [
            ("https://a.example/play?prompt=secret#x", "https://a.example"),
            ("https://a.example:8443?prompt=secret", "https://a.example:8443"),
            ("http://a.example", "http://a.example"),
            ("a.example/secret", "a.example"),
            ("https://#secret", "https://"),
        ] {
            assert_eq!(site_of(page), site);
        }
    }
}
