//! Requests to the service. Redirects are not followed: what is sent may be a secret.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::upstream::{Origin, Pool};

/// How long one request may take.
const LONGEST: Duration = Duration::from_secs(10);

/// The largest answer, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// What is asked.
pub struct Question<'a> {
    /// Where.
    pub url: &'a str,
    /// The members of a form, which is posted; `None`: nothing is sent.
    pub form: Option<String>,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
}

/// Asks, and reads the answer as `T`. Texts of the answer are not shown: there may be secrets.
pub async fn ask<T: DeserializeOwned>(
    pool: &Pool,
    question: Question<'_>,
) -> Result<(u16, T), Problem> {
    let url = question.url.to_owned();
    let problem = |what: &str| Problem::Service(format!("{url}: {what}"));
    let (origin, request) = written(question).ok_or_else(|| problem("is no address to ask"))?;
    let asking = async {
        let response = pool.send(&origin, request).await;
        let response = response.map_err(|error| problem(&error.to_string()))?;
        let (parts, body) = response.into_parts();
        let body = body.collect(MOST_BYTES, LONGEST).await;
        Ok((parts.status.as_u16(), body.map_err(|_| problem("the answer broke off"))?))
    };
    let answered = tokio::time::timeout(LONGEST, asking).await;
    let (status, body) = answered.map_err(|_| problem("no answer within 10 seconds"))??;
    let read = serde_json::from_slice(&body);
    let read = read.map_err(|_| problem(&format!("the answer, {status}, is not as expected")))?;
    Ok((status, read))
}

fn written(question: Question<'_>) -> Option<(Origin, Request<Full<Bytes>>)> {
    let parts = question.url.parse::<Uri>().ok()?.into_parts();
    let path = parts.path_and_query?;
    let origin = Origin::parse(&format!("{}://{}", parts.scheme?, parts.authority?)).ok()?;
    let posts = question.form.is_some();
    let mut request = Request::new(Full::new(Bytes::from(question.form.unwrap_or_default())));
    *request.uri_mut() = path.as_str().parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(origin.authority.as_str()).ok()?);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let agent = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Some(authorization) = question.authorization {
        let mut value = HeaderValue::from_str(&authorization).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    if posts {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        *request.method_mut() = Method::POST;
    }
    Some((origin, request))
}
