//! Kinds of input and output.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind of input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text.
    Text,
    /// Images.
    Image,
    /// Documents.
    File,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Vectors.
    Embeddings,
    /// Scores.
    Rerank,
    /// Spoken text out.
    Speech,
    /// Text of speech.
    Transcription,
}

impl Modality {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Image,
        Self::File,
        Self::Audio,
        Self::Video,
        Self::Embeddings,
        Self::Rerank,
        Self::Speech,
        Self::Transcription,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
        }
    }

    /// The modality of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|modality| modality.name() == name)
    }
}

/// A set of modalities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modalities(u16);

impl Modalities {
    /// None.
    pub const NONE: Self = Self(0);
    /// Text only.
    pub const TEXT: Self = Self(1 << Modality::Text as u16);

    /// With one more.
    #[must_use]
    pub const fn with(self, modality: Modality) -> Self {
        Self(self.0 | 1 << modality as u16)
    }

    /// Whether one is in the set.
    pub const fn has(self, modality: Modality) -> bool {
        self.0 & (1 << modality as u16) != 0
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

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in listing order.
    pub fn iter(self) -> impl Iterator<Item = Modality> {
        Modality::ALL.into_iter().filter(move |modality| self.has(*modality))
    }
}

impl FromIterator<Modality> for Modalities {
    fn from_iter<I: IntoIterator<Item = Modality>>(modalities: I) -> Self {
        modalities.into_iter().fold(Self::NONE, Self::with)
    }
}

impl Serialize for Modalities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Modalities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Modality>::deserialize(deserializer)?.into_iter().collect())
    }
}
