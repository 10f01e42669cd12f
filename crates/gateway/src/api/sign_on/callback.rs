//! `GET /oidc/callback`: takes the browser back from the service.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use protocol::exchange::Fault;
use serde::Deserialize;
use store::{CreatedSession, Device, SignOn};
use utoipa::IntoParams;

use super::attempt::{Attempt, forget};
use super::{Problem, SignOnService, base, callback_url, give_up, go_on, service};
use crate::api::Refused;
use crate::api::change::{put_in_force, refused};
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::cookie;
use crate::api::sign_in::device::From;
use crate::app::App;
use crate::clock::now_micros;

/// What the service says.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Said {
    /// To be exchanged for a token.
    code: Option<String>,
    /// As it was sent there.
    state: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// Signs in whom the service names, and sends the browser on: to the page it wanted, or with
/// `?error=` to the page where one signs in.
#[utoipa::path(
    get,
    path = "/api/internal/oidc/callback",
    tag = "internal",
    params(Said),
    responses(
        (status = 303, description = "Where the browser goes"),
        (status = "4XX", body = ErrorAnswer),
    )
)]
pub async fn call_back(
    State(app): State<Arc<App>>,
    From(device): From,
    headers: HeaderMap,
    Asked(said): Asked<Said>,
) -> Result<Response, Refused> {
    let service = service(&app)?;
    let forget = forget(&app.settings, &headers)?;
    let attempt = Attempt::of(&headers);
    let attempt = attempt.filter(|one| said.state.as_deref().is_some_and(|it| one.is_state(it)));
    let Some(attempt) = attempt else {
        // Whoever was led here by another's link keeps what it has begun itself.
        return Ok(give_up(&app, &Problem::NotBegun, Vec::new())?);
    };
    let created = match sign_on(&app, service, &attempt, said, &device).await? {
        Ok(created) => created,
        Err(problem) => return Ok(give_up(&app, &problem, vec![forget])?),
    };
    put_in_force(&app).await?;
    let keep = cookie::keep(created.token.expose(), &app.settings, &headers)?;
    Ok(go_on(&format!("{}/{}", base(&app), attempt.return_to), vec![keep, forget])?)
}

async fn sign_on(
    app: &App,
    service: &SignOnService,
    attempt: &Attempt,
    said: Said,
    device: &Device,
) -> Result<Result<CreatedSession, Problem>, Fault> {
    let who = match named(app, service, attempt, said).await {
        Ok(who) => who,
        Err(problem) => return Ok(Err(problem)),
    };
    let settings = service.settings();
    let stranger = settings.create_members.then_some(settings.role);
    let signing_on = app.store.sign_on(&who, stranger, device, now_micros());
    // Who is not known by the service's name for it needs an address that is verified.
    let problem = if who.email.is_some() { Problem::Stranger } else { Problem::Address };
    Ok(signing_on.await.map_err(refused)?.ok_or(problem))
}

/// Whom the service names, if such a person may sign in.
async fn named(
    app: &App,
    service: &SignOnService,
    attempt: &Attempt,
    said: Said,
) -> Result<SignOn, Problem> {
    let settings = service.settings();
    let code = said.code.ok_or_else(|| {
        Problem::Denied(said.error.unwrap_or_default().chars().take(80).collect())
    })?;
    let person = service.exchange(&code, attempt, &callback_url(app)).await?;
    let email = person.verified_email().map(|email| email.trim().to_lowercase());
    let allowed = &settings.allowed_domains;
    let domain = email.as_deref().and_then(|email| email.rsplit_once('@'));
    if !allowed.is_empty()
        && !domain.is_some_and(|(_, domain)| allowed.iter().any(|one| one == domain))
    {
        return Err(Problem::Address);
    }
    Ok(SignOn {
        issuer: settings.issuer.clone(),
        subject: person.subject,
        email,
        name: person.name.unwrap_or_default().chars().take(255).collect(),
    })
}
