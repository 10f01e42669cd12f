//! What an encoder must know of the endpoint it writes for, and a decoder of the request it
//! answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exchange::{Effort, Losses, Reasoning, SearchContext};
use crate::parameter::{Parameter, Parameters};

/// Deviations of a provider from the protocol it speaks: data of the catalogue, never a test for
/// a provider's name in a codec.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// What the output limit is called in OpenAI's dialect. Bug 23
    pub max_tokens_field: MaxTokensField,
    /// How usage is asked for in a stream of OpenAI's dialect. Bug 22
    pub stream_usage: StreamUsage,
    /// Top-level parameters the provider refuses; they are dropped. CHAT-4
    pub unsupported_parameters: Vec<String>,
    /// The provider does not know the role `developer`: send `system`.
    pub no_developer_role: bool,
    /// Unknown members of messages are refused (`reasoning_content`, `reasoning_details`,
    /// `annotations`, nulls): send only what the protocol defines. Bug 25
    pub strict_messages: bool,
    /// How reasoning of earlier turns goes back in OpenAI's dialect. Bug 21
    pub reasoning_replay: ReasoningReplay,
    /// How reasoning is asked for in OpenAI's dialect.
    pub reasoning_request: ReasoningRequest,
    /// Reasoning is billed that is not told, or told in a summary. STREAM-8
    pub hides_reasoning: bool,
    /// Tool call ids must have exactly nine letters or digits. Bug 6
    pub nine_character_tool_ids: bool,
    /// Tool call ids have at most 40 characters in chat completions, and 64 in OpenAI's Responses.
    pub short_tool_ids: bool,
    /// A content of texts alone must be one string: an array of parts is refused.
    pub text_as_string: bool,
    /// `seed` is called `random_seed`.
    pub random_seed: bool,
    /// `tool_choice: "required"` is called `any`. Bug 30
    pub tool_choice_any: bool,
    /// A user message may not follow a tool message: an assistant message stands between.
    pub no_user_after_tool: bool,
    /// `image_url` is a plain string.
    pub plain_image_url: bool,
    /// The stream may end without any finish reason.
    pub no_finish_reason: bool,
    /// Reasoning tokens come on top of completion tokens instead of inside them.
    pub reasoning_tokens_on_top: bool,
    /// `response_format: json_schema` is refused: `json_object` is sent instead.
    pub no_json_schema: bool,
    /// `cache_control` marks are understood in OpenAI's dialect. PCACHE-1
    pub cache_control: bool,
    /// A prefilled assistant message needs `prefix: true`.
    pub prefix_flag: bool,
    /// The content begins with the reasoning, between `<think>` and `</think>`.
    pub think_tags: bool,
    /// Parts of messages may carry `prompt_cache_breakpoint`. PCACHE-5
    pub cache_breakpoints: bool,
    /// Media must come as bytes: URLs are refused.
    pub no_media_urls: bool,
    /// Function calls and results carry no ids (Gemini on Vertex).
    pub no_function_call_ids: bool,
    /// Where the address names the model of a request in Anthropic's dialect: the version of the
    /// protocol, which is then `anthropic_version` of the body, and there is no `model`.
    /// wire-formats 4
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anthropic_version: Option<String>,
}

impl Quirks {
    /// Whether it is another router, which knows the members that speak to one.
    pub fn is_router(&self) -> bool {
        self.reasoning_replay == ReasoningReplay::ReasoningDetails
    }
}

/// What the output limit is called in OpenAI's dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// As the caller wrote it.
    #[default]
    AsSent,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How usage is asked for in a stream of OpenAI's dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamUsage {
    /// `stream_options: {"include_usage": true}`.
    #[default]
    StreamOptions,
    /// It comes by itself; `stream_options` is refused.
    Always,
}

/// How reasoning of earlier turns goes back in OpenAI's dialect. wire-formats 12.4
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningReplay {
    /// It is dropped.
    #[default]
    Drop,
    /// As `reasoning_content`; an empty string on tool-calling turns that have none.
    ReasoningContent,
    /// As `reasoning`.
    Reasoning,
    /// As `reasoning_details`, unmodified (another router).
    ReasoningDetails,
    /// As `<think>` tags in the content.
    ThinkTags,
}

/// How reasoning is asked for in OpenAI's dialect. REASON-6
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningRequest {
    /// `reasoning_effort`.
    #[default]
    Effort,
    /// The `reasoning` object (another router).
    Reasoning,
    /// `thinking: {type: enabled|disabled}`.
    ThinkingType,
    /// `thinking: {type}` together with `reasoning_effort`: of these what the model has.
    ThinkingTypeAndEffort,
    /// `enable_thinking` and `thinking_budget`.
    EnableThinking,
    /// `chat_template_kwargs: {enable_thinking}`.
    ChatTemplate,
    /// Nothing can be asked for.
    None,
}

/// What one endpoint's model can do, as far as it changes what is written on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Abilities {
    /// The most tokens it can generate; Anthropic needs a number even if the caller sent none.
    pub max_output_tokens: Option<u64>,
    /// How it reasons.
    pub reasoning: ReasoningStyle,
    /// The efforts it knows; empty means all.
    pub efforts: Vec<Effort>,
    /// Reasoning cannot be switched off. REASON-13
    pub reasoning_mandatory: bool,
    /// It reasons unless told not to.
    pub reasoning_default_on: bool,
    /// Switched off, it still reasons between calls of tools, and must be told just that.
    /// wire-formats 2.6
    pub reasoning_between_tools: bool,
    /// Sampling parameters are accepted. Bug 24
    pub sampling: bool,
    /// Sampling parameters and log probabilities are accepted while it reasons, too.
    pub sampling_while_reasoning: bool,
    /// `temperature` and `top_p` may be sent together.
    pub temperature_with_top_p: bool,
    /// A forced tool choice is accepted. Bug 18
    pub forced_tool_choice: bool,
    /// A forced tool choice is accepted while it reasons, too.
    pub forced_tool_choice_while_reasoning: bool,
    /// A schema for the answer is enforced natively; otherwise it is emulated.
    pub structured_output: bool,
    /// System messages in mid-conversation are honoured.
    pub inline_system: bool,
    /// The system prompt has a place of its own.
    pub system_prompt: bool,
    /// A final assistant message is continued. CHAT-8
    pub prefill: bool,
    /// Function tools are understood.
    pub tools: bool,
    /// Thought signatures are required on replayed function calls (Gemini 3 and later). Bug 7
    pub thought_signatures: bool,
    /// Function results may carry media (Gemini 3 and later).
    pub media_in_tool_results: bool,
    /// Tools and a response schema may be combined (Gemini 3 and later).
    pub tools_with_schema: bool,
    /// Presence and frequency penalties are accepted.
    pub penalties: bool,
    /// Log probabilities are accepted.
    pub logprobs: bool,
    /// It answers only in OpenAI's Responses, not in chat completions.
    pub responses_only: bool,
    /// While it reasons it takes tools only in OpenAI's Responses, not in chat completions.
    pub tools_in_responses: bool,
    /// It answers only in chat completions, not in OpenAI's Responses.
    pub chat_only: bool,
    /// The least budget of thinking that is accepted, in tokens.
    pub least_budget: u64,
    /// Messages may have a `name` beside their content, in chat completions. CHAT-7
    pub speaker_names: bool,
    /// A request that searches costs one search, however many there are (Gemini before 3).
    pub one_search_price: bool,
    /// It is the fast mode of the model it is called upstream, and is asked for by Anthropic's
    /// `speed`. TIER-10
    pub fast_mode: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            max_output_tokens: None,
            reasoning: ReasoningStyle::None,
            efforts: Vec::new(),
            reasoning_mandatory: false,
            reasoning_default_on: false,
            reasoning_between_tools: false,
            sampling: true,
            sampling_while_reasoning: true,
            temperature_with_top_p: true,
            forced_tool_choice: true,
            forced_tool_choice_while_reasoning: true,
            structured_output: true,
            inline_system: false,
            system_prompt: true,
            prefill: true,
            tools: true,
            thought_signatures: false,
            media_in_tool_results: false,
            tools_with_schema: true,
            penalties: true,
            logprobs: true,
            responses_only: false,
            tools_in_responses: false,
            chat_only: false,
            least_budget: 128,
            speaker_names: true,
            one_search_price: false,
            fast_mode: false,
        }
    }
}

impl Abilities {
    /// Whether it reasons about a request that asks for this.
    pub fn reasons(&self, asked: Option<&Reasoning>) -> bool {
        self.reasoning_mandatory
            || match asked.and_then(Reasoning::wanted) {
                Some(wanted) => wanted && self.reasoning != ReasoningStyle::None,
                None => self.reasoning_default_on,
            }
    }

    /// Whether a forced tool choice may be sent with a request that asks for this. Bug 18
    pub fn forces_tool_choice(&self, asked: Option<&Reasoning>) -> bool {
        self.forced_tool_choice && (self.forced_tool_choice_while_reasoning || !self.reasons(asked))
    }

    /// Why sampling parameters must not be sent with a request that asks for this; `None` if they
    /// may. Bug 24
    pub fn sampling_refusal(&self, asked: Option<&Reasoning>) -> Option<&'static str> {
        if !self.sampling {
            Some("the model takes no sampling parameters")
        } else if !self.sampling_while_reasoning && self.reasons(asked) {
            Some("sampling parameters are refused while the model reasons")
        } else {
            None
        }
    }

    /// Whether log probabilities may be asked for with a request that asks for this.
    pub fn tells_logprobs(&self, asked: Option<&Reasoning>) -> bool {
        self.logprobs && (self.sampling_while_reasoning || !self.reasons(asked))
    }
}

/// How a model reasons, as far as the request differs. wire-formats 2.6, 3.6
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningStyle {
    /// It does not.
    #[default]
    None,
    /// It takes an effort.
    Effort,
    /// It takes a budget in tokens.
    Budget,
    /// Anthropic's adaptive thinking with an effort.
    Adaptive,
    /// Gemini's thinking level.
    Level,
    /// It can only be switched on and off.
    Toggle,
}

/// What an encoder writes for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// The provider's deviations.
    pub quirks: &'a Quirks,
    /// What the model can do.
    pub abilities: &'a Abilities,
    /// The parameters the endpoint is known to support. None at all means that nobody knows, and
    /// everything is sent. CHAT-4
    pub parameters: Parameters,
    /// The service tier to ask for, whatever the caller wrote; `None`: as written. TIER-2
    pub tier: Option<Tier>,
    /// Zero retention is asked for: the provider is not told to keep any of the prompt, not even
    /// for its cache.
    pub keeps_nothing: bool,
}

impl<'a> Target<'a> {
    /// An endpoint whose parameters nobody listed.
    pub const fn new(model: &'a str, quirks: &'a Quirks, abilities: &'a Abilities) -> Self {
        Self {
            model,
            quirks,
            abilities,
            parameters: Parameters::NONE,
            tier: None,
            keeps_nothing: false,
        }
    }

    /// The tier to write for what the caller wrote. Another tier than that of the endpoint would be
    /// served at a price that is not the endpoint's, so it is not passed on. TIER-2, TIER-6
    pub fn tier_for<'w>(&self, written: Option<&'w str>) -> Option<&'w str> {
        match self.tier {
            None => written,
            Some(Tier::Flex) => Some("flex"),
            Some(Tier::Priority) => Some("priority"),
            Some(Tier::Default) => written
                .filter(|tier| matches!(*tier, "auto" | "default" | "standard" | "standard_only")),
        }
    }

    /// Why a member must not be sent with the value it has, since a provider would keep what was
    /// said; `None` if it may.
    pub fn retention(&self, name: &str, value: &str) -> Option<&'static str> {
        match name {
            "store" if value == "true" => Some("no provider is told to keep anything"),
            "prompt_cache_retention" if self.keeps_nothing && value != "null" => {
                Some("zero retention is asked for")
            }
            _ => None,
        }
    }

    /// Whether tools are understood; where not, they are told in words. CHAT-9
    pub fn takes_tools(&self) -> bool {
        self.abilities.tools && self.refusal("tools").is_none()
    }

    /// Why a parameter, by its name in OpenAI's dialect, must not be sent; `None` if it may. Names
    /// outside the vocabulary are the business of the provider that knows them. CHAT-3, CHAT-4
    pub fn refusal(&self, name: &str) -> Option<&'static str> {
        if self.quirks.unsupported_parameters.iter().any(|refused| refused == name) {
            return Some("the provider does not take it");
        }
        let parameter = Parameter::from_name(name)?;
        let known = self.parameters;
        let supported = known.is_empty() || spellings(parameter).iter().any(|it| known.has(*it));
        (!supported).then_some("the endpoint does not support it")
    }
}

/// The parameters of which one is enough: spellings of the same thing count as one.
fn spellings(parameter: Parameter) -> &'static [Parameter] {
    use Parameter as P;
    const LIMIT: &[P] = &[P::MaxTokens, P::MaxCompletionTokens];
    const REASONING: &[P] = &[P::Reasoning, P::ReasoningEffort, P::IncludeReasoning];
    const FORMAT: &[P] = &[P::ResponseFormat, P::StructuredOutputs];
    match parameter {
        P::MaxTokens | P::MaxCompletionTokens => LIMIT,
        P::Reasoning | P::ReasoningEffort | P::IncludeReasoning => REASONING,
        P::ResponseFormat | P::StructuredOutputs => FORMAT,
        // A list of one, from the list of all, which is in the order of the variants.
        other => Parameter::ALL.get(other as usize..=other as usize).unwrap_or_default(),
    }
}

/// A service tier that a provider can be asked for. TIER-1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The ordinary one.
    Default,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
}

/// A request written for an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Headers the protocol needs for this request, lower-case names (`anthropic-beta`).
    pub headers: Vec<(&'static str, String)>,
    /// What could not be carried.
    pub losses: Losses,
    /// What the decoder of the answer must know.
    pub context: ResponseContext,
}

/// What the decoder of an answer must know of the request as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseContext {
    /// Tool names that had to be changed: as the caller declared them, by the name as sent. Bug 28
    pub tool_names: BTreeMap<String, String>,
    /// The name of the tool that stands for the structured output, if it is emulated: its input is
    /// the content, and the caller must never see the call. Bug 13
    pub emulated_output_tool: Option<String>,
    /// Tools that were told in words: calls of them are read in the text of the answer. CHAT-9
    pub tools_in_words: Vec<String>,
    /// The stream may end without a finish reason; from [`Quirks::no_finish_reason`].
    pub no_finish_reason: bool,
    /// From [`Quirks::reasoning_tokens_on_top`].
    pub reasoning_tokens_on_top: bool,
    /// How much of what is found on the web was asked for.
    pub search_context: Option<SearchContext>,
    /// The caller knows no tools: a call is told as `function_call` of the chat surface.
    pub calls_as_function: bool,
    /// Tools that take a text, as the chat surface has them, by their names.
    pub custom_tools: Vec<String>,
    /// Reasoning is left out of the answer. REASON-4
    pub exclude_reasoning: bool,
    /// From [`Quirks::think_tags`].
    pub think_tags: bool,
    /// How the caller's prefill began, for providers that repeat it.
    pub prefill: Option<String>,
    /// The request was written anew, not edited: its answer is one to that writing, and is
    /// translated back even where caller and provider speak the same protocol.
    pub rewritten: bool,
}

impl ResponseContext {
    /// The caller's name of a tool the provider calls.
    pub fn declared_name<'n>(&'n self, sent: &'n str) -> &'n str {
        self.tool_names.get(sent).map_or(sent, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Block, Request, Role, Tool, ToolChoice, ToolKind, Turn};
    use crate::{Dialect, codec};

    const DIALECTS: [Dialect; 7] = [
        Dialect::OpenaiChat,
        Dialect::OpenaiResponses,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Bedrock,
        Dialect::Cohere,
        Dialect::Ollama,
    ];

    fn asking(effort: Option<Effort>) -> Request {
        Request {
            turns: vec![Turn::new(Role::User, vec![Block::text("hi")])],
            reasoning: effort
                .map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }),
            ..Request::default()
        }
    }

    fn written(dialect: Dialect, request: &Request, abilities: &Abilities) -> String {
        let quirks = Quirks::default();
        let target = Target::new("m", &quirks, abilities);
        let encoded = codec::encode_request(dialect, request, &target, &[]).unwrap();
        String::from_utf8(encoded.body).unwrap()
    }

    /// By what is asked for, and whether the model reasons unless told not to.
    fn reasons() -> [(Option<Effort>, bool, bool); 6] {
        [
            (None, false, false),
            (None, true, true),
            (Some(Effort::None), false, false),
            (Some(Effort::None), true, false),
            (Some(Effort::Low), false, true),
            (Some(Effort::Low), true, true),
        ]
    }

    /// Bug 24
    #[test]
    fn what_is_refused_while_a_model_reasons_is_sent_when_it_does_not() {
        for dialect in DIALECTS {
            for (effort, reasoning_default_on, reasons) in reasons() {
                let abilities = Abilities {
                    reasoning: ReasoningStyle::Effort,
                    reasoning_default_on,
                    sampling_while_reasoning: false,
                    ..Abilities::default()
                };
                let mut request = asking(effort);
                request.sampling.temperature = Some(0.5);
                let sent = written(dialect, &request, &abilities).contains("\"temperature\"");
                assert_eq!(sent, !reasons, "{dialect:?} {effort:?} {reasoning_default_on}");
            }
        }
    }

    /// Bug 18
    #[test]
    fn a_choice_that_cannot_be_forced_while_a_model_reasons_is_forced_when_it_does_not() {
        for (dialect, forced) in [
            (Dialect::OpenaiChat, r#""tool_choice":"required""#),
            (Dialect::OpenaiResponses, r#""tool_choice":"required""#),
            (Dialect::Anthropic, r#""tool_choice":{"type":"any"}"#),
            (Dialect::Gemini, r#""mode":"ANY""#),
            (Dialect::Bedrock, r#""toolChoice":{"any":{}}"#),
            (Dialect::Cohere, r#""tool_choice":"REQUIRED""#),
        ] {
            for (effort, reasoning_default_on, reasons) in reasons() {
                let abilities = Abilities {
                    reasoning: ReasoningStyle::Effort,
                    reasoning_default_on,
                    forced_tool_choice_while_reasoning: false,
                    ..Abilities::default()
                };
                let tool = ToolKind::Function {
                    name: "look".to_owned(),
                    description: None,
                    parameters: None,
                    strict: None,
                };
                let request = Request {
                    tools: vec![Tool { kind: tool, cache: None, extras: Default::default() }],
                    tool_choice: Some(ToolChoice::Required),
                    ..asking(effort)
                };
                let body = written(dialect, &request, &abilities);
                assert_eq!(body.contains(forced), !reasons, "{dialect:?} {effort:?} {body}");
            }
        }
    }
}
