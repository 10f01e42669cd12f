//! `GET /api/internal/settings`: how this gateway was set up. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::Retention;
use utoipa::ToSchema;

use super::openapi::ErrorAnswer;
use super::session::Management;
use crate::app::App;

/// How the gateway was set up. Nothing of it can be changed here: it is in the configuration.
#[derive(Serialize, ToSchema)]
pub struct SettingsAnswer {
    version: &'static str,
    /// The address callers know.
    public_url: String,
    /// The same, with the path below which the API is.
    base_url: String,
    /// Where it listens.
    listen: String,
    /// `sqlite` or `postgres`.
    database: &'static str,
    /// For how many days generations are kept; `null`: for ever.
    retention_days: Option<u32>,
    /// For how many days usage is kept by the minute; by the day it is always kept.
    minute_days: Option<u32>,
    /// Whether prompts and answers are stored: of some workspace, where its requests ask for it.
    stores_prompts: bool,
    /// Ways to sign in: `password`, `oidc` where a sign-on service is set, `management_key`.
    sign_in: Vec<&'static str>,
    region: String,
    uptime_seconds: u64,
}

/// Shows how the gateway was set up.
#[utoipa::path(
    get,
    path = "/api/internal/settings",
    tag = "internal",
    responses((status = 200, body = SettingsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(State(app): State<Arc<App>>, _: Management) -> Json<SettingsAnswer> {
    let settings = &app.settings;
    Json(SettingsAnswer {
        version: env!("CARGO_PKG_VERSION"),
        public_url: settings.public_url.clone(),
        base_url: format!("{}/api/v1", settings.public_url.trim_end_matches('/')),
        listen: settings.installation.listen.clone(),
        database: app.store.kind(),
        retention_days: settings.installation.generation_days,
        // There is no setting of it: upkeep goes by the same.
        minute_days: Retention::default().minute_days,
        stores_prompts: app.snapshot().keys.values().any(|caller| caller.stores_responses),
        sign_in: match settings.sign_on {
            Some(_) => vec!["password", "oidc", "management_key"],
            None => vec!["password", "management_key"],
        },
        region: settings.region.clone(),
        uptime_seconds: app.started.elapsed().as_secs(),
    })
}
