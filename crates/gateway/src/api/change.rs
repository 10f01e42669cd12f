//! What changes of the control plane have in common.

use protocol::exchange::{ErrorType, Fault};
use store::StoreError;

use crate::app::App;
use crate::control::CompileError;
use crate::error::internal;

/// Puts a change in force before its answer is sent, so that whoever was answered finds it done.
pub async fn put_in_force(app: &App) -> Result<(), Fault> {
    app.catch_up().await.map_err(|error| {
        // The change is stored; `/readyz` tells that it is not in force, and it is tried again.
        match error {
            CompileError::Store(StoreError::Unreachable(cause)) => away(
                &*cause,
                "The change is made, but not in force yet: the database does not answer any more",
            ),
            error => internal(error),
        }
    })
}

/// A refusal of the store as the caller is to see it, by the name of the member at fault.
pub fn refused(error: StoreError) -> Fault {
    match error {
        StoreError::Invalid { what, reason } => {
            Fault::invalid(format!("{}: {reason}", member(what)))
        }
        StoreError::NotFound { what, id } => {
            let id: String = id.chars().take(80).collect();
            Fault::new(ErrorType::NotFound, format!("There is no {what} {id}"))
        }
        StoreError::OutOfTime => {
            let message = "The question takes too long; ask about less time or fewer dimensions";
            Fault::new(ErrorType::Timeout, message).with_status(408)
        }
        StoreError::Unreachable(cause) => away(
            &*cause,
            "The database does not answer, or takes no changes; try again in a moment",
        ),
        StoreError::TooMuchAtOnce => {
            let message = "Too many passwords are being checked; try again in a moment";
            let mut fault = Fault::new(ErrorType::ProviderOverloaded, message).with_status(503);
            fault.retry_after = Some(1);
            fault
        }
        other => internal(other),
    }
}

/// How soon what the database did not answer is to be tried again, in seconds.
const RETRY_AFTER: u64 = 5;

/// What cannot be told or changed at the moment: the database is away.
fn away(cause: &dyn std::error::Error, message: &'static str) -> Fault {
    tracing::warn!(%cause, "the database does not answer, or takes no changes");
    let mut fault = Fault::new(ErrorType::ProviderOverloaded, message).with_status(503);
    fault.retry_after = Some(RETRY_AFTER);
    fault
}

/// The API's name of what the store speaks of.
fn member(what: &'static str) -> &'static str {
    match what {
        "key name" | "workspace name" => "name",
        "key limit" => "limit",
        "workspace slug" => "slug",
        "workspace description" => "description",
        "default provider sort" => "default_provider_sort",
        "sampling rate" => "io_logging_sampling_rate",
        "workspace budget" | "member limit" => "limit_usd",
        "mail address" => "email",
        "requests_per_minute" => "rate_limit.requests_per_minute",
        "requests_per_day" => "rate_limit.requests_per_day",
        "ledger amount" => "amount",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ACT-3
    #[test]
    fn a_question_that_takes_too_long_is_a_time_out_of_the_caller() {
        let fault = refused(StoreError::OutOfTime);
        assert_eq!((fault.error_type, fault.status), (ErrorType::Timeout, 408));
    }

    #[test]
    fn a_database_that_is_away_is_no_error_of_the_gateway() {
        let fault = refused(StoreError::Unreachable("frozen".into()));
        assert_eq!((fault.status, fault.retry_after), (503, Some(RETRY_AFTER)));
    }
}
