//! A request for a token, as a value.

use crate::Secret;

/// The method of a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`, without a body.
    Get,
    /// `POST`, with a body.
    Post,
}

/// What to send in order to get a token. The answer goes to [`crate::TokenSource::read`], whatever
/// its status; redirects are not to be followed: the body is a secret.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The method.
    pub method: Method,
    /// The whole URL. It holds no secret. `http` only for the metadata services of clouds, which
    /// must not be asked through a proxy.
    pub url: String,
    /// Headers beside those of every request, with names in lower case. They hold no secret.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body, a secret.
    pub body: Option<Secret>,
}

impl TokenRequest {
    /// A form that is posted. RFC 6749 4.4.2
    pub(crate) fn form(url: String, fields: &[(&str, &str)]) -> Self {
        let headers = vec![
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        ];
        Self { method: Method::Post, url, headers, body: Some(crate::percent::form(fields)) }
    }

    /// A question to the metadata service of the machine's cloud, which answers only to those who
    /// can set headers.
    pub(crate) fn metadata(url: String, header: (&'static str, &'static str)) -> Self {
        Self { method: Method::Get, url, headers: vec![header], body: None }
    }
}
