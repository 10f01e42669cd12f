//! `POST /api/internal/keys/{hash}/rotate`: another secret for the same key. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};
use protocol::exchange::Fault;
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::CreatedKeyAnswer;
use super::object::{ManagedKey, People};
use crate::api::Refused;
use crate::api::body::Given;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

const HOUR: i64 = 3_600_000_000;

/// The longest time that an old secret goes on: a week.
const MOST_HOURS: i64 = 168;

/// How long the old secret goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Hours; 24 unless said, 0: it ends at once.
    #[schema(minimum = 0, maximum = 168)]
    grace_hours: Option<i64>,
}

/// Gives a key another secret. Its hash, which is its identity, its limits, what it has spent and
/// whose it is stay as they are.
#[utoipa::path(
    post,
    path = "/api/internal/keys/{hash}/rotate",
    tag = "internal",
    params(("hash" = String, Path, description = "The key's hash")),
    request_body = RotateKey,
    responses((status = 201, body = CreatedKeyAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn rotate(
    State(app): State<Arc<App>>,
    management: Management,
    hash: Result<Path<String>, PathRejection>,
    Given(given): Given<RotateKey>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<CreatedKeyAnswer>), Refused> {
    let Path(hash) = hash?;
    let hours = given.grace_hours.unwrap_or(24);
    if !(0..=MOST_HOURS).contains(&hours) {
        let message = format!("grace_hours: must be a whole number, 0 to {MOST_HOURS}");
        return Err(Fault::invalid(message).into());
    }
    let key = super::find(&app, &management, &hash).await?;
    let now = now_micros();
    // Before the change: whoever cannot be told its outcome must not lose a key by it.
    let people = People::all(&app).await?;
    let spent = app.store.key_usage(&key.hash, now).await.map_err(refused)?;
    let made = app.store.rotate_api_key(&key.hash, hours * HOUR, &management.actor(), now).await;
    let made = made.map_err(refused)?;
    // The secret is told even if it cannot be put in force at once: nobody could learn it later.
    let _ = put_in_force(&app).await;
    let answer = CreatedKeyAnswer {
        data: ManagedKey::new(&app, &people, made.key, &spent).await,
        key: made.plaintext.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}
