//! Providers made of a function, and gateways that pass calls through to them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catalog::{AuthStyle, Catalog};
use gateway::{PassthroughPermission, Settings};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use store::{Actor, NewApiKey, NewProviderCredential, Secret, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::raw::upstream;
use crate::support::{Gateway, catalog_of, settings};

/// The body of a provider's answer.
pub type Reply = BoxBody<Bytes, Infallible>;

/// A provider whose every request a function answers; gives the base URL.
pub async fn provider<F, R>(serve: F) -> String
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Reply>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serve = serve.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answering = serve(request);
                    async move { Ok::<_, Infallible>(answering.await) }
                });
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await
                    .ok();
            });
        }
    });
    format!("http://{address}/v1")
}

pub fn whole(text: impl Into<Bytes>) -> Reply {
    Full::new(text.into()).boxed()
}

/// An answer of pieces as they are sent.
pub fn pieces() -> (mpsc::UnboundedSender<Bytes>, Reply) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Bytes>();
    let stream = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|data| data.map(|data| Ok(Frame::data(data))))
    });
    (sender, StreamBody::new(stream).boxed())
}

/// A JSON answer of a provider.
pub fn json(text: impl Into<Bytes>) -> Response<Reply> {
    Response::builder().header("content-type", "application/json").body(whole(text)).unwrap()
}

/// Settings that pass everything through, patiently.
pub fn passing() -> Settings {
    let mut settings = settings();
    settings.passthrough.permission = PassthroughPermission::All;
    settings.passthrough.idle = Duration::from_secs(30);
    settings.body_idle_timeout = Duration::from_secs(30);
    settings
}

/// A provider named `one`, without authentication, where the tests' model is called `m`.
pub fn catalog(base_url: &str) -> Catalog {
    catalog_of(&[upstream(base_url.to_owned(), "one")])
}

/// The same with authentication.
pub fn guarded(base_url: &str) -> Catalog {
    let (models, endpoints, mut providers) = catalog(base_url).into_parts();
    providers[0].auth = AuthStyle::Bearer;
    Catalog::new(models, endpoints, providers).unwrap()
}

pub async fn gateway(base_url: &str) -> Gateway {
    Gateway::with_catalog(catalog(base_url), passing()).await
}

/// A gateway that a key with limits calls.
pub async fn limited(base_url: &str, settings: Settings, key: NewApiKey) -> Gateway {
    let store = Store::open_temporary().await.unwrap();
    Gateway::with_store(catalog(base_url), settings, store, key).await
}

/// The workspace that keys belong to unless it is said otherwise.
pub async fn workspace(store: &Store) -> String {
    store.workspaces().await.unwrap()[0].id.clone()
}

pub async fn credential(store: &Store, secret: &str, workspace_id: Option<String>) {
    let new = NewProviderCredential {
        provider: "one".into(),
        secret: Secret::new(secret),
        workspace_id,
        ..NewProviderCredential::default()
    };
    store.create_credential(new, &Actor::system(), 1).await.unwrap();
}

/// A connection of a caller, and what speaks HTTP on it.
pub async fn connection<B>(gateway: &Gateway) -> hyper::client::conn::http1::SendRequest<B>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move { connection.with_upgrades().await.ok() });
    sender
}

/// A request of the gateway's own caller.
pub fn request<B>(gateway: &Gateway, method: &str, path: &str, body: B) -> Request<B> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "gateway")
        .header("authorization", format!("Bearer {}", gateway.key))
        .body(body)
        .unwrap()
}

/// The row of a call that may be settled any moment.
pub async fn row(gateway: &Gateway, id: &str) -> store::Generation {
    loop {
        gateway.app.settlements.flush().await.unwrap();
        if let Some(row) = gateway.app.store.generation(id).await.unwrap() {
            return row;
        }
        tokio::task::yield_now().await;
    }
}

/// Something that happened once.
pub type Signal = Arc<tokio::sync::Notify>;

/// Says that it is dropped.
pub struct Dropped(pub Signal);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
