//! The listening server: in a test's own process, or standing alone.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::Protocol;
use crate::answer::Asked;
use crate::calls::{Bill, Call, Ledger};
use crate::handle::handle;
use crate::rules::{Options, Rule};
use crate::script::Script;
use crate::socket::{Line, Socket};

/// What all connections of a simulator share.
#[derive(Debug)]
pub(crate) struct State {
    pub options: Options,
    pub ledger: Arc<Ledger>,
    queue: Mutex<VecDeque<Script>>,
    default: Mutex<Script>,
    cache: Mutex<crate::prompt_cache::PromptCache>,
}

impl State {
    fn new(options: Options) -> Self {
        Self {
            default: Mutex::new(options.default.clone()),
            options,
            ledger: Arc::default(),
            queue: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    pub(crate) fn next_script(&self) -> Option<Script> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn default_script(&self) -> Script {
        self.default.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Splits the prompt's tokens by what the prompt cache holds.
    pub(crate) fn charge(&self, asked: &mut Asked) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).charge(asked);
    }
}

/// A running simulator. It stops when dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// Settings of a simulator to be started.
#[derive(Debug, Default)]
pub struct Builder {
    options: Options,
    address: Option<SocketAddr>,
}

impl Builder {
    /// The script of requests that nothing else gives one.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.options.default = script;
        self
    }

    /// Adds a rule; the first that applies to a request wins.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.options.rules.push(rule);
        self
    }

    /// Refuses requests without this API key.
    #[must_use]
    pub fn require_key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// Ids for the list of models.
    #[must_use]
    pub fn models<I: IntoIterator<Item: Into<String>>>(mut self, models: I) -> Self {
        self.options.models = models.into_iter().map(Into::into).collect();
        self
    }

    /// All options at once, for instance from a script file.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The address to listen on instead of a free port of 127.0.0.1.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Starts the simulator on the current tokio runtime.
    pub async fn start(self) -> io::Result<Simulator> {
        let address = self.address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(self.options));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Simulator { address, state, task })
    }
}

impl Simulator {
    /// Starts a simulator that answers everything at once and without fault.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Settings for a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for a protocol, without a final slash, for instance
    /// `http://127.0.0.1:49152/openai/v1`.
    pub fn base_url(&self, protocol: Protocol) -> String {
        format!("http://{}{}", self.address, protocol.base_path())
    }

    /// Appends a script to the queue; each request to generate takes one from its front.
    pub fn push(&self, script: Script) {
        self.state.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(script);
    }

    /// Replaces the script of requests that nothing else gives one.
    pub fn set_default(&self, script: Script) {
        *self.state.default.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// What was served so far, oldest first, exchanges still going on included. The latest ten
    /// thousand calls are kept.
    pub fn calls(&self) -> Vec<Call> {
        self.state.ledger.calls()
    }

    /// Tokens a vendor would bill for all exchanges that have ended.
    pub fn billable_tokens(&self) -> u64 {
        self.state.ledger.billable_tokens()
    }

    /// The bill of all exchanges that have ended, answer by answer.
    pub fn bill(&self) -> Bill {
        self.state.ledger.whole_bill()
    }

    /// Forgets the calls and the bill.
    pub fn clear(&self) {
        self.state.ledger.clear();
    }

    /// Waits until the calls are as `ready` wants them and returns them.
    pub async fn wait_until(&self, ready: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut changes = self.state.ledger.subscribe();
        loop {
            changes.mark_unchanged();
            let calls = self.calls();
            if ready(&calls) {
                return calls;
            }
            // The simulator holds the sending side, so this ends only with a change.
            if changes.changed().await.is_err() {
                return calls;
            }
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves simulated providers on `listener` until the future is dropped.
pub async fn serve(listener: TcpListener, options: Options) {
    accept(listener, Arc::new(State::new(options))).await;
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Owned here, so that every connection ends with the server.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: wait for some to be given back.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Small frames must leave at once; if the option fails they are merely late.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let line = Arc::new(Line::default());
            let socket = TokioIo::new(Socket::new(stream, Arc::clone(&line)));
            let service =
                service_fn(move |request| handle(Arc::clone(&state), Arc::clone(&line), request));
            // A connection's end, scripted or not, is the client's to notice.
            let _ =
                hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await;
            Ok::<(), Infallible>(())
        });
    }
}
