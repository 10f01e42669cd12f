//! A workspace as the API shows it and takes it. WS-2

use catalog::{Resolution, Slug};
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{WHOLE_SAMPLE, Workspace, WorkspaceSettings};
use utoipa::ToSchema;

use crate::api::body::{check_length, present};
use crate::api::identity::derived_uuid;
use crate::api::time::iso;
use crate::control::Snapshot;

/// The answer with one workspace.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceAnswer {
    pub data: WorkspaceObject,
}

/// A workspace. WS-2
#[derive(Serialize, ToSchema)]
pub struct WorkspaceObject {
    id: String,
    name: String,
    slug: String,
    description: Option<String>,
    default_text_model: Option<String>,
    default_image_model: Option<String>,
    default_provider_sort: Option<String>,
    io_logging_sampling_rate: f64,
    /// Always `null`: keys have no numbers here.
    #[schema(value_type = Option<Vec<i64>>)]
    io_logging_api_key_ids: Option<Vec<i64>>,
    /// Our own: hashes of the keys whose input and output is logged; `null` is all.
    io_logging_api_key_hashes: Option<Vec<String>>,
    is_observability_io_logging_enabled: bool,
    is_observability_broadcast_enabled: bool,
    is_data_discount_logging_enabled: bool,
    include_byok_in_budgets: bool,
    /// Our own: whether answers of the Responses API are kept where a request asks for it.
    stores_responses: bool,
    default_guardrail_id: String,
    created_by: Option<String>,
    created_at: String,
    updated_at: Option<String>,
}

impl From<Workspace> for WorkspaceObject {
    fn from(workspace: Workspace) -> Self {
        let settings = workspace.settings;
        // Made of the id until it is written first, as at OpenRouter.
        let guardrail = settings
            .default_guardrail_id
            .unwrap_or_else(|| derived_uuid(&["default guardrail", &workspace.id]));
        #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
        let rate = settings.io_logging_sampling as f64 / WHOLE_SAMPLE as f64;
        Self {
            id: workspace.id,
            name: settings.name,
            slug: settings.slug,
            description: Some(settings.description).filter(|text| !text.is_empty()),
            default_text_model: settings.default_text_model,
            default_image_model: settings.default_image_model,
            default_provider_sort: settings.default_provider_sort,
            io_logging_sampling_rate: rate,
            io_logging_api_key_ids: None,
            io_logging_api_key_hashes: settings.io_logging_key_hashes,
            is_observability_io_logging_enabled: settings.io_logging_enabled,
            is_observability_broadcast_enabled: settings.broadcast_enabled,
            is_data_discount_logging_enabled: settings.data_discount_logging_enabled,
            include_byok_in_budgets: settings.include_byok_in_budgets,
            stores_responses: settings.stores_responses,
            default_guardrail_id: guardrail,
            created_by: workspace.created_by,
            created_at: iso(workspace.created_at),
            updated_at: Some(iso(workspace.updated_at)),
        }
    }
}

/// What is to be set of a workspace; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub struct WorkspaceRequest {
    /// Required of a new workspace.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Required of a new workspace. Lower-case words joined by hyphens.
    #[schema(min_length = 1, max_length = 50, pattern = "^[a-z0-9]+(?:-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    default_text_model: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    default_image_model: Option<Option<String>>,
    /// `price`, `throughput`, `latency`, `exacto`, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    default_provider_sort: Option<Option<String>>,
    #[schema(minimum = 0.0001, maximum = 1)]
    io_logging_sampling_rate: Option<f64>,
    /// `null` only: keys have no numbers here; see `io_logging_api_key_hashes`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<i64>>)]
    io_logging_api_key_ids: Option<Option<Vec<i64>>>,
    /// Our own: hashes of the keys whose input and output is logged; `null` is all.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    io_logging_api_key_hashes: Option<Option<Vec<String>>>,
    is_observability_io_logging_enabled: Option<bool>,
    is_observability_broadcast_enabled: Option<bool>,
    is_data_discount_logging_enabled: Option<bool>,
    /// Our own: whether answers of the Responses API are kept where a request asks for it; off
    /// unless said.
    stores_responses: Option<bool>,
}

impl WorkspaceRequest {
    /// Refuses what no workspace may have, by the member's name. Models are those of the snapshot.
    pub fn check(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        if let Some(name) = &self.name {
            check_length("name", name.trim(), 1, 100)?;
        }
        if let Some(slug) = &self.slug {
            check_length("slug", slug, 1, 50)?;
        }
        if let Some(Some(description)) = &self.description {
            check_length("description", description, 0, 500)?;
        }
        let models = [
            ("default_text_model", &self.default_text_model),
            ("default_image_model", &self.default_image_model),
        ];
        for (field, model) in models {
            if let Some(Some(model)) = model {
                check_length(field, model, 1, 200)?;
            }
        }
        // Every request without a model would be refused, and nobody who makes one has named it.
        if let Some(Some(model)) = &self.default_text_model {
            check_model("default_text_model", model, snapshot)?;
        }
        if self.io_logging_sampling_rate.is_some_and(|rate| !(0.0001..=1.0).contains(&rate)) {
            return Err(Fault::invalid("io_logging_sampling_rate: must be 0.0001 to 1"));
        }
        if let Some(Some(_)) = &self.io_logging_api_key_ids {
            return Err(Fault::invalid(
                "io_logging_api_key_ids: keys have no numbers here; name them by hash in \
                 io_logging_api_key_hashes",
            ));
        }
        if let Some(Some(hashes)) = &self.io_logging_api_key_hashes {
            let is_hash = |hash: &String| {
                hash.len() == 64
                    && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            };
            if hashes.len() > 100 || !hashes.iter().all(is_hash) {
                return Err(Fault::invalid(
                    "io_logging_api_key_hashes: must be at most 100 hashes of keys",
                ));
            }
        }
        Ok(())
    }

    /// Writes over what is set.
    pub fn apply(self, settings: &mut WorkspaceSettings) {
        let mut sampling = None;
        if let Some(rate) = self.io_logging_sampling_rate {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "checked to be at most one"
            )]
            let parts = (rate * WHOLE_SAMPLE as f64).round() as i64;
            sampling = Some(parts);
        }
        set(&mut settings.name, self.name);
        set(&mut settings.slug, self.slug);
        set(&mut settings.description, self.description.map(Option::unwrap_or_default));
        set(&mut settings.default_text_model, self.default_text_model);
        set(&mut settings.default_image_model, self.default_image_model);
        set(&mut settings.default_provider_sort, self.default_provider_sort);
        set(&mut settings.io_logging_sampling, sampling);
        set(&mut settings.io_logging_key_hashes, self.io_logging_api_key_hashes);
        set(&mut settings.io_logging_enabled, self.is_observability_io_logging_enabled);
        set(&mut settings.broadcast_enabled, self.is_observability_broadcast_enabled);
        set(&mut settings.data_discount_logging_enabled, self.is_data_discount_logging_enabled);
        set(&mut settings.stores_responses, self.stores_responses);
    }
}

/// Refuses a name that stands for no model; one that no provider offers at the moment may be offered
/// later.
fn check_model(field: &str, name: &str, snapshot: &Snapshot) -> Result<(), Fault> {
    let found = Slug::parse(name)
        .map(|slug| catalog::resolve(&snapshot.catalog, &slug, &snapshot.available));
    let close = match found {
        Ok(Resolution::Unknown { close }) => close,
        Ok(Resolution::Withdrawn(_)) | Err(_) => Vec::new(),
        Ok(_) => return Ok(()),
    };
    let name: String = name.chars().take(80).collect();
    let meant = match close.first() {
        Some(close) => format!("; did you mean {close}?"),
        None => String::new(),
    };
    Err(Fault::invalid(format!("{field}: there is no model {name}{meant}")))
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
