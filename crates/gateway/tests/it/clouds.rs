//! Providers of clouds: tokens, signatures and addresses. wire-formats 4, 5.1, 8

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use catalog::{AuthStyle, AuthorDialect, Catalog, PathStyle, Provider};
use futures_util::future::join_all;
use gateway::clock::now_seconds;
use gateway::upstream::Origin;
use gateway::{PassthroughPermission, Settings};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use protocol::Dialect;
use protocol::target::Quirks;
use serde_json::{Value, json};
use store::{Actor, NewApiKey, NewProviderCredential, Secret, Store};
use testkit::{Protocol, RefusedAddress, Script, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream, catalog_of, settings};

/// A key that protects nothing.
const PEM: &str = include_str!("../../../signing/tests/data/test_key_not_a_secret.pem");

/// A request as it came.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A small server that remembers what came, byte by byte.
pub(super) struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

/// What is answered: the kind of content, and it.
pub(super) type Words = (&'static str, String);

impl Server {
    /// Answers with what `words` says to a request, and the number of it from one.
    pub(super) async fn start(
        words: impl Fn(&Received, usize) -> (StatusCode, Words) + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (all, words) = (Arc::clone(&received), Arc::new(words));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, words) = (Arc::clone(&all), Arc::clone(&words));
                let answering = service_fn(move |request: Request<Incoming>| {
                    let (all, words) = (Arc::clone(&all), Arc::clone(&words));
                    async move {
                        let (parts, body) = request.into_parts();
                        let request = Received {
                            path: parts.uri.path().to_owned(),
                            query: parts.uri.query().unwrap_or_default().to_owned(),
                            headers: parts.headers,
                            body: body.collect().await.unwrap().to_bytes(),
                        };
                        let number = {
                            let mut all = all.lock().unwrap();
                            all.push(request.clone());
                            all.len()
                        };
                        let (status, (kind, text)) = words(&request, number);
                        let answer = Response::builder()
                            .status(status)
                            .header("content-type", kind)
                            .body(Full::new(Bytes::from(text)))
                            .unwrap();
                        Ok::<_, Infallible>(answer)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answering);
                tokio::spawn(connection);
            }
        });
        Self { address, received }
    }

    /// Gives out the tokens `token-1`, `token-2` …, each for so many seconds.
    pub(super) async fn of_tokens(life: u64) -> Self {
        Self::start(move |_, number| {
            let answer = json!({
                "access_token": format!("token-{number}"), "expires_in": life,
                "token_type": "Bearer",
            });
            (StatusCode::OK, ("application/json", answer.to_string()))
        })
        .await
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Settings under which tokens are asked for here.
    pub(super) fn settings(&self) -> Settings {
        asking_for_tokens_at(&self.url())
    }
}

fn asking_for_tokens_at(url: &str) -> Settings {
    let mut settings = settings();
    settings.upstream.token_server = Some(Origin::parse(url).unwrap());
    settings
}

pub(super) fn service_account() -> String {
    json!({
        "type": "service_account", "project_id": "p", "private_key": PEM,
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
    .to_string()
}

pub(super) fn upstream(base_url: String, dialect: Dialect) -> Upstream {
    Upstream { slug: "cloud".to_owned(), dialect, base_url, model: "simulated-model".to_owned() }
}

/// A catalogue whose provider `cloud` is changed.
pub(super) fn catalog(upstreams: &[Upstream], change: impl Fn(&mut Provider)) -> Catalog {
    let (models, endpoints, mut providers) = catalog_of(upstreams).into_parts();
    for provider in providers.iter_mut().filter(|provider| provider.slug == "cloud") {
        change(provider);
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

pub(super) async fn gateway(catalog: Catalog, settings: Settings, secret: &str) -> Gateway {
    let store = Store::open_temporary().await.unwrap();
    let new = NewProviderCredential {
        provider: "cloud".to_owned(),
        secret: Secret::new(secret),
        ..NewProviderCredential::default()
    };
    store.create_credential(new, &Actor::system(), 1).await.unwrap();
    Gateway::with_store(catalog, settings, store, NewApiKey::default()).await
}

/// A gateway before one simulated provider that wants tokens of Google.
async fn with_tokens(simulator: &Simulator, settings: Settings) -> Gateway {
    let provider = upstream(simulator.base_url(Protocol::OpenAi), Dialect::OpenaiChat);
    let catalog = catalog(&[provider], |provider| provider.auth = AuthStyle::Google);
    gateway(catalog, settings, &service_account()).await
}

pub(super) async fn ask(gateway: &Gateway) -> Answer {
    gateway.post("/api/v1/chat/completions", &hello(false)).await
}

pub(super) fn hello(stream: bool) -> Value {
    json!({
        "model": MODEL, "stream": stream, "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello there"}],
    })
}

fn authorizations(simulator: &Simulator) -> Vec<String> {
    let calls = simulator.calls();
    calls.iter().map(|call| call.header("authorization").unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_asked_for_once_for_all() {
    let (simulator, server) = (Simulator::start().await.unwrap(), Server::of_tokens(3600).await);
    let gateway = with_tokens(&simulator, server.settings()).await;
    let answers = join_all((0..20).map(|_| ask(&gateway))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    // A new snapshot has the same token.
    gateway.app.reload().await.unwrap();
    assert_eq!(ask(&gateway).await.status, StatusCode::OK);
    let asked = server.received();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/token"));
    let form = String::from_utf8(asked[0].body.to_vec()).unwrap();
    assert!(form.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth"), "{form}");
    assert_eq!(authorizations(&simulator), vec!["Bearer token-1"; 21]);
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    let (simulator, server) = (Simulator::start().await.unwrap(), Server::of_tokens(5).await);
    let gateway = with_tokens(&simulator, server.settings()).await;
    for _ in 0..2 {
        assert_eq!(ask(&gateway).await.status, StatusCode::OK);
    }
    assert_eq!(authorizations(&simulator), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_used_again() {
    let (simulator, server) = (Simulator::start().await.unwrap(), Server::of_tokens(3600).await);
    let gateway = with_tokens(&simulator, server.settings()).await;
    simulator.push(Script::status(401));
    let refused = ask(&gateway).await;
    assert_ne!(refused.status, StatusCode::OK);
    assert_eq!(ask(&gateway).await.status, StatusCode::OK);
    assert_eq!(authorizations(&simulator), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn without_a_token_another_provider_serves() {
    let (cloud, other) = (Simulator::start().await.unwrap(), Simulator::start().await.unwrap());
    let nobody = RefusedAddress::take().unwrap();
    let refusing = Server::start(|_, _| {
        let words = json!({"error": "invalid_grant", "error_description": "Account not found"});
        (StatusCode::BAD_REQUEST, ("application/json", words.to_string()))
    })
    .await;
    // Redirects are not followed: what was sent is a secret.
    let leading_on = Server::start(|_, _| (StatusCode::FOUND, ("text/html", String::new()))).await;
    let down = format!("http://{}", nobody.address());
    for server in [down, refusing.url(), leading_on.url()] {
        let upstreams = [
            upstream(cloud.base_url(Protocol::OpenAi), Dialect::OpenaiChat),
            Upstream::of(&other, Protocol::OpenAi, "other"),
        ];
        let catalog = catalog(&upstreams, |provider| provider.auth = AuthStyle::Google);
        let settings = asking_for_tokens_at(&server);
        let gateway = gateway(catalog, settings, &service_account()).await;
        let mut body = hello(false);
        body["provider"] = json!({"order": ["cloud", "other"]});
        let answer = gateway.post("/api/v1/chat/completions", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{server}");
        assert_eq!(answer.json()["provider"], "Provider other");
        body["provider"] = json!({"only": ["cloud"]});
        let answer = gateway.post("/api/v1/chat/completions", &body).await;
        assert!(answer.status.is_server_error());
        let told = answer.json().to_string();
        assert!(told.contains("no access token") && !told.contains("Account"), "{told}");
    }
    assert!(cloud.calls().is_empty());
}

#[tokio::test]
async fn a_credential_that_cannot_be_read_makes_its_provider_unavailable_only() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [
        upstream(simulator.base_url(Protocol::OpenAi), Dialect::OpenaiChat),
        Upstream::of(&simulator, Protocol::OpenAi, "other"),
    ];
    let catalog = catalog(&upstreams, |provider| provider.auth = AuthStyle::Google);
    let gateway = gateway(catalog, settings(), r#"{"type":"service_account"}"#).await;
    let answer = ask(&gateway).await;
    assert_eq!(answer.json()["provider"], "Provider other");
}

/// wire-formats 5.1
#[tokio::test]
async fn a_signature_is_one_of_the_request_as_it_came() {
    let provider = Server::start(|_, _| {
        let answer = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        });
        (StatusCode::OK, ("application/json", answer.to_string()))
    })
    .await;
    let mut upstream = upstream(provider.url(), Dialect::Bedrock);
    "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.a.b-v1:0".clone_into(&mut upstream.model);
    let catalog = catalog(&[upstream], |provider| provider.auth = AuthStyle::Aws);
    let secret = json!({
        "access_key_id": "ASIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI",
        "session_token": "session", "region": "eu-west-1",
    })
    .to_string();
    let gateway = gateway(catalog, settings(), &secret).await;
    let began = now_seconds();
    let answer = ask(&gateway).await;
    let ended = now_seconds();
    assert_eq!(answer.text(), "hi");
    let received = &provider.received()[0];
    assert_eq!(
        received.path,
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.a.b-v1%3A0/converse"
    );
    let credential = signing::Credential::parse(&signing::Scheme::Aws, &secret).unwrap();
    let signing::Credential::Aws(keys) = credential else { panic!("keys that sign") };
    let request = signing::aws::Request {
        method: "POST",
        host: received.header("host"),
        path: &received.path,
        query: &received.query,
        headers: &[("content-type", received.header("content-type"))],
        body: signing::aws::BodyHash::of([&received.body[..]]),
        sends_body_hash: false,
    };
    let sent = (received.header("authorization"), received.header("x-amz-date"));
    let is_signed = (began..=ended).any(|at| {
        let signed = signing::aws::sign(&keys, "eu-west-1", "bedrock", &request, at);
        (signed.authorization.expose(), signed.x_amz_date.as_str()) == sent
    });
    assert!(is_signed, "{sent:?}");
    assert_eq!(received.header("x-amz-security-token"), "session");
}

/// wire-formats 4
#[tokio::test]
async fn googles_models_at_vertex() {
    let (simulator, server) = (Simulator::start().await.unwrap(), Server::of_tokens(3600).await);
    let base_url = format!("http://{}/v1/projects/p/locations/global", simulator.address());
    let catalog = catalog(&[upstream(base_url, Dialect::Gemini)], |provider| {
        provider.auth = AuthStyle::Google;
        provider.path_style = PathStyle::Vertex;
    });
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "quota_project_id": "quota",
    });
    let gateway = gateway(catalog, server.settings(), &user.to_string()).await;
    for stream in [false, true] {
        let answer = gateway.post("/api/v1/chat/completions", &hello(stream)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let calls = simulator.calls();
    let models = "/v1beta1/projects/p/locations/global/publishers/google/models/simulated-model";
    for (call, method) in calls.iter().zip([":generateContent", ":streamGenerateContent"]) {
        assert!(call.path.starts_with(&format!("{models}{method}")), "{}", call.path);
        assert_eq!(call.header("authorization"), Some("Bearer token-1"));
        assert_eq!(call.header("x-goog-user-project"), Some("quota"));
    }
    assert_eq!(calls.len(), 2);
}

fn claude(received: &Received, _number: usize) -> (StatusCode, Words) {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
        "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let is_stream = received.json()["stream"] == true;
    if !is_stream {
        return (StatusCode::OK, ("application/json", message.to_string()));
    }
    let mut begun = message;
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    let text: String = [
        json!({"type": "message_start", "message": begun}),
        json!({
            "type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""},
        }),
        json!({
            "type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": "hi"},
        }),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 1},
        }),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
    .collect();
    (StatusCode::OK, ("text/event-stream", text))
}

/// wire-formats 4
#[tokio::test]
async fn anthropics_models_at_vertex() {
    let (provider, server) = (Server::start(claude).await, Server::of_tokens(3600).await);
    let base_url = format!("{}/v1/projects/p/locations/us-east5", provider.url());
    let mut upstream = upstream(base_url, Dialect::Gemini);
    "claude@20260101".clone_into(&mut upstream.model);
    let quirks = Quirks {
        anthropic_version: Some("vertex-2023-10-16".to_owned()),
        no_media_urls: true,
        ..Quirks::default()
    };
    let catalog = catalog(&[upstream], |provider| {
        provider.auth = AuthStyle::Google;
        provider.path_style = PathStyle::Vertex;
        let other = AuthorDialect { dialect: Dialect::Anthropic, quirks: quirks.clone() };
        provider.author_dialects = BTreeMap::from([("test".to_owned(), other)]);
    });
    let gateway = gateway(catalog, server.settings(), &service_account()).await;
    for (path, stream) in [
        ("/api/v1/chat/completions", false),
        ("/api/v1/chat/completions", true),
        ("/api/v1/messages", false),
        ("/api/v1/messages", true),
    ] {
        let answer = gateway.post(path, &hello(stream)).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == StatusCode::OK && text.contains("hi"), "{path}: {text}");
    }
    let received = provider.received();
    let models = "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude@20260101";
    for (request, stream) in received.iter().zip([false, true, false, true]) {
        let method = if stream { "streamRawPredict" } else { "rawPredict" };
        assert_eq!(request.path, format!("{models}:{method}"));
        assert_eq!(request.header("authorization"), "Bearer token-1");
        assert_eq!(request.header("anthropic-version"), "");
        let body = request.json();
        assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
        assert!(body.get("model").is_none());
        assert_eq!(body["stream"] == true, stream, "{body}");
    }
    assert_eq!(received.len(), 4);
}

/// wire-formats 8
#[tokio::test]
async fn azure_in_both_styles() {
    let (simulator, server) = (Simulator::start().await.unwrap(), Server::of_tokens(3600).await);
    let application = json!({
        "tenant_id": "tenant.test", "client_secret": "s",
        "client_id": "00000000-0000-0000-0000-000000000001",
    })
    .to_string();
    let classic = PathStyle::AzureDeployments("2024-10-21".to_owned());
    for (style, base, secret) in [
        (PathStyle::Protocol, "/openai/v1", "key"),
        (classic.clone(), "", "key"),
        (classic, "/openai", application.as_str()),
    ] {
        let base_url = format!("http://{}{base}", simulator.address());
        let catalog = catalog(&[upstream(base_url, Dialect::OpenaiChat)], |provider| {
            provider.auth = AuthStyle::Azure;
            provider.path_style = style.clone();
        });
        let gateway = gateway(catalog, server.settings(), secret).await;
        assert_eq!(ask(&gateway).await.status, StatusCode::OK);
    }
    let calls = simulator.calls();
    let deployment = "/openai/deployments/simulated-model/chat/completions";
    assert_eq!(calls[0].path, "/openai/v1/chat/completions");
    assert_eq!(calls[0].header("api-key"), Some("key"));
    assert!(calls[1].path.starts_with(deployment), "{}", calls[1].path);
    assert_eq!(calls[1].header("api-key"), Some("key"));
    assert!(calls[2].path.starts_with(deployment), "{}", calls[2].path);
    assert_eq!(calls[2].header("authorization"), Some("Bearer token-1"));
    assert_eq!(server.received()[0].path, "/tenant.test/oauth2/v2.0/token");
}

/// wire-formats 2.8
#[tokio::test]
async fn anthropics_models_at_azure() {
    let (provider, server) = (Server::start(claude).await, Server::of_tokens(3600).await);
    let application = json!({
        "tenant_id": "tenant.test", "client_secret": "s",
        "client_id": "00000000-0000-0000-0000-000000000001",
    })
    .to_string();
    let classic = PathStyle::AzureDeployments("2024-10-21".to_owned());
    for (style, base, secret) in [
        (PathStyle::Azure, "/openai/v1", "key"),
        (PathStyle::Azure, "/anthropic", application.as_str()),
        (classic, "/openai", "key"),
    ] {
        let mut upstream = upstream(format!("{}{base}", provider.url()), Dialect::OpenaiChat);
        "my-claude".clone_into(&mut upstream.model);
        let catalog = catalog(&[upstream], |provider| {
            provider.auth = AuthStyle::Azure;
            provider.path_style = style.clone();
            let other = AuthorDialect { dialect: Dialect::Anthropic, quirks: Quirks::default() };
            provider.author_dialects = BTreeMap::from([("test".to_owned(), other)]);
        });
        let mut settings = server.settings();
        settings.passthrough.permission = PassthroughPermission::All;
        let gateway = gateway(catalog, settings, secret).await;
        for (path, stream) in [
            ("/api/v1/chat/completions", false),
            ("/api/v1/messages", false),
            ("/api/v1/messages", true),
            ("/azure", false),
        ] {
            let (path, surface) = match path {
                "/azure" => ("/cloud/anthropic/v1/messages", false),
                other => (other, true),
            };
            let answer = gateway.post(path, &hello(stream)).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(answer.status == StatusCode::OK && text.contains("hi"), "{path}: {text}");
            let received = provider.received().pop().unwrap();
            assert_eq!((&*received.path, &*received.query), ("/anthropic/v1/messages", ""));
            let keys = ["api-key", "authorization"].map(|name| received.header(name).to_owned());
            let expected = if secret == "key" { ["key", ""] } else { ["", "Bearer token-1"] };
            assert_eq!(keys, expected, "{path}");
            if surface {
                assert_eq!(received.header("x-api-key"), expected[0]);
                assert_eq!(received.header("anthropic-version"), "2023-06-01");
                assert_eq!(received.json()["model"], "my-claude");
            }
        }
    }
}
