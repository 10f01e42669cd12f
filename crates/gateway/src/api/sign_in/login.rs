//! `POST /login`: a mail address and a password for a session.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use store::{Actor, ActorKind, Secret, verify_password};
use utoipa::ToSchema;

use super::device::From;
use super::failure;
use super::object::SessionAnswer;
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::cookie::check_sign_in;
use crate::app::App;
use crate::clock::now_micros;
use crate::error::unauthorized;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    #[schema(max_length = 254)]
    email: String,
    password: String,
}

/// Signs somebody in. After five failures in 15 minutes an account is locked for the rest of them.
#[utoipa::path(
    post,
    path = "/api/internal/login",
    tag = "internal",
    request_body = LoginRequest,
    responses((status = 200, body = SessionAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn log_in(
    State(app): State<Arc<App>>,
    From(device): From,
    headers: HeaderMap,
    Given(given): Given<LoginRequest>,
) -> Result<Response, Refused> {
    check_sign_in(&app.settings, &headers)?;
    check_length("email", given.email.trim(), 1, 254)?;
    let now = now_micros();
    let locks = failure::begin(&app, &given.email, &device.address, now)?;
    let checking = async {
        let (member, hash) = app.store.password_of(&given.email).await?.unzip();
        // As much work for an address that nobody has, and the same answer.
        let is_right = verify_password(Secret::new(given.password), hash.flatten()).await?;
        Ok((member, is_right))
    };
    let (member, is_right) = checking.await.map_err(|error| {
        app.lockout.not_made(&given.email, &device.address);
        refused(error)
    })?;
    let known = member.as_ref().map(|member| member.id.as_str());
    if !is_right {
        failure::wrong_password(&app, known, &device.address, locks);
    }
    let Some(member) = member.filter(|_| is_right) else {
        return Err(unauthorized("The mail address or the password is wrong").into());
    };
    app.lockout.succeeded(&given.email, &device.address);
    let origin = device.address.clone();
    let actor = Actor { kind: ActorKind::Member, id: member.id.clone(), origin };
    let beginning = app.store.begin_session(&member.id, &device, &actor, now);
    let created = beginning.await.map_err(refused)?;
    Ok(super::signed_in(&app, &headers, StatusCode::OK, &created).await?)
}
