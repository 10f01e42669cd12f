//! The `error.availability` object. ERR-10

use protocol::exchange::ErrorType;
use serde::Serialize;

/// Why no endpoint could serve. ERR-10
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the API's own words")]
pub enum AvailabilityCode {
    ModelNotFound,
    WrongEndpoint,
    NoEndpoints,
    ModelDeprecated,
    ModelUnavailableUpstream,
    CapacityExhausted,
    TemporarilyUnavailable,
    RegionRestricted,
    PrivacyRestricted,
    ConstraintFiltered,
    FreeVariantEnded,
}

impl AvailabilityCode {
    /// The HTTP status. ERR-10
    pub const fn status(self) -> u16 {
        match self {
            Self::ModelNotFound | Self::WrongEndpoint => 400,
            Self::NoEndpoints
            | Self::ModelDeprecated
            | Self::ModelUnavailableUpstream
            | Self::PrivacyRestricted
            | Self::ConstraintFiltered
            | Self::FreeVariantEnded => 404,
            Self::CapacityExhausted => 429,
            Self::TemporarilyUnavailable => 503,
            Self::RegionRestricted => 403,
        }
    }

    /// The kind of error. ERR-10
    pub const fn error_type(self) -> ErrorType {
        match self {
            Self::ModelNotFound | Self::WrongEndpoint => ErrorType::InvalidRequest,
            Self::NoEndpoints
            | Self::ModelDeprecated
            | Self::ModelUnavailableUpstream
            | Self::PrivacyRestricted
            | Self::ConstraintFiltered
            | Self::FreeVariantEnded => ErrorType::NotFound,
            Self::CapacityExhausted => ErrorType::RateLimitExceeded,
            Self::TemporarilyUnavailable => ErrorType::ProviderOverloaded,
            Self::RegionRestricted => ErrorType::PermissionDenied,
        }
    }

    /// Whether the same request may succeed later. ERR-10
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::CapacityExhausted | Self::TemporarilyUnavailable)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelNotFound => "model_not_found",
            Self::WrongEndpoint => "wrong_endpoint",
            Self::NoEndpoints => "no_endpoints",
            Self::ModelDeprecated => "model_deprecated",
            Self::ModelUnavailableUpstream => "model_unavailable_upstream",
            Self::CapacityExhausted => "capacity_exhausted",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::RegionRestricted => "region_restricted",
            Self::PrivacyRestricted => "privacy_restricted",
            Self::ConstraintFiltered => "constraint_filtered",
            Self::FreeVariantEnded => "free_variant_ended",
        }
    }
}

/// The `error.availability` object. Members that do not apply are left out. ERR-10
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorAvailability {
    /// Why.
    pub code: AvailabilityCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The models asked for.
    pub requested_models: Vec<String>,
    /// Where this is explained, as a path below the public address.
    pub docs_url: String,
    /// Seconds after which another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Slugs of the providers concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affected_providers: Vec<String>,
    /// The rules that removed endpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_by: Vec<&'static str>,
    /// Models that could be asked instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallback_models: Vec<String>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
}

impl ErrorAvailability {
    /// The object with what is always there.
    pub fn new(code: AvailabilityCode, requested_models: Vec<String>) -> Self {
        Self {
            code,
            retryable: code.is_retryable(),
            requested_models,
            docs_url: format!("/docs/errors#{}", code.name()),
            retry_after: None,
            affected_providers: Vec::new(),
            excluded_by: Vec::new(),
            fallback_models: Vec::new(),
            constraint: None,
        }
    }
}

/// The rule that decided. ERR-10
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Constraint {
    /// The member of the request.
    pub field: &'static str,
    /// What it was about.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ERR-10
    #[test]
    fn what_does_not_apply_is_left_out() {
        let object = ErrorAvailability::new(AvailabilityCode::NoEndpoints, vec!["x/a".to_owned()]);
        assert_eq!(
            serde_json::to_value(&object).unwrap(),
            serde_json::json!({
                "code": "no_endpoints", "retryable": false, "requested_models": ["x/a"],
                "docs_url": "/docs/errors#no_endpoints",
            })
        );
    }

    /// ERR-10
    #[test]
    fn status_and_error_type_of_each_code_agree_with_each_other() {
        use AvailabilityCode as Code;
        for code in [
            Code::ModelNotFound,
            Code::WrongEndpoint,
            Code::NoEndpoints,
            Code::ModelDeprecated,
            Code::ModelUnavailableUpstream,
            Code::CapacityExhausted,
            Code::TemporarilyUnavailable,
            Code::RegionRestricted,
            Code::PrivacyRestricted,
            Code::ConstraintFiltered,
            Code::FreeVariantEnded,
        ] {
            assert_eq!(code.status(), code.error_type().status(), "{code:?}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert_eq!(code.is_retryable(), matches!(code.status(), 429 | 503));
        }
    }
}
