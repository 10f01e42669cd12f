//! How a request shows a provider that it may ask. wire-formats 4, 5.1, 8

use std::sync::Arc;

use bytes::Bytes;
use catalog::AuthStyle;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use signing::aws::{self, AwsCredentials, BEDROCK_SERVICE, BodyHash};
use signing::{Credential, Invalid, Scheme, StaticHeader};

use super::origin::Origin;
use super::pool::Pool;
use super::sent::Sent;
use super::tokens::{Grant, HEADER, TokenFailure, Tokens};

/// How a request is authorised. The four ways are all there are.
#[derive(Debug)]
pub enum Authorization {
    /// Not at all: a local server.
    None,
    /// By a header that is the same in every request.
    Header(HeaderName, HeaderValue),
    /// By a signature over the request.
    Aws(Box<AwsKeys>),
    /// By a token that is got beforehand.
    Token(Arc<Tokens>),
}

/// Keys that sign, and where.
#[derive(Debug)]
pub struct AwsKeys {
    /// The keys.
    pub credentials: AwsCredentials,
    /// The region whose endpoint is asked.
    pub region: String,
}

/// Reads a credential's text as the provider's style has it; `None` where none is needed.
pub fn parse(style: &AuthStyle, secret: &str) -> Result<Option<Credential>, Invalid> {
    let scheme = match style {
        AuthStyle::None => return Ok(None),
        AuthStyle::Bearer => Scheme::Bearer,
        AuthStyle::XApiKey => Scheme::parse("x_api_key")?,
        AuthStyle::XGoogApiKey => Scheme::parse("x_goog_api_key")?,
        AuthStyle::ApiKey => Scheme::parse("api_key")?,
        AuthStyle::Header(name) => Scheme::parse(&format!("header:{name}"))?,
        AuthStyle::Aws => Scheme::Aws,
        AuthStyle::Google => Scheme::Google,
        AuthStyle::Azure => Scheme::Azure,
    };
    Credential::parse(&scheme, secret).map(Some)
}

/// A fixed header as requests carry it. It does not show itself.
pub fn fixed(header: &StaticHeader) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(header.value.expose()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

impl Authorization {
    /// Authorises a request to which nothing will be added any more. `body` is all of its body.
    /// Returns the token that was used, if one was.
    pub async fn apply(
        &self,
        request: &mut Request<Full<Bytes>>,
        body: &[u8],
        now: impl FnOnce() -> u64,
        pool: &Pool,
        token_server: Option<&Origin>,
    ) -> Result<Option<Grant>, TokenFailure> {
        if let Self::Aws(keys) = self {
            keys.sign(request, body, now());
            return Ok(None);
        }
        let Some((headers, grant)) = self.headers(now, pool, token_server).await? else {
            return Ok(None);
        };
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        Ok(grant)
    }

    /// The headers that authorise any request, whatever is in it, and the token that was used, if
    /// one was; `None` where each request has to be signed.
    pub async fn headers(
        &self,
        now: impl FnOnce() -> u64,
        pool: &Pool,
        token_server: Option<&Origin>,
    ) -> Result<Option<(Vec<(HeaderName, HeaderValue)>, Option<Grant>)>, TokenFailure> {
        Ok(match self {
            Self::None => Some((Vec::new(), None)),
            Self::Header(name, value) => Some((vec![(name.clone(), value.clone())], None)),
            Self::Aws(_) => None,
            Self::Token(tokens) => {
                let grant = tokens.get(now(), pool, token_server).await?;
                let mut headers = vec![(HEADER, grant.header().clone())];
                headers.extend(tokens.companion().cloned());
                Some((headers, Some(grant)))
            }
        })
    }

    /// The secrets that requests show, for what providers say to be looked through. Of tokens that
    /// is the one in use, and the one before.
    pub fn sent(&self) -> Sent {
        match self {
            Self::None => Sent::default(),
            Self::Header(_, value) => Sent::of([value]),
            Self::Aws(keys) => {
                let mut sent = Sent::default();
                if let Some(token) = &keys.credentials.session_token {
                    sent.add(token.expose().as_bytes());
                }
                sent
            }
            Self::Token(tokens) => Sent::of(tokens.sent().iter().map(Grant::header)),
        }
    }

    /// A provider refused a token.
    pub fn refused(&self, grant: &Grant) {
        if let Self::Token(tokens) = self {
            tokens.refused(grant);
        }
    }
}

impl AwsKeys {
    /// Signs a request exactly as it is. wire-formats 5.1
    fn sign(&self, request: &mut Request<Full<Bytes>>, body: &[u8], now: u64) {
        let text = |name| {
            let value: Option<&HeaderValue> = request.headers().get(name);
            value.and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let signed = aws::sign(
            &self.credentials,
            &self.region,
            BEDROCK_SERVICE,
            &aws::Request {
                method: request.method().as_str(),
                host: text(HOST),
                path: request.uri().path(),
                query: request.uri().query().unwrap_or_default(),
                headers: &[("content-type", text(CONTENT_TYPE))],
                body: BodyHash::of([body]),
                sends_body_hash: false,
            },
            now,
        );
        for (name, value) in signed.iter() {
            // Made of hex, dates and what was checked when the credential was read.
            if let Ok(mut value) = HeaderValue::from_str(value) {
                value.set_sensitive(name != "x-amz-date");
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}
