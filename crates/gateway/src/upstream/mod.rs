//! Connections to providers: pools, credentials, time limits, downloads.

pub mod address;
pub mod authorization;
pub mod body;
mod direct;
pub mod download;
mod multiplexed;
pub mod origin;
pub mod pool;
mod probe;
mod sent;
pub mod tokens;

pub use authorization::{Authorization, AwsKeys};
pub use body::{BodyError, UpstreamBody};
pub use direct::{Direct, Driving};
pub use origin::{Origin, OriginError};
pub use pool::{ConnectFailure, Pool, SendError, UpstreamResponse};
pub use probe::{PROBE_TIME, Probe, probe};
pub use sent::{Masking, Sent};
pub use tokens::{Grant, TokenFailure, Tokens};

/// The TLS settings toward providers: the public roots and `authorities`, and nothing older than
/// TLS 1.2.
pub fn tls_config(authorities: &[rustls::pki_types::CertificateDer<'_>]) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for authority in authorities {
        if let Err(error) = roots.add(authority.clone().into_owned()) {
            tracing::warn!(%error, "a certificate authority cannot be used and is left out");
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    match rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
    {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        // The ring provider supports the default versions; without them there is no TLS.
        Err(error) => unreachable!("the TLS provider lacks the default versions: {error}"),
    }
}
