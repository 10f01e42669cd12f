//! Whose model an id names. One protocol carries all models here, but what goes into
//! `additionalModelRequestFields`, and what may stand beside what, is the maker's; the id tells the
//! maker. wire-formats 5.2

use crate::target::{ReasoningStyle, Target};

/// The makers whose models differ in what they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Claude.
    Anthropic,
    /// Nova.
    Amazon,
    /// Llama.
    Meta,
    Mistral,
    Writer,
    /// The open models, which take `reasoning_effort`.
    OpenaiOpen,
    Openai,
    Xai,
    Qwen,
    /// GLM and Kimi, which begin with any role.
    Patient,
    /// All others.
    Other,
}

impl Family {
    /// The maker of a target's model: the part of its id before the model's name
    /// (`[geo.]maker.model`), also inside a resource name. An application's own profile tells none;
    /// there the way it reasons tells Claude from the others.
    pub(super) fn of(target: &Target<'_>) -> Self {
        let name = target.model.rsplit('/').next().unwrap_or_default();
        for part in name.split('.').take(3) {
            let found = match part {
                "anthropic" => Self::Anthropic,
                // The older models of this maker are of another kind.
                "amazon" if name.contains("nova") => Self::Amazon,
                "meta" => Self::Meta,
                "mistral" => Self::Mistral,
                "writer" => Self::Writer,
                "openai" if name.contains("gpt-oss") => Self::OpenaiOpen,
                "openai" => Self::Openai,
                "xai" => Self::Xai,
                "qwen" => Self::Qwen,
                "zai" | "moonshot" | "moonshotai" => Self::Patient,
                _ => continue,
            };
            return found;
        }
        match target.abilities.reasoning {
            ReasoningStyle::Budget | ReasoningStyle::Adaptive => Self::Anthropic,
            _ => Self::Other,
        }
    }

    /// Whether a conversation may begin with the assistant.
    pub(super) const fn begins_with_any_role(self) -> bool {
        matches!(self, Self::Anthropic | Self::Qwen | Self::Patient)
    }

    /// Whether results of tools must stand alone in their message.
    pub(super) const fn results_stand_alone(self) -> bool {
        matches!(self, Self::Meta | Self::Mistral | Self::Writer)
    }

    /// Whether prompts can be cached; others fail on the marks. Bug 27
    pub(super) const fn caches(self) -> bool {
        matches!(self, Self::Anthropic | Self::Amazon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Abilities, Quirks};

    #[test]
    fn the_id_tells_the_maker_wherever_it_stands() {
        let quirks = Quirks::default();
        let plain = Abilities::default();
        let budget = Abilities { reasoning: ReasoningStyle::Budget, ..Abilities::default() };
        for (id, abilities, family) in [
            ("anthropic.claude-haiku-4-5-20251001-v1:0", &plain, Family::Anthropic),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", &plain, Family::Anthropic),
            ("us-gov.amazon.nova-pro-v1:0", &plain, Family::Amazon),
            ("openai.gpt-oss-120b-1:0", &plain, Family::OpenaiOpen),
            ("openai.gpt-5.6", &plain, Family::Openai),
            ("qwen.qwen3-32b-v1:0", &plain, Family::Qwen),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.meta.llama3-2-3b-v1:0",
                &plain,
                Family::Meta,
            ),
            ("arn:aws:bedrock:a:1:application-inference-profile/abc", &plain, Family::Other),
            ("arn:aws:bedrock:a:1:application-inference-profile/abc", &budget, Family::Anthropic),
            ("deepseek.v3-v1:0", &plain, Family::Other),
        ] {
            assert_eq!(Family::of(&Target::new(id, &quirks, abilities)), family, "{id}");
        }
    }
}
