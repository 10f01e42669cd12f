//! The columns of the generation table, in one list for everything that goes through all of them.

/// Calls a macro with the names of all columns, which are those of the fields.
macro_rules! with_columns {
    ($callback:ident) => {
        $callback! {
            id request_id upstream_id created_at account_id workspace_id key_hash api_type
            model_requested model model_permaslug endpoint_tag provider_name provider_slug upstream_model
            streamed cancelled status finish_reason native_finish_reason error_type
            latency_ms first_token_ms generation_time_ms moderation_latency_ms
            native_tokens_prompt native_tokens_completion native_tokens_reasoning native_tokens_cached
            native_tokens_cache_write native_tokens_cache_write_1h
            native_tokens_prompt_audio native_tokens_prompt_images
            native_tokens_completion_audio native_tokens_completion_images
            tokens_prompt tokens_completion num_media_prompt num_media_completion num_search_results
            web_searches total_cost upstream_inference_cost upstream_prompt_cost upstream_completion_cost
            cache_discount usage_cost price_version prices is_byok is_free price_state settled_by
            router service_tier session_id external_user app_referer app_title app_categories user_agent
            origin preset_id response_cache_source_id data_region attempts
        }
    };
}
pub(super) use with_columns;
