//! Token counts with one convention.

/// Token counts of one answer, normalised: `input` includes cached and cache-written tokens,
/// `output` includes reasoning tokens. Each decoder converts its vendor's convention. USAGE-3, USAGE-4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input tokens, cached and cache-written ones included.
    pub input: u64,
    /// Input tokens read from a prompt cache.
    pub cached_input: u64,
    /// The part of `cached_input` that was audio.
    pub cached_audio: u64,
    /// Input tokens written to a prompt cache, all lifetimes.
    pub cache_write: u64,
    /// The part of `cache_write` with a lifetime of one hour.
    pub cache_write_1h: u64,
    /// The part of `input` that was audio.
    pub audio_input: u64,
    /// The part of `input` that was images.
    pub image_input: u64,
    /// The part of `input` that was video.
    pub video_input: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// The part of `output` that was audio.
    pub audio_output: u64,
    /// The part of `output` that was images.
    pub image_output: u64,
    /// Predicted tokens that were accepted.
    pub accepted_prediction: u64,
    /// Predicted tokens that were rejected.
    pub rejected_prediction: u64,
    /// Web searches the provider ran.
    pub web_searches: u64,
    /// How much of what they found came into the prompt, where that was told.
    pub search_context: Option<SearchContext>,
}

/// How much of what is found on the web comes into the prompt, where the fee of a request depends on
/// it: `web_search_options.search_context_size`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SearchContext {
    /// Little: what is asked for where nothing is said.
    Low,
    /// More.
    Medium,
    /// Much.
    High,
}

impl SearchContext {
    /// The size of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            _ => None,
        }
    }
}

/// The most of anything that an answer can count: more than any context holds.
pub(crate) const MOST_COUNTED: u64 = 100_000_000;

impl Usage {
    /// Whether the counts can be those of one answer. A provider that tells more than any context
    /// holds has not counted, and nobody can be asked to pay for it.
    pub fn is_believable(&self) -> bool {
        let parts = [
            self.input,
            self.cached_input,
            self.cached_audio,
            self.cache_write,
            self.cache_write_1h,
            self.audio_input,
            self.image_input,
            self.video_input,
            self.output,
            self.reasoning,
            self.audio_output,
            self.image_output,
            self.accepted_prediction,
            self.rejected_prediction,
            self.web_searches,
        ];
        parts.iter().all(|count| *count <= MOST_COUNTED)
    }

    /// Input and output together.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// These counts and those of another answer together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let sum = |of: fn(&Self) -> u64| of(self).saturating_add(of(other));
        Self {
            input: sum(|it| it.input),
            cached_input: sum(|it| it.cached_input),
            cached_audio: sum(|it| it.cached_audio),
            cache_write: sum(|it| it.cache_write),
            cache_write_1h: sum(|it| it.cache_write_1h),
            audio_input: sum(|it| it.audio_input),
            image_input: sum(|it| it.image_input),
            video_input: sum(|it| it.video_input),
            output: sum(|it| it.output),
            reasoning: sum(|it| it.reasoning),
            audio_output: sum(|it| it.audio_output),
            image_output: sum(|it| it.image_output),
            accepted_prediction: sum(|it| it.accepted_prediction),
            rejected_prediction: sum(|it| it.rejected_prediction),
            web_searches: sum(|it| it.web_searches),
            search_context: self.search_context.max(other.search_context),
        }
    }
}
