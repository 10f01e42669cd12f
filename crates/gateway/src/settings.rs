//! What an operator may set, as plain data. Read by the command line, never here.

use std::time::Duration;

use ledger::PricePolicy;
use ledger::rate::FreeTier;
use rustls::pki_types::CertificateDer;
use store::{MemberRole, Secret};

use crate::pages::BasePath;
use crate::proxies::TrustedProxies;
use crate::upstream::Origin;

/// Limits and times of the gateway.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest request body, in bytes. CHAT, ERR-3: 413
    pub max_body_bytes: usize,
    /// How many bytes of bodies of all requests may be in memory, not counting short ones; a body
    /// beyond is refused with 503.
    pub max_bodies_bytes: usize,
    /// The longest time for a request's headers to arrive, from the connection's start or from
    /// their first byte.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request. Longer than proxies in front keep
    /// theirs, or a request of theirs meets a closing connection.
    pub keep_alive_timeout: Duration,
    /// The longest time for a caller to take anything of what is written to it.
    pub write_timeout: Duration,
    /// The pause after which a silent connection of a caller is probed; zero: never.
    pub tcp_keepalive: Duration,
    /// The most connections of callers at once; more are answered with 503 and closed.
    pub max_connections: usize,
    /// The longest pause while a request's body arrives.
    pub body_idle_timeout: Duration,
    /// The longest time for a request's body to arrive.
    pub body_timeout: Duration,
    /// Limits toward providers.
    pub upstream: UpstreamLimits,
    /// What holds callers back: money, rates, numbers.
    pub limits: CallerLimits,
    /// Calls of a provider's own API.
    pub passthrough: PassthroughLimits,
    /// After this time without an answer a streaming caller gets headers and a comment. STREAM-2
    pub heartbeat_after: Duration,
    /// The pause between comments while a streaming caller waits. STREAM-2
    pub heartbeat_interval: Duration,
    /// The most attempts for one request.
    pub max_attempts: usize,
    /// How long requests are still taken after the order to stop, while `/readyz` already refuses.
    pub drain_delay: Duration,
    /// How long running requests may go on after that.
    pub drain_timeout: Duration,
    /// The address under which callers know this gateway, for links in errors.
    pub public_url: String,
    /// The path below which everything is served as well, for proxies that do not take it away.
    pub base_path: BasePath,
    /// Whether there are pages.
    pub dashboard: bool,
    /// Media may be downloaded from private addresses on behalf of callers.
    pub allow_private_downloads: bool,
    /// Credentials that are stored over HTTP may name addresses of this machine, link-local ones and
    /// those where clouds tell machines their secrets.
    pub allow_local_providers: bool,
    /// What becomes of calls at an unknown price, by who pays.
    pub unknown_prices: PricePolicy,
    /// The name of this gateway's region in metadata. RMETA-2
    pub region: String,
    /// For how many days answers are kept where a workspace keeps them; `None`: for ever.
    pub stored_response_days: Option<u32>,
    /// What there is to know of how it was set up.
    pub installation: Installation,
    /// Where people may sign in beside passwords.
    pub sign_on: Option<SignOnSettings>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

/// What is shown of how the gateway was set up; nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Where it listens; empty if nobody said.
    pub listen: String,
    /// For how many days generations are kept; `None`: for ever.
    pub generation_days: Option<u32>,
}

/// A sign-on service that speaks OpenID Connect.
#[derive(Clone, Debug)]
pub struct SignOnSettings {
    /// Its address, from which everything else is found; the same text as in its tokens.
    pub issuer: String,
    /// What this gateway is called there.
    pub client_id: String,
    /// What this gateway proves itself with there; `None`: it is a public client.
    pub client_secret: Option<Secret>,
    /// What people call the service.
    pub name: String,
    /// Domains of mail addresses that may sign in, in lower case; empty: all.
    pub allowed_domains: Vec<String>,
    /// Whether somebody who is no member becomes one.
    pub create_members: bool,
    /// The role of who becomes one.
    pub role: MemberRole,
}

/// What holds callers back. A number of 0 is no limit.
#[derive(Clone, Debug)]
pub struct CallerLimits {
    /// How long a request waits for running ones of the same key, member, workspace or account
    /// to end, if the money would suffice then.
    pub reservation_wait: Duration,
    /// How long money is held for a request that gives no sign of life.
    pub lease: Duration,
    /// Requests that may begin with a key in any minute.
    pub key_per_minute: u64,
    /// Requests that may begin with a key in a UTC day.
    pub key_per_day: u64,
    /// Requests that may run with a key at once.
    pub key_concurrency: u64,
    /// Requests that may run at an endpoint at once.
    pub endpoint_concurrency: u64,
    /// Requests of an account with a ledger to free models. RATE-1
    pub free: FreeTier,
    /// Whether a stream is read on after its caller left, though its provider could be cancelled, where
    /// what it bills until then cannot be metered: hidden reasoning, sound, searches, files. STREAM-8
    pub read_on_uncounted: bool,
    /// How long an answer is read after its caller left. STREAM-8
    pub read_on_timeout: Duration,
    /// How many bytes of such an answer are read.
    pub max_read_on_bytes: usize,
    /// What becomes of paid requests with limits while nodes cannot agree on them.
    pub without_valkey: WithoutValkey,
}

/// What becomes of paid requests with limits while the counters that nodes share are away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutValkey {
    /// They are refused: no limit is ever exceeded.
    #[default]
    Refuse,
    /// They are served, and count when the counters are back.
    Serve,
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            reservation_wait: Duration::from_secs(10),
            lease: Duration::from_secs(3600),
            key_per_minute: 0,
            key_per_day: 0,
            key_concurrency: 0,
            endpoint_concurrency: 0,
            free: FreeTier::default(),
            read_on_uncounted: true,
            read_on_timeout: Duration::from_secs(300),
            max_read_on_bytes: 16 * 1024 * 1024,
            without_valkey: WithoutValkey::Refuse,
        }
    }
}

/// Which calls of a provider's own API are passed through, and their limits.
#[derive(Clone, Debug)]
pub struct PassthroughLimits {
    /// Whose credentials may be used.
    pub permission: PassthroughPermission,
    /// The largest body in either direction, in bytes. A tunnel has no such bound.
    pub max_bytes: u64,
    /// The longest pause: of a provider within its answer, or of both sides of a tunnel.
    pub idle: Duration,
    /// The longest time for one call, tunnels included.
    pub total: Duration,
}

/// Whose credentials calls of a provider's own API may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassthroughPermission {
    /// Nobody's: nothing is passed through.
    Off,
    /// The workspace's own: what cannot be priced costs its owner, and nobody else.
    #[default]
    OwnCredentials,
    /// Everybody's, the shared ones too: what cannot be priced is at the operator's cost.
    All,
}

impl Default for PassthroughLimits {
    fn default() -> Self {
        Self {
            permission: PassthroughPermission::default(),
            max_bytes: 1024 * 1024 * 1024,
            idle: Duration::from_secs(300),
            total: Duration::from_secs(2 * 3600),
        }
    }
}

/// Limits toward providers.
#[derive(Clone, Debug)]
pub struct UpstreamLimits {
    /// The longest time to connect, TLS included.
    pub connect: Duration,
    /// The longest time from sending a request to the headers of a stream. An answer that is not
    /// streamed has the time of the whole attempt.
    pub first_event: Duration,
    /// The longest pause within an answer.
    pub idle: Duration,
    /// How long usage is waited for after the last choice of a stream has ended.
    pub after_finish: Duration,
    /// The longest time for one whole attempt.
    pub total: Duration,
    /// The largest answer that is not streamed, in bytes.
    pub max_answer_bytes: usize,
    /// The largest download on behalf of a caller, in bytes.
    pub max_download_bytes: usize,
    /// Who is asked for tokens of clouds in place of the hosts that credentials name; paths and
    /// queries stay as they are. For tests.
    pub token_server: Option<Origin>,
    /// Certificate authorities to be trusted beside the public ones.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Settings {
    /// The shortest pause that makes sense between signs of life: less would keep a core busy.
    const LEAST_PAUSE: Duration = Duration::from_millis(20);

    /// After this time a streaming caller gets headers and a comment.
    pub fn heartbeat_after(&self) -> Duration {
        self.heartbeat_after.max(Self::LEAST_PAUSE)
    }

    /// The longest time for a caller to take anything.
    pub fn write_timeout(&self) -> Duration {
        self.write_timeout.max(Self::LEAST_PAUSE)
    }

    /// The pause between comments.
    pub fn heartbeat_interval(&self) -> Duration {
        self.heartbeat_interval.max(Self::LEAST_PAUSE)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024 * 1024,
            max_bodies_bytes: 1024 * 1024 * 1024,
            header_timeout: Duration::from_secs(15),
            keep_alive_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(60),
            tcp_keepalive: Duration::from_secs(60),
            max_connections: 10_000,
            body_idle_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(120),
            upstream: UpstreamLimits::default(),
            limits: CallerLimits::default(),
            passthrough: PassthroughLimits::default(),
            heartbeat_after: Duration::from_secs(5),
            heartbeat_interval: Duration::from_secs(5),
            max_attempts: 12,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            public_url: "http://127.0.0.1:8080".to_owned(),
            base_path: BasePath::default(),
            dashboard: true,
            allow_private_downloads: false,
            allow_local_providers: false,
            unknown_prices: PricePolicy::default(),
            region: "local".to_owned(),
            stored_response_days: Some(30),
            installation: Installation::default(),
            sign_on: None,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_event: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            after_finish: Duration::from_secs(2),
            total: Duration::from_secs(1800),
            max_answer_bytes: 64 * 1024 * 1024,
            max_download_bytes: 20 * 1024 * 1024,
            token_server: None,
            authorities: Vec::new(),
        }
    }
}
