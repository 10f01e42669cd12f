//! Settings of `serve`, as given.

use std::net::SocketAddr;
use std::path::PathBuf;

use gateway::proxies::TrustedProxies;
use serde::Deserialize;

use super::first_given;
use super::value::{Address, Count, GivenPath, MetricsListen, Patience, PublicUrl, Span};

macro_rules! server_settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $variable:literal, $value:literal;)*) => {
        /// What the server is told, each setting only where it was given.
        #[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
        #[serde(default)]
        pub struct ServerSettings {
            $(
                $(#[doc = $doc])+
                #[arg(long, value_name = $value, env = $variable, hide_env_values = true)]
                pub $name: Option<$type>,
            )*
        }

        impl ServerSettings {
            /// These settings, and where they are silent those of `other`.
            pub fn or(self, other: Self) -> Self {
                first_given!(Self, self, other; $($name),*)
            }
        }
    };
}

server_settings! {
    /// Where to listen for callers; port 0 picks a free one [default: 127.0.0.1:8080]
    listen: SocketAddr = "TRUNKLINE_LISTEN", "ADDRESS";
    /// Where to serve metrics: an address or off [default: 127.0.0.1:9090]
    metrics_listen: MetricsListen = "TRUNKLINE_METRICS_LISTEN", "ADDRESS";
    /// How many threads serve callers [default: one for each core]
    workers: usize = "TRUNKLINE_WORKERS", "N";
    /// Free simulated models: on, off, or auto when no provider key is there [default: auto]
    simulated: Simulation = "TRUNKLINE_SIMULATED", "WHEN";
    /// The address under which callers know this gateway [default: where it listens]
    public_url: PublicUrl = "TRUNKLINE_PUBLIC_URL", "URL";
    /// The path below which everything is served, such as /gw [default: that of the public URL]
    base_path: GivenPath = "TRUNKLINE_BASE_PATH", "PATH";
    /// Whether there are pages for browsers [default: true]
    dashboard: bool = "TRUNKLINE_SERVE_DASHBOARD", "true|false";
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, with commas between
    /// [default: 127.0.0.0/8,::1]
    trusted_proxies: TrustedProxies = "TRUNKLINE_TRUSTED_PROXIES", "NETWORKS";
    /// A sign-on service (OpenID Connect), by its issuer, such as https://accounts.google.com
    oidc_issuer: String = "TRUNKLINE_OIDC_ISSUER", "URL";
    /// What this gateway is called there
    oidc_client_id: String = "TRUNKLINE_OIDC_CLIENT_ID", "ID";
    /// The secret it has there, or where that is: file:PATH or env:NAME
    oidc_client_secret: Address = "TRUNKLINE_OIDC_CLIENT_SECRET", "SECRET";
    /// What people call the service [default: Single sign-on]
    oidc_name: String = "TRUNKLINE_OIDC_NAME", "NAME";
    /// Domains of mail addresses that may sign in there, with commas between; none: all
    oidc_allowed_domains: String = "TRUNKLINE_OIDC_ALLOWED_DOMAINS", "DOMAINS";
    /// Whether somebody who is no member becomes one by signing in there [default: false]
    oidc_create_members: bool = "TRUNKLINE_OIDC_CREATE_MEMBERS", "true|false";
    /// The role of who becomes one: member or admin [default: member]
    oidc_role: NewcomerRole = "TRUNKLINE_OIDC_ROLE", "ROLE";
    /// The name of this gateway's region [default: local]
    region: String = "TRUNKLINE_REGION", "NAME";
    /// The largest request, in bytes [default: 67108864]
    max_body_bytes: Count = "TRUNKLINE_MAX_BODY_BYTES", "BYTES";
    /// How many bytes of requests may be in memory at once [default: 1073741824]
    max_bodies_bytes: Count = "TRUNKLINE_MAX_BODIES_BYTES", "BYTES";
    /// The longest time for a request's headers to arrive [default: 15s]
    header_timeout: Patience = "TRUNKLINE_HEADER_TIMEOUT", "TIME";
    /// How long a connection may wait for its next request [default: 120s]
    keep_alive_timeout: Span = "TRUNKLINE_KEEP_ALIVE_TIMEOUT", "TIME";
    /// The longest time for a caller to take anything of its answer [default: 60s]
    write_timeout: Span = "TRUNKLINE_WRITE_TIMEOUT", "TIME";
    /// After this pause a silent caller's connection is probed; 0s: never [default: 60s]
    tcp_keepalive: Span = "TRUNKLINE_TCP_KEEPALIVE", "TIME";
    /// The most connections of callers at once; more get 503 [default: 10000]
    max_connections: Count = "TRUNKLINE_MAX_CONNECTIONS", "N";
    /// The longest pause while a request's body arrives [default: 15s]
    body_idle_timeout: Patience = "TRUNKLINE_BODY_IDLE_TIMEOUT", "TIME";
    /// The longest time for a request's body to arrive [default: 120s]
    body_timeout: Patience = "TRUNKLINE_BODY_TIMEOUT", "TIME";
    /// The longest time to connect to a provider [default: 10s]
    connect_timeout: Patience = "TRUNKLINE_CONNECT_TIMEOUT", "TIME";
    /// The longest time until the headers of a provider's stream [default: 120s]
    first_event_timeout: Patience = "TRUNKLINE_FIRST_EVENT_TIMEOUT", "TIME";
    /// The longest pause within a provider's answer [default: 120s]
    idle_timeout: Patience = "TRUNKLINE_IDLE_TIMEOUT", "TIME";
    /// The longest time for one attempt at a provider [default: 30m]
    total_timeout: Patience = "TRUNKLINE_TOTAL_TIMEOUT", "TIME";
    /// The largest answer that is not streamed, in bytes [default: 67108864]
    max_answer_bytes: Count = "TRUNKLINE_MAX_ANSWER_BYTES", "BYTES";
    /// The largest download on behalf of a caller, in bytes [default: 20971520]
    max_download_bytes: usize = "TRUNKLINE_MAX_DOWNLOAD_BYTES", "BYTES";
    /// A file (PEM) of certificate authorities to trust at providers, beside the public ones
    ca_file: PathBuf = "TRUNKLINE_CA_FILE", "PATH";
    /// A streaming caller who waited this long gets headers and a comment [default: 5s]
    heartbeat_after: Span = "TRUNKLINE_HEARTBEAT_AFTER", "TIME";
    /// The pause between comments while nothing else is sent [default: 5s]
    heartbeat_interval: Span = "TRUNKLINE_HEARTBEAT_INTERVAL", "TIME";
    /// The most attempts for one request [default: 12]
    max_attempts: Count = "TRUNKLINE_MAX_ATTEMPTS", "N";
    /// How long requests are still taken after the order to stop, unready [default: 0s]
    drain_delay: Span = "TRUNKLINE_DRAIN_DELAY", "TIME";
    /// How long running requests may go on after that [default: 30s]
    drain_timeout: Span = "TRUNKLINE_DRAIN_TIMEOUT", "TIME";
    /// For how many days the record of each request is kept; 0: for ever [default: 0]
    generation_retention_days: u32 = "TRUNKLINE_GENERATION_RETENTION_DAYS", "N";
    /// For how many days answers are kept where a workspace keeps them; 0: for ever [default: 30]
    stored_response_days: u32 = "TRUNKLINE_STORED_RESPONSE_DAYS", "N";
    /// Where nodes share what they count: redis://user:password@host:6379/0, or rediss:// with TLS
    valkey_url: Address = "TRUNKLINE_VALKEY_URL", "URL";
    /// Paid requests with limits while that is away: refuse or serve [default: refuse]
    limits_without_valkey: WithoutValkey = "TRUNKLINE_LIMITS_WITHOUT_VALKEY", "WHAT";
    /// How long a request waits for running ones if money suffices when they end [default: 10s]
    reservation_wait: Span = "TRUNKLINE_RESERVATION_WAIT", "TIME";
    /// Requests that may begin with a key in any minute; 0: no limit [default: 0]
    key_requests_per_minute: u64 = "TRUNKLINE_KEY_REQUESTS_PER_MINUTE", "N";
    /// Requests that may begin with a key in a UTC day; 0: no limit [default: 0]
    key_requests_per_day: u64 = "TRUNKLINE_KEY_REQUESTS_PER_DAY", "N";
    /// Requests that may run with a key at once; 0: no limit [default: 0]
    key_concurrency: u64 = "TRUNKLINE_KEY_CONCURRENCY", "N";
    /// Requests that may run at an endpoint at once; 0: no limit [default: 0]
    endpoint_concurrency: u64 = "TRUNKLINE_ENDPOINT_CONCURRENCY", "N";
    /// Requests to free models a minute, for accounts with credits; 0: no limit [default: 20]
    free_requests_per_minute: u64 = "TRUNKLINE_FREE_REQUESTS_PER_MINUTE", "N";
    /// The same a UTC day, below ten dollars ever credited; 0: no limit [default: 50]
    free_requests_per_day: u64 = "TRUNKLINE_FREE_REQUESTS_PER_DAY", "N";
    /// The same from ten dollars on; 0: no limit [default: 1000]
    free_requests_per_day_credited: u64 = "TRUNKLINE_FREE_REQUESTS_PER_DAY_CREDITED", "N";
    /// Whether streams are read on after their caller left that cannot be metered [default: true]
    read_on_uncounted: bool = "TRUNKLINE_READ_ON_UNCOUNTED", "true|false";
    /// How long an answer is read after its caller left [default: 5m]
    read_on_timeout: Span = "TRUNKLINE_READ_ON_TIMEOUT", "TIME";
    /// How many bytes of such a stream are read [default: 16777216]
    max_read_on_bytes: usize = "TRUNKLINE_MAX_READ_ON_BYTES", "BYTES";
    /// Whether media may be downloaded from private addresses for callers [default: false]
    allow_private_downloads: bool = "TRUNKLINE_ALLOW_PRIVATE_DOWNLOADS", "true|false";
    /// Whether credentials stored over HTTP may name this machine or its link [default: false]
    allow_local_providers: bool = "TRUNKLINE_ALLOW_LOCAL_PROVIDERS", "true|false";
    /// Models of unknown price where credits pay: refuse, or serve and mark [default: refuse]
    unknown_prices_on_credits: UnknownPrices = "TRUNKLINE_UNKNOWN_PRICES_ON_CREDITS", "WHAT";
    /// The same where a workspace's own provider key pays [default: serve]
    unknown_prices_on_own_credential: UnknownPrices =
        "TRUNKLINE_UNKNOWN_PRICES_ON_OWN_CREDENTIAL", "WHAT";
    /// Calls of a provider's own API: off, own_credentials or all [default: own_credentials]
    passthrough: Passthrough = "TRUNKLINE_PASSTHROUGH", "WHOSE";
    /// The largest body of such a call in either direction, in bytes [default: 1073741824]
    passthrough_max_bytes: u64 = "TRUNKLINE_PASSTHROUGH_MAX_BYTES", "BYTES";
    /// The longest pause within such an answer, or of a WebSocket [default: 5m]
    passthrough_idle_timeout: Span = "TRUNKLINE_PASSTHROUGH_IDLE_TIMEOUT", "TIME";
    /// The longest time for one such call, a WebSocket included [default: 2h]
    passthrough_timeout: Span = "TRUNKLINE_PASSTHROUGH_TIMEOUT", "TIME";
}

impl ServerSettings {
    /// What variables say that are in use everywhere, beside those of our own.
    pub(super) fn of_common_variables() -> Self {
        Self { valkey_url: Address::in_variable("VALKEY_URL"), ..Self::default() }
    }

    /// The variables that values stand in.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let addresses = [&self.valkey_url, &self.oidc_client_secret];
        addresses.into_iter().flatten().filter_map(Address::variable)
    }
}

/// Those of the settings by which callers know the gateway, for commands that print an address.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AddressSettings {
    /// Where the gateway listens for callers [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "TRUNKLINE_LISTEN", hide_env_values = true)]
    listen: Option<SocketAddr>,
    /// The address under which callers know it [default: where it listens]
    #[arg(long, value_name = "URL", env = "TRUNKLINE_PUBLIC_URL", hide_env_values = true)]
    public_url: Option<PublicUrl>,
    /// The path below which everything is served [default: that of the public URL]
    #[arg(long, value_name = "PATH", env = "TRUNKLINE_BASE_PATH", hide_env_values = true)]
    base_path: Option<GivenPath>,
    /// Whether there are pages for browsers [default: true]
    #[arg(
        long,
        value_name = "true|false",
        env = "TRUNKLINE_SERVE_DASHBOARD",
        hide_env_values = true
    )]
    dashboard: Option<bool>,
}

impl AddressSettings {
    /// These settings, and where they are silent those of `other`.
    pub fn or(self, other: ServerSettings) -> ServerSettings {
        let Self { listen, public_url, base_path, dashboard } = self;
        let given = ServerSettings {
            listen,
            public_url,
            base_path,
            dashboard,
            ..ServerSettings::default()
        };
        given.or(other)
    }
}

/// What becomes of paid requests with limits while nodes cannot agree on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutValkey {
    /// They are refused.
    #[default]
    Refuse,
    /// They are served, and count later.
    Serve,
}

/// The role of who becomes a member by signing on. Nobody becomes an owner so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewcomerRole {
    /// Sees and makes keys of its own.
    #[default]
    Member,
    /// Everything but making and unmaking owners.
    Admin,
}

impl From<NewcomerRole> for store::MemberRole {
    fn from(given: NewcomerRole) -> Self {
        match given {
            NewcomerRole::Member => Self::Member,
            NewcomerRole::Admin => Self::Admin,
        }
    }
}

/// What becomes of calls at an unknown price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPrices {
    /// They are refused.
    Refuse,
    /// They are served, and marked in the books.
    Serve,
}

impl From<UnknownPrices> for ledger::UnknownPrice {
    fn from(given: UnknownPrices) -> Self {
        match given {
            UnknownPrices::Refuse => Self::Refuse,
            UnknownPrices::Serve => Self::ServeAndFlag,
        }
    }
}

/// Whose credentials calls of a provider's own API may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[clap(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Passthrough {
    /// Nobody's: there are no such calls.
    Off,
    /// The workspace's own.
    OwnCredentials,
    /// The shared ones too.
    All,
}

impl From<Passthrough> for gateway::PassthroughPermission {
    fn from(given: Passthrough) -> Self {
        match given {
            Passthrough::Off => Self::Off,
            Passthrough::OwnCredentials => Self::OwnCredentials,
            Passthrough::All => Self::All,
        }
    }
}

/// When there are simulated models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Simulation {
    /// Always.
    On,
    /// Never.
    Off,
    /// When no provider could be reached otherwise.
    #[default]
    Auto,
}
