//! `PATCH /api/internal/privacy`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::PrivacyObject;
use crate::api::Refused;
use crate::api::body::{Given, present};
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::data_policy::{DataPolicy, setting_of};

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePrivacy {
    allow_training: Option<bool>,
    zdr_only: Option<bool>,
    /// `eu`, `us`; `null` or empty: anywhere.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    regions: Option<Option<Vec<String>>>,
}

/// Changes what the account lets happen to prompts, for requests that begin afterwards, whatever
/// they say themselves.
#[utoipa::path(
    patch,
    path = "/api/internal/privacy",
    tag = "internal",
    request_body = UpdatePrivacy,
    responses((status = 200, body = PrivacyObject), (status = "4XX", body = ErrorAnswer))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<UpdatePrivacy>,
) -> Result<Json<PrivacyObject>, Refused> {
    let account = management.account_id();
    let regions = given.regions.as_ref();
    let regions = regions.map(|names| super::regions(names.iter().flatten().map(String::as_str)));
    let regions = regions.transpose()?;
    let (setting, actor) = (setting_of(account), management.actor());
    // In the store's own change: two at once would each undo what the other tightened.
    let merge = |before: Option<&Value>| {
        let mut policy = before.map(DataPolicy::read).unwrap_or_default();
        policy.allow_training = given.allow_training.unwrap_or(policy.allow_training);
        policy.zdr_only = given.zdr_only.unwrap_or(policy.zdr_only);
        if let Some(regions) = regions {
            policy.regions = regions;
            policy.no_region = false;
        }
        Value::Object(policy.document())
    };
    let value = app.store.change_setting(&setting, merge, &actor, now_micros()).await;
    let policy = DataPolicy::read(&value.map_err(refused)?);
    put_in_force(&app).await?;
    Ok(Json(PrivacyObject::new(&app, &policy)))
}
