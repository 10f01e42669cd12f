//! `PATCH /profile`: one's own name and password.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{Device, MemberChange, Secret, StoreError, hash_password, verify_password};
use utoipa::ToSchema;

use super::device::From;
use super::failure;
use super::object::{SessionAnswer, session_object};
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Member;
use crate::app::App;
use crate::clock::now_micros;

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// Required with `new_password`.
    current_password: Option<String>,
    #[schema(min_length = 10, max_length = 256)]
    new_password: Option<String>,
}

/// Changes one's own name or password. A new password ends all other sessions, and this one goes on
/// as a new one.
#[utoipa::path(
    patch,
    path = "/api/internal/profile",
    tag = "internal",
    request_body = ProfileRequest,
    responses((status = 200, body = SessionAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    member: Member,
    From(device): From,
    headers: HeaderMap,
    Given(given): Given<ProfileRequest>,
) -> Result<Response, Refused> {
    let now = now_micros();
    let (id, actor) = (&member.0.member.id, member.actor(&device));
    if let Some(name) = &given.name {
        check_length("name", name.trim(), 1, 255)?;
    }
    // Before anything is changed: all of it or nothing.
    let hash = match given.new_password {
        Some(new) => {
            check_current(&app, &member, &device, given.current_password).await?;
            let hash = hash_password(Secret::new(new)).await;
            Some(hash.map_err(|error| match error {
                StoreError::Invalid { what: "password", reason } => {
                    Fault::invalid(format!("new_password: {reason}"))
                }
                other => refused(other),
            })?)
        }
        None => None,
    };
    if let Some(name) = given.name {
        let change = MemberChange { name: Some(name.trim().to_owned()), role: None };
        app.store.update_member(id, change, &actor, now).await.map_err(refused)?;
    }
    if let Some(hash) = hash {
        let changing = app.store.change_password(id, &hash, &device, &actor, now);
        let created = changing.await.map_err(refused)?;
        return Ok(super::signed_in(&app, &headers, StatusCode::OK, &created).await?);
    }
    put_in_force(&app).await?;
    let snapshot = app.snapshot();
    let changed = snapshot.people.sessions.values();
    let mut changed = changed.filter(|one| one.session.id == member.0.session.id);
    let answer: SessionAnswer = session_object(&snapshot, changed.next().unwrap_or(&member.0));
    Ok(Json(answer).into_response())
}

/// Whoever has only found a browser signed in does not know the password, and may not try for ever.
async fn check_current(
    app: &App,
    member: &Member,
    device: &Device,
    current: Option<String>,
) -> Result<(), Fault> {
    let current =
        current.ok_or_else(|| Fault::invalid("current_password: is missing; it must be said"))?;
    let (email, address) = (&member.0.member.email, &device.address);
    let (_, hash) = app.store.password_of(email).await.map_err(refused)?.unzip();
    let Some(hash) = hash.flatten() else {
        return Err(Fault::invalid(
            "new_password: you sign in without one; ask an admin for a link to set one",
        ));
    };
    let locks = failure::begin(app, email, address, now_micros())?;
    match verify_password(Secret::new(current), Some(hash)).await {
        Ok(true) => {
            app.lockout.succeeded(email, address);
            Ok(())
        }
        Ok(false) => {
            failure::wrong_password(app, Some(&member.0.member.id), address, locks);
            Err(Fault::invalid("current_password: is wrong"))
        }
        Err(error) => {
            app.lockout.not_made(email, address);
            Err(refused(error))
        }
    }
}
