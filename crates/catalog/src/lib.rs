//! What exists: authors, models, endpoints, providers, prices, aliases and variants.
//!
//! A *provider* is a company or server that runs models. A *model* is what a caller names. An
//! *endpoint* is one model at one provider in one variant, with its price and limits. The
//! [`Catalog`] holds them, indexed, immutable; a change makes a new one.
//!
//! Pure: no I/O, no clock, no randomness.

pub mod endpoint;
pub mod index;
pub mod modality;
pub mod model;
pub mod parameter;
pub mod price;
pub mod provider;
pub mod slug;

pub use endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
pub use index::{Catalog, CatalogError, EndpointId, ModelId, ProviderId};
pub use modality::{Modalities, Modality};
pub use model::{Architecture, Model, ModelKind, ReasoningSupport};
pub use parameter::{Parameter, Parameters};
pub use price::{Meter, PicoUsd, PriceList, PriceOverride, PriceState, PriceTextError};
pub use provider::{AuthStyle, DataPolicy, Provider};
pub use slug::{DynamicVariant, Slug, SlugError};
