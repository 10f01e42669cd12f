//! `GET /api/internal/privacy`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::PrivacyObject;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, truth};
use crate::api::session::Management;
use crate::app::App;

/// What would be in force: with any of it nothing is changed, and the effect is told.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Preview {
    #[param(value_type = Option<bool>)]
    allow_training: Option<String>,
    #[param(value_type = Option<bool>)]
    zdr_only: Option<String>,
    /// Names of regions, separated by commas; empty: anywhere.
    regions: Option<String>,
}

/// Shows what the account lets happen to prompts, or what would be left with something else.
#[utoipa::path(
    get,
    path = "/api/internal/privacy",
    tag = "internal",
    params(Preview),
    responses((status = 200, body = PrivacyObject), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(preview): Asked<Preview>,
) -> Result<Json<PrivacyObject>, Refused> {
    let mut policy = super::stored(&app, management.account_id()).await?;
    if let Some(text) = &preview.allow_training {
        policy.allow_training = truth("allow_training", Some(text))?;
    }
    if let Some(text) = &preview.zdr_only {
        policy.zdr_only = truth("zdr_only", Some(text))?;
    }
    if let Some(text) = &preview.regions {
        policy.regions = super::regions(text.split(','))?;
        policy.no_region = false;
    }
    Ok(Json(PrivacyObject::new(&app, &policy)))
}
