//! Requests that commands make themselves: checks of credentials, lists of models, catalogue data.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use gateway::upstream::{Origin, Pool, tls_config};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use rustls::pki_types::CertificateDer;

/// How long one request may take, from connecting to the last byte.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// An answer, read whole.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Fetches `path` below a base URL.
pub async fn get(
    base_url: &str,
    path: &str,
    headers: &HeaderMap,
    limit: usize,
    time: Duration,
) -> Result<Answer> {
    get_trusting(&[], base_url, path, headers, limit, time).await
}

/// The same from a server that may have its certificate from one of `authorities`.
async fn get_trusting(
    authorities: &[CertificateDer<'static>],
    base_url: &str,
    path: &str,
    headers: &HeaderMap,
    limit: usize,
    time: Duration,
) -> Result<Answer> {
    let origin = Origin::parse(base_url)?;
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = format!("{}{path}", origin.prefix)
        .parse()
        .with_context(|| format!("`{path}` cannot be part of a URL"))?;
    *request.headers_mut() = headers.clone();
    let host = HeaderValue::from_str(origin.authority.as_str())?;
    request.headers_mut().insert(http::header::HOST, host);
    let agent = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(http::header::USER_AGENT, HeaderValue::from_static(agent));
    let exchange = async {
        let response = Pool::new(tls_config(authorities), time).send(&origin, request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect(limit, time).await?;
        Ok::<_, anyhow::Error>(Answer { status: parts.status, body })
    };
    match tokio::time::timeout(time, exchange).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {} seconds", time.as_secs()),
    }
}

/// Fetches a document by its whole URL; the public authorities are trusted, and `authorities`.
pub async fn download(
    url: &str,
    authorities: &[CertificateDer<'static>],
    limit: usize,
    time: Duration,
) -> Result<Bytes> {
    let (base, path) = take_apart(url);
    let answer = get_trusting(authorities, base, path, &HeaderMap::new(), limit, time).await?;
    if !answer.status.is_success() {
        bail!("the answer was {}", answer.status);
    }
    Ok(answer.body)
}

/// The part of a URL that names a server, and the rest.
fn take_apart(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    match url[start..].find('/') {
        Some(at) => url.split_at(start + at),
        None => (url, "/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_where_its_path_begins() {
        assert_eq!(take_apart("https://a.b/c/d?e=/"), ("https://a.b", "/c/d?e=/"));
        assert_eq!(take_apart("https://a.b"), ("https://a.b", "/"));
    }
}
