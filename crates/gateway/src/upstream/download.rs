//! Downloads on behalf of callers, for providers that take bytes only.
//!
//! A URL in a request is chosen by a stranger: it must not reach what only this machine can
//! reach. Names are resolved here, every address is checked, and the connection goes to the
//! address that was checked; redirects start over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use protocol::Fetched;
use protocol::exchange::{Block, BlockKind, ErrorType, Fault, MediaSource, Request as Exchange};
use tokio::net::TcpStream;

use crate::settings::Settings;

const MAX_REDIRECTS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(20);
/// The longest name of a file that is taken of its address, in characters.
const MAX_NAME: usize = 128;
/// The most downloads for one request.
const MAX_DOWNLOADS: usize = 20;

/// Replaces URLs of media that have to be fetched by their bytes; `None` if there are none.
pub async fn inline_media(
    request: &Exchange,
    fetched: Fetched,
    settings: &Settings,
) -> Result<Option<Exchange>, Fault> {
    let mut blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    if !blocks.any(|block| is_concerned(block, fetched)) {
        return Ok(None);
    }
    let mut urls = Vec::new();
    let mut copy = request.clone();
    for (turn_at, turn) in copy.turns.iter_mut().enumerate() {
        for (block_at, block) in turn.blocks.iter_mut().enumerate() {
            collect(block, fetched, &block.place(turn_at, block_at), &mut urls);
        }
    }
    if urls.len() > MAX_DOWNLOADS {
        return Err(Fault::invalid(format!(
            "{}: more than {MAX_DOWNLOADS} URLs of media must be downloaded for this model; send them \
             as data URLs",
            request.place()
        )));
    }
    // All of them together are bounded as well: in bytes, and in time.
    let mut left = settings.upstream.max_download_bytes.saturating_mul(2);
    let until = tokio::time::Instant::now() + TIMEOUT * 2;
    for (place, source) in urls {
        let MediaSource::Url(url) = &*source else { continue };
        let downloaded = tokio::time::timeout_at(until, download(url, settings))
            .await
            .map_err(|_| DownloadError::Failed("all downloads took too long".to_owned()))
            .and_then(|downloaded| downloaded)
            .and_then(|(media_type, bytes)| {
                let limit = settings.upstream.max_download_bytes;
                left = left.checked_sub(bytes.len()).ok_or(DownloadError::TooLarge(limit))?;
                Ok((media_type, bytes))
            });
        let (media_type, bytes) = downloaded.map_err(|error| error.fault(&place))?;
        let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
        *source = MediaSource::Base64 { media_type: kind_of(media_type, &bytes), data };
    }
    Ok(Some(copy))
}

fn is_concerned(block: &Block, fetched: Fetched) -> bool {
    match &block.kind {
        BlockKind::ToolResult { content, .. } => {
            content.iter().any(|block| is_concerned(block, fetched))
        }
        kind => fetched.concerns(kind),
    }
}

fn collect<'b>(
    block: &'b mut Block,
    fetched: Fetched,
    place: &str,
    urls: &mut Vec<(String, &'b mut MediaSource)>,
) {
    let is_concerned = fetched.concerns(&block.kind);
    match &mut block.kind {
        BlockKind::Image { source, .. }
        | BlockKind::Audio { source, .. }
        | BlockKind::Video { source }
            if is_concerned =>
        {
            urls.push((place.to_owned(), source));
        }
        BlockKind::File { source, filename } => {
            if is_concerned && let MediaSource::Url(url) = source {
                // Some refuse a file without a name.
                *filename = filename.take().or_else(|| name_in(url));
                urls.push((place.to_owned(), source));
            }
        }
        BlockKind::ToolResult { content, .. } => {
            for block in content {
                let place = block.place_or(|| place.to_owned());
                collect(block, fetched, &place, urls);
            }
        }
        _ => {}
    }
}

/// The name of a file, as its address has it.
fn name_in(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, path) = path.split_once("://")?;
    let (_, name) = path.rsplit_once('/')?;
    (!name.is_empty()).then(|| name.chars().take(MAX_NAME).collect())
}

/// What bytes are where their server does not know it.
fn kind_of(told: String, bytes: &[u8]) -> String {
    match bytes.starts_with(b"%PDF-") && told.ends_with("/octet-stream") {
        true => "application/pdf".to_owned(),
        false => told,
    }
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Not an http(s) URL.
    #[error("is not an http or https URL")]
    Url,
    /// The address is private, local or reserved.
    #[error("points to an address that is not public")]
    Private,
    /// No such host, no connection, no answer in time, too many redirects, a bad status.
    #[error("could not be downloaded: {0}")]
    Failed(String),
    /// Too large.
    #[error("is larger than {0} bytes")]
    TooLarge(usize),
}

impl DownloadError {
    fn fault(&self, place: &str) -> Fault {
        let kind = match self {
            Self::TooLarge(_) => ErrorType::ImageTooLarge,
            _ => ErrorType::ImageDownloadFailed,
        };
        Fault::new(kind, format!("{place}: the URL {self}"))
    }
}

/// Downloads a URL within bounds; gives the media type and the bytes.
pub async fn download(url: &str, settings: &Settings) -> Result<(String, Bytes), DownloadError> {
    tokio::time::timeout(TIMEOUT, follow(url, settings))
        .await
        .map_err(|_| DownloadError::Failed(format!("no answer within {TIMEOUT:?}")))?
}

async fn follow(url: &str, settings: &Settings) -> Result<(String, Bytes), DownloadError> {
    let mut uri: Uri = url.parse().map_err(|_| DownloadError::Url)?;
    for _ in 0..=MAX_REDIRECTS {
        let response = get(&uri, settings).await?;
        let status = response.status();
        if status.is_redirection() {
            let location =
                response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(
                    || DownloadError::Failed("a redirect without a target".to_owned()),
                )?;
            uri = join(&uri, location)?;
            continue;
        }
        if !status.is_success() {
            return Err(DownloadError::Failed(format!("status {}", status.as_u16())));
        }
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map_or_else(|| "application/octet-stream".to_owned(), |kind| kind.trim().to_owned());
        let limit = settings.upstream.max_download_bytes;
        let bytes = Limited::new(response.into_body(), limit)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    DownloadError::TooLarge(limit)
                } else {
                    DownloadError::Failed("the answer broke off".to_owned())
                }
            })?
            .to_bytes();
        return Ok((media_type, bytes));
    }
    Err(DownloadError::Failed("too many redirects".to_owned()))
}

fn join(base: &Uri, location: &str) -> Result<Uri, DownloadError> {
    if let Ok(uri) = location.parse::<Uri>()
        && uri.scheme().is_some()
    {
        return Ok(uri);
    }
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err(DownloadError::Url);
    };
    if !location.starts_with('/') || location.starts_with("//") {
        return Err(DownloadError::Failed("a redirect to a relative address".to_owned()));
    }
    format!("{scheme}://{authority}{location}").parse().map_err(|_| DownloadError::Url)
}

async fn get(
    uri: &Uri,
    settings: &Settings,
) -> Result<http::Response<hyper::body::Incoming>, DownloadError> {
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(DownloadError::Url),
    };
    let host = uri.host().ok_or(DownloadError::Url)?;
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let address = resolve(host, port, settings.allow_private_downloads).await?;
    let failed = |error: &dyn std::error::Error| DownloadError::Failed(error.to_string());
    let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = target.parse().map_err(|_| DownloadError::Url)?;
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| DownloadError::Url)?);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("trunkline/", env!("CARGO_PKG_VERSION"))),
    );
    if tls {
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|error| failed(&error))?;
        let connector = tokio_rustls::TlsConnector::from(public_tls());
        let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
        exchange(TokioIo::new(stream), request).await
    } else {
        exchange(TokioIo::new(stream), request).await
    }
}

async fn exchange<I>(
    io: I,
    request: Request<Empty<Bytes>>,
) -> Result<http::Response<hyper::body::Incoming>, DownloadError>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| DownloadError::Failed(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(failed)?;
    tokio::spawn(async move {
        // How it ended is seen by the request.
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(failed)
}

async fn resolve(host: &str, port: u16, allow_private: bool) -> Result<SocketAddr, DownloadError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((bare, port))
            .await
            .map_err(|_| DownloadError::Failed("the host name does not resolve".to_owned()))?
            .collect(),
    };
    // One private address among the answers is enough to refuse: the next question could get it.
    if !allow_private && found.iter().any(|address| !is_public(address.ip())) {
        return Err(DownloadError::Private);
    }
    found
        .into_iter()
        .next()
        .ok_or_else(|| DownloadError::Failed("the host name does not resolve".to_owned()))
}

/// Whether an address is on the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped().or_else(|| address.to_ipv4()) {
        return is_public_v4(v4);
    }
    let [first, second, ..] = address.segments();
    // Only the global unicast range, without documentation, 6to4 and Teredo, which wrap IPv4.
    first & 0xe000 == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && (second == 0xdb8 || second == 0))
}

/// TLS toward anywhere: an operator's own authorities are for providers, not for what callers name.
fn public_tls() -> std::sync::Arc<rustls::ClientConfig> {
    static CONFIG: std::sync::OnceLock<std::sync::Arc<rustls::ClientConfig>> =
        std::sync::OnceLock::new();
    std::sync::Arc::clone(CONFIG.get_or_init(|| super::tls_config(&[]).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_reserved_addresses_are_told_from_public_ones() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "224.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn private_addresses_and_other_schemes_are_refused_before_connecting() {
        let settings = Settings::default();
        for url in
            ["http://127.0.0.1:1/a.png", "http://localhost/a", "http://[::1]/", "http://0x7f.1/"]
        {
            let error = download(url, &settings).await.unwrap_err();
            assert!(
                matches!(error, DownloadError::Private | DownloadError::Failed(_)),
                "{url}: {error}"
            );
        }
        assert!(matches!(download("file:///etc/passwd", &settings).await, Err(DownloadError::Url)));
    }

    #[test]
    fn files_are_named_by_their_addresses() {
        assert_eq!(name_in("https://a.example/b/c.pdf?x=/y").as_deref(), Some("c.pdf"));
        assert_eq!(name_in("https://a.example"), None);
        assert_eq!(name_in("https://a.example/"), None);
        assert_eq!(kind_of("binary/octet-stream".into(), b"%PDF-1.7"), "application/pdf");
        assert_eq!(kind_of("text/plain".into(), b"%PDF-1.7"), "text/plain");
    }

    #[test]
    fn redirects_keep_to_whole_addresses() {
        let base: Uri = "https://a.example/x".parse().unwrap();
        assert_eq!(join(&base, "/y").unwrap(), "https://a.example/y");
        assert_eq!(join(&base, "http://b.example/").unwrap(), "http://b.example/");
        assert!(join(&base, "//b.example/").is_err());
    }
}
