//! The parts of a catalogue before they are indexed.

use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::index::{Catalog, CatalogError};
use crate::model::Model;
use crate::provider::Provider;

/// The parts of a catalogue: what is built, packed, overlaid and at last indexed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogParts {
    /// Where they come from.
    pub origin: Origin,
    /// Models.
    pub models: Vec<Model>,
    /// Endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Providers to which requests can be sent.
    pub providers: Vec<Provider>,
    /// Providers that are known, but speak no protocol of ours.
    pub listed: Vec<ListedProvider>,
}

/// Where a catalogue comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The day of the data, `YYYY-MM-DD`.
    pub generated: String,
    /// The sources with their dates.
    pub sources: Vec<OriginSource>,
}

/// A source of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginSource {
    /// Its name.
    pub name: String,
    /// Its date or version.
    pub as_of: String,
    /// Its licence.
    pub license: String,
}

/// A provider that is known, but not routed to: `/providers` lists it. MODELS-14
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedProvider {
    /// The slug.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// Why nothing is routed to it.
    pub reason: String,
    /// Country code of its seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<String>,
    /// Country codes of its data centres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenters: Option<Vec<String>>,
    /// Its privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_policy_url: Option<String>,
    /// Its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    /// Its status page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_page_url: Option<String>,
}

impl CatalogParts {
    /// Indexes the parts.
    pub fn into_catalog(self) -> Result<Catalog, CatalogError> {
        Ok(Catalog::new(self.models, self.endpoints, self.providers)?.with_listed(self.listed))
    }

    /// Puts everything into its one order: models, providers by id and slug; endpoints by model
    /// and tag.
    pub fn sort(&mut self) {
        self.models.sort_by(|left, right| left.id.cmp(&right.id));
        self.providers.sort_by(|left, right| left.slug.cmp(&right.slug));
        self.listed.sort_by(|left, right| left.slug.cmp(&right.slug));
        self.endpoints
            .sort_by(|left, right| (&left.model, &left.tag).cmp(&(&right.model, &right.tag)));
    }
}
