//! What exists: authors, models, endpoints, providers, prices, aliases and variants.
//!
//! A *provider* is a company or server that runs models. A *model* is what a caller names. An
//! *endpoint* is one model at one provider in one variant, with its price and limits. The
//! [`Catalog`] holds them, indexed, immutable; a change makes a new one.
//!
//! Pure: no I/O, no clock, no randomness.

pub mod availability;
pub mod build;
pub mod describe;
pub mod embedded;
pub mod endpoint;
pub mod facts;
pub mod index;
pub mod list;
pub mod modality;
pub mod model;
pub mod overlay;
pub mod pack;
pub mod parts;
pub mod price;
pub mod price_object;
pub mod profile;
pub mod provider;
pub mod region;
pub mod slug;
pub mod sync;

mod tier;

pub use availability::{Availability, Resolution, available, close_names, resolve};
pub use embedded::EmbeddedError;
pub use endpoint::{Endpoint, EndpointStatus, Quantization, ServiceTier};
pub use index::{Catalog, CatalogError, EndpointId, ModelId, ProviderId};
pub use modality::{Modalities, Modality};
pub use model::{Architecture, Model, ModelKind, ReasoningSupport};
pub use overlay::Overlay;
pub use parts::{CatalogParts, ListedProvider, Origin, OriginSource};
pub use price::{Meter, PicoUsd, PriceList, PriceOverride, PriceState, PriceTextError};
pub use price_object::PriceObject;
pub use protocol::parameter::{Parameter, Parameters};
pub use provider::{AuthStyle, AuthorDialect, DataPolicy, PathStyle, Provider, Variable};
pub use region::Region;
pub use slug::{DynamicVariant, Slug, SlugError};
