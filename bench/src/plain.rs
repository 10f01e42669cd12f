//! A proxy made of the libraries Trunkline is made of, and of nothing else: no authentication, no
//! routing, no record, no look into any body. What a request costs here is the floor of what is built on
//! them. Chunks are another matter: this passes on each as it comes, where Trunkline gathers them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use crate::process::Process;
use crate::target::{Cores, Target, UPSTREAM_PATH, free_address, ready};

type Answer = Response<Either<Incoming, Empty<Bytes>>>;

/// Starts it before the provider, in a process of its own.
pub async fn start(cores: Cores, upstream: SocketAddr, folder: &Path) -> Result<Target> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("plain").arg("--listen").arg(address.to_string());
    command.arg("--upstream").arg(upstream.to_string());
    let mut process = Process::start(&command, cores.proxy, &folder.join("plain.log"))?;
    ready(&mut process, address, "/healthz").await?;
    Ok(Target { process, address, path: UPSTREAM_PATH.to_owned(), key: "none".to_owned() })
}

/// Passes everything on until it is killed. One thread, like Trunkline on one core.
pub async fn serve(listener: TcpListener, upstream: SocketAddr) -> Result<()> {
    let pool = Rc::new(Pool { upstream, idle: RefCell::default() });
    let all = LocalSet::new();
    all.run_until(async move {
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept")?;
            let _ = stream.set_nodelay(true);
            let pool = Rc::clone(&pool);
            spawn_local(async move {
                let service = service_fn(move |request| {
                    let pool = Rc::clone(&pool);
                    async move { Ok::<_, Infallible>(pool.answer(request).await) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                // Whoever loads it sees that a connection broke.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
    .await
}

/// Connections to the provider, those whose answer is still being read among them; the one that was
/// used last is at the end, and used again first.
struct Pool {
    upstream: SocketAddr,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

impl Pool {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if request.uri().path() == "/healthz" {
            return Response::new(Either::Right(Empty::new()));
        }
        match self.forward(request).await {
            Ok(response) => response.map(Either::Left),
            Err(error) => {
                eprintln!("{error:#}");
                let mut response = Response::new(Either::Right(Empty::new()));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Incoming>> {
        let mut sender = match self.free() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        self.idle.borrow_mut().push(sender);
        Ok(response)
    }

    /// A connection whose last answer is read.
    fn free(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle.borrow_mut();
        let place = idle.iter().rposition(SendRequest::is_ready)?;
        Some(idle.remove(place))
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>> {
        let stream = TcpStream::connect(self.upstream).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        spawn_local(connection);
        Ok(sender)
    }
}
