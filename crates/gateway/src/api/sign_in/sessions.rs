//! `GET /sessions`, `DELETE /sessions/{id}`: where one is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;
use protocol::exchange::{ErrorType, Fault};
use serde::Serialize;
use utoipa::ToSchema;

use super::device::From;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::session::{Member, cookie};
use crate::api::time::iso;
use crate::api::{Deleted, Refused};
use crate::app::App;
use crate::clock::now_micros;
use crate::control::SignedIn;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct SessionsAnswer {
    data: Vec<SessionObject>,
}

/// A browser that is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionObject {
    id: String,
    created_at: String,
    /// To some minutes.
    last_seen_at: String,
    /// When it ends at the latest; a week without a request ends it too.
    expires_at: String,
    /// Where it was begun.
    address: String,
    user_agent: String,
    is_current: bool,
}

/// Lists one's sessions, the latest in use first.
#[utoipa::path(
    get,
    path = "/api/internal/sessions",
    tag = "internal",
    responses((status = 200, body = SessionsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(State(app): State<Arc<App>>, Member(own): Member) -> Json<SessionsAnswer> {
    let (snapshot, now) = (app.snapshot(), now_micros());
    let sessions = snapshot.people.sessions.values();
    let mut sessions: Vec<_> =
        sessions.filter(|one| one.member.id == own.member.id && one.is_live(now)).collect();
    sessions.sort_by_key(|one| std::cmp::Reverse((one.last_seen(), &one.session.id)));
    let object = |one: &Arc<SignedIn>| SessionObject {
        id: one.session.id.clone(),
        created_at: iso(one.session.created_at),
        last_seen_at: iso(one.last_seen()),
        expires_at: iso(one.session.expires_at),
        address: one.session.address.clone(),
        user_agent: one.session.user_agent.clone(),
        is_current: one.session.id == own.session.id,
    };
    Json(SessionsAnswer { data: sessions.into_iter().map(object).collect() })
}

/// Ends one of one's sessions.
#[utoipa::path(
    delete,
    path = "/api/internal/sessions/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, body = Deleted), (status = "4XX", body = ErrorAnswer))
)]
pub async fn end(
    State(app): State<Arc<App>>,
    member: Member,
    From(device): From,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Refused> {
    let Path(id) = id?;
    let (own, actor) = (&member.0, member.actor(&device));
    let ending = app.store.end_session(&own.member.id, &id, &actor, now_micros());
    if !ending.await.map_err(refused)? {
        return Err(Fault::new(ErrorType::NotFound, "Session not found").into());
    }
    put_in_force(&app).await?;
    let mut response = Json(Deleted::DONE).into_response();
    if own.session.id == id {
        let forget = cookie::forget(&app.settings, &headers)?;
        response.headers_mut().insert(SET_COOKIE, forget);
    }
    Ok(response)
}
