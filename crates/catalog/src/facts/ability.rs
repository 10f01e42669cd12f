//! What models can do: an ordered table of rules.

use protocol::Dialect;
use protocol::exchange::Effort;
use protocol::target::{Abilities, ReasoningStyle};
use serde::{Deserialize, Serialize};

use super::{FactsError, Pattern};
use crate::{Parameters, PicoUsd};

/// An ordered table of rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbilityRules {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// What a rule is matched against.
#[derive(Clone, Copy, Debug)]
pub struct AbilityScope<'a> {
    /// The model's id; a static variant is ignored.
    pub model: &'a str,
    /// The provider's slug.
    pub provider: &'a str,
    /// The protocol the provider speaks.
    pub dialect: Dialect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    models: Vec<Pattern>,
    /// Models that a pattern above matches, and that are not meant.
    #[serde(default)]
    except: Vec<Pattern>,
    #[serde(default)]
    providers: Vec<String>,
    #[serde(default)]
    dialects: Vec<Dialect>,
    /// The most tokens the model can generate, for endpoints that do not say.
    max_output_tokens: Option<u64>,
    /// The model reasons if any of its endpoints says so, not only if most do.
    #[serde(default)]
    reasons: bool,
    /// The efforts that every host of the model takes, for endpoints that do not say.
    #[serde(default)]
    efforts: Vec<Effort>,
    /// Parameters that may be sent, though no source lists them.
    #[serde(default)]
    takes: Parameters,
    /// Each request searches, and nobody counts it: the price of a search is one of the request.
    #[serde(default)]
    searches_always: bool,
    /// What a request costs by how much of what it finds comes into the prompt, in place of the
    /// fees that sources have.
    request_fees: Option<RequestFees>,
    /// Parameters that are refused, though a source lists them.
    #[serde(default)]
    refuses: Parameters,
    #[serde(default)]
    set: AbilityChange,
}

/// Fees of a request in dollars, by how much of what it finds on the web comes into the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFees {
    /// Little: where nothing else is asked for.
    pub low: PicoUsd,
    /// More.
    pub medium: PicoUsd,
    /// Much.
    pub high: PicoUsd,
}

impl Rule {
    fn matches(&self, scope: AbilityScope<'_>) -> bool {
        let model = scope.model.split(':').next().unwrap_or_default();
        self.models.iter().any(|pattern| pattern.matches(model))
            && !self.except.iter().any(|pattern| pattern.matches(model))
            && (self.providers.is_empty()
                || self.providers.iter().any(|provider| provider == scope.provider))
            && (self.dialects.is_empty() || self.dialects.contains(&scope.dialect))
    }
}

macro_rules! change {
    ($($field:ident: $type:ty),* $(,)?) => {
        /// Some abilities, to be set over others: the fields of
        /// [`Abilities`](protocol::target::Abilities) except for the output limit, which is the
        /// endpoint's.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct AbilityChange {
            $(#[serde(skip_serializing_if = "Option::is_none")] $field: Option<$type>),*
        }

        impl AbilityChange {
            /// Sets the abilities that are named.
            pub fn apply(&self, abilities: &mut Abilities) {
                $(if let Some(value) = &self.$field { abilities.$field.clone_from(value); })*
            }
        }
    };
}

change! {
    reasoning: ReasoningStyle,
    efforts: Vec<Effort>,
    reasoning_mandatory: bool,
    reasoning_default_on: bool,
    reasoning_between_tools: bool,
    sampling: bool,
    sampling_while_reasoning: bool,
    temperature_with_top_p: bool,
    forced_tool_choice: bool,
    forced_tool_choice_while_reasoning: bool,
    structured_output: bool,
    inline_system: bool,
    system_prompt: bool,
    prefill: bool,
    tools: bool,
    thought_signatures: bool,
    media_in_tool_results: bool,
    tools_with_schema: bool,
    penalties: bool,
    logprobs: bool,
    responses_only: bool,
    tools_in_responses: bool,
    chat_only: bool,
    least_budget: u64,
    speaker_names: bool,
    one_search_price: bool,
    fast_mode: bool,
}

impl AbilityRules {
    /// Reads the table.
    pub fn parse(text: &str) -> Result<Self, FactsError> {
        toml::from_str(text)
            .map_err(|error| FactsError { table: "abilities", reason: error.to_string() })
    }

    /// Whether a model reasons if any of its endpoints says so.
    pub fn knows_to_reason(&self, model: &str) -> bool {
        let says = |rule: &Rule| rule.models.iter().any(|pattern| pattern.matches(model));
        self.rule.iter().any(|rule| rule.reasons && says(rule))
    }

    /// Sets what the rules know of a model at a provider.
    pub fn apply(&self, scope: AbilityScope<'_>, abilities: &mut Abilities) {
        let stated = abilities.max_output_tokens;
        for rule in self.rule.iter().filter(|rule| rule.matches(scope)) {
            if rule.max_output_tokens.is_some() {
                abilities.max_output_tokens = stated.or(rule.max_output_tokens);
            }
            if abilities.efforts.is_empty() {
                abilities.efforts.clone_from(&rule.efforts);
            }
            rule.set.apply(abilities);
        }
    }

    /// The parameters that the rules know a model takes at a provider, beyond those its sources list.
    pub fn taken(&self, scope: AbilityScope<'_>) -> Parameters {
        let matching = self.rule.iter().filter(|rule| rule.matches(scope));
        matching.fold(Parameters::NONE, |taken, rule| taken.or(rule.takes))
    }

    /// Whether each request to a model searches, without being counted.
    pub fn searches_always(&self, scope: AbilityScope<'_>) -> bool {
        self.rule.iter().any(|rule| rule.searches_always && rule.matches(scope))
    }

    /// What a request to a model costs by how much of what it finds comes into the prompt, where that
    /// is known.
    pub fn request_fees(&self, scope: AbilityScope<'_>) -> Option<RequestFees> {
        self.rule.iter().rev().filter(|rule| rule.matches(scope)).find_map(|rule| rule.request_fees)
    }

    /// The parameters that the rules know a model refuses at a provider, whatever its sources list.
    pub fn refused(&self, scope: AbilityScope<'_>) -> Parameters {
        let matching = self.rule.iter().filter(|rule| rule.matches(scope));
        matching.fold(Parameters::NONE, |refused, rule| refused.or(rule.refuses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;

    fn abilities(model: &str, provider: &str, dialect: Dialect) -> Abilities {
        let mut abilities = Abilities::default();
        let rules = AbilityRules::parse(crate::facts::ABILITIES).unwrap();
        rules.apply(AbilityScope { model, provider, dialect }, &mut abilities);
        abilities
    }

    /// wire-formats 2.6
    #[test]
    fn claude_generations_differ() {
        let claude =
            |name: &str| abilities(&format!("anthropic/{name}"), "anthropic", Dialect::Anthropic);
        let old = claude("claude-sonnet-4.5");
        assert_eq!(old.reasoning, ReasoningStyle::Budget);
        assert!(old.sampling && old.prefill && old.structured_output && old.forced_tool_choice);
        assert!(!claude("claude-sonnet-4").structured_output);
        let middle = claude("claude-opus-4.6");
        assert_eq!(middle.reasoning, ReasoningStyle::Adaptive);
        assert!(middle.sampling && !middle.prefill && !middle.reasoning_default_on);
        assert!(!middle.efforts.contains(&Effort::Xhigh));
        let new = claude("claude-opus-5");
        assert!(!new.sampling && new.reasoning_default_on && !new.reasoning_mandatory);
        assert!(new.forced_tool_choice && new.efforts.contains(&Effort::Xhigh));
        assert!(!new.reasoning_between_tools);
        let between = claude("claude-sonnet-5.5");
        assert!(between.reasoning_between_tools && !between.reasoning_mandatory);
        let newest = claude("claude-opus-5.5");
        assert!(newest.reasoning_mandatory && !newest.forced_tool_choice);
        assert!(claude("claude-fable-5").forced_tool_choice);
        assert_eq!(claude("claude-3-haiku").reasoning, ReasoningStyle::None);
    }

    /// CHAT-4: lists have what the vendors refuse.
    #[test]
    fn what_is_refused_whatever_the_lists_say() {
        let rules = AbilityRules::parse(crate::facts::ABILITIES).unwrap();
        let scope =
            |model, provider| AbilityScope { model, provider, dialect: Dialect::OpenaiChat };
        for (model, provider, stops) in [
            ("openai/gpt-5.2", "openai", false),
            ("openai/gpt-5-chat", "openai", true),
            ("openai/gpt-4.1", "openai", true),
            ("x-ai/grok-4.6", "xai", false),
            ("x-ai/grok-4.20-0309-non-reasoning", "xai", true),
            ("x-ai/grok-2-1212", "xai", true),
        ] {
            let refused = rules.refused(scope(model, provider));
            assert_eq!(!refused.has(Parameter::Stop), stops, "{model}");
        }
        let mistral = abilities("mistralai/mistral-medium-3-5", "mistral", Dialect::OpenaiChat);
        assert_eq!(mistral.efforts, [Effort::None, Effort::High]);
        let tools = |model| abilities(model, "openai", Dialect::OpenaiChat).tools_in_responses;
        assert!(tools("openai/gpt-5.6") && !tools("openai/gpt-5.2"));
    }

    /// CHAT-3, PROV-9
    #[test]
    fn verbosity_is_taken_where_it_is_mapped_or_known() {
        let rules = AbilityRules::parse(crate::facts::ABILITIES).unwrap();
        let takes = |model: &str, provider: &str, dialect| {
            rules.taken(AbilityScope { model, provider, dialect }).has(Parameter::Verbosity)
        };
        let (chat, messages) = (Dialect::OpenaiChat, Dialect::Anthropic);
        for (model, provider, dialect, expected) in [
            ("openai/gpt-5", "openai", chat, true),
            ("openai/gpt-5.6", "azure", chat, true),
            ("openai/gpt-5.3-codex", "openai", chat, true),
            ("openai/gpt-6-sol", "openai", chat, true),
            ("openai/gpt-5-chat", "openai", chat, false),
            ("openai/gpt-5-codex", "openai", chat, false),
            ("openai/gpt-5", "databricks", chat, false),
            ("openai/gpt-4o", "openai", chat, false),
            ("anthropic/claude-opus-4.6", "anthropic", messages, true),
            ("anthropic/claude-sonnet-5", "google-vertex", messages, true),
            ("anthropic/claude-opus-4.6", "deepinfra", chat, false),
            ("anthropic/claude-sonnet-4.5", "anthropic", messages, false),
        ] {
            assert_eq!(takes(model, provider, dialect), expected, "{model} {provider}");
        }
    }

    /// wire-formats 2.6
    #[test]
    fn the_limit_of_a_model_holds_where_the_endpoint_has_none() {
        let limit = |name: &str, stated| {
            let mut found = Abilities { max_output_tokens: stated, ..Abilities::default() };
            let model = format!("anthropic/{name}");
            let (provider, dialect) = ("anthropic", Dialect::Anthropic);
            let rules = AbilityRules::parse(crate::facts::ABILITIES).unwrap();
            rules.apply(AbilityScope { model: &model, provider, dialect }, &mut found);
            found.max_output_tokens
        };
        for (name, expected) in [
            ("claude-3-opus", 4_096),
            ("claude-3.5-sonnet", 8_192),
            ("claude-3.7-sonnet", 64_000),
            ("claude-opus-4", 32_000),
            ("claude-opus-4.1", 32_000),
            ("claude-sonnet-4.5", 64_000),
            ("claude-opus-4.5", 64_000),
            ("claude-opus-4.6-fast", 128_000),
            ("claude-sonnet-5.5", 128_000),
            ("claude-fable-5.2", 128_000),
        ] {
            assert_eq!(limit(name, None), Some(expected), "{name}");
            assert_eq!(limit(name, Some(1_000)), Some(1_000), "{name}");
        }
    }

    /// wire-formats 5.2
    #[test]
    fn schemas_are_enforced_at_bedrock_by_some_models() {
        let enforces =
            |model: &str| abilities(model, "amazon-bedrock", Dialect::Bedrock).structured_output;
        for model in [
            "anthropic/claude-sonnet-4.5",
            "anthropic/claude-fable-5.2",
            "z-ai/glm-4.7",
            "moonshotai/kimi-k2.5",
            "qwen/qwen3-32b",
            "mistralai/mistral-large-2512",
            "minimax/minimax-m2.1",
            "google/gemma-3-27b-it",
        ] {
            assert!(enforces(model), "{model}");
        }
        for model in [
            "anthropic/claude-opus-4.1",
            "anthropic/claude-3.5-sonnet",
            "amazon/nova-pro-v1",
            "nvidia/nemotron-nano-9b-v2",
            "deepseek/deepseek-v3.2",
            "openai/gpt-oss-120b",
            "mistralai/ministral-8b-2512",
            "google/gemma-3-4b-it",
        ] {
            assert!(!enforces(model), "{model}");
        }
    }

    /// wire-formats 3.1
    #[test]
    fn gemini_2_5_takes_penalties_on_vertex_alone() {
        for (provider, expected) in [("google-ai-studio", false), ("google-vertex", true)] {
            let found = abilities("google/gemini-2.5-pro", provider, Dialect::Gemini);
            assert_eq!(found.penalties, expected, "{provider}");
        }
        assert!(abilities("google/gemini-3-pro", "google-ai-studio", Dialect::Gemini).penalties);
    }

    /// wire-formats 3.6
    #[test]
    fn gemini_takes_a_budget_before_three_and_a_level_from_three_on() {
        let gemini =
            |name: &str| abilities(&format!("google/{name}"), "google-ai-studio", Dialect::Gemini);
        let old = gemini("gemini-2.5-pro");
        assert_eq!(old.reasoning, ReasoningStyle::Budget);
        assert!(old.reasoning_mandatory && !old.thought_signatures);
        assert!(!gemini("gemini-2.5-flash").reasoning_mandatory);
        assert_eq!(gemini("gemini-2.5-flash-image").reasoning, ReasoningStyle::None);
        let new = gemini("gemini-3-pro");
        assert_eq!(new.reasoning, ReasoningStyle::Level);
        assert_eq!(new.efforts, vec![Effort::Low, Effort::High]);
        assert!(new.thought_signatures && new.media_in_tool_results && new.tools_with_schema);
        assert!(!gemini("gemma-3-27b-it").system_prompt);
    }

    /// wire-formats 9.1
    #[test]
    fn openai_efforts_differ_by_model() {
        let efforts = |name: &str| {
            abilities(&format!("openai/{name}"), "openai", Dialect::OpenaiChat).efforts
        };
        assert_eq!(efforts("o3"), vec![Effort::Low, Effort::Medium, Effort::High]);
        assert_eq!(efforts("gpt-5")[0], Effort::Minimal);
        assert_eq!(efforts("gpt-5-pro"), vec![Effort::High]);
        assert!(efforts("gpt-5.1").contains(&Effort::None));
        assert!(efforts("gpt-5.6").contains(&Effort::Max));
        assert!(!efforts("gpt-6-astra").contains(&Effort::None));
        assert!(efforts("gpt-4o").is_empty());
    }

    /// Bug 24
    #[test]
    fn openai_samples_where_it_does_not_reason() {
        let openai =
            |name: &str| abilities(&format!("openai/{name}"), "openai", Dialect::OpenaiChat);
        for name in ["gpt-5.1", "gpt-5.2", "gpt-5.4-mini"] {
            let found = openai(name);
            assert!(found.sampling && !found.sampling_while_reasoning, "{name}");
            assert!(!found.reasoning_default_on && !found.penalties, "{name}");
        }
        for name in
            ["o3", "gpt-5", "gpt-5.1-codex", "gpt-5.2-chat", "gpt-5.4-pro", "gpt-5.5", "gpt-6-sol"]
        {
            assert!(!openai(name).sampling, "{name}");
        }
        let plain = openai("gpt-4o");
        assert!(plain.sampling && plain.sampling_while_reasoning);
    }

    /// wire-formats 11
    #[test]
    fn deepseek_and_kimi_take_few_efforts() {
        use Effort::{High, Low, Max, None as Off};
        let chat = |model: &str, provider: &str| abilities(model, provider, Dialect::OpenaiChat);
        let own = chat("deepseek/deepseek-v4-pro", "deepseek");
        assert_eq!(own.efforts, [Off, Low, High, Max]);
        assert!(own.forced_tool_choice && !own.forced_tool_choice_while_reasoning);
        assert!(!chat("deepseek/deepseek-r1", "deepseek").forced_tool_choice);
        assert_eq!(chat("deepseek/deepseek-v4-flash", "fireworks").efforts, [High, Max]);
        assert_eq!(chat("deepseek/deepseek-v4.1-flash", "modal").efforts, [Low, High, Max]);
        let kimi = chat("moonshotai/kimi-k3", "moonshotai");
        assert_eq!(kimi.efforts, [Low, High, Max]);
        assert!(kimi.reasoning_mandatory && kimi.reasoning_default_on);
        assert!(!chat("moonshotai/kimi-k3", "venice").reasoning_mandatory);
        // What an endpoint says of itself stands.
        let mut stated = Abilities { efforts: vec![Off, High], ..Abilities::default() };
        let scope = AbilityScope {
            model: "moonshotai/kimi-k3",
            provider: "venice",
            dialect: Dialect::OpenaiChat,
        };
        AbilityRules::parse(crate::facts::ABILITIES).unwrap().apply(scope, &mut stated);
        assert_eq!(stated.efforts, [Off, High]);
    }

    #[test]
    fn a_static_variant_can_do_what_its_model_can() {
        let free = abilities("openai/gpt-oss-120b:free", "nvidia", Dialect::OpenaiChat);
        assert!(free.reasoning_mandatory);
    }
}
