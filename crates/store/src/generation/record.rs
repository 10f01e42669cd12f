//! The generation row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What was known about the price when the answer was settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceState {
    /// Priced by the frozen prices in the row.
    Known,
    /// The endpoint is free of charge.
    Free,
    /// No price was known: the cost of zero is a gap to be closed, not a fact.
    #[default]
    Unknown,
}

impl PriceState {
    /// Every state.
    pub const ALL: [PriceState; 3] = [PriceState::Known, PriceState::Free, PriceState::Unknown];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            PriceState::Known => "known",
            PriceState::Free => "free",
            PriceState::Unknown => "unknown",
        }
    }
}

/// Where the token counts of a settlement came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettledBy {
    /// The provider's own usage report.
    Usage,
    /// The provider's report, read on after the caller had left.
    Drained,
    /// Counted by us while the answer passed.
    Metered,
    /// Estimated from the sizes of prompt and answer.
    Estimated,
    /// Nothing to settle.
    #[default]
    None,
}

impl SettledBy {
    /// Every origin.
    pub const ALL: [SettledBy; 5] = [
        SettledBy::Usage,
        SettledBy::Drained,
        SettledBy::Metered,
        SettledBy::Estimated,
        SettledBy::None,
    ];

    /// The word used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            SettledBy::Usage => "usage",
            SettledBy::Drained => "drained",
            SettledBy::Metered => "metered",
            SettledBy::Estimated => "estimated",
            SettledBy::None => "none",
        }
    }
}

/// One try at one endpoint on the way to the answer: an element of `provider_responses` (GEN-2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider's identity for its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// The endpoint tried.
    pub endpoint_id: Arc<str>,
    /// The provider's name.
    pub provider_name: Arc<str>,
    /// The dated model slug.
    pub model_permaslug: Arc<str>,
    /// HTTP status of the provider's answer; `None` when there was none.
    pub status: Option<u16>,
    /// Milliseconds until the attempt's headers or failure.
    pub latency_ms: i64,
    /// Whether the caller's own provider key was used.
    pub is_byok: bool,
    /// Our word for what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<Arc<str>>,
}

/// One billable answer (GEN-2). Money is in nano-dollars, durations in milliseconds, text that
/// many rows share is shared in memory as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// `gen-<unix seconds>-<20 alphanumerics>`; decides whether a settlement is a replay.
    pub id: Arc<str>,
    /// Groups all generations of one call.
    pub request_id: Arc<str>,
    /// The provider's identity for its answer.
    pub upstream_id: Option<Arc<str>>,
    /// When the call was begun: microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Who pays.
    pub account_id: Arc<str>,
    /// The workspace of the key.
    pub workspace_id: Arc<str>,
    /// Hash of the API key (AUTH-3).
    pub key_hash: Arc<str>,
    /// `completions`, `embeddings`, `rerank` and so on; `passthrough` where the provider's own API
    /// was called.
    pub api_type: Arc<str>,
    /// The model as the caller named it.
    pub model_requested: Arc<str>,
    /// Slug of the model served.
    pub model: Arc<str>,
    /// Dated slug of the model served.
    pub model_permaslug: Arc<str>,
    /// Tag of the endpoint that answered.
    pub endpoint_tag: Arc<str>,
    /// Name of the provider that answered.
    pub provider_name: Arc<str>,
    /// Slug of the provider that answered.
    pub provider_slug: Arc<str>,
    /// The model's name at the provider.
    pub upstream_model: Arc<str>,
    /// Whether the answer was streamed to the caller.
    pub streamed: bool,
    /// Whether the caller left before the end.
    pub cancelled: bool,
    /// HTTP status of the answer given to the caller.
    pub status: u16,
    /// Normalised reason for the end.
    pub finish_reason: Option<Arc<str>>,
    /// The provider's word for it.
    pub native_finish_reason: Option<Arc<str>>,
    /// Our word for what went wrong.
    pub error_type: Option<Arc<str>>,
    /// From the request's arrival to the first byte of the answer.
    pub latency_ms: i64,
    /// From the request's arrival to the first token; `None` without one.
    pub first_token_ms: Option<i64>,
    /// From the request's arrival to the last byte of the answer.
    pub generation_time_ms: i64,
    /// Time spent on moderation, if any.
    pub moderation_latency_ms: Option<i64>,
    /// Prompt tokens by the provider's count, cached ones included.
    pub native_tokens_prompt: i64,
    /// Completion tokens by the provider's count, reasoning included.
    pub native_tokens_completion: i64,
    /// Reasoning tokens among them.
    pub native_tokens_reasoning: i64,
    /// Prompt tokens read from the provider's cache.
    pub native_tokens_cached: i64,
    /// Prompt tokens written to the provider's cache.
    pub native_tokens_cache_write: i64,
    /// Those of them written for an hour.
    pub native_tokens_cache_write_1h: i64,
    /// Prompt tokens that are audio.
    pub native_tokens_prompt_audio: i64,
    /// Prompt tokens that are images.
    pub native_tokens_prompt_images: i64,
    /// Completion tokens that are audio.
    pub native_tokens_completion_audio: i64,
    /// Completion tokens that are images.
    pub native_tokens_completion_images: i64,
    /// Prompt tokens, normalised.
    pub tokens_prompt: i64,
    /// Completion tokens, normalised.
    pub tokens_completion: i64,
    /// Media items in the prompt.
    pub num_media_prompt: i64,
    /// Media items in the answer.
    pub num_media_completion: i64,
    /// Search results used.
    pub num_search_results: i64,
    /// Web searches made.
    pub web_searches: i64,
    /// What the account is charged, all included. The roll-ups sum this.
    pub total_cost: i64,
    /// What the provider charges for the inference.
    pub upstream_inference_cost: i64,
    /// The prompt's part of it.
    pub upstream_prompt_cost: i64,
    /// The completion's part of it.
    pub upstream_completion_cost: i64,
    /// Saved (or, if negative, spent) by the provider's cache (GEN-4).
    pub cache_discount: i64,
    /// The `usage` figure of the record.
    pub usage_cost: i64,
    /// Version of the price list applied.
    pub price_version: Option<Arc<str>>,
    /// The prices applied, frozen, as JSON text.
    pub prices: Option<Arc<str>>,
    /// Whether the caller's own provider key was used.
    pub is_byok: bool,
    /// Whether the endpoint is free of charge.
    pub is_free: bool,
    /// What was known about the price.
    pub price_state: PriceState,
    /// Where the token counts came from.
    pub settled_by: SettledBy,
    /// The router model that chose the model, if any.
    pub router: Option<Arc<str>>,
    /// Service tier of the provider.
    pub service_tier: Option<Arc<str>>,
    /// The caller's session.
    pub session_id: Option<Arc<str>>,
    /// The caller's own user.
    pub external_user: Option<Arc<str>>,
    /// The calling app's address.
    pub app_referer: Option<Arc<str>>,
    /// The calling app's name.
    pub app_title: Option<Arc<str>>,
    /// The calling app's categories, separated by commas.
    pub app_categories: Option<Arc<str>>,
    /// The caller's user agent.
    pub user_agent: Option<Arc<str>>,
    /// The caller's origin.
    pub origin: Option<Arc<str>>,
    /// The preset applied.
    pub preset_id: Option<Arc<str>>,
    /// The generation whose cached answer was given again.
    pub response_cache_source_id: Option<Arc<str>>,
    /// `global`, `europe` or `us`.
    pub data_region: Option<Arc<str>>,
    /// Bytes of the body that was passed to the provider, or of the tunnel toward it; told of
    /// what is passed through only.
    pub request_bytes: Option<i64>,
    /// Bytes that came back.
    pub response_bytes: Option<i64>,
    /// Every attempt made, in order.
    pub attempts: Vec<Attempt>,
}

/// No single answer costs more than a million dollars; what claims to is a fault upstream.
const MAX_COST: i64 = 1_000_000 * 1_000_000_000;
/// No single answer has more than a trillion of anything.
const MAX_COUNT: i64 = 1_000_000_000_000;

impl Generation {
    /// Bounds every figure that is summed, so that no peer's number can overflow a total and
    /// make a batch unwritable. Says whether something had to be cut.
    pub(crate) fn bound_amounts(&mut self) -> bool {
        let costs = [
            &mut self.total_cost,
            &mut self.upstream_inference_cost,
            &mut self.upstream_prompt_cost,
            &mut self.upstream_completion_cost,
            &mut self.cache_discount,
            &mut self.usage_cost,
        ];
        let counts = [
            &mut self.native_tokens_prompt,
            &mut self.native_tokens_completion,
            &mut self.native_tokens_reasoning,
            &mut self.native_tokens_cached,
            &mut self.native_tokens_cache_write,
            &mut self.native_tokens_cache_write_1h,
            &mut self.native_tokens_prompt_audio,
            &mut self.native_tokens_prompt_images,
            &mut self.native_tokens_completion_audio,
            &mut self.native_tokens_completion_images,
            &mut self.tokens_prompt,
            &mut self.tokens_completion,
            &mut self.num_media_prompt,
            &mut self.num_media_completion,
            &mut self.num_search_results,
            &mut self.web_searches,
        ];
        let mut cut = false;
        let mut bound = |amount: &mut i64, lowest: i64, highest: i64| {
            let bounded = (*amount).clamp(lowest, highest);
            cut |= bounded != *amount;
            *amount = bounded;
        };
        costs.into_iter().for_each(|amount| bound(amount, -MAX_COST, MAX_COST));
        counts.into_iter().for_each(|amount| bound(amount, 0, MAX_COUNT));
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_amounts_pass_and_absurd_ones_are_cut() {
        let ordinary = Generation { total_cost: -5, tokens_prompt: 7, ..Generation::default() };
        let mut bounded = ordinary.clone();
        assert!(!bounded.bound_amounts());
        assert_eq!(bounded, ordinary);

        let mut absurd = Generation {
            total_cost: i64::MAX,
            cache_discount: i64::MIN,
            native_tokens_prompt: i64::MAX,
            web_searches: -1,
            ..Generation::default()
        };
        assert!(absurd.bound_amounts());
        assert_eq!((absurd.total_cost, absurd.cache_discount), (MAX_COST, -MAX_COST));
        assert_eq!((absurd.native_tokens_prompt, absurd.web_searches), (MAX_COUNT, 0));
    }
}
