//! A request for embeddings, as no protocol in particular.

use super::input_type::InputType;
use super::plan::Expected;
use crate::json::RawJson;

/// How vectors are written in the answer. EMB-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// The 32-bit floats in little-endian order, in base64.
    Base64,
}

impl EncodingFormat {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
        }
    }
}

/// A request for embeddings. EMB-1
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model asked for.
    pub model: String,
    /// What to embed; one vector each, in this order.
    pub inputs: Vec<Input>,
    /// How many dimensions the vectors shall have.
    pub dimensions: Option<u32>,
    /// How the vectors shall be written; absent means as numbers.
    pub encoding_format: Option<EncodingFormat>,
    /// What the vectors are for, as the caller wrote it; see [`InputType::of`].
    pub input_type: Option<String>,
    /// The end user. USERT-1
    pub user: Option<String>,
    /// The `provider` preferences, unread.
    pub provider: Option<RawJson>,
    /// Members of no meaning here, in their order; those that are for the router alone are left
    /// out.
    pub extras: Vec<(String, RawJson)>,
}

impl Request {
    /// The request without parameters that a provider does not take; `None` if it has none of them.
    /// CHAT-4
    pub fn without(&self, unsupported: &[String]) -> Option<Self> {
        let refused = |name: &str| unsupported.iter().any(|one| one == name);
        let concerned = (self.input_type.is_some() && refused("input_type"))
            || (self.dimensions.is_some() && refused("dimensions"))
            || (self.user.is_some() && refused("user"))
            || self.extras.iter().any(|(name, _)| refused(name));
        concerned.then(|| Self {
            input_type: self.input_type.clone().filter(|_| !refused("input_type")),
            dimensions: self.dimensions.filter(|_| !refused("dimensions")),
            user: self.user.clone().filter(|_| !refused("user")),
            extras: self.extras.iter().filter(|(name, _)| !refused(name)).cloned().collect(),
            ..self.clone()
        })
    }
}

/// One thing to embed.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A text.
    Text(String),
    /// A text as tokens of the model.
    Tokens(Vec<u32>),
    /// Parts that become one vector together.
    Content {
        /// The parts.
        parts: Vec<Part>,
        /// Further members beside `content`.
        extras: Vec<(String, RawJson)>,
    },
}

/// One part of a multimodal input.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// As the caller wrote it.
    pub raw: RawJson,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub enum PartKind {
    /// A text.
    Text(String),
    /// An image: a URL or a `data:` URI.
    Image(String),
    /// Audio, video or a file.
    Media {
        /// Which of them.
        medium: Medium,
        /// Base64, or a `data:` URI, or a URL.
        data: String,
        /// The format's short name, e.g. `wav`.
        format: Option<String>,
    },
    /// A kind this version does not know; passed on in the same protocol.
    Unknown(String),
}

/// The media beside images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// `input_audio`.
    Audio,
    /// `input_video`.
    Video,
    /// `input_file`.
    File,
}

impl Medium {
    /// The type of the part and the name of its member.
    pub const fn part_type(self) -> &'static str {
        match self {
            Self::Audio => "input_audio",
            Self::Video => "input_video",
            Self::File => "input_file",
        }
    }
}

impl Input {
    /// The size in tokens, estimated. What is not understood counts by its bytes.
    fn estimated_tokens(&self) -> u64 {
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::Tokens(list) => return list.len() as u64,
            Self::Content { parts, extras } => {
                let size = |part: &Part| match &part.kind {
                    PartKind::Text(text) => text.len(),
                    PartKind::Unknown(_) => part.raw.get().len(),
                    PartKind::Image(_) | PartKind::Media { .. } => 0,
                };
                let beside = |(name, raw): &(String, RawJson)| name.len() + raw.get().len();
                parts.iter().map(size).chain(extras.iter().map(beside)).sum()
            }
        };
        (bytes as u64).div_ceil(4)
    }

    /// Whether it has parts that are all texts and nothing beside them.
    pub(crate) fn is_text(&self) -> bool {
        match self {
            Self::Content { parts, extras } => {
                let are_texts = parts.iter().all(|part| matches!(part.kind, PartKind::Text(_)));
                are_texts && extras.is_empty()
            }
            _ => false,
        }
    }
}

impl Request {
    /// Whether an input is written as a text though it came in parts.
    pub fn has_texts_in_parts(&self) -> bool {
        self.inputs.iter().any(Input::is_text)
    }

    /// What is expected of the answer to all inputs in one call.
    pub fn expected(&self) -> Expected {
        self.expected_of(self.inputs.len())
    }

    pub(super) fn expected_of(&self, inputs: usize) -> Expected {
        // Packed bits and such have fewer numbers than dimensions.
        let packed = ["output_dtype", "embedding_type", "embedding_types", "embeddingTypes"];
        let packed = self.extras.iter().any(|(name, _)| packed.contains(&name.as_str()));
        Expected { inputs, dimensions: self.dimensions.filter(|_| !packed) }
    }

    /// The format of the answer to the caller.
    pub fn format(&self) -> EncodingFormat {
        self.encoding_format.unwrap_or_default()
    }

    /// What the vectors are for.
    pub fn purpose(&self) -> Option<InputType> {
        self.input_type.as_deref().map(InputType::of)
    }

    /// The size in tokens, estimated: a quarter of the bytes of texts, and tokens as many as there
    /// are. Media do not count.
    pub fn estimated_prompt_tokens(&self) -> u64 {
        self.inputs.iter().map(Input::estimated_tokens).fold(0, u64::saturating_add)
    }

    /// The size of the longest input in tokens, estimated: each has to fit by itself.
    pub fn longest_input_tokens(&self) -> u64 {
        self.inputs.iter().map(Input::estimated_tokens).max().unwrap_or_default()
    }

    fn any_part(&self, test: impl Fn(&PartKind) -> bool) -> bool {
        self.inputs.iter().any(|input| match input {
            Input::Content { parts, .. } => parts.iter().any(|part| test(&part.kind)),
            Input::Text(_) | Input::Tokens(_) => false,
        })
    }

    /// How many images there are.
    pub fn images(&self) -> u64 {
        let of = |input: &Input| match input {
            Input::Content { parts, .. } => {
                parts.iter().filter(|part| matches!(part.kind, PartKind::Image(_))).count() as u64
            }
            Input::Text(_) | Input::Tokens(_) => 0,
        };
        self.inputs.iter().map(of).sum()
    }

    /// Whether an input holds audio, video or a file.
    pub fn has_medium(&self, wanted: Medium) -> bool {
        self.any_part(|kind| matches!(kind, PartKind::Media { medium, .. } if *medium == wanted))
    }

    /// Whether an input is a list of tokens.
    pub fn has_tokens(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::Tokens(_)))
    }

    /// Whether an input holds anything but texts and tokens.
    pub fn is_multimodal(&self) -> bool {
        self.any_part(|kind| !matches!(kind, PartKind::Text(_)))
    }
}
