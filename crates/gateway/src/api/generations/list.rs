//! `GET /api/internal/generations`: the books, newest first. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::GenerationCursor;
use utoipa::ToSchema;

use super::query::Filters;
use super::row::GenerationRow;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::keys::names::names;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, Leaf, cursor};
use crate::api::session::Management;
use crate::app::App;

/// The most rows of a page.
const MOST: u32 = 100;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct GenerationsAnswer {
    data: Vec<GenerationRow>,
    /// Where the next page starts; `null` at the end.
    next_cursor: Option<String>,
}

/// Lists generations, newest first, at most 100 at a time. Rows that come meanwhile neither shift
/// nor repeat what follows.
#[utoipa::path(
    get,
    path = "/api/internal/generations",
    tag = "internal",
    params(Leaf, Filters),
    responses((status = 200, body = GenerationsAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(leaf): Asked<Leaf>,
    Asked(filters): Asked<Filters>,
) -> Result<Json<GenerationsAnswer>, Refused> {
    let account = management.account_id();
    let filter = filters.read(account, management.own_only())?;
    let limit = leaf.limit_within(MOST)?;
    let start =
        leaf.start()?.map(|(created_at, id)| GenerationCursor { created_at, id: id.into() });
    let found = app.store.generations_page(&filter, start.as_ref(), limit).await;
    let page = found.map_err(refused)?;
    let names = names(&app, account, page.rows.iter().map(|row| &*row.key_hash)).await;
    let names = names.map_err(refused)?;
    let data = page
        .rows
        .iter()
        .map(|row| GenerationRow::new(row, names.get(&*row.key_hash).cloned()))
        .collect();
    let next_cursor = page.next.map(|next| cursor(next.created_at, &next.id));
    Ok(Json(GenerationsAnswer { data, next_cursor }))
}
