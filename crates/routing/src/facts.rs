//! What routing needs to know of a request, and of nothing else.

use catalog::{Modalities, Model, ModelId, ModelKind, Parameters, ServiceTier, Slug};
use catalog::{Modality, Parameter};

/// What a request asks for, as far as it decides where it can go.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The models asked for, the preferred one first: `model`, then `models`. Presets are expanded.
    /// FALL-1
    pub models: Vec<Slug>,
    /// The API the request came in by.
    pub surface: Surface,
    /// The parameters sent, those of the published vocabulary. PROV-5
    pub parameters: Parameters,
    /// What the prompt holds.
    pub input_modalities: Modalities,
    /// What the answer must hold.
    pub output_modalities: Modalities,
    /// The form of the answer. STRUCT-1
    pub structured: StructuredOutput,
    /// The prompt's length, estimated, in tokens.
    pub estimated_prompt_tokens: u64,
    /// The model whose vocabulary the prompt was counted with: for it the length is no estimate.
    pub counted_for: Option<ModelId>,
    /// The most tokens to generate, if the caller said so. CHAT-5
    pub max_output_tokens: Option<u64>,
    /// The service tier asked for. TIER-1
    pub service_tier: Option<TierAsked>,
    /// The speed asked for. TIER-1, TIER-10
    pub speed: Option<Speed>,
    /// Whether the pro mode of reasoning was asked for. REASON-8
    pub pro: bool,
    /// The conversation, if it has a key. STICKY-7
    pub session: Option<Session>,
    /// Whether the conversation holds reasoning that only its maker can read, whose maker is known.
    pub made_reasoning: bool,
    /// Set when a router chose the models: its name is the strategy. RMETA-2
    pub router: Option<crate::Strategy>,
}

impl Default for Facts {
    /// A plain chat request that names no model.
    fn default() -> Self {
        Self {
            models: Vec::new(),
            surface: Surface::Chat,
            parameters: Parameters::NONE,
            input_modalities: Modalities::TEXT,
            output_modalities: Modalities::TEXT,
            structured: StructuredOutput::None,
            estimated_prompt_tokens: 0,
            counted_for: None,
            max_output_tokens: None,
            service_tier: None,
            speed: None,
            pro: false,
            session: None,
            made_reasoning: false,
            router: None,
        }
    }
}

impl Facts {
    /// Whether the request offers tools.
    pub fn has_tools(&self) -> bool {
        self.parameters.has(Parameter::Tools)
    }

    /// The tier that takes part in routing. `fast` in either place is `priority`; a speed that
    /// contradicts the tier leaves the tier as written. TIER-1
    pub fn tier(&self) -> TierAsked {
        match (self.service_tier, self.speed) {
            (Some(tier), _) => tier,
            (None, Some(Speed::Fast)) => TierAsked::Priority,
            (None, _) => TierAsked::None,
        }
    }

    /// Whether the fast sibling of a model is wanted. TIER-10
    pub fn wants_fast_sibling(&self) -> bool {
        match self.speed {
            Some(Speed::Fast) => true,
            Some(Speed::Standard) => false,
            None => self.service_tier == Some(TierAsked::Priority),
        }
    }
}

/// The API a request came in by: it decides which kinds of model can answer. ERR-10
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Chat Completions, Messages.
    Chat,
    /// Responses.
    Responses,
    /// Gemini.
    Gemini,
    /// Completions of a bare prompt.
    Completions,
    /// Embeddings.
    Embeddings,
    /// Rerank.
    Rerank,
    /// Images.
    Images,
    /// Text to speech.
    Speech,
    /// Speech to text.
    Transcription,
    /// Video.
    Video,
}

impl Surface {
    /// Whether a model can be asked through this API. An image model that also writes text talks,
    /// and a chat model that paints may be used for images.
    pub fn admits(self, model: &Model) -> bool {
        let gives = model.architecture.output_modalities;
        match self {
            Self::Chat | Self::Responses | Self::Gemini | Self::Completions => match model.kind {
                ModelKind::Chat | ModelKind::Completion => true,
                ModelKind::Image => gives.has(Modality::Text),
                _ => false,
            },
            Self::Embeddings => model.kind == ModelKind::Embedding,
            Self::Rerank => model.kind == ModelKind::Rerank,
            Self::Images => model.kind == ModelKind::Image || gives.has(Modality::Image),
            Self::Speech => model.kind == ModelKind::Speech,
            Self::Transcription => model.kind == ModelKind::Transcription,
            Self::Video => model.kind == ModelKind::Video,
        }
    }

    /// The member of a request that holds the prompt.
    pub(crate) const fn prompt_member(self) -> &'static str {
        match self {
            Self::Chat => "messages",
            Self::Gemini => "contents",
            Self::Responses | Self::Embeddings | Self::Speech => "input",
            Self::Rerank => "documents",
            Self::Completions | Self::Images | Self::Video => "prompt",
            Self::Transcription => "input_audio",
        }
    }

    /// The member of a request that limits the answer's length.
    pub(crate) const fn limit_member(self) -> &'static str {
        match self {
            Self::Responses => "max_output_tokens",
            Self::Gemini => "generationConfig.maxOutputTokens",
            _ => "max_tokens",
        }
    }

    /// The member of a request that names what the answer holds.
    pub(crate) const fn modalities_member(self) -> &'static str {
        match self {
            Self::Gemini => "generationConfig.responseModalities",
            _ => "modalities",
        }
    }

    /// The route a kind of model is asked by, for the detail of `wrong_endpoint`. ERR-10
    pub const fn route_for(kind: ModelKind) -> Option<&'static str> {
        Some(match kind {
            ModelKind::Chat => "/api/v1/chat/completions",
            ModelKind::Completion => "/api/v1/completions",
            ModelKind::Embedding => "/api/v1/embeddings",
            ModelKind::Rerank => "/api/v1/rerank",
            ModelKind::Image => "/api/v1/images",
            ModelKind::Speech => "/api/v1/audio/speech",
            ModelKind::Transcription => "/api/v1/audio/transcriptions",
            ModelKind::Video => "/api/v1/videos",
            ModelKind::Realtime | ModelKind::Ocr | ModelKind::Moderation => return None,
        })
    }
}

/// The form of the answer, as far as endpoints differ in it. STRUCT-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StructuredOutput {
    /// Text.
    #[default]
    None,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema,
}

/// A service tier as asked for. TIER-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TierAsked {
    /// Nothing was said, or something without effect on routing (`auto`, `scale`).
    #[default]
    None,
    /// `default`: the ordinary tier and no other. TIER-5
    Default,
    /// `flex`: the cheap tier. TIER-3
    Flex,
    /// `priority` or `fast`: the quick tier first. TIER-2
    Priority,
}

impl TierAsked {
    /// Reads the value on the wire; `None` for a value outside the vocabulary. CHAT-3
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "auto" | "scale" => Self::None,
            "default" | "standard" => Self::Default,
            "flex" => Self::Flex,
            "priority" | "fast" => Self::Priority,
            _ => return None,
        })
    }

    /// Whether endpoints of a tier that is not the ordinary one are admitted by it.
    pub const fn admits(self, tier: ServiceTier) -> bool {
        matches!(
            (self, tier),
            (_, ServiceTier::Default)
                | (Self::Flex, ServiceTier::Flex)
                | (Self::Priority, ServiceTier::Priority)
        )
    }
}

/// A speed as asked for. TIER-10
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// `fast`.
    Fast,
    /// `standard`.
    Standard,
}

/// The key of a conversation. STICKY-6
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// A hash of what identifies the conversation.
    pub key: u128,
    /// The caller named the session, so it sticks from the first success on. STICKY-8
    pub named: bool,
}

impl Session {
    /// Chooses the key: a session id first, then the prompt cache key, then the hash of the
    /// opening (the first system and the first other message). STICKY-7, STICKY-8, STICKY-9
    pub fn choose(
        session_id: Option<u128>,
        prompt_cache_key: Option<u128>,
        opening: Option<u128>,
    ) -> Option<Self> {
        match (session_id, prompt_cache_key.or(opening)) {
            (Some(key), _) => Some(Self { key, named: true }),
            (None, Some(key)) => Some(Self { key, named: false }),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TIER-1
    #[test]
    fn fast_and_priority_are_the_same_and_contradictions_stay_as_written() {
        let tier = |service_tier, speed| {
            let facts = Facts { service_tier, speed, ..Facts::default() };
            (facts.tier(), facts.wants_fast_sibling())
        };
        assert_eq!(TierAsked::from_name("fast"), TierAsked::from_name("priority"));
        assert_eq!(tier(None, Some(Speed::Fast)), (TierAsked::Priority, true));
        assert_eq!(tier(Some(TierAsked::Priority), None), (TierAsked::Priority, true));
        assert_eq!(
            tier(Some(TierAsked::Priority), Some(Speed::Standard)),
            (TierAsked::Priority, false)
        );
        assert_eq!(tier(Some(TierAsked::Flex), Some(Speed::Fast)), (TierAsked::Flex, true));
        assert_eq!(tier(None, None), (TierAsked::None, false));
        assert_eq!(TierAsked::from_name("warp"), None);
    }

    /// STICKY-7, STICKY-8, STICKY-9
    #[test]
    fn a_session_id_wins_over_a_cache_key_over_the_opening() {
        let key = |session: Option<Session>| session.map(|session| (session.key, session.named));
        assert_eq!(key(Session::choose(Some(1), Some(2), Some(3))), Some((1, true)));
        assert_eq!(key(Session::choose(None, Some(2), Some(3))), Some((2, false)));
        assert_eq!(key(Session::choose(None, None, Some(3))), Some((3, false)));
        assert_eq!(key(Session::choose(None, None, None)), None);
    }
}
