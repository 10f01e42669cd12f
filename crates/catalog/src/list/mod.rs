//! The public lists: models, endpoints, providers, with their filters and orders. MODELS
//!
//! What is measured (uptime, speed, popularity, benchmarks) comes from the caller; the catalogue
//! knows none of it.

mod filter;
mod object;
mod query;

pub use filter::{ListedModel, ModelFigures, ModelPage, list_models, next_link};
pub use object::{
    AliasTarget, ArchitectureObject, EndpointObject, EndpointStats, ModelEndpointsObject,
    ModelLinks, ModelObject, Percentiles, PricingObject, ProviderObject, ReasoningObject,
    ToolChoiceSupport, TopProvider, alias_object, endpoint_object, model_endpoints_object,
    model_object, provider_object, provider_objects,
};
pub use query::{ModelQuery, ModelSort, QueryError};

#[cfg(test)]
mod tests;
