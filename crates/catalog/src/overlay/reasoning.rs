//! How endpoints reason of which a document says only that they do.

use protocol::Dialect;
use protocol::target::{Abilities, Quirks, ReasoningRequest, ReasoningStyle};

use crate::{Parameter, Parameters};

/// Whether a document says that an endpoint reasons.
pub(super) fn is_named(parameters: Parameters) -> bool {
    [Parameter::Reasoning, Parameter::ReasoningEffort, Parameter::IncludeReasoning]
        .into_iter()
        .any(|name| parameters.has(name))
}

/// Sets what is usual for the protocol, where nothing is known of the endpoint.
pub(super) fn assume(style: ReasoningStyle, abilities: &mut Abilities) {
    if abilities.reasoning != ReasoningStyle::None {
        return;
    }
    abilities.reasoning = style;
    // What has a switch reasons unless it is switched off, and must be told so.
    abilities.reasoning_default_on |= style == ReasoningStyle::Toggle;
}

/// The way that most models of a protocol reason, asked in the words of a provider.
pub(super) fn usual(dialect: Dialect, quirks: &Quirks) -> ReasoningStyle {
    match dialect {
        Dialect::OpenaiChat => match quirks.reasoning_request {
            ReasoningRequest::Effort
            | ReasoningRequest::Reasoning
            | ReasoningRequest::ThinkingTypeAndEffort => ReasoningStyle::Effort,
            ReasoningRequest::EnableThinking => ReasoningStyle::Budget,
            ReasoningRequest::ThinkingType
            | ReasoningRequest::ChatTemplate
            | ReasoningRequest::None => ReasoningStyle::Toggle,
        },
        Dialect::OpenaiResponses | Dialect::Bedrock => ReasoningStyle::Effort,
        Dialect::Anthropic | Dialect::Gemini | Dialect::Cohere => ReasoningStyle::Budget,
        Dialect::Ollama => ReasoningStyle::Toggle,
    }
}
