//! How a request to a provider is authorised.
//!
//! [`Credential::parse`] reads the text an operator pasted, under the [`Scheme`] of the provider.
//! What comes out is one of three ways: a fixed header; the keys with which every request is
//! signed ([`aws::sign`]); or a [`TokenSource`], which says how to ask for a [`Token`]
//! ([`TokenSource::request`]) and what the answer means ([`TokenSource::read`]).
//!
//! Pure: no I/O, no clock, no randomness of its own. All times are seconds since 1970, given by
//! the caller. No error and no `Debug` of this crate shows a secret.

pub mod aws;
pub mod azure;
pub mod google;

mod answer;
mod credential;
mod invalid;
mod json;
mod percent;
mod request;
mod secret;
mod source;
mod text;
mod token;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;

pub use answer::{MAX_ANSWER_BYTES, TokenError};
pub use credential::{Credential, MAX_CREDENTIAL_BYTES, Scheme, StaticHeader};
pub use invalid::Invalid;
pub use request::{Method, TokenRequest};
pub use secret::Secret;
pub use source::TokenSource;
pub use token::{Renewal, Token};
