//! What the failures of all attempts mean together. ERR-4, ERR-10

use protocol::exchange::ErrorType;

use crate::availability::{AvailabilityCode, ErrorAvailability};

/// How one attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptFailure<'a> {
    /// The slug of the provider.
    pub provider: &'a str,
    /// The status it answered with; 0 for no answer at all.
    pub status: u16,
    /// The refusal was for geographic reasons.
    pub geographic: bool,
    /// Seconds after which it may be asked again, if it said so.
    pub retry_after: Option<u64>,
}

/// What the failures mean together.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The `error.availability` object.
    pub availability: ErrorAvailability,
    /// What happened, for the caller. ERR-11
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// The kind of error.
    pub error_type: ErrorType,
}

/// What one failure says of its endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    RateLimited,
    Transient,
    Missing,
    Geographic,
    /// The request's own fault, or one that no availability code describes.
    Other,
}

fn kind(failure: &AttemptFailure<'_>) -> Kind {
    match failure.status {
        429 => Kind::RateLimited,
        404 => Kind::Missing,
        403 if failure.geographic => Kind::Geographic,
        0 | 408 | 500.. => Kind::Transient,
        _ => Kind::Other,
    }
}

/// Whether a provider's own code of an error says that it refuses callers from where we are: no
/// failing of the provider. LB-7, ERR-10
pub fn is_geographic(provider_code: Option<&str>) -> bool {
    matches!(provider_code, Some("unsupported_country_region_territory"))
}

/// Reads the failures of all attempts; `None` when they are not about availability, and the error
/// of the last attempt is to be given as it is. FALL-3, ERR-10
///
/// All 429: `capacity_exhausted`. All transient (5xx, time-outs, no answer):
/// `temporarily_unavailable`. All 404: `model_unavailable_upstream`. All refused for geography:
/// `region_restricted`. In a mixture, endpoints that can never serve (404, geography) do not
/// count beside those that may, and 429 beside transient failures is `temporarily_unavailable`:
/// waiting helps either way. Both 404 and geography alone are `model_unavailable_upstream`.
/// The hint is the smallest that any attempt gave. ERR-4
pub fn verdict(requested_models: &[String], failures: &[AttemptFailure<'_>]) -> Option<Verdict> {
    let kinds: Vec<Kind> = failures.iter().map(kind).collect();
    let any = |wanted| kinds.contains(&wanted);
    if failures.is_empty() || any(Kind::Other) {
        return None;
    }
    let code = if any(Kind::Transient) {
        AvailabilityCode::TemporarilyUnavailable
    } else if any(Kind::RateLimited) {
        AvailabilityCode::CapacityExhausted
    } else if any(Kind::Missing) {
        AvailabilityCode::ModelUnavailableUpstream
    } else {
        AvailabilityCode::RegionRestricted
    };
    let mut availability = ErrorAvailability::new(code, requested_models.to_vec());
    if code.is_retryable() {
        availability.retry_after = failures.iter().filter_map(|failure| failure.retry_after).min();
    }
    for failure in failures {
        if !availability.affected_providers.iter().any(|known| known == failure.provider) {
            availability.affected_providers.push(failure.provider.to_owned());
        }
    }
    let names = requested_models.join(", ");
    let mut message = match code {
        AvailabilityCode::CapacityExhausted => {
            format!("All providers for {names} are at capacity.")
        }
        AvailabilityCode::TemporarilyUnavailable => {
            format!("All providers for {names} are temporarily unavailable.")
        }
        AvailabilityCode::RegionRestricted => format!("{names} is not available in this region."),
        _ => format!("{names} is not available at any of its providers."),
    };
    if let Some(seconds) = availability.retry_after {
        message.push_str(&format!(" Retry after {seconds} seconds."));
    }
    Some(Verdict { status: code.status(), error_type: code.error_type(), availability, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(status: u16, retry_after: Option<u64>) -> AttemptFailure<'static> {
        AttemptFailure { provider: "p", status, geographic: false, retry_after }
    }

    fn geographic() -> AttemptFailure<'static> {
        AttemptFailure { geographic: true, ..fails(403, None) }
    }

    /// LB-7
    #[test]
    fn a_refusal_for_geography_is_known_by_its_code() {
        assert!(is_geographic(Some("unsupported_country_region_territory")));
        assert!(!is_geographic(Some("insufficient_permissions")));
        assert!(!is_geographic(None));
    }

    /// ERR-10
    #[test]
    fn failures_together_have_a_code_and_mixtures_a_documented_one() {
        use AvailabilityCode as Code;
        for (failures, code) in [
            (vec![fails(429, None), fails(429, None)], Some(Code::CapacityExhausted)),
            (
                vec![fails(500, None), fails(0, None), fails(408, None), fails(529, None)],
                Some(Code::TemporarilyUnavailable),
            ),
            (vec![fails(404, None)], Some(Code::ModelUnavailableUpstream)),
            (vec![geographic()], Some(Code::RegionRestricted)),
            (vec![fails(429, None), fails(503, None)], Some(Code::TemporarilyUnavailable)),
            (vec![fails(404, None), fails(429, None)], Some(Code::CapacityExhausted)),
            (vec![fails(404, None), geographic()], Some(Code::ModelUnavailableUpstream)),
            (vec![fails(429, None), fails(400, None)], None),
            (vec![fails(401, None)], None),
            (vec![fails(403, None)], None),
            (vec![], None),
        ] {
            let verdict = verdict(&["x/a".to_owned()], &failures);
            assert_eq!(
                verdict.as_ref().map(|verdict| verdict.availability.code),
                code,
                "{failures:?}"
            );
            if let Some(verdict) = verdict {
                assert_eq!(verdict.status, verdict.availability.code.status());
            }
        }
    }

    /// ERR-4, ERR-11
    #[test]
    fn the_hint_is_the_smallest_any_attempt_gave() {
        let failures = [fails(429, Some(90)), fails(429, None), fails(429, Some(40))];
        let verdict = verdict(&["X".to_owned()], &failures).unwrap();
        assert_eq!(verdict.message, "All providers for X are at capacity. Retry after 40 seconds.");
        assert_eq!(verdict.availability.retry_after, Some(40));
        assert!(verdict.availability.retryable);
        assert_eq!(verdict.availability.affected_providers, ["p"]);
    }
}
