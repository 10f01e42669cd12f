//! `/credits`: what an account was credited and has spent. CREDIT

pub mod coinbase;
pub mod grant;
pub mod ledger;
pub mod show;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::Usd;
use super::time::iso;
use crate::app::App;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/credits", get(show::show))
        .route("/credits/grants", post(grant::grant))
        .route("/credits/ledger", get(ledger::list))
        .route("/credits/coinbase", post(coinbase::gone))
}

/// One change of an account's credit. Our own.
#[derive(Serialize, ToSchema)]
pub struct LedgerEntry {
    id: String,
    created_at: String,
    /// `grant`, `purchase`, `fee`, `adjustment` or `refund`.
    kind: &'static str,
    /// USD, below zero where credit is taken.
    #[schema(value_type = f64)]
    amount: Usd,
    reason: String,
    /// Who made it: kind and identity.
    actor: String,
}

impl From<store::LedgerEntry> for LedgerEntry {
    fn from(entry: store::LedgerEntry) -> Self {
        Self {
            id: entry.id,
            created_at: iso(entry.recorded_at),
            kind: entry.kind.as_str(),
            amount: Usd(entry.amount_nano_usd),
            reason: entry.reason,
            actor: entry.actor,
        }
    }
}
