//! Where somebody signs in, and with what.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;
use store::Device;

use crate::app::App;
use crate::listener::Peer;

/// The device a request comes from.
pub struct From(pub Device);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let agent = parts.headers.get(USER_AGENT).map(|agent| agent.as_bytes());
        Ok(Self(Device {
            address: peer.map(|peer| beyond(peer, &parts.headers).to_string()).unwrap_or_default(),
            user_agent: agent.map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
        }))
    }
}

/// The address at the other end or, where that is of this machine or a private network and so
/// may be a proxy, the one that the proxy says it was asked from: the last one named, since those
/// before it are the caller's own words.
fn beyond(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_near = match peer.to_canonical() {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    if !is_near {
        return peer.to_canonical();
    }
    let named = headers.get_all("x-forwarded-for").iter().next_back();
    let named =
        named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    named.unwrap_or(peer).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_nearby_is_believed_and_only_its_own_word() {
        let beyond = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            if !forwarded.is_empty() {
                headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            }
            beyond(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(beyond("127.0.0.1", ""), "127.0.0.1");
        assert_eq!(beyond("127.0.0.1", "192.0.2.9, 192.0.2.1"), "192.0.2.1");
        assert_eq!(beyond("10.0.0.7", "2001:db8::1"), "2001:db8::1");
        assert_eq!(beyond("::ffff:127.0.0.1", "192.0.2.1"), "192.0.2.1");
        assert_eq!(beyond("10.0.0.7", "unknown"), "10.0.0.7");
        assert_eq!(beyond("198.51.100.1", "192.0.2.1"), "198.51.100.1");
    }
}
