//! Amazon Web Services: keys, signatures, and addresses of Bedrock. wire-formats 5.1

mod bedrock;
mod canonical;
mod clock;
mod credentials;
mod place;
mod signature;

#[cfg(test)]
mod tests;

pub use bedrock::{BEDROCK_SERVICE, bedrock_host};
pub use credentials::AwsCredentials;
pub(crate) use credentials::parse;
pub use place::{Place, place};
pub use signature::{BodyHash, Request, SignedHeaders, sign};
