//! What `serve` works with: settings as given, and defaults where nothing was.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway::pages::BasePath;
use gateway::upstream::Origin;
use gateway::{CallerLimits, PassthroughLimits, Settings, SignOnSettings, UpstreamLimits};
use ledger::PricePolicy;
use store::Secret;

use crate::configuration::{
    Address, Count, MetricsListen, NewcomerRole, Patience, PublicUrl, ServerSettings, Simulation,
    Span, WithoutValkey,
};

/// What `serve` works with: everything settled.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Where to listen for callers.
    pub listen: SocketAddr,
    /// Where to serve metrics.
    pub metrics_listen: MetricsListen,
    /// How many threads serve callers.
    pub workers: usize,
    /// When there are simulated models.
    pub simulated: Simulation,
    /// The address callers know; `None`: where it listens.
    pub public_url: Option<String>,
    /// Certificate authorities to trust at providers, in a file.
    pub ca_file: Option<PathBuf>,
    /// For how many days generations are kept; `None`: for ever.
    pub generation_retention_days: Option<u32>,
    /// Where nodes share their counters.
    pub valkey_url: Option<Address>,
    /// Where people may sign in beside passwords.
    pub sign_on: Option<SignOn>,
    /// Limits and times.
    pub limits: Settings,
}

/// A sign-on service, as far as it is set.
#[derive(Clone, Debug)]
pub struct SignOn {
    issuer: String,
    client_id: Option<String>,
    client_secret: Option<Address>,
    name: Option<String>,
    allowed_domains: Vec<String>,
    create_members: bool,
    role: NewcomerRole,
    /// Whether there is an address for the service to send people back to.
    has_way_back: bool,
}

impl SignOn {
    fn of(given: &ServerSettings) -> Option<Self> {
        let text = |given: &Option<String>| {
            let text = given.as_deref().map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let domains = given.oidc_allowed_domains.as_deref().unwrap_or_default().split(',');
        let domains = domains.map(|domain| domain.trim().trim_start_matches('@').to_lowercase());
        Some(Self {
            issuer: text(&given.oidc_issuer)?,
            client_id: text(&given.oidc_client_id),
            client_secret: given.oidc_client_secret.clone(),
            name: text(&given.oidc_name),
            allowed_domains: domains.filter(|domain| !domain.is_empty()).collect(),
            create_members: given.oidc_create_members.unwrap_or_default(),
            role: given.oidc_role.unwrap_or_default(),
            has_way_back: given.public_url.as_ref().and_then(PublicUrl::given).is_some(),
        })
    }

    /// The service with its secret, from where that is.
    pub fn read(self) -> Result<SignOnSettings> {
        let client_id = self.client_id.context("oidc_client_id is to be set with oidc_issuer")?;
        if !self.has_way_back {
            bail!("public_url is to be set with oidc_issuer: the service sends people back there");
        }
        let secret = match &self.client_secret {
            Some(secret) => secret.read().context("oidc_client_secret cannot be used")?,
            None => None,
        };
        Origin::parse(&self.issuer).context("oidc_issuer cannot be used")?;
        Ok(SignOnSettings {
            issuer: self.issuer,
            client_id,
            client_secret: secret.map(Secret::new),
            name: self.name.unwrap_or_else(|| "Single sign-on".to_owned()),
            allowed_domains: self.allowed_domains,
            create_members: self.create_members,
            role: self.role.into(),
        })
    }
}

impl Serving {
    /// Fills in the defaults.
    pub fn of(given: ServerSettings) -> Self {
        let (base, upstream) = (Settings::default(), UpstreamLimits::default());
        let passthrough = PassthroughLimits::default();
        let span = |given: Option<Span>, default: Duration| given.map_or(default, |span| span.0);
        let patience =
            |given: Option<Patience>, default| span(given.map(|patience| patience.0), default);
        let count = |given: Option<Count>, default| given.map_or(default, |count| count.0);
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let limits = caller_limits(&given);
        let sign_on = SignOn::of(&given);
        let public_url = given.public_url.as_ref().and_then(PublicUrl::given).map(str::to_owned);
        let base_path = given
            .base_path
            .map(|path| path.0)
            .filter(|path| !path.as_str().is_empty())
            .or_else(|| public_url.as_deref().and_then(path_of))
            .unwrap_or_default();
        Self {
            listen: given.listen.unwrap_or_else(|| loopback(8080)),
            metrics_listen: given.metrics_listen.unwrap_or(MetricsListen::At(loopback(9090))),
            workers: match given.workers {
                None | Some(0) => cores(),
                Some(workers) => workers.min(1024),
            },
            simulated: given.simulated.unwrap_or_default(),
            public_url,
            ca_file: given.ca_file.filter(|path| !path.as_os_str().is_empty()),
            generation_retention_days: given.generation_retention_days.filter(|days| *days > 0),
            sign_on,
            valkey_url: given.valkey_url.filter(|address| !address.is_empty()),
            limits: Settings {
                max_body_bytes: count(given.max_body_bytes, base.max_body_bytes),
                max_bodies_bytes: count(given.max_bodies_bytes, base.max_bodies_bytes),
                header_timeout: patience(given.header_timeout, base.header_timeout),
                keep_alive_timeout: span(given.keep_alive_timeout, base.keep_alive_timeout),
                write_timeout: span(given.write_timeout, base.write_timeout),
                tcp_keepalive: span(given.tcp_keepalive, base.tcp_keepalive),
                max_connections: count(given.max_connections, base.max_connections),
                body_idle_timeout: patience(given.body_idle_timeout, base.body_idle_timeout),
                body_timeout: patience(given.body_timeout, base.body_timeout),
                upstream: UpstreamLimits {
                    connect: patience(given.connect_timeout, upstream.connect),
                    first_event: patience(given.first_event_timeout, upstream.first_event),
                    idle: patience(given.idle_timeout, upstream.idle),
                    after_finish: upstream.after_finish,
                    total: patience(given.total_timeout, upstream.total),
                    max_answer_bytes: count(given.max_answer_bytes, upstream.max_answer_bytes),
                    max_download_bytes: given
                        .max_download_bytes
                        .unwrap_or(upstream.max_download_bytes),
                    token_server: None,
                    authorities: Vec::new(),
                },
                limits,
                passthrough: PassthroughLimits {
                    permission: given.passthrough.map_or(passthrough.permission, Into::into),
                    max_bytes: given.passthrough_max_bytes.unwrap_or(passthrough.max_bytes),
                    idle: span(given.passthrough_idle_timeout, passthrough.idle),
                    total: span(given.passthrough_timeout, passthrough.total),
                },
                heartbeat_after: span(given.heartbeat_after, base.heartbeat_after),
                heartbeat_interval: span(given.heartbeat_interval, base.heartbeat_interval),
                max_attempts: count(given.max_attempts, base.max_attempts),
                stored_response_days: match given.stored_response_days {
                    None => base.stored_response_days,
                    Some(days) => Some(days).filter(|days| *days > 0),
                },
                drain_delay: span(given.drain_delay, base.drain_delay),
                drain_timeout: span(given.drain_timeout, base.drain_timeout),
                public_url: base.public_url,
                base_path,
                dashboard: given.dashboard.unwrap_or(base.dashboard),
                allow_private_downloads: given
                    .allow_private_downloads
                    .unwrap_or(base.allow_private_downloads),
                allow_local_providers: given
                    .allow_local_providers
                    .unwrap_or(base.allow_local_providers),
                unknown_prices: PricePolicy {
                    on_credits: given
                        .unknown_prices_on_credits
                        .map_or(base.unknown_prices.on_credits, Into::into),
                    on_own_credential: given
                        .unknown_prices_on_own_credential
                        .map_or(base.unknown_prices.on_own_credential, Into::into),
                },
                region: given.region.unwrap_or(base.region),
                installation: base.installation,
                sign_on: None,
                trusted_proxies: given.trusted_proxies.unwrap_or(base.trusted_proxies),
            },
        }
    }
}

/// The path of an address, where it is one below which pages can be.
fn path_of(url: &str) -> Option<BasePath> {
    let (_, rest) = url.split_once("://")?;
    rest.split_once('/')?.1.parse().ok()
}

/// What holds callers back.
fn caller_limits(given: &ServerSettings) -> CallerLimits {
    let mut limits = CallerLimits::default();
    for (given, limit) in [
        (given.key_requests_per_minute, &mut limits.key_per_minute),
        (given.key_requests_per_day, &mut limits.key_per_day),
        (given.key_concurrency, &mut limits.key_concurrency),
        (given.endpoint_concurrency, &mut limits.endpoint_concurrency),
        (given.free_requests_per_minute, &mut limits.free.per_minute),
        (given.free_requests_per_day, &mut limits.free.per_day_before),
        (given.free_requests_per_day_credited, &mut limits.free.per_day_after),
    ] {
        *limit = given.unwrap_or(*limit);
    }
    for (given, limit) in [
        (given.reservation_wait, &mut limits.reservation_wait),
        (given.read_on_timeout, &mut limits.read_on_timeout),
    ] {
        *limit = given.map_or(*limit, |span| span.0);
    }
    limits.without_valkey = match given.limits_without_valkey.unwrap_or_default() {
        WithoutValkey::Refuse => gateway::WithoutValkey::Refuse,
        WithoutValkey::Serve => gateway::WithoutValkey::Serve,
    };
    limits.read_on_uncounted = given.read_on_uncounted.unwrap_or(limits.read_on_uncounted);
    limits.max_read_on_bytes = given.max_read_on_bytes.unwrap_or(limits.max_read_on_bytes);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::default_file_enabled;

    #[test]
    fn the_base_path_is_that_of_the_public_address_unless_it_is_given() {
        for (url, given, path) in [
            (None, None, ""),
            (Some("https://llm.example"), None, ""),
            (Some("https://example.org/team/llm/"), None, "/team/llm"),
            (Some("https://example.org/gw"), Some("/other"), "/other"),
            (None, Some("gw/"), "/gw"),
        ] {
            let settings = ServerSettings {
                public_url: url.map(|url| url.parse().unwrap()),
                base_path: given.map(|path| path.parse().unwrap()),
                ..ServerSettings::default()
            };
            assert_eq!(Serving::of(settings).limits.base_path.as_str(), path, "{url:?} {given:?}");
        }
    }

    #[test]
    fn a_sign_on_service_needs_a_name_for_this_gateway_and_a_way_back() {
        let mut given = ServerSettings {
            oidc_issuer: Some("https://issuer.example".into()),
            oidc_allowed_domains: Some(" Example.org,@example.com,".into()),
            oidc_client_secret: Some("hidden".parse().unwrap()),
            ..ServerSettings::default()
        };
        let refused = Serving::of(given.clone()).sign_on.unwrap().read().unwrap_err();
        assert!(refused.to_string().contains("oidc_client_id"), "{refused}");
        given.oidc_client_id = Some("trunkline".into());
        let refused = Serving::of(given.clone()).sign_on.unwrap().read().unwrap_err();
        assert!(refused.to_string().contains("public_url"), "{refused}");
        given.public_url = Some("https://llm.example".parse().unwrap());
        let read = Serving::of(given.clone()).sign_on.unwrap().read().unwrap();
        assert_eq!(read.allowed_domains, ["example.org", "example.com"]);
        assert_eq!((read.name.as_str(), read.role), ("Single sign-on", store::MemberRole::Member));
        assert!(!format!("{read:?}").contains("hidden"));
        given.oidc_issuer = Some("issuer.example".into());
        assert!(Serving::of(given).sign_on.unwrap().read().is_err());
    }

    #[test]
    fn the_default_file_states_the_defaults() {
        let (_, stated) = default_file_enabled();
        let defaults = Serving::of(ServerSettings::default());
        assert_eq!(format!("{:?}", Serving::of(stated)), format!("{defaults:?}"));
    }
}
