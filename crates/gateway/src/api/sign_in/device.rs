//! Where somebody signs in, and with what.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use store::Device;

use crate::app::App;
use crate::listener::Peer;

/// The device a request comes from.
pub struct From(pub Device);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let agent = parts.headers.get(USER_AGENT).map(|agent| agent.as_bytes());
        Ok(Self(Device {
            address: address(parts, app),
            user_agent: agent.map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
        }))
    }
}

/// The address a request came from, beyond trusted proxies, as text; empty if it is not known.
pub fn address(parts: &Parts, app: &App) -> String {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let proxies = &app.settings.trusted_proxies;
    peer.map(|peer| proxies.beyond(peer, &parts.headers).to_string()).unwrap_or_default()
}
