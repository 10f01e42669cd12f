//! The request parameters an endpoint may support. MODELS-8

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! parameters {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A request parameter of the published vocabulary. MODELS-8
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are those of the request's members")]
        pub enum Parameter { $($variant),* }

        impl Parameter {
            /// All, in alphabetical order, which is the order of listing.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The parameter of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

parameters! {
    FrequencyPenalty = "frequency_penalty",
    IncludeReasoning = "include_reasoning",
    LogitBias = "logit_bias",
    Logprobs = "logprobs",
    MaxCompletionTokens = "max_completion_tokens",
    MaxTokens = "max_tokens",
    MinP = "min_p",
    ParallelToolCalls = "parallel_tool_calls",
    Prediction = "prediction",
    PresencePenalty = "presence_penalty",
    Reasoning = "reasoning",
    ReasoningEffort = "reasoning_effort",
    RepetitionPenalty = "repetition_penalty",
    ResponseFormat = "response_format",
    Seed = "seed",
    Stop = "stop",
    StructuredOutputs = "structured_outputs",
    Temperature = "temperature",
    ToolChoice = "tool_choice",
    Tools = "tools",
    TopA = "top_a",
    TopK = "top_k",
    TopLogprobs = "top_logprobs",
    TopP = "top_p",
    Verbosity = "verbosity",
    WebSearchOptions = "web_search_options",
}

/// A set of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parameters(u32);

impl Parameters {
    /// None.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, parameter: Parameter) -> Self {
        Self(self.0 | 1 << parameter as u32)
    }

    /// Whether one is in the set.
    pub const fn has(self, parameter: Parameter) -> bool {
        self.0 & (1 << parameter as u32) != 0
    }

    /// Whether all of `other` are in the set.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The union.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in alphabetical order.
    pub fn iter(self) -> impl Iterator<Item = Parameter> {
        Parameter::ALL.iter().copied().filter(move |parameter| self.has(*parameter))
    }
}

impl FromIterator<Parameter> for Parameters {
    fn from_iter<I: IntoIterator<Item = Parameter>>(parameters: I) -> Self {
        parameters.into_iter().fold(Self::NONE, Self::with)
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Parameter::name))
    }
}

impl<'de> Deserialize<'de> for Parameters {
    /// Names outside the vocabulary are left out: newer data must not stop an older binary.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| Parameter::from_name(name)).collect())
    }
}
