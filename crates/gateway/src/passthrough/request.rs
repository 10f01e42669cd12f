//! Step 4: the request that the provider gets.

use bytes::Bytes;
use catalog::Provider;
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_EXTENSIONS,
};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body;
use protocol::exchange::Fault;

use super::address::{Addressed, query, target};
use super::headers::to_provider;
use super::tunnel;
use crate::control::Access;
use crate::upstream::Origin;

/// Whence a request comes and where it goes.
pub struct Outward<'o> {
    /// The caller's request.
    pub parts: &'o Parts,
    /// What its address says.
    pub meant: &'o Addressed,
    /// The provider.
    pub provider: &'o Provider,
    /// Its address and credential.
    pub access: &'o Access,
    /// The headers that authorise it.
    pub credential: &'o [(HeaderName, HeaderValue)],
    /// Its answer is read for what it used.
    pub is_read: bool,
    /// It asks for a WebSocket.
    pub is_upgrade: bool,
}

impl Outward<'_> {
    /// The request with this body; keys that `is_ours` knows leave the query.
    pub fn write<B: Body<Data = Bytes>>(
        &self,
        body: B,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Request<B>, Fault> {
        let path = target(&self.origin().prefix, &self.meant.rest)?;
        let query = self.parts.uri.query().map(|sent| query(sent, is_ours));
        let uri = match query.filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let uri = Uri::try_from(uri)
            .map_err(|error| Fault::invalid(format!("the path cannot be passed on: {error}")))?;
        let is_empty = body.is_end_stream();
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers(is_empty);
        Ok(request)
    }

    fn origin(&self) -> &Origin {
        self.access.origin_of_path(&self.meant.rest)
    }

    fn headers(&self, is_empty: bool) -> HeaderMap {
        let mut headers = to_provider(&self.parts.headers, self.access.is_byok());
        for (name, value) in &self.provider.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                // What the caller says of itself goes before: its client may be newer.
                headers.entry(name).or_insert(value);
            }
        }
        if let Ok(host) = HeaderValue::from_str(self.origin().authority.as_str()) {
            headers.insert(HOST, host);
        }
        if self.is_read || !self.access.is_byok() {
            // What is compressed could not be read for what it used, nor a secret that is not the
            // caller's be taken out of it.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let method = &self.parts.method;
        if is_empty && (*method == Method::POST || *method == Method::PUT) {
            // Some servers want to be told.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if self.is_upgrade {
            // Nor could frames that an extension changed.
            headers.remove(SEC_WEBSOCKET_EXTENSIONS);
            tunnel::upgrade(&mut headers);
        }
        for (name, value) in self.credential {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }
}
