//! `POST /generation/feedback`. GEN-6

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{FeedbackCategory, GenerationFeedback};
use utoipa::ToSchema;

use crate::api::Refused;
use crate::api::body::{Given, check_length};
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::session::Management;
use crate::app::App;
use crate::clock::now_micros;

/// What is said about which generation.
#[derive(Deserialize, ToSchema)]
pub struct Feedback {
    #[schema(min_length = 1)]
    generation_id: String,
    /// `latency`, `incoherence`, `incorrect_response`, `formatting`, `billing`, `api_error` or
    /// `other`.
    category: String,
    #[schema(max_length = 1000)]
    comment: Option<String>,
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct FeedbackAnswer {
    data: FeedbackTaken,
}

/// It was kept.
#[derive(Serialize, ToSchema)]
pub struct FeedbackTaken {
    success: bool,
}

/// Keeps what somebody says about a generation of the account.
#[utoipa::path(
    post,
    path = "/api/v1/generation/feedback",
    tag = "generations",
    request_body = Feedback,
    responses((status = 200, body = FeedbackAnswer), (status = "4XX", body = ErrorAnswer))
)]
pub async fn add(
    State(app): State<Arc<App>>,
    management: Management,
    Given(given): Given<Feedback>,
) -> Result<Json<FeedbackAnswer>, Refused> {
    check_length("generation_id", &given.generation_id, 1, 200)?;
    let comment = given.comment.unwrap_or_default();
    check_length("comment", &comment, 0, 1000)?;
    let category = FeedbackCategory::parse(&given.category).ok_or_else(|| {
        let words: Vec<_> = FeedbackCategory::ALL.iter().map(|one| one.as_str()).collect();
        Fault::invalid(format!("category: must be one of {}", words.join(", ")))
    })?;
    let actor = management.actor();
    let row = super::find(&app, &management.viewer(), &given.generation_id).await?;
    let feedback = GenerationFeedback {
        generation_id: row.id.to_string(),
        account_id: row.account_id.to_string(),
        category,
        comment,
        created_at: now_micros(),
    };
    app.store.add_generation_feedback(&feedback, &actor).await.map_err(refused)?;
    Ok(Json(FeedbackAnswer { data: FeedbackTaken { success: true } }))
}
