//! Azure: Entra's tokens, and addresses of Azure OpenAI and of Foundry. wire-formats 2.8, 8

mod cloud;
mod credentials;
mod entra;
mod foundry;
mod openai;
mod resource;

#[cfg(test)]
mod tests;

pub use cloud::Cloud;
pub(crate) use credentials::parse;
pub use entra::{EntraClient, ManagedIdentity};
pub(crate) use foundry::FOUNDRY;
pub use foundry::{foundry_host, is_azure_host};
pub use openai::{ChatPath, resource_base_url};
pub use resource::ResourceKey;
