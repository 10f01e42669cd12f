//! The connection to the server: one for all requests, made anew when it breaks, and never waited
//! for longer than a request can.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ledger::Micros;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, ScriptInvocation, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::clock::Clock;

/// Why the shared state could not be asked. What was asked may have been done all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// There is no connection; this is told without waiting.
    #[error("Valkey cannot be reached")]
    Away,
    /// No answer came in time.
    #[error("Valkey does not answer")]
    Late,
    /// The server answered with an error of its own.
    #[error("Valkey refused: {0}")]
    Failed(String),
    /// The server's data was lost or is not of this node's epoch: [`super::SharedCounters::tend`]
    /// sees to it.
    #[error("the figures in Valkey are being rebuilt")]
    Rebuilding,
    /// A number that no spender has.
    #[error("a spender was named that is not known")]
    UnknownSpender,
    /// An earlier try to reserve under this name has not come to an end yet.
    #[error("an earlier reservation of the same name is not decided yet")]
    Undecided,
}

/// Why no connection can be set up at all.
#[derive(Debug, thiserror::Error)]
#[error("not an address of Valkey (redis://, rediss:// or redis+unix://): {0}")]
pub struct InvalidAddress(#[source] RedisError);

/// How patient a node is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// With an answer, tries and all.
    pub answer: Duration,
    /// With a new connection, in the background.
    pub connection: Duration,
    /// Between tries to connect, at most.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_millis(100),
            connection: Duration::from_secs(2),
            pause: Duration::from_secs(1),
        }
    }
}

/// A Valkey or Redis server that nodes share. Clones share the connection.
#[derive(Clone)]
pub struct Valkey(Arc<Link>);

struct Link {
    client: Client,
    patience: Patience,
    clock: Clock,
    state: watch::Sender<State>,
    /// Where the connection lives, whoever asks for it.
    runtime: Handle,
}

#[derive(Clone)]
enum State {
    /// The connection broke just now: the new one is worth waiting for.
    Connecting,
    /// It could not be made at once: nobody waits.
    Away,
    Connected(Connection),
}

#[derive(Clone)]
pub(super) struct Connection {
    number: u64,
    /// Which run of the server this is: another one may have lost what was written last.
    pub server: Arc<str>,
    multiplexed: MultiplexedConnection,
}

impl Valkey {
    /// A server named as in `redis://user:password@host:6379/0`, `rediss://…` with TLS or
    /// `redis+unix:///path`; of a cluster, the primary that has the namespace's slot. It is
    /// connected to in the background, on the runtime of the caller, without which this panics;
    /// until then, and whenever it is away, everything is [`Unavailable`].
    ///
    /// The clock of nodes that share figures is the server's: one of them whose own is wrong would
    /// begin days for all others.
    pub fn open(address: &str) -> Result<Self, InvalidAddress> {
        Self::open_with(address, Patience::default(), Clock::default())
    }

    pub(super) fn open_with(
        address: &str,
        patience: Patience,
        clock: Clock,
    ) -> Result<Self, InvalidAddress> {
        let client = Client::open(address).map_err(InvalidAddress)?;
        let (state, _) = watch::channel(State::Connecting);
        let link = Arc::new(Link { client, patience, clock, state, runtime: Handle::current() });
        link.connect(0);
        Ok(Self(link))
    }

    /// Waits until there is a connection; says whether there is one after so long.
    pub async fn connected(&self, patience: Duration) -> bool {
        let mut state = self.0.state.subscribe();
        let connected = state.wait_for(|state| matches!(state, State::Connected(_)));
        timeout(patience, connected).await.is_ok_and(|connected| connected.is_ok())
    }

    /// Runs a script. If it may be run twice and the connection breaks, it is run again on a new
    /// one, as long as there is time.
    pub(super) async fn run(
        &self,
        repeatable: bool,
        server: Option<&str>,
        script: &ScriptInvocation<'_>,
    ) -> Result<Value, Unavailable> {
        self.attempt(repeatable, server, async |mut connection: MultiplexedConnection| {
            script.invoke_async(&mut connection).await
        })
        .await
    }

    /// Does something with the connection.
    pub(super) async fn attempt<T, F>(
        &self,
        repeatable: bool,
        server: Option<&str>,
        operation: impl Fn(MultiplexedConnection) -> F,
    ) -> Result<T, Unavailable>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let until = Instant::now() + self.0.patience.answer;
        for last in [!repeatable, true] {
            let connection = self.0.connection(until).await?;
            if server.is_some_and(|server| *server != *connection.server) {
                return Err(Unavailable::Rebuilding);
            }
            match timeout_at(until, operation(connection.multiplexed.clone())).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) if is_verdict(&error) => {
                    return Err(Unavailable::Failed(error.to_string()));
                }
                Ok(Err(_)) => {
                    self.0.broken(connection.number, State::Connecting);
                    if last {
                        return Err(Unavailable::Away);
                    }
                }
                Err(_) => {
                    // A server that hangs would make every request wait: the next ones do not.
                    self.0.broken(connection.number, State::Away);
                    return Err(Unavailable::Late);
                }
            }
        }
        Err(Unavailable::Away)
    }

    /// What time it is for all nodes. `own` is what this one says, which is believed until the
    /// server has said.
    pub(super) fn now(&self, own: Micros) -> Micros {
        self.0.clock.now().unwrap_or(own)
    }

    /// By how much this node's clock, which says `own`, is ahead of the server's, in microseconds, as
    /// far as that is known.
    pub fn ahead(&self, own: Micros) -> Option<Micros> {
        self.0.clock.now().map(|now| own.saturating_sub(now))
    }

    /// Asks the server for its time.
    pub(super) async fn compare_clock(&self) -> Result<(), Unavailable> {
        if !self.0.clock.is_followed() {
            return Ok(());
        }
        let asking = async |mut connection: MultiplexedConnection| {
            redis::cmd("TIME").query_async::<(i64, i64)>(&mut connection).await
        };
        match self.attempt(true, None, asking).await {
            Ok(told) => self.0.clock.learn(told),
            // Not everyone may ask. Then each node goes by its own clock.
            Err(Unavailable::Failed(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Which run of the server is connected to.
    pub(super) async fn server(&self) -> Result<Arc<str>, Unavailable> {
        let until = Instant::now() + self.0.patience.answer;
        Ok(self.0.connection(until).await?.server)
    }
}

/// Whether an error is the answer of a server that works, to be told and not to be tried again.
fn is_verdict(error: &RedisError) -> bool {
    let not_serving = matches!(error.code(), Some("LOADING" | "READONLY" | "MASTERDOWN"));
    error.code().is_some() && !not_serving
}

impl Link {
    async fn connection(&self, until: Instant) -> Result<Connection, Unavailable> {
        match &*self.state.borrow() {
            State::Connected(connection) => return Ok(connection.clone()),
            State::Away => return Err(Unavailable::Away),
            State::Connecting => {}
        }
        let mut state = self.state.subscribe();
        let decided = state.wait_for(|state| !matches!(state, State::Connecting));
        match timeout_at(until, decided).await {
            Ok(Ok(state)) => match &*state {
                State::Connected(connection) => Ok(connection.clone()),
                _ => Err(Unavailable::Away),
            },
            _ => Err(Unavailable::Away),
        }
    }

    /// Gives up a connection, once, and sets out for the next.
    fn broken(self: &Arc<Self>, number: u64, state: State) {
        let given_up = self.state.send_if_modified(|current| match current {
            State::Connected(connection) if connection.number == number => {
                *current = state;
                true
            }
            _ => false,
        });
        if given_up {
            self.connect(number + 1);
        }
    }

    fn connect(self: &Arc<Self>, number: u64) {
        self.runtime.spawn(keep_trying(Arc::downgrade(self), number));
    }

    async fn try_to_connect(&self, number: u64) -> Result<Connection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connection))
            .set_response_timeout(None);
        let client = &self.client;
        let mut multiplexed = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut about = redis::cmd("INFO");
        let about = match about.arg("server").query_async::<String>(&mut multiplexed).await {
            Ok(about) => about,
            // Not everyone may ask. Then a new run is only noticed if the data is gone.
            Err(error) if error.code() == Some("NOPERM") => String::new(),
            Err(error) => return Err(error),
        };
        if self.clock.is_followed() {
            match redis::cmd("TIME").query_async::<(i64, i64)>(&mut multiplexed).await {
                Ok(told) => self.clock.learn(told),
                Err(error) if error.code() == Some("NOPERM") => {}
                Err(error) => return Err(error),
            }
        }
        let run = about.lines().find_map(|line| line.strip_prefix("run_id:"));
        Ok(Connection { number, server: run.unwrap_or("unknown").trim().into(), multiplexed })
    }
}

/// Tries until there is a connection, or nobody who wants one.
async fn keep_trying(link: Weak<Link>, number: u64) {
    let mut pause = Duration::from_millis(10);
    loop {
        let Some(strong) = link.upgrade() else { return };
        let patience = strong.patience;
        let attempt = timeout(patience.connection, strong.try_to_connect(number)).await;
        match attempt {
            Ok(Ok(connection)) => {
                tracing::info!("connected to Valkey");
                strong.state.send_replace(State::Connected(connection));
                return;
            }
            Ok(Err(error)) => {
                if !matches!(strong.state.send_replace(State::Away), State::Away) {
                    tracing::warn!(%error, "Valkey cannot be reached");
                }
            }
            Err(_) => {
                strong.state.send_replace(State::Away);
            }
        }
        drop(strong);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(patience.pause);
    }
}

impl std::fmt::Debug for Valkey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address holds a password.
        formatter.debug_struct("Valkey").finish_non_exhaustive()
    }
}
