//! A credential as the API shows it. BYOK-1

use serde::Serialize;
use store::{CredentialTest, ProviderCredential};
use utoipa::ToSchema;

use super::ENVIRONMENT;
use crate::api::time::iso;

/// The answer with one credential.
#[derive(Serialize, ToSchema)]
pub struct CredentialAnswer {
    pub data: CredentialObject,
}

/// A credential for a provider; its secret is never shown. BYOK-1
#[derive(Serialize, ToSchema)]
pub struct CredentialObject {
    pub id: String,
    /// Slug of the provider.
    pub provider: String,
    pub name: Option<String>,
    /// The masked secret.
    pub label: String,
    pub disabled: bool,
    /// Used after all others. BYOK-2
    pub is_fallback: bool,
    pub sort_order: i64,
    /// `null`: everybody's.
    pub workspace_id: Option<String>,
    pub allowed_models: Option<Vec<String>>,
    pub allowed_api_key_hashes: Option<Vec<String>>,
    pub allowed_user_ids: Option<Vec<String>>,
    pub created_at: String,
    /// Our own: where the provider is reached, when not at its usual address.
    pub base_url: Option<String>,
    /// Our own: `stored`, or `environment` for one that cannot be changed here.
    pub source: &'static str,
    /// Our own: what the last test found; `null` before the first.
    pub last_result: Option<LastResult>,
}

/// What a test found.
#[derive(Serialize, ToSchema)]
pub struct LastResult {
    /// `verified`, `rejected` or `unknown`.
    state: &'static str,
    message: String,
    at: String,
}

impl From<CredentialTest> for LastResult {
    fn from(test: CredentialTest) -> Self {
        Self { state: test.state.as_str(), message: test.message, at: iso(test.at) }
    }
}

impl From<ProviderCredential> for CredentialObject {
    fn from(row: ProviderCredential) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            name: Some(row.name).filter(|name| !name.is_empty()),
            label: row.label,
            disabled: row.disabled,
            is_fallback: row.is_fallback,
            sort_order: row.sort_order,
            workspace_id: row.workspace_id,
            allowed_models: row.allowed_models,
            allowed_api_key_hashes: row.allowed_key_hashes,
            allowed_user_ids: row.allowed_member_ids,
            created_at: iso(row.created_at),
            base_url: row.base_url,
            source: "stored",
            last_result: row.last_test.map(LastResult::from),
        }
    }
}

impl CredentialObject {
    /// One found in the environment, of which nothing more is known.
    pub fn of_environment(provider: &str, variable: Option<&str>) -> Self {
        Self {
            id: format!("{ENVIRONMENT}{provider}"),
            provider: provider.to_owned(),
            name: variable.map(str::to_owned),
            label: "...".to_owned(),
            disabled: false,
            is_fallback: false,
            sort_order: 0,
            workspace_id: None,
            allowed_models: None,
            allowed_api_key_hashes: None,
            allowed_user_ids: None,
            created_at: iso(0),
            base_url: None,
            source: "environment",
            last_result: None,
        }
    }
}
