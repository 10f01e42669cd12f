//! Azure: Entra's tokens, and addresses of Azure OpenAI. wire-formats 8

mod cloud;
mod credentials;
mod entra;
mod openai;

#[cfg(test)]
mod tests;

pub use cloud::Cloud;
pub(crate) use credentials::parse;
pub use entra::{EntraClient, ManagedIdentity};
pub use openai::{ChatPath, resource_base_url};
