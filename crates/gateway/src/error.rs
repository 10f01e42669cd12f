//! The one place that turns faults into answers. ERR

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use protocol::Surface;
use protocol::exchange::{ErrorType, Fault, RenderedError};
use protocol::json::RawJson;

use crate::answer::{AnswerBody, GENERATION_ID};

/// Renders a fault in the envelope of OpenRouter's own API. ERR-1
pub fn respond(
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> Response<AnswerBody> {
    respond_on(Surface::Chat, fault, generation_id, members)
}

/// Renders a fault in the envelope of a surface. `generation_id` is told in a header when the
/// request had one; `members` go beside `error`. ERR-1, ERR-13, ERR-16, API-10
pub fn respond_on(
    surface: Surface,
    fault: &Fault,
    generation_id: Option<&str>,
    members: &[(String, RawJson)],
) -> Response<AnswerBody> {
    let masked = mask(fault);
    let members = if masked.error_type == ErrorType::Server { &[] } else { members };
    let RenderedError { status, body } = surface.encode_error(&masked, generation_id, members);
    let mut response = Response::new(AnswerBody::whole(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = masked.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(value) = generation_id.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(GENERATION_ID, value);
    }
    response
}

/// What of a fault may be shown: an internal error keeps its kind and nothing else. ERR-17
pub fn mask(fault: &Fault) -> Fault {
    if fault.error_type != ErrorType::Server {
        return fault.clone();
    }
    Fault::new(ErrorType::Server, "Internal Server Error").with_status(500)
}

/// An internal error: logged here, once, with its cause; shown without it. ERR-17
pub fn internal(cause: impl std::fmt::Display) -> Fault {
    tracing::error!(%cause, "internal error");
    Fault::new(ErrorType::Server, "Internal Server Error")
}

/// The fault of a request without a usable key. AUTH-6
pub fn unauthorized(message: &str) -> Fault {
    Fault::new(ErrorType::Authentication, message)
}
