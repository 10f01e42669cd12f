//! The models that requests are written for: recent ones of each protocol's vendor, at the vendor's
//! own address, so that no quirk of another host is in play.

use protocol::exchange::Fault;
use protocol::json::Envelope;
use protocol::surface::Addressed;
use protocol::target::{Abilities, Encoded, Quirks, ReasoningStyle, Target};
use protocol::{Dialect, Surface, anthropic, codec, gemini, openai_chat, openai_responses};

/// The surface on which callers speak a dialect.
pub fn surface(caller: Dialect) -> Surface {
    match caller {
        Dialect::OpenaiResponses => Surface::Responses,
        Dialect::Anthropic => Surface::Messages,
        Dialect::Gemini => Surface::Gemini,
        _ => Surface::Chat,
    }
}

/// What the model can do, and in words what it is.
pub fn model(upstream: Dialect) -> (&'static str, Abilities, &'static str) {
    let all = Abilities { max_output_tokens: Some(64_000), ..Abilities::default() };
    match upstream {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => (
            "target-model",
            Abilities { reasoning: ReasoningStyle::Effort, ..all },
            "a model that takes an effort",
        ),
        Dialect::Anthropic => (
            "target-model",
            Abilities {
                reasoning: ReasoningStyle::Budget,
                penalties: false,
                logprobs: false,
                ..all
            },
            "a model that takes a budget of thinking",
        ),
        Dialect::Gemini => (
            "target-model",
            Abilities {
                reasoning: ReasoningStyle::Level,
                reasoning_mandatory: true,
                thought_signatures: true,
                media_in_tool_results: true,
                ..all
            },
            "a model that takes a level of thinking (Gemini 3 and later)",
        ),
        Dialect::Bedrock => (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            Abilities { reasoning: ReasoningStyle::Budget, ..all },
            "a model of Anthropic's that takes a budget of thinking",
        ),
        Dialect::Cohere => (
            "target-model",
            Abilities { reasoning: ReasoningStyle::Budget, ..all },
            "a model that takes a budget of thinking",
        ),
        Dialect::Ollama => (
            "target-model",
            Abilities { reasoning: ReasoningStyle::Toggle, ..all },
            "a model whose thinking can be switched",
        ),
    }
}

/// Reads a caller's body and writes it for an upstream, as the gateway does: between the same
/// dialects it is edited, else translated.
pub fn translate(caller: Dialect, upstream: Dialect, body: &[u8]) -> Result<Encoded, Fault> {
    let (name, abilities, _) = model(upstream);
    let quirks = Quirks::default();
    let target = Target::new(name, &quirks, &abilities);
    let addressed = Addressed { model: Some("m".to_owned()), stream: false };
    let surface = surface(caller);
    surface.read(body, &addressed)?;
    if !surface.passes(upstream) {
        let request = surface.decode(body, &addressed)?;
        return codec::encode_request(upstream, &request, &target, &[]);
    }
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    // The gateway tells the provider of an end user under another name.
    let user_identity = surface.read(body, &addressed)?.0.user.map(|_| "u-1".to_owned());
    match upstream {
        Dialect::OpenaiResponses => {
            let patch = openai_responses::RequestPatch { user_identity, ..Default::default() };
            openai_responses::patch_request(&envelope, &target, &patch)
        }
        Dialect::Anthropic => {
            let patch = anthropic::RequestPatch { user_identity, ..Default::default() };
            anthropic::patch_request_with(&envelope, &target, &patch)
        }
        Dialect::Gemini => gemini::patch_request(&envelope, &target, &Default::default()),
        _ => {
            let patch = openai_chat::RequestPatch { user_identity, ..Default::default() };
            openai_chat::patch_request(&envelope, &target, &patch)
        }
    }
}
