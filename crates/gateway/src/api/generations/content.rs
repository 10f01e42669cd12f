//! `GET /generation/content`: prompt and answer, where they were kept. GEN-5

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use protocol::exchange::{ErrorType, Fault};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Which;
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Viewer;
use crate::app::App;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ContentAnswer {
    /// `input`, `output` and `error`.
    #[schema(value_type = Object)]
    data: Value,
}

/// Shows what was asked and answered. A key sees its own, a member that of its keys; a management
/// key, an admin and an owner see all of the account.
#[utoipa::path(
    get,
    path = "/api/v1/generation/content",
    tag = "generations",
    params(("id" = String, Query, description = "The generation's id, `gen-…`")),
    responses((status = 200, body = ContentAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ContentAnswer>, Refused> {
    let Query(which) = which.map_err(|_| Fault::invalid("id: send it once, as `id=gen-…`"))?;
    let row = super::find(&app, &viewer, &which.id()?).await?;
    if !viewer.may_read(&row) {
        let message = "Only the key that made a generation and management keys can see its content";
        return Err(Fault::new(ErrorType::PermissionDenied, message).into());
    }
    let content = app.store.generation_content(&row.id).await.map_err(refused)?;
    let data = content.ok_or_else(|| {
        let message = "No content is stored for this generation";
        Fault::new(ErrorType::NotFound, message)
    })?;
    Ok(Json(ContentAnswer { data }))
}
