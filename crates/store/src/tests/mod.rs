//! Tests of the store as a whole.

mod analysing;
mod databases;
mod engines;
mod failing_over;
mod filtering;
mod journalling;
mod opening;
mod organisation;
mod reading;
mod rolling_up;
mod server;
mod settling;

use std::sync::Arc;

pub(crate) use databases::{TestDatabase, on_each_engine};

use crate::{Attempt, Generation, PriceState, SettledBy};

/// A generation with nothing but what settlement needs.
pub(crate) fn generation(
    id: impl std::fmt::Display,
    key_hash: &str,
    total_cost: i64,
) -> Generation {
    Generation {
        id: id.to_string().into(),
        key_hash: key_hash.into(),
        workspace_id: "ws".into(),
        total_cost,
        ..Generation::default()
    }
}

/// A generation with every field set, each to something else.
pub(crate) fn full_generation(id: &str) -> Generation {
    let text = |text: &str| Some(Arc::<str>::from(text));
    Generation {
        id: id.into(),
        request_id: "req-1".into(),
        upstream_id: text("chatcmpl-1"),
        created_at: 1_700_000_000_000_001,
        account_id: "acct".into(),
        workspace_id: "ws".into(),
        key_hash: "hash".into(),
        api_type: "completions".into(),
        model_requested: "acme/one:floor".into(),
        model: "acme/one".into(),
        model_permaslug: "acme/one-2026".into(),
        endpoint_tag: "acme/fp8".into(),
        provider_name: "Acme".into(),
        provider_slug: "acme".into(),
        upstream_model: "one".into(),
        streamed: true,
        cancelled: true,
        status: 200,
        finish_reason: text("stop"),
        native_finish_reason: text("end_turn"),
        error_type: text("none"),
        latency_ms: 1,
        first_token_ms: Some(2),
        generation_time_ms: 3,
        moderation_latency_ms: Some(4),
        native_tokens_prompt: 5,
        native_tokens_completion: 6,
        native_tokens_reasoning: 7,
        native_tokens_cached: 8,
        native_tokens_cache_write: 9,
        native_tokens_cache_write_1h: 10,
        native_tokens_prompt_audio: 11,
        native_tokens_prompt_images: 12,
        native_tokens_completion_audio: 13,
        native_tokens_completion_images: 14,
        tokens_prompt: 15,
        tokens_completion: 16,
        num_media_prompt: 17,
        num_media_completion: 18,
        num_search_results: 19,
        web_searches: 20,
        total_cost: 21,
        upstream_inference_cost: 22,
        upstream_prompt_cost: 23,
        upstream_completion_cost: 24,
        cache_discount: -25,
        usage_cost: 26,
        price_version: text("2026-11-21"),
        prices: text(r#"{"prompt":"0.1"}"#),
        is_byok: true,
        is_free: true,
        price_state: PriceState::Known,
        settled_by: SettledBy::Metered,
        router: text("auto"),
        service_tier: text("flex"),
        session_id: text("session"),
        external_user: text("user"),
        app_referer: text("https://app.example"),
        app_title: text("App"),
        app_categories: text("cli,chat"),
        user_agent: text("agent/1"),
        origin: text("https://origin.example"),
        preset_id: text("preset"),
        response_cache_source_id: text("gen-0"),
        data_region: text("europe"),
        request_bytes: Some(27),
        response_bytes: Some(28),
        attempts: vec![
            Attempt {
                endpoint_id: "e1".into(),
                provider_name: "Acme".into(),
                status: Some(503),
                error_type: text("overloaded"),
                ..Attempt::default()
            },
            Attempt { id: text("chatcmpl-1"), latency_ms: 9, is_byok: true, ..Attempt::default() },
        ],
    }
}

/// Flushes as soon as a lock is gone that was dropped just now: the engine undoes what held it in
/// its own time.
pub(crate) async fn flush_when_unlocked(settlements: &crate::Settlements) {
    let flushed = async { while settlements.flush().await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), flushed).await.unwrap();
}

/// Makes the database refuse the row `gen-13` for what is in it.
pub(crate) async fn refuse(store: &crate::Store, is_postgres: bool) {
    if !is_postgres {
        let text = "CREATE TRIGGER poison BEFORE INSERT ON generation WHEN NEW.id = 'gen-13' \
                    BEGIN SELECT RAISE(ABORT, 'refused'); END";
        store.run(text).await;
        return;
    }
    let text = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN RAISE EXCEPTION 'refused'; END $$";
    store.run(text).await;
    let text = "CREATE TRIGGER poison BEFORE INSERT ON generation \
                FOR EACH ROW WHEN (NEW.id = 'gen-13') EXECUTE FUNCTION refuse()";
    store.run(text).await;
}

/// Makes it take the row again.
pub(crate) async fn refuse_no_more(store: &crate::Store, is_postgres: bool) {
    let text = match is_postgres {
        true => "DROP TRIGGER poison ON generation",
        false => "DROP TRIGGER poison",
    };
    store.run(text).await;
}
