//! Models: what a caller names.

use std::borrow::Cow;

use protocol::exchange::Effort;
use serde::{Deserialize, Serialize};

use crate::Parameters;
use crate::modality::Modalities;

/// What a caller names. MODELS-5
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `author/slug`, with a static variant where the entry is one (`…:free`). VAR-1
    pub id: String,
    /// The name that never changes. API-5
    pub canonical_slug: String,
    /// The display name.
    pub name: String,
    /// What it is used for.
    pub kind: ModelKind,
    /// When it was published, in seconds since 1970.
    pub created: i64,
    /// A line of description.
    #[serde(default)]
    pub description: String,
    /// The longest context of its endpoints, in tokens.
    pub context_length: Option<u64>,
    /// Modalities and tokenizer.
    pub architecture: Architecture,
    /// The union over its endpoints. MODELS-8
    #[serde(default)]
    pub supported_parameters: Parameters,
    /// How it reasons. REASON-14
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningSupport>,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_cutoff: Option<String>,
    /// `YYYY-MM-DD` after which it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<String>,
    /// Its repository of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hugging_face_id: Option<String>,
    /// Other ids by which it is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The family that `~author/family-latest` resolves within. LATEST-1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The author allows training other models on its output. PROV-8
    #[serde(default)]
    pub distillable: bool,
    /// Not listed, not routed to.
    #[serde(default)]
    pub hidden: bool,
    /// Retired: named so that the error can say so.
    #[serde(default)]
    pub retired: bool,
}

impl Model {
    /// The part before the slash.
    pub fn author(&self) -> &str {
        crate::index::author(&self.id)
    }

    /// Whether it is listed and routed to.
    pub fn is_visible(&self) -> bool {
        !self.hidden && !self.retired
    }

    /// The family with its author, `anthropic/claude-opus`: it may be noted with or without one.
    /// LATEST-1
    pub fn family_name(&self) -> Option<Cow<'_, str>> {
        let family = self.family.as_deref()?;
        Some(match family.contains('/') {
            true => Cow::Borrowed(family),
            false => Cow::Owned(format!("{}/{family}", self.author())),
        })
    }
}

impl ModelKind {
    /// Whether it is asked by calls of its provider's own alone, which are passed through: no API of
    /// the gateway's asks for what it does.
    pub const fn is_passed_through(self) -> bool {
        matches!(self, Self::Realtime | Self::Ocr | Self::Moderation)
    }
}

/// What a model is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ModelKind {
    #[default]
    Chat,
    Completion,
    Embedding,
    Rerank,
    Image,
    Speech,
    Transcription,
    Video,
    Realtime,
    Ocr,
    Moderation,
}

/// Modalities and tokenizer of a model. MODELS-5
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// What it takes.
    pub input_modalities: Modalities,
    /// What it gives.
    pub output_modalities: Modalities,
    /// The name of its tokenizer's family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// The form of its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruct_type: Option<String>,
}

impl Architecture {
    /// `text+image->text`. MODELS-5
    pub fn modality(&self) -> String {
        let join = |set: Modalities| {
            set.iter().map(|modality| modality.name()).collect::<Vec<_>>().join("+")
        };
        format!("{}->{}", join(self.input_modalities), join(self.output_modalities))
    }
}

/// How a model reasons. REASON-14
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReasoningSupport {
    /// Efforts in descending order; `None`: all; empty: no choice.
    pub supported_efforts: Option<Vec<Effort>>,
    /// The effort without a request.
    pub default_effort: Option<Effort>,
    /// It reasons without a request.
    pub default_enabled: bool,
    /// It cannot be switched off.
    pub mandatory: bool,
    /// It takes a budget.
    pub supports_max_tokens: bool,
}
