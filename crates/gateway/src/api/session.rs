//! Who calls a resource.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use protocol::exchange::{ErrorType, Fault};
use store::{Actor, ActorKind};

use super::Refused;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::{Caller, Snapshot};
use crate::inference::admit::authenticate;
use crate::listener::Peer;

/// A request with a usable key of any kind, and the snapshot it was found in.
pub struct Session {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The control state.
    pub snapshot: Arc<Snapshot>,
    /// The address it came from, as text.
    pub origin: String,
}

/// A request with a management key. AUTH-7
pub struct Management(pub Session);

impl FromRequestParts<Arc<App>> for Management {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let session = Session::from_request_parts(parts, app).await?;
        if !session.caller.is_management {
            return Err(Refused(Fault::new(
                ErrorType::PermissionDenied,
                "Only management keys can perform this operation",
            )));
        }
        app.uses.note(&app.store, &session.caller.key_hash, now_micros());
        Ok(Self(session))
    }
}

impl Management {
    /// The account the key is of: what is managed.
    pub fn account_id(&self) -> &str {
        &self.0.caller.account_id
    }

    /// Who is to be named in the audit log.
    pub fn actor(&self) -> Actor {
        Actor {
            kind: ActorKind::ApiKey,
            id: self.0.caller.key_hash.to_string(),
            origin: self.0.origin.clone(),
        }
    }
}

/// The address a request came from, as text; empty if it is not known.
pub struct Origin(pub String);

impl FromRequestParts<Arc<App>> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(origin(parts)))
    }
}

fn origin(parts: &Parts) -> String {
    parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default()
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let snapshot = app.snapshot();
        let caller = authenticate(&parts.headers, &snapshot, now_micros())?;
        Ok(Self { caller, snapshot, origin: origin(parts) })
    }
}

impl Session {
    /// Whether rows of `account` may be shown to this caller; if not, they do not exist for it.
    /// GEN-1
    pub fn may_see(&self, account: &str) -> Result<(), Fault> {
        if &*self.caller.account_id == account {
            return Ok(());
        }
        Err(Fault::new(ErrorType::NotFound, "not found"))
    }
}
