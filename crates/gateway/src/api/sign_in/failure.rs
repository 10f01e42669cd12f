//! Attempts to sign in that fail, as operators learn of them: in the log and in the metrics. What was
//! typed is in neither, since it may be a password in the wrong field.

use protocol::exchange::Fault;

use crate::app::App;
use crate::telemetry::SignInFailure;

/// Counts an attempt as [`super::lockout::Lockout::begin`] does, and tells what that tells. One that
/// is refused is only counted: the log had a line when the lock began.
pub fn begin(app: &App, account: &str, address: &str, now: store::Micros) -> Result<bool, Fault> {
    app.lockout.begin(account, address, now).inspect_err(|_| {
        app.metrics.sign_in_failed(SignInFailure::Locked);
    })
}

/// A password was wrong: of a member, or `None` where nobody has the mail address.
pub fn wrong_password(app: &App, member_id: Option<&str>, address: &str, locks: bool) {
    app.metrics.sign_in_failed(SignInFailure::Password);
    let member = member_id.unwrap_or("none");
    match locks {
        false => tracing::warn!(member, address, "a password was wrong"),
        true => tracing::warn!(
            member,
            address,
            "a password was wrong too often: the account or the address is locked for a while"
        ),
    }
}
