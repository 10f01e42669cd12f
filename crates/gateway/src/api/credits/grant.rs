//! `POST /credits/grants`: credit given, corrected or paid back. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{LedgerKind, NewLedgerEntry};
use utoipa::ToSchema;

use super::LedgerEntry;
use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::{put_in_force, refused};
use crate::api::money::nano_usd;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// What is to be entered in the ledger.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// `grant` unless said.
    #[serde(default)]
    kind: GrantKind,
    /// USD, at most ten million. Of a grant or a refund above zero; a refund takes it from the
    /// balance. An adjustment goes either way.
    amount: f64,
    /// Why, for those who read the ledger later.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Why credit changes.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrantKind {
    /// Credit is given.
    #[default]
    Grant,
    /// A correction, in either direction.
    Adjustment,
    /// Credit was paid back to who had it.
    Refund,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct GrantAnswer {
    data: LedgerEntry,
}

/// Adds an entry to the account's ledger.
#[utoipa::path(
    post,
    path = "/api/v1/credits/grants",
    tag = "credits",
    request_body = Grant,
    responses((status = 201, body = GrantAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn grant(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<Grant>,
) -> Result<(StatusCode, Json<GrantAnswer>), Refused> {
    let amount = nano_usd("amount", given.amount)?;
    check_length("reason", given.reason.trim(), 1, 500)?;
    let (kind, amount) = match given.kind {
        GrantKind::Grant | GrantKind::Refund if amount <= 0 => {
            return Err(Fault::invalid("amount: must be above zero").into());
        }
        GrantKind::Grant => (LedgerKind::Grant, amount),
        GrantKind::Refund => (LedgerKind::Refund, -amount),
        GrantKind::Adjustment => (LedgerKind::Adjustment, amount),
    };
    let new = NewLedgerEntry {
        account_id: Some(management.account_id().to_owned()),
        kind,
        amount_nano_usd: amount,
        reason: given.reason.trim().to_owned(),
    };
    let actor = management.actor();
    let entry = app.store.add_ledger_entry(new, &actor, now_micros()).await.map_err(refused)?;
    put_in_force(&app).await?;
    Ok((StatusCode::CREATED, Json(GrantAnswer { data: entry.into() })))
}
