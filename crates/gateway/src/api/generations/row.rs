//! A generation as a line of a list: no text of prompts or answers.

use std::sync::Arc;

use serde::Serialize;
use store::{Attempt, Generation, GenerationStatus, PriceState};
use utoipa::ToSchema;

use crate::api::money::Usd;
use crate::api::time::iso;

/// A generation in a list; money in USD, times in milliseconds.
#[derive(Serialize, ToSchema)]
pub struct GenerationRow {
    pub id: String,
    pub created_at: String,
    /// The model served; where none was, the model as it was asked for.
    pub model: String,
    pub api_type: String,
    /// `null` where no provider answered.
    pub provider_name: Option<String>,
    /// Every attempt, in order.
    pub route: Vec<Stop>,
    pub api_key: KeyName,
    /// What the application calls itself.
    pub app: Option<String>,
    pub user: Option<String>,
    pub session_id: Option<String>,
    /// By the provider's count, cached ones included.
    pub tokens_prompt: i64,
    /// By the provider's count, reasoning included.
    pub tokens_completion: i64,
    pub tokens_cached: i64,
    pub tokens_reasoning: i64,
    /// What the account is charged; `null` where the price was not known.
    #[schema(value_type = Option<f64>)]
    pub cost: Option<Usd>,
    pub first_token_ms: Option<i64>,
    /// Until the first byte of the answer.
    pub latency_ms: i64,
    /// From the request to the last byte of the answer.
    pub generation_time_ms: i64,
    /// Tokens per second of writing: of a stream, since its first token.
    pub speed: Option<f64>,
    /// `ok`, `failed` or `cancelled`.
    pub status: &'static str,
    /// The HTTP status the caller saw.
    pub status_code: u16,
    pub finish_reason: Option<String>,
    pub error_type: Option<String>,
    pub streamed: bool,
    /// Whether the caller left before the end.
    pub cancelled: bool,
}

/// One attempt.
#[derive(Serialize, ToSchema)]
pub struct Stop {
    provider: String,
    /// HTTP status of the provider's answer; `null` when there was none.
    status: Option<u16>,
    /// The kind of error.
    error: Option<String>,
    ms: i64,
}

/// A key.
#[derive(Serialize, ToSchema)]
pub struct KeyName {
    hash: String,
    /// `null` for a key that is not known any more.
    name: Option<String>,
}

impl From<&Attempt> for Stop {
    fn from(attempt: &Attempt) -> Self {
        Self {
            provider: attempt.provider_name.to_string(),
            status: attempt.status,
            error: text(&attempt.error_type),
            ms: attempt.latency_ms,
        }
    }
}

impl GenerationRow {
    /// Shows a row with the name of its key.
    pub fn new(row: &Generation, key_name: Option<String>) -> Self {
        let (tokens, time) = (row.native_tokens_completion, row.generation_time_ms);
        let writing = time - row.first_token_ms.filter(|_| row.streamed).unwrap_or_default();
        let is_measured = tokens > 0 && writing > 0;
        let provider = Some(row.provider_name.to_string()).filter(|name| !name.is_empty());
        Self {
            id: row.id.to_string(),
            created_at: iso(row.created_at),
            model: if row.model.is_empty() { &row.model_requested } else { &row.model }.to_string(),
            api_type: row.api_type.to_string(),
            provider_name: provider,
            route: row.attempts.iter().map(Stop::from).collect(),
            api_key: KeyName { hash: row.key_hash.to_string(), name: key_name },
            app: row.app().map(str::to_owned),
            user: text(&row.external_user),
            session_id: text(&row.session_id),
            tokens_prompt: row.native_tokens_prompt,
            tokens_completion: tokens,
            tokens_cached: row.native_tokens_cached,
            tokens_reasoning: row.native_tokens_reasoning,
            cost: (row.price_state != PriceState::Unknown).then_some(Usd(row.total_cost)),
            first_token_ms: row.first_token_ms,
            latency_ms: row.latency_ms,
            generation_time_ms: time,
            speed: is_measured.then(|| tokens as f64 * 1_000.0 / writing as f64),
            status: GenerationStatus::of(row).as_str(),
            status_code: row.status,
            finish_reason: text(&row.finish_reason),
            error_type: text(&row.error_type),
            streamed: row.streamed,
            cancelled: row.cancelled,
        }
    }
}

fn text(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_as_fast_as_it_was_written() {
        let speed = |row: Generation| GenerationRow::new(&row, None).speed;
        let stream = Generation {
            native_tokens_completion: 100,
            generation_time_ms: 3_000,
            first_token_ms: Some(1_000),
            streamed: true,
            ..Generation::default()
        };
        assert_eq!(speed(stream.clone()), Some(50.0));
        assert_eq!(speed(Generation { streamed: false, ..stream.clone() }), Some(100.0 / 3.0));
        assert_eq!(speed(Generation { first_token_ms: Some(3_000), ..stream.clone() }), None);
        assert_eq!(speed(Generation { native_tokens_completion: 0, ..stream }), None);
    }
}
