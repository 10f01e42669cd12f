//! A gateway with simulated providers behind it, and a plain client in front.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::{
    Architecture, AuthStyle, Catalog, DataPolicy, Endpoint, EndpointStatus, Meter, Modalities,
    Modality, Model, ModelKind, Parameter, Parameters, PicoUsd, PriceList, Provider, Quantization,
    ServiceTier,
};
use gateway::control::ControlSources;
use gateway::listener::Server;
use gateway::{App, Settings};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use protocol::Dialect;
use serde_json::Value;
use store::{Actor, Generation, NewApiKey, Store};
use testkit::{Protocol, Simulator};

/// The model every test asks.
pub const MODEL: &str = "test/model";

/// A provider behind the gateway.
#[derive(Clone)]
pub struct Upstream {
    pub slug: String,
    pub dialect: Dialect,
    pub base_url: String,
    /// The provider's name of the model.
    pub model: String,
}

impl Upstream {
    pub fn of(simulator: &Simulator, protocol: Protocol, slug: &str) -> Self {
        Self {
            slug: slug.to_owned(),
            dialect: dialect(protocol),
            base_url: simulator.base_url(protocol),
            model: "simulated-model".to_owned(),
        }
    }
}

/// All protocols that providers speak.
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol::OpenAi,
    Protocol::OpenAiResponses,
    Protocol::Anthropic,
    Protocol::Gemini,
    Protocol::Bedrock,
    Protocol::Cohere,
    Protocol::Ollama,
];

pub fn dialect(protocol: Protocol) -> Dialect {
    match protocol {
        Protocol::OpenAi => Dialect::OpenaiChat,
        Protocol::Anthropic => Dialect::Anthropic,
        Protocol::Gemini => Dialect::Gemini,
        Protocol::OpenAiResponses => Dialect::OpenaiResponses,
        Protocol::Bedrock => Dialect::Bedrock,
        Protocol::Cohere => Dialect::Cohere,
        Protocol::Ollama => Dialect::Ollama,
    }
}

/// A gateway that listens on a port of its own.
pub struct Gateway {
    pub address: SocketAddr,
    pub key: String,
    pub app: Arc<App>,
    server: Option<Server>,
}

/// Short time limits: what hangs must be noticed within a test's patience.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.upstream.connect = Duration::from_millis(500);
    settings.upstream.first_event = Duration::from_millis(600);
    settings.upstream.idle = Duration::from_millis(600);
    settings.upstream.total = Duration::from_millis(3000);
    settings.header_timeout = Duration::from_millis(500);
    settings.body_idle_timeout = Duration::from_millis(500);
    settings.drain_timeout = Duration::from_millis(500);
    settings
}

/// The same, where prices that nobody knows are no reason to refuse.
pub fn serving_unknown_prices() -> Settings {
    let mut settings = settings();
    settings.unknown_prices.on_credits = ledger::UnknownPrice::ServeAndFlag;
    settings
}

impl Gateway {
    pub async fn start(upstreams: &[Upstream]) -> Self {
        Self::with_settings(upstreams, settings()).await
    }

    pub async fn with_settings(upstreams: &[Upstream], settings: Settings) -> Self {
        Self::with_catalog(catalog_of(upstreams), settings).await
    }

    pub async fn with_catalog(catalog: Catalog, settings: Settings) -> Self {
        let store = Store::open_temporary().await.unwrap();
        Self::with_store(catalog, settings, store, NewApiKey::default()).await
    }

    /// A gateway over a store that may hold something already, with a key to be made.
    pub async fn with_store(
        catalog: Catalog,
        settings: Settings,
        store: Store,
        new: NewApiKey,
    ) -> Self {
        let new = NewApiKey { name: "test".into(), ..new };
        let key = store.create_api_key(new, &Actor::system(), 1).await.unwrap();
        let sources = ControlSources {
            environment: Vec::new(),
            catalog: Box::new(move |_| Ok(catalog.clone())),
        };
        let app = App::new(settings, store, sources).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(Arc::clone(&app), listener, 1).unwrap();
        Self {
            address: server.address(),
            key: key.plaintext.expose().to_owned(),
            app,
            server: Some(server),
        }
    }

    /// A gateway that a test has put together; it has no key.
    pub fn of(app: Arc<App>, server: Server) -> Self {
        Self { address: server.address(), key: String::new(), app, server: Some(server) }
    }

    /// A gateway whose providers take media as bytes only.
    pub async fn without_media_urls(upstreams: &[Upstream]) -> Self {
        let (models, endpoints, mut providers) = catalog_of(upstreams).into_parts();
        for provider in &mut providers {
            provider.quirks.no_media_urls = true;
        }
        let catalog = Catalog::new(models, endpoints, providers).unwrap();
        Self::with_catalog(catalog, settings()).await
    }

    /// A gateway with other prices.
    pub async fn with_price(upstreams: &[Upstream], price: PriceList) -> Self {
        let (models, mut endpoints, providers) = catalog_of(upstreams).into_parts();
        for endpoint in &mut endpoints {
            endpoint.price = price.clone();
        }
        Self::with_catalog(Catalog::new(models, endpoints, providers).unwrap(), settings()).await
    }

    /// What was recorded of the first endpoint's only attempt: whether it went well; `None` if it
    /// did not count.
    pub fn counted(&self) -> Option<bool> {
        use routing::health::{Observation, Outcome, Span};
        let (snapshot, now) = (self.app.snapshot(), gateway::clock::now_millis());
        let health = snapshot.health.recorder(catalog::EndpointId(0)).unwrap();
        // Nine more are what it takes, with one, for a share to be told.
        for _ in 0..9 {
            health.record(&Observation::of(Outcome::Success), now);
        }
        health.uptime(Span::HalfHour, now).map(|percent| percent > 99.0)
    }

    /// A gateway whose prices nobody knows.
    pub async fn without_prices(upstreams: &[Upstream], settings: Settings) -> Self {
        let (models, mut endpoints, providers) = catalog_of(upstreams).into_parts();
        for endpoint in &mut endpoints {
            endpoint.price = PriceList::default();
        }
        Self::with_catalog(Catalog::new(models, endpoints, providers).unwrap(), settings).await
    }

    /// A gateway with another model, `test/second`, at another provider.
    pub async fn with_second_model(
        upstreams: &[Upstream],
        second: Upstream,
        settings: Settings,
    ) -> Self {
        let (mut models, mut endpoints, mut providers) = catalog_of(upstreams).into_parts();
        let (mut more, mut their, its) = catalog_of(&[second]).into_parts();
        "test/second".clone_into(&mut more[0].id);
        "test/second-20260101".clone_into(&mut more[0].canonical_slug);
        "test/second".clone_into(&mut their[0].model);
        models.append(&mut more);
        endpoints.append(&mut their);
        providers.extend(its);
        Self::with_catalog(Catalog::new(models, endpoints, providers).unwrap(), settings).await
    }

    /// Stops the gateway; tells whether all requests ended.
    pub async fn stop(mut self) -> bool {
        self.server.take().unwrap().stop().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, body.to_string().into()).await
    }

    pub async fn post_bytes(&self, path: &str, body: Bytes) -> Answer {
        let request = Request::post(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        self.send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::default())
            .unwrap();
        self.send(request).await
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driving.abort();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The row of an answer.
    pub async fn generation(&self, answer: &Answer) -> Option<Generation> {
        self.app.settlements.flush().await.unwrap();
        let id = answer.headers.get("x-generation-id")?.to_str().unwrap().to_owned();
        self.app.store.generation(&id).await.unwrap()
    }
}

/// A test ends before the gateway's threads do, which hold the store; its folder goes with the test.
/// Of a gateway that was stopped nothing holds it but who wants to.
impl Drop for Gateway {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.app.store.discard_temporary();
        }
    }
}

/// What a caller got.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The JSON of all data frames but `[DONE]`, which must be the last.
    pub fn chunks(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).unwrap();
        let mut frames: Vec<&str> =
            text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).collect();
        assert_eq!(frames.pop(), Some("[DONE]"), "{text}");
        frames.into_iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    }

    /// All text of a stream.
    pub fn streamed_text(&self) -> String {
        self.chunks()
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect()
    }

    pub fn text(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }

    pub fn error_type(&self) -> String {
        self.json()["error"]["metadata"]["error_type"].as_str().unwrap_or_default().to_owned()
    }
}

/// A catalogue of one model at all upstreams, at $3 and $15 per million tokens.
pub fn catalog_of(upstreams: &[Upstream]) -> Catalog {
    let inputs: Modalities =
        [Modality::Text, Modality::Image, Modality::File, Modality::Audio].into_iter().collect();
    let parameters: Parameters = Parameter::ALL.iter().copied().collect();
    let model = Model {
        id: MODEL.to_owned(),
        canonical_slug: "test/model-20260101".to_owned(),
        name: "Test: Model".to_owned(),
        kind: ModelKind::Chat,
        created: 1_767_225_600,
        description: String::new(),
        context_length: Some(128_000),
        architecture: Architecture {
            input_modalities: inputs,
            output_modalities: Modalities::TEXT,
            ..Architecture::default()
        },
        supported_parameters: parameters,
        reasoning: None,
        knowledge_cutoff: None,
        expiration_date: None,
        hugging_face_id: None,
        aliases: Vec::new(),
        family: None,
        distillable: true,
        hidden: false,
        retired: false,
    };
    let providers = upstreams
        .iter()
        .map(|upstream| Provider {
            slug: upstream.slug.clone(),
            name: format!("Provider {}", upstream.slug),
            dialect: upstream.dialect,
            author_dialects: Default::default(),
            base_url: upstream.base_url.clone(),
            path_style: Default::default(),
            base_url_values: Default::default(),
            auth: AuthStyle::None,
            environment_variables: Vec::new(),
            headers: match upstream.dialect {
                Dialect::Bedrock => vec![("authorization".into(), "Bearer simulated".into())],
                _ => Vec::new(),
            },
            quirks: Default::default(),
            responses: false,
            embeddings: None,
            rerank: None,
            cancel_stops_billing: true,
            data_policy: DataPolicy {
                trains: false,
                retains: false,
                zero_retention: true,
                ..DataPolicy::default()
            },
            models_path: "/models".to_owned(),
            headquarters: None,
            datacenters: None,
            privacy_policy_url: None,
            terms_of_service_url: None,
            status_page_url: None,
        })
        .collect();
    let endpoints = upstreams
        .iter()
        .map(|upstream| Endpoint {
            model: MODEL.to_owned(),
            provider: upstream.slug.clone(),
            tag: upstream.slug.clone(),
            upstream_model: upstream.model.clone(),
            price: PriceList {
                base: vec![
                    (Meter::Prompt, PicoUsd(3_000_000)),
                    (Meter::Completion, PicoUsd(15_000_000)),
                ],
                overrides: Vec::new(),
            },
            context_length: Some(128_000),
            max_completion_tokens: Some(32_000),
            max_prompt_tokens: None,
            quantization: Quantization::Unknown,
            supported_parameters: parameters,
            input_modalities: inputs,
            output_modalities: Modalities::TEXT,
            status: EndpointStatus::Active,
            service_tier: ServiceTier::Default,
            region: None,
            supports_implicit_caching: false,
            data_policy: None,
            abilities: Default::default(),
        })
        .collect();
    Catalog::new(vec![model], endpoints, providers).unwrap()
}
