//! What vectors are for, in the words of every vendor.

use super::form::Form;

/// What vectors are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputType {
    /// A query to find documents with.
    Query,
    /// A document to be found.
    Document,
    /// To be sorted into classes.
    Classification,
    /// To be grouped.
    Clustering,
    /// To be compared with its like.
    Similarity,
    /// A query to find code with.
    CodeQuery,
    /// Code to be found.
    CodeDocument,
    /// A question to find answers with.
    QuestionAnswering,
    /// A statement to find evidence for.
    FactVerification,
    /// A word of the caller's that is none of these.
    Other(String),
}

/// The word a form has for what vectors are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word<'w> {
    /// It means the same.
    Same(&'w str),
    /// The nearest there is.
    Nearest(&'w str),
    /// There is none.
    None,
}

impl InputType {
    /// Reads a vendor's word, in any case and with any separators.
    pub fn of(word: &str) -> Self {
        let plain: String = word
            .chars()
            .map(|character| match character {
                '.' | '-' | ' ' => '_',
                other => other.to_ascii_lowercase(),
            })
            .collect();
        match plain.as_str() {
            "query" | "search_query" | "retrieval_query" => Self::Query,
            "document" | "passage" | "search_document" | "retrieval_document"
            | "retrieval_passage" => Self::Document,
            "classification" => Self::Classification,
            "clustering" | "separation" => Self::Clustering,
            "semantic_similarity" | "similarity" | "text_matching" => Self::Similarity,
            "code_retrieval_query" | "code_query" => Self::CodeQuery,
            "code_document" | "code_passage" => Self::CodeDocument,
            "question_answering" => Self::QuestionAnswering,
            "fact_verification" => Self::FactVerification,
            _ => Self::Other(word.to_owned()),
        }
    }

    /// The word of a form. A word that nobody here knows is passed on as it is, where the form has
    /// a place for words: it may be new.
    pub(super) fn word(&self, form: Form) -> Word<'_> {
        if let Self::Other(word) = self {
            return match form {
                Form::Mistral | Form::BedrockTitan => Word::None,
                _ => Word::Same(word),
            };
        }
        match form {
            Form::Cohere | Form::BedrockCohere => self.cohere(),
            Form::Voyage | Form::VoyageMultimodal => self.voyage(),
            Form::Jina => self.jina(),
            Form::Gemini | Form::VertexPredict | Form::VertexPredictOne | Form::VertexContent => {
                self.gemini()
            }
            // OpenAI's form carries the caller's own word.
            Form::OpenAi | Form::Mistral | Form::BedrockTitan => Word::None,
        }
    }

    const fn cohere(&self) -> Word<'_> {
        match self {
            Self::Query => Word::Same("search_query"),
            Self::Document => Word::Same("search_document"),
            Self::Classification => Word::Same("classification"),
            Self::Clustering => Word::Same("clustering"),
            Self::Similarity => Word::Nearest("clustering"),
            Self::CodeQuery | Self::QuestionAnswering | Self::FactVerification => {
                Word::Nearest("search_query")
            }
            Self::CodeDocument => Word::Nearest("search_document"),
            Self::Other(_) => Word::None,
        }
    }

    const fn voyage(&self) -> Word<'_> {
        match self {
            Self::Query => Word::Same("query"),
            Self::Document => Word::Same("document"),
            // Voyage has models for code instead of a word for it.
            Self::CodeQuery => Word::Same("query"),
            Self::CodeDocument => Word::Same("document"),
            Self::QuestionAnswering | Self::FactVerification => Word::Nearest("query"),
            Self::Classification | Self::Clustering | Self::Similarity | Self::Other(_) => {
                Word::None
            }
        }
    }

    const fn jina(&self) -> Word<'_> {
        match self {
            Self::Query => Word::Same("retrieval.query"),
            Self::Document => Word::Same("retrieval.passage"),
            Self::Classification => Word::Same("classification"),
            Self::Clustering => Word::Same("separation"),
            Self::Similarity => Word::Same("text-matching"),
            Self::CodeQuery => Word::Same("code.query"),
            Self::CodeDocument => Word::Same("code.passage"),
            Self::QuestionAnswering | Self::FactVerification => Word::Nearest("retrieval.query"),
            Self::Other(_) => Word::None,
        }
    }

    const fn gemini(&self) -> Word<'_> {
        match self {
            Self::Query => Word::Same("RETRIEVAL_QUERY"),
            // Google pairs its queries for code, questions and facts with this one.
            Self::Document | Self::CodeDocument => Word::Same("RETRIEVAL_DOCUMENT"),
            Self::Classification => Word::Same("CLASSIFICATION"),
            Self::Clustering => Word::Same("CLUSTERING"),
            Self::Similarity => Word::Same("SEMANTIC_SIMILARITY"),
            Self::CodeQuery => Word::Same("CODE_RETRIEVAL_QUERY"),
            Self::QuestionAnswering => Word::Same("QUESTION_ANSWERING"),
            Self::FactVerification => Word::Same("FACT_VERIFICATION"),
            Self::Other(_) => Word::None,
        }
    }
}
