//! Counters and histograms, in Prometheus' text form.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use protocol::exchange::ErrorType;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum OutcomeLabel {
    /// Answered.
    Ok,
    /// Refused: the caller must change something.
    Refused,
    /// No provider could answer.
    Failed,
    /// The caller left.
    Cancelled,
}

impl OutcomeLabel {
    /// Who is to do something about a failure: it depends on who failed, and not on the number alone. That
    /// the providers that were tried are at their limit, or do not know the model, no caller can change.
    pub fn of_failure(error_type: &str, status: u16, was_tried: bool) -> Self {
        let is_callers = (400..=499).contains(&status);
        let of_providers = [ErrorType::RateLimitExceeded, ErrorType::NotFound];
        let is_providers = was_tried && of_providers.iter().any(|kind| kind.name() == error_type);
        match is_callers && !is_providers {
            true => Self::Refused,
            false => Self::Failed,
        }
    }
}

/// Why somebody was not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum SignInFailure {
    /// The password was wrong, or nobody has the mail address.
    Password,
    /// The account or the address is locked after too many of these.
    Locked,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    reason: SignInFailure,
}

/// What requests are served with all the same, and somebody should know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The database does not answer.
    pub database_unavailable: bool,
    /// The server on which nodes share what they count cannot be used.
    pub valkey_unavailable: bool,
    /// How many records are not in the database yet.
    pub unwritten_records: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    outcome: OutcomeLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenizerLabels {
    tokenizer: String,
}

/// Counters and histograms of the gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    first_token: Histogram,
    duration: Histogram,
    prompt_tokens: Counter,
    completion_tokens: Counter,
    cost: Counter<f64, AtomicU64>,
    internal_errors: Counter,
    in_flight: Gauge,
    control_stale: Gauge,
    connections_refused: Counter,
    sign_in_failures: Family<SignInLabels, Counter>,
    database_unavailable: Gauge,
    valkey_unavailable: Gauge,
    unwritten_records: Gauge,
    token_estimate_error: Family<TokenizerLabels, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("trunkline");
        let requests = Family::default();
        registry.register("requests", "Inference requests by how they ended", requests.clone());
        let attempts = Family::default();
        registry.register(
            "attempts",
            "Attempts at providers by status (0: no answer)",
            attempts.clone(),
        );
        let buckets = || exponential_buckets(0.005, 2.0, 18);
        let first_token = Histogram::new(buckets());
        registry.register_with_unit(
            "first_token",
            "Time from the request to the first content",
            Unit::Seconds,
            first_token.clone(),
        );
        let duration = Histogram::new(buckets());
        registry.register_with_unit(
            "duration",
            "Time from the request to the end of the answer",
            Unit::Seconds,
            duration.clone(),
        );
        let prompt_tokens = Counter::default();
        registry.register("prompt_tokens", "Input tokens", prompt_tokens.clone());
        let completion_tokens = Counter::default();
        registry.register("completion_tokens", "Output tokens", completion_tokens.clone());
        let cost = Counter::<f64, AtomicU64>::default();
        registry.register("cost_usd", "Cost charged, in US dollars", cost.clone());
        let internal_errors = Counter::default();
        registry.register("internal_errors", "Answers with status 500", internal_errors.clone());
        let in_flight = Gauge::default();
        registry.register("in_flight", "Inference requests running", in_flight.clone());
        let control_stale = Gauge::default();
        registry.register(
            "control_stale",
            "1 while a change of keys, credentials or catalogue cannot be put in force",
            control_stale.clone(),
        );
        let connections_refused = Counter::default();
        registry.register(
            "connections_refused",
            "Connections turned away because there were too many",
            connections_refused.clone(),
        );
        let sign_in_failures = Family::default();
        registry.register(
            "sign_in_failures",
            "Attempts to sign in with a password that failed",
            sign_in_failures.clone(),
        );
        let mut gauge = |name, meaning| {
            let gauge = Gauge::default();
            registry.register(name, meaning, gauge.clone());
            gauge
        };
        let database_unavailable = gauge(
            "database_unavailable",
            "1 while the database does not answer or takes no writes",
        );
        let valkey_unavailable =
            gauge("valkey_unavailable", "1 while limits cannot be shared with other nodes");
        let unwritten_records =
            gauge("unwritten_records", "Records of requests that are not in the database yet");
        let errors: fn() -> Histogram =
            || Histogram::new([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]);
        let token_estimate_error = Family::new_with_constructor(errors);
        registry.register(
            "token_estimate_error",
            "How far the estimate of a prompt's tokens was off, as a part of the provider's count",
            token_estimate_error.clone(),
        );
        Self {
            registry,
            token_estimate_error,
            requests,
            attempts,
            first_token,
            duration,
            prompt_tokens,
            completion_tokens,
            cost,
            internal_errors,
            in_flight,
            control_stale,
            connections_refused,
            sign_in_failures,
            database_unavailable,
            valkey_unavailable,
            unwritten_records,
        }
    }

    /// A request began.
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    /// A request ended.
    pub fn end(&self, outcome: OutcomeLabel, seconds: f64, first_token_seconds: Option<f64>) {
        self.in_flight.dec();
        self.requests.get_or_create(&RequestLabels { outcome }).inc();
        self.duration.observe(seconds);
        if let Some(seconds) = first_token_seconds {
            self.first_token.observe(seconds);
        }
    }

    /// A request was refused, with this status, before it had a row.
    pub fn turned_away(&self, status: u16) {
        let outcome = if status < 500 { OutcomeLabel::Refused } else { OutcomeLabel::Failed };
        self.requests.get_or_create(&RequestLabels { outcome }).inc();
    }

    /// The control plane could not be put in force, or was again.
    pub fn control_stale(&self, stale: bool) {
        self.control_stale.set(i64::from(stale));
    }

    /// Whether the snapshot in force is older than the control plane, which cannot be compiled.
    pub fn is_control_stale(&self) -> bool {
        self.control_stale.get() > 0
    }

    /// What a node without trouble has none of, as it is when the metrics are asked for.
    pub fn trouble(&self, found: &Trouble) {
        self.database_unavailable.set(i64::from(found.database_unavailable));
        self.valkey_unavailable.set(i64::from(found.valkey_unavailable));
        self.unwritten_records.set(i64::try_from(found.unwritten_records).unwrap_or(i64::MAX));
    }

    /// A connection was turned away because there were too many.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Somebody was not signed in.
    pub fn sign_in_failed(&self, reason: SignInFailure) {
        self.sign_in_failures.get_or_create(&SignInLabels { reason }).inc();
    }

    /// An attempt ended. `status` 0: no answer.
    pub fn attempt(&self, provider: &str, status: u16) {
        let labels = AttemptLabels { provider: provider.to_owned(), status };
        self.attempts.get_or_create(&labels).inc();
    }

    /// Tokens and money of a settlement; `nano_usd` in nano-dollars.
    pub fn usage(&self, prompt_tokens: u64, completion_tokens: u64, nano_usd: i64) {
        self.prompt_tokens.inc_by(prompt_tokens);
        self.completion_tokens.inc_by(completion_tokens);
        if nano_usd > 0 {
            self.cost.inc_by(nano_usd as f64 / 1e9);
        }
    }

    /// An estimate of a prompt's tokens was wrong by this part of the provider's count.
    pub fn token_estimate_error(&self, tokenizer: &str, error: f64) {
        let labels = TokenizerLabels { tokenizer: tokenizer.to_owned() };
        self.token_estimate_error.get_or_create(&labels).observe(error.abs());
    }

    /// An answer with status 500.
    pub fn internal_error(&self) {
        self.internal_errors.inc();
    }

    /// The text form.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a `String` cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_who_failed_and_not_by_its_number() {
        use OutcomeLabel::{Failed, Refused};
        for (error_type, status, was_tried, expected) in [
            ("rate_limit_exceeded", 429, true, Failed),
            ("rate_limit_exceeded", 429, false, Refused),
            ("not_found", 404, true, Failed),
            ("invalid_request", 400, true, Refused),
            ("content_policy_violation", 403, true, Refused),
            ("authentication", 401, true, Refused),
            ("provider_unavailable", 502, true, Failed),
            ("provider_unavailable", 502, false, Failed),
        ] {
            let label = OutcomeLabel::of_failure(error_type, status, was_tried);
            assert_eq!(label, expected, "{error_type} {status} {was_tried}");
        }
    }

    #[test]
    fn what_happened_is_in_the_text() {
        let metrics = Metrics::new();
        metrics.begin();
        metrics.end(OutcomeLabel::Ok, 0.2, Some(0.1));
        metrics.turned_away(401);
        metrics.attempt("openai", 200);
        metrics.usage(10, 5, 1_500_000_000);
        metrics.trouble(&Trouble {
            database_unavailable: true,
            unwritten_records: 3,
            ..Trouble::default()
        });
        let text = metrics.render();
        assert!(text.contains("trunkline_requests_total{outcome=\"Ok\"} 1"), "{text}");
        assert!(text.contains("trunkline_attempts_total{provider=\"openai\",status=\"200\"} 1"));
        assert!(text.contains("trunkline_requests_total{outcome=\"Refused\"} 1"), "{text}");
        assert!(text.contains("trunkline_cost_usd_total 1.5"));
        assert!(text.contains("trunkline_in_flight 0"));
        assert!(text.contains("trunkline_database_unavailable 1"), "{text}");
        assert!(text.contains("trunkline_valkey_unavailable 0"), "{text}");
        assert!(text.contains("trunkline_unwritten_records 3"), "{text}");
    }
}
