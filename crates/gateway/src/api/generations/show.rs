//! `GET /generation`: one row of the books. GEN-1, GEN-2

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use protocol::exchange::Fault;
use serde::Serialize;
use store::{Generation, PriceState};
use utoipa::ToSchema;

use super::Which;
use crate::api::Refused;
use crate::api::money::Usd;
use crate::api::session::Viewer;
use crate::api::time::iso;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct GenerationAnswer {
    data: GenerationObject,
}

/// A generation as the API shows it; money in USD, times in milliseconds. GEN-2
#[derive(Serialize, ToSchema)]
pub struct GenerationObject {
    pub id: String,
    pub request_id: String,
    pub upstream_id: Option<String>,
    pub model: String,
    pub provider_name: Option<String>,
    pub provider_responses: Vec<ProviderResponse>,
    pub router: Option<String>,
    pub api_type: String,
    pub created_at: String,
    pub streamed: bool,
    pub cancelled: bool,
    pub finish_reason: Option<String>,
    pub native_finish_reason: Option<String>,
    pub latency: i64,
    pub generation_time: i64,
    pub moderation_latency: Option<i64>,
    pub tokens_prompt: i64,
    pub tokens_completion: i64,
    pub native_tokens_prompt: i64,
    pub native_tokens_completion: i64,
    pub native_tokens_reasoning: i64,
    pub native_tokens_cached: i64,
    pub native_tokens_completion_images: i64,
    pub num_media_prompt: i64,
    pub num_media_completion: i64,
    pub num_input_audio_prompt: i64,
    pub num_search_results: i64,
    pub num_fetches: i64,
    pub web_search_engine: Option<String>,
    #[schema(value_type = f64)]
    pub total_cost: Usd,
    #[schema(value_type = f64)]
    pub usage: Usd,
    /// `null` where the price was not known. Promise 2
    #[schema(value_type = Option<f64>)]
    pub upstream_inference_cost: Option<Usd>,
    #[schema(value_type = Option<f64>)]
    pub cache_discount: Option<Usd>,
    pub is_byok: bool,
    pub app_id: Option<i64>,
    pub origin: String,
    pub http_referer: Option<String>,
    pub user_agent: Option<String>,
    pub external_user: Option<String>,
    pub session_id: Option<String>,
    pub preset_id: Option<String>,
    pub service_tier: Option<String>,
    pub response_cache_source_id: Option<String>,
    pub data_region: String,
    pub workspace_id: String,
    /// Our own: how the row was settled (`usage`, `drained`, `metered`, `estimated`, `none`).
    pub settled_by: &'static str,
    /// Our own: whether the price was `known`, `free` or `unknown`.
    pub price_state: &'static str,
    /// Our own: the status the caller saw.
    pub status: u16,
    /// Our own: the kind of error, if there was one.
    pub error_type: Option<String>,
    /// Our own: bytes passed through to the provider; absent unless something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<i64>,
    /// Our own: bytes that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<i64>,
}

/// One attempt. GEN-2
#[derive(Serialize, ToSchema)]
pub struct ProviderResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub endpoint_id: String,
    pub provider_name: String,
    pub model_permaslug: String,
    pub status: Option<u16>,
    pub latency: i64,
    pub is_byok: bool,
}

impl From<Generation> for GenerationObject {
    fn from(row: Generation) -> Self {
        let text = |text: Option<Arc<str>>| text.map(|text| text.to_string());
        let provider = text(Some(row.provider_name).filter(|name| !name.is_empty()));
        Self {
            id: row.id.to_string(),
            request_id: row.request_id.to_string(),
            upstream_id: text(row.upstream_id),
            model: if row.model.is_empty() { &row.model_requested } else { &row.model }.to_string(),
            provider_name: provider,
            provider_responses: row
                .attempts
                .into_iter()
                .map(|attempt| ProviderResponse {
                    id: text(attempt.id),
                    endpoint_id: attempt.endpoint_id.to_string(),
                    provider_name: attempt.provider_name.to_string(),
                    model_permaslug: attempt.model_permaslug.to_string(),
                    status: attempt.status,
                    latency: attempt.latency_ms,
                    is_byok: attempt.is_byok,
                })
                .collect(),
            router: text(row.router),
            api_type: row.api_type.to_string(),
            created_at: iso(row.created_at),
            streamed: row.streamed,
            cancelled: row.cancelled,
            finish_reason: text(row.finish_reason),
            native_finish_reason: text(row.native_finish_reason),
            latency: row.latency_ms,
            generation_time: row.generation_time_ms,
            moderation_latency: row.moderation_latency_ms,
            tokens_prompt: row.tokens_prompt,
            tokens_completion: row.tokens_completion,
            native_tokens_prompt: row.native_tokens_prompt,
            native_tokens_completion: row.native_tokens_completion,
            native_tokens_reasoning: row.native_tokens_reasoning,
            native_tokens_cached: row.native_tokens_cached,
            native_tokens_completion_images: row.native_tokens_completion_images,
            num_media_prompt: row.num_media_prompt,
            num_media_completion: row.num_media_completion,
            num_input_audio_prompt: 0,
            num_search_results: row.num_search_results,
            num_fetches: 0,
            web_search_engine: None,
            total_cost: Usd(row.total_cost),
            usage: Usd(row.usage_cost),
            upstream_inference_cost: (row.price_state != PriceState::Unknown)
                .then_some(Usd(row.upstream_inference_cost)),
            cache_discount: (row.cache_discount != 0).then_some(Usd(row.cache_discount)),
            is_byok: row.is_byok,
            app_id: None,
            origin: text(row.origin).unwrap_or_default(),
            http_referer: text(row.app_referer),
            user_agent: text(row.user_agent),
            external_user: text(row.external_user),
            session_id: text(row.session_id),
            preset_id: text(row.preset_id),
            service_tier: text(row.service_tier),
            response_cache_source_id: text(row.response_cache_source_id),
            data_region: text(row.data_region).unwrap_or_else(|| "global".to_owned()),
            workspace_id: row.workspace_id.to_string(),
            settled_by: row.settled_by.as_str(),
            price_state: row.price_state.as_str(),
            status: row.status,
            error_type: text(row.error_type),
            request_bytes: row.request_bytes,
            response_bytes: row.response_bytes,
        }
    }
}

/// Shows one generation of the caller's account. GEN-1
#[utoipa::path(
    get,
    path = "/api/v1/generation",
    params(("id" = String, Query, description = "The generation's id, `gen-…`")),
    responses((status = 200, body = GenerationAnswer), (status = 404, description = "Unknown"))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<GenerationAnswer>, Refused> {
    let Query(which) = which.map_err(|_| Fault::invalid("id: send it once, as `id=gen-…`"))?;
    let row = super::find(&app, &viewer, &which.id()?).await?;
    Ok(Json(GenerationAnswer { data: row.into() }))
}
