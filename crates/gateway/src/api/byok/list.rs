//! `GET /byok`. BYOK-1

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::object::CredentialObject;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Part};
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;

/// Which credentials.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Slug of a provider.
    provider: Option<String>,
    /// Id or slug of a workspace: its own alone. All there are unless said.
    workspace_id: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct CredentialsAnswer {
    data: Vec<CredentialObject>,
    total_count: usize,
}

/// Lists credentials by provider, in the order they are tried.
#[utoipa::path(
    get,
    path = "/api/v1/byok",
    tag = "byok",
    params(Which, Part),
    responses((status = 200, body = CredentialsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(which): Asked<Which>,
    Asked(part): Asked<Part>,
) -> Result<Json<CredentialsAnswer>, Refused> {
    let workspace = match which.workspace_id.as_deref() {
        Some(name) => Some(workspaces::named(&app, &management, Some(name)).await?.id),
        None => None,
    };
    let rows = super::all(&app, &management).await?;
    let mut found: Vec<CredentialObject> = rows.into_iter().map(CredentialObject::from).collect();
    let snapshot = app.snapshot();
    found.extend(app.environment().iter().map(|(slug, _)| {
        let provider = snapshot.catalog.find_provider(slug);
        let provider = provider.map(|id| snapshot.catalog.provider(id));
        let variable = provider.and_then(|one| one.environment_variables.first());
        CredentialObject::of_environment(slug, variable.map(String::as_str))
    }));
    found.retain(|credential| {
        which.provider.as_ref().is_none_or(|slug| *slug == credential.provider)
            && (workspace.is_none() || workspace == credential.workspace_id)
    });
    found.sort_by(|one, other| {
        (&one.provider, one.sort_order).cmp(&(&other.provider, other.sort_order))
    });
    let (data, total_count) = part.of(found)?;
    Ok(Json(CredentialsAnswer { data, total_count }))
}
