//! `POST /credits/coinbase`: retired, for everybody. CREDIT-10

use protocol::exchange::{ErrorType, Fault};

use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;

/// Says that there is no such thing any more.
#[utoipa::path(
    post,
    path = "/api/v1/credits/coinbase",
    tag = "credits",
    responses((status = 410, body = ErrorAnswer))
)]
pub async fn gone() -> Refused {
    let message = "Payments by Coinbase have been removed; credit is granted by the operator";
    Refused(Fault::new(ErrorType::InvalidRequest, message).with_status(410))
}
