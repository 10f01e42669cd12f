//! `GET /api/internal/providers`: what a form for a credential needs to know. Our own.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use catalog::{AuthStyle, Provider};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ProviderForms {
    data: Vec<ProviderForm>,
}

/// A provider that credentials can be added for.
#[derive(Serialize, ToSchema)]
pub struct ProviderForm {
    slug: String,
    name: String,
    /// It can be asked without a key: a server of one's own.
    key_optional: bool,
    /// Its address is not known as long as neither a credential names it nor the environment says
    /// what is missing.
    needs_base_url: bool,
    /// Its usual address; what is to be filled in stands in braces.
    base_url: String,
    /// What its key looks like.
    help: String,
    /// The variables of the environment that it is read from.
    environment_variables: Vec<String>,
    has_credential: bool,
    /// How many models it serves.
    models: usize,
}

/// Lists providers by name.
#[utoipa::path(
    get,
    path = "/api/internal/providers",
    tag = "internal",
    responses((status = 200, body = ProviderForms), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(State(app): State<Arc<App>>, _: Management) -> Json<ProviderForms> {
    let snapshot = app.snapshot();
    let catalog = &snapshot.catalog;
    let mut models: Vec<HashSet<&str>> = catalog.providers().map(|_| HashSet::new()).collect();
    for (id, endpoint) in catalog.endpoints() {
        models[catalog.provider_id_of(id).0 as usize].insert(&endpoint.model);
    }
    let mut data: Vec<ProviderForm> = catalog
        .providers()
        .map(|(id, provider)| ProviderForm {
            slug: provider.slug.clone(),
            name: provider.name.clone(),
            key_optional: provider.auth == AuthStyle::None,
            needs_base_url: !provider.is_reachable(),
            base_url: provider.base_url.clone(),
            help: help(provider),
            environment_variables: provider.environment_variables.clone(),
            has_credential: snapshot.has_access(id),
            models: models[id.0 as usize].len(),
        })
        .collect();
    data.sort_by_key(|form| form.name.to_lowercase());
    Json(ProviderForms { data })
}

/// The form of a provider's key. BYOK-11
fn help(provider: &Provider) -> String {
    match &provider.auth {
        AuthStyle::None => "None is needed".to_owned(),
        AuthStyle::Aws => "A Bedrock API key, or as JSON {\"api_key\": \"…\", \"region\": \
             \"us-east-1\"}, or access keys: \
             {\"access_key_id\": \"…\", \"secret_access_key\": \"…\", \"region\": \"us-east-1\"}"
            .to_owned(),
        AuthStyle::Google => "The JSON of a service account's key file, or an API key".to_owned(),
        AuthStyle::Azure => "An API key, or an application of Entra as JSON: \
             {\"tenant_id\": \"…\", \"client_id\": \"…\", \"client_secret\": \"…\"}"
            .to_owned(),
        AuthStyle::Bearer
        | AuthStyle::XApiKey
        | AuthStyle::XGoogApiKey
        | AuthStyle::ApiKey
        | AuthStyle::Header(_) => format!("An API key of {}", provider.name),
    }
}
