//! `GET /credits`. CREDIT-3

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::change::refused;
use crate::api::money::Usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct CreditsAnswer {
    data: Credits,
}

/// Both in USD; the balance is the difference.
#[derive(Serialize, ToSchema)]
pub struct Credits {
    #[schema(value_type = f64)]
    total_credits: Usd,
    #[schema(value_type = f64)]
    total_usage: Usd,
}

/// Shows what the account was credited and has spent.
#[utoipa::path(
    get,
    path = "/api/v1/credits",
    tag = "credits",
    responses((status = 200, body = CreditsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    management: Management,
) -> Result<Json<CreditsAnswer>, Refused> {
    let account = management.account_id();
    let credited = app.store.account_credit(account).await.map_err(refused)?;
    let spent = app.store.account_usage(account, now_micros()).await.map_err(refused)?;
    let data = Credits { total_credits: Usd(credited), total_usage: Usd(spent.usage.total) };
    Ok(Json(CreditsAnswer { data }))
}
