//! What people say about generations (GEN-6).

use serde::Serialize;

use crate::audit::Deed;
use crate::engine::values;
use crate::secret::{hex, random_bytes};
use crate::{Actor, Micros, Store, StoreError};

/// What the feedback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackCategory {
    /// It took too long.
    Latency,
    /// It makes no sense.
    Incoherence,
    /// It is wrong.
    IncorrectResponse,
    /// It has not the form asked for.
    Formatting,
    /// Its price is wrong.
    Billing,
    /// It failed.
    ApiError,
    /// Something else.
    Other,
}

impl FeedbackCategory {
    /// Every category.
    pub const ALL: [FeedbackCategory; 7] = [
        FeedbackCategory::Latency,
        FeedbackCategory::Incoherence,
        FeedbackCategory::IncorrectResponse,
        FeedbackCategory::Formatting,
        FeedbackCategory::Billing,
        FeedbackCategory::ApiError,
        FeedbackCategory::Other,
    ];

    /// The word used in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            FeedbackCategory::Latency => "latency",
            FeedbackCategory::Incoherence => "incoherence",
            FeedbackCategory::IncorrectResponse => "incorrect_response",
            FeedbackCategory::Formatting => "formatting",
            FeedbackCategory::Billing => "billing",
            FeedbackCategory::ApiError => "api_error",
            FeedbackCategory::Other => "other",
        }
    }

    /// Reads the word of [`FeedbackCategory::as_str`].
    pub fn parse(text: &str) -> Option<FeedbackCategory> {
        FeedbackCategory::ALL.into_iter().find(|category| category.as_str() == text)
    }
}

/// What somebody said about a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationFeedback {
    /// The generation.
    pub generation_id: String,
    /// The account of who said it.
    pub account_id: String,
    /// What it is about.
    pub category: FeedbackCategory,
    /// At most 1000 characters; may be empty.
    pub comment: String,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
}

impl Store {
    /// Keeps what somebody said about a generation. Whether there is such a generation is the
    /// caller's to ask.
    pub async fn add_generation_feedback(
        &self,
        feedback: &GenerationFeedback,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        if feedback.comment.chars().count() > 1_000 {
            let reason = "it is longer than 1000 characters".to_owned();
            return Err(StoreError::Invalid { what: "comment", reason });
        }
        let mut write = self.database().begin_write().await?;
        let text = "INSERT INTO generation_feedback \
                    (id, generation_id, account_id, category, comment, created_at) \
                    VALUES ($1, $2, $3, $4, $5, $6)";
        let values = values![
            format!("feedback_{}", hex(&random_bytes::<12>()?)),
            &feedback.generation_id,
            &feedback.account_id,
            feedback.category.as_str(),
            &feedback.comment,
            feedback.created_at,
        ];
        write.execute(text, values).await?;
        let (now, subject) = (feedback.created_at, &feedback.generation_id);
        let deed = Deed { actor, now, action: "generation_feedback.add", subject };
        deed.record(&mut write, None, Some(feedback)).await?;
        write.commit().await
    }

    /// What was said about a generation, oldest first.
    pub async fn generation_feedback(
        &self,
        generation_id: &str,
    ) -> Result<Vec<GenerationFeedback>, StoreError> {
        let text = "SELECT generation_id, account_id, category, comment, created_at \
                    FROM generation_feedback WHERE generation_id = $1 ORDER BY created_at, id";
        let rows = self.database().fetch_all(text, values![generation_id]).await?;
        rows.iter()
            .map(|row| {
                let category: String = row.try_get("category")?;
                Ok(GenerationFeedback {
                    generation_id: row.try_get("generation_id")?,
                    account_id: row.try_get("account_id")?,
                    category: FeedbackCategory::parse(&category)
                        .ok_or(StoreError::Corrupt { what: "feedback", reason: category })?,
                    comment: row.try_get("comment")?,
                    created_at: row.try_get("created_at")?,
                })
            })
            .collect()
    }
}
