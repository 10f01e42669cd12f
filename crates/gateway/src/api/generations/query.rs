//! Which generations somebody asks for.

use protocol::exchange::Fault;
use serde::Deserialize;
use store::{GenerationFilter, GenerationStatus};
use utoipa::IntoParams;

use crate::api::money::limit_nano_usd;
use crate::api::page::number;
use crate::api::time::utc_micros;

/// The longest text of a filter, in characters.
const LONGEST: usize = 512;

/// Which generations. What is empty is as good as absent; all that is said has to hold.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filters {
    /// Not older than this moment, UTC.
    from: Option<String>,
    /// Older than this moment, UTC.
    to: Option<String>,
    /// `ok`, `failed` or `cancelled`.
    status: Option<String>,
    /// Slug of the model served; where none was, the model as it was asked for.
    model: Option<String>,
    /// Slug or name of the provider that answered.
    provider: Option<String>,
    /// Hash of a key.
    key: Option<String>,
    /// Id of a workspace.
    workspace: Option<String>,
    /// What the application calls itself.
    app: Option<String>,
    /// The caller's own user.
    user: Option<String>,
    /// The caller's session.
    session: Option<String>,
    finish_reason: Option<String>,
    error_type: Option<String>,
    /// USD.
    #[param(value_type = Option<f64>)]
    min_cost: Option<String>,
    /// USD.
    #[param(value_type = Option<f64>)]
    max_cost: Option<String>,
    #[param(value_type = Option<u64>)]
    min_latency_ms: Option<String>,
    /// How the id begins, or a part of the kind of error.
    text: Option<String>,
}

impl Filters {
    /// Reads them for an account; `member`: of the keys of that member alone, whatever is asked.
    pub fn read(self, account: &str, member: Option<&str>) -> Result<GenerationFilter, Fault> {
        let moment = |field, text: Option<String>| {
            some(text).map(|text| utc_micros(field, &text)).transpose()
        };
        let (from, until) = (moment("from", self.from)?, moment("to", self.to)?);
        if let (Some(from), Some(until)) = (from, until)
            && from > until
        {
            return Err(Fault::invalid("from: is later than to"));
        }
        let status = some(self.status).map(|word| {
            GenerationStatus::parse(&word)
                .ok_or_else(|| Fault::invalid("status: must be ok, failed or cancelled"))
        });
        let latency = some(self.min_latency_ms);
        let latency = number("min_latency_ms", latency.as_deref(), 0, 86_400_000)?;
        Ok(GenerationFilter {
            workspace_id: text("workspace", self.workspace)?,
            account_id: Some(account.to_owned()),
            member_id: member.map(str::to_owned),
            key_hash: text("key", self.key)?,
            model: text("model", self.model)?,
            provider: text("provider", self.provider)?,
            app: text("app", self.app)?,
            user: text("user", self.user)?,
            session_id: text("session", self.session)?,
            status: status.transpose()?,
            finish_reason: text("finish_reason", self.finish_reason)?,
            error_type: text("error_type", self.error_type)?,
            min_cost: cost("min_cost", self.min_cost)?,
            max_cost: cost("max_cost", self.max_cost)?,
            min_latency_ms: latency.and_then(|latency| i64::try_from(latency).ok()),
            text: text("text", self.text)?,
            from,
            until,
        })
    }
}

fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn text(field: &str, given: Option<String>) -> Result<Option<String>, Fault> {
    match some(given) {
        Some(text) if text.chars().count() > LONGEST => {
            Err(Fault::invalid(format!("{field}: is longer than {LONGEST} characters")))
        }
        text => Ok(text),
    }
}

fn cost(field: &str, given: Option<String>) -> Result<Option<i64>, Fault> {
    let Some(text) = some(given) else { return Ok(None) };
    let amount =
        text.parse().map_err(|_| Fault::invalid(format!("{field}: must be an amount in USD")))?;
    limit_nano_usd(field, amount).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn filters_are_read_for_the_account_that_asks_and_refused_by_name() {
        let filters = Filters {
            status: given("failed"),
            min_cost: given("0.5"),
            min_latency_ms: given("250"),
            model: given(""),
            from: given("2026-01-01T00:00:00Z"),
            ..Filters::default()
        };
        let read = filters.read("acct", Some("ann")).unwrap();
        let expected = GenerationFilter {
            account_id: given("acct"),
            member_id: given("ann"),
            status: Some(GenerationStatus::Failed),
            min_cost: Some(500_000_000),
            min_latency_ms: Some(250),
            from: Some(1_767_225_600_000_000),
            ..GenerationFilter::default()
        };
        assert_eq!(read, expected);
        for (filters, named) in [
            (Filters { status: given("bad"), ..Filters::default() }, "status"),
            (Filters { min_cost: given("x"), ..Filters::default() }, "min_cost"),
            (Filters { max_cost: given("-1"), ..Filters::default() }, "max_cost"),
            (Filters { max_cost: given("inf"), ..Filters::default() }, "max_cost"),
            (Filters { min_latency_ms: given("-1"), ..Filters::default() }, "min_latency_ms"),
            (Filters { to: given("now"), ..Filters::default() }, "to"),
            (Filters { app: Some("a".repeat(513)), ..Filters::default() }, "app"),
        ] {
            let refused = filters.read("acct", None).unwrap_err().message;
            assert!(refused.starts_with(&format!("{named}: ")), "{refused}");
        }
    }
}
