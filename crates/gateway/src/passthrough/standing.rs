//! Step 7, beside it: a WebSocket may last longer than what its caller was let in by.

use std::sync::Arc;

use protocol::exchange::{ErrorType, Fault};

use crate::app::App;
use crate::clock::now_micros;
use crate::control::Caller;
use crate::inference::admit::still_admitted;

/// By what a WebSocket was opened.
pub struct Standing {
    /// What all requests share.
    pub app: Arc<App>,
    /// Who opened it.
    pub caller: Arc<Caller>,
    /// The provider's slug: its position may be another one's after a change.
    pub provider: String,
    /// The credential.
    pub credential_id: String,
}

impl Standing {
    /// Refuses what is said after the key or the credential was taken away, switched off, or has
    /// ended, by the snapshot in force.
    pub fn check(&self) -> Result<(), Fault> {
        let snapshot = self.app.snapshot();
        still_admitted(&self.caller, &snapshot, now_micros())?;
        let provider = snapshot.catalog.find_provider(&self.provider);
        let known = provider.and_then(|id| snapshot.access.get(usize::try_from(id.0).ok()?));
        if known.into_iter().flatten().any(|access| access.credential_id == self.credential_id) {
            return Ok(());
        }
        Err(Fault::new(
            ErrorType::PermissionDenied,
            "the credential that this WebSocket was opened with is not there any more",
        ))
    }
}
