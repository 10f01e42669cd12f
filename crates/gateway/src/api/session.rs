//! Who calls a resource.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use protocol::exchange::{ErrorType, Fault};

use super::Refused;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::{Caller, Snapshot};
use crate::inference::admit::authenticate;

/// A request with a usable key of any kind, and the snapshot it was found in.
pub struct Session {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The control state.
    pub snapshot: Arc<Snapshot>,
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let snapshot = app.snapshot();
        let caller = authenticate(&parts.headers, &snapshot, now_micros())?;
        Ok(Self { caller, snapshot })
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
