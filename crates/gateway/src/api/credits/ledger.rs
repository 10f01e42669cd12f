//! `GET /credits/ledger`: every change of the account's credit. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::LedgerCursor;
use utoipa::ToSchema;

use super::LedgerEntry;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Leaf, cursor};
use crate::api::session::Management;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct Ledger {
    data: Vec<LedgerEntry>,
    /// Where the next page starts; `null` at the end.
    next_cursor: Option<String>,
}

/// Lists entries of the ledger, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/credits/ledger",
    tag = "credits",
    params(Leaf),
    responses((status = 200, body = Ledger), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(leaf): Asked<Leaf>,
) -> Result<Json<Ledger>, Refused> {
    let start = leaf.start()?.map(|(recorded_at, id)| LedgerCursor { recorded_at, id });
    let account = management.account_id();
    let page =
        app.store.ledger_page(account, start.as_ref(), leaf.limit()?).await.map_err(refused)?;
    Ok(Json(Ledger {
        data: page.entries.into_iter().map(LedgerEntry::from).collect(),
        next_cursor: page.next.map(|next| cursor(next.recorded_at, &next.id)),
    }))
}
