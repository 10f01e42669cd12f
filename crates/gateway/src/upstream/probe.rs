//! Whether a provider accepts a credential: one cheap call.

use std::time::Duration;

use bytes::Bytes;
use catalog::{PathStyle, Provider};
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use protocol::Dialect;

use super::origin::Origin;
use super::pool::Pool;
use super::{Authorization, tls_config};
use crate::clock::now_seconds;
use crate::control::Reach;
use crate::settings::UpstreamLimits;

/// How long a probe may take, from connecting to the last byte.
pub const PROBE_TIME: Duration = Duration::from_secs(10);

/// The largest list of models read, in bytes; some providers have long ones.
const LARGEST_LIST: usize = 32 * 1024 * 1024;

const UNLISTED: &str = "it cannot be checked: the provider lists no models";

/// What a probe found; each with words about it that hold no part of the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The provider accepts it.
    Accepted(String),
    /// Its form is right, and there is no cheap call that would tell more.
    Formed(String),
    /// The provider refuses it.
    Refused(String),
    /// The provider does not answer.
    Silent(String),
    /// It cannot be told, or not now.
    Unclear(String),
}

/// Asks a provider for its models, or a token server for a token. Within [`PROBE_TIME`].
pub async fn probe(provider: &Provider, reach: &Reach, limits: &UpstreamLimits) -> Probe {
    let pool = Pool::new(tls_config(&limits.authorities), PROBE_TIME.min(limits.connect));
    match &reach.authorization {
        Authorization::Token(tokens) => {
            return match tokens.get(now_seconds(), &pool, limits.token_server.as_ref()).await {
                Ok(_) => Probe::Accepted("it is exchanged for a token".to_owned()),
                Err(failure) => Probe::Refused(format!("there is no token for it: {failure}")),
            };
        }
        Authorization::Aws(keys) => {
            return Probe::Formed(format!("its form is right, and it signs for {}", keys.region));
        }
        Authorization::None | Authorization::Header(..) => {}
    }
    if !matches!(provider.path_style, PathStyle::Protocol | PathStyle::Azure) {
        return Probe::Unclear(UNLISTED.to_owned());
    }
    let Origin { scheme, authority, prefix } = &reach.origin;
    let base_url = format!("{scheme}://{authority}{prefix}");
    let Some(request) = request(provider, reach) else {
        return Probe::Unclear("the provider's headers or its path cannot be sent".to_owned());
    };
    let asking = async {
        let response =
            pool.send(&reach.origin, request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        body.collect(LARGEST_LIST, PROBE_TIME).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(parts.status)
    };
    let status = match tokio::time::timeout(PROBE_TIME, asking).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Probe::Silent(format!("{base_url} does not answer: {error}")),
        Err(_) => {
            let seconds = PROBE_TIME.as_secs();
            return Probe::Silent(format!(
                "{base_url} does not answer: no answer within {seconds} seconds"
            ));
        }
    };
    told(provider, status)
}

fn told(provider: &Provider, status: StatusCode) -> Probe {
    match status.as_u16() {
        200..=299 => Probe::Accepted("it is accepted".to_owned()),
        // Gemini says 400 to a key that is no key.
        401 | 403 => Probe::Refused(format!("the provider refuses it ({status})")),
        400 if provider.dialect == Dialect::Gemini => {
            Probe::Refused(format!("the provider refuses it ({status})"))
        }
        404 | 405 => Probe::Unclear(UNLISTED.to_owned()),
        _ => Probe::Unclear(format!("it cannot be checked now: the answer was {status}")),
    }
}

/// The request for a provider's models, as the gateway sends its own.
fn request(provider: &Provider, reach: &Reach) -> Option<Request<Full<Bytes>>> {
    let mut headers = HeaderMap::new();
    if provider.dialect == Dialect::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    for (name, value) in &provider.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    if let Authorization::Header(name, value) = &reach.authorization {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(HOST, HeaderValue::from_str(reach.origin.authority.as_str()).ok()?);
    let agent = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = format!("{}{}", reach.origin.prefix, provider.models_path).parse().ok()?;
    *request.headers_mut() = headers;
    Some(request)
}
