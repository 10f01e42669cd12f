//! Members that are ours but for the case of their letters.
//!
//! Some readers match names without case, and let the last one win: with `Model` beside `model` a
//! provider could serve another model than was checked and is paid for.

use crate::json::Envelope;
use crate::openai_chat::knows_parameter;

use super::Surface;

/// Members of requests beside those that the chat surface checks: what is read, edited, removed or
/// has a price on any surface.
const KNOWN: [&str; 83] = [
    "anthropic_version",
    "background",
    "best_of",
    "betas",
    "cachedContent",
    "cached_content",
    "chat_template_kwargs",
    "container",
    "contents",
    "context_management",
    "conversation",
    "debug",
    "dimensions",
    "documents",
    "echo",
    "embedding_types",
    "enable_thinking",
    "encoding_format",
    "extra_body",
    "fallbacks",
    "function_call",
    "functions",
    "generationConfig",
    "generation_config",
    "images",
    "include",
    "inference_geo",
    "input",
    "input_type",
    "inputs",
    "instructions",
    "labels",
    "max_cost",
    "max_output_tokens",
    "max_tokens_per_doc",
    "max_tool_calls",
    "mcp_servers",
    "models",
    "moderation",
    "outputDimensionality",
    "output_config",
    "output_dimension",
    "output_dtype",
    "output_format",
    "plugins",
    "preset",
    "previous_response_id",
    "prompt_cache_options",
    "prompt_cache_retention",
    "provider",
    "query",
    "random_seed",
    "return_documents",
    "route",
    "safetySettings",
    "safety_settings",
    "serviceTier",
    "session_id",
    "speed",
    "stop_sequences",
    "stop_server_tools_when",
    "store",
    "structured_outputs",
    "suffix",
    "system",
    "systemInstruction",
    "system_instruction",
    "task",
    "taskType",
    "task_type",
    "text",
    "texts",
    "thinking",
    "thinking_budget",
    "toolConfig",
    "tool_config",
    "top_logprobs",
    "top_n",
    "trace",
    "transforms",
    "truncation",
    "usage",
    "web_search_options",
];

impl Surface {
    /// A body without the members that equal a known one but for the case of their letters; `None`
    /// where there are none, which costs a look at each name.
    pub fn without_case_doubles(self, envelope: &Envelope<'_>) -> Option<Vec<u8>> {
        let doubles: Vec<String> = envelope
            .members()
            .map(|(name, _)| name)
            .filter(|name| self.is_case_double(name))
            .map(str::to_owned)
            .collect();
        if doubles.is_empty() {
            return None;
        }
        let mut edit = envelope.edit();
        for name in doubles {
            edit.remove(name);
        }
        Some(edit.finish())
    }

    fn is_case_double(self, name: &str) -> bool {
        // Google's names have letters of both cases; all others are of small ones alone.
        let plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
        if self != Self::Gemini && name.bytes().all(plain) {
            return false;
        }
        if knows(name) {
            return false;
        }
        let folded = folded(name);
        knows(&folded) || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(&folded))
    }
}

fn knows(name: &str) -> bool {
    KNOWN.contains(&name) || knows_parameter(name)
}

/// A name without case: letters outside ASCII whose other case is inside of it are that letter too.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(surface: Surface, body: &str) -> Option<String> {
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        surface.without_case_doubles(&envelope).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn what_a_reader_without_case_would_take_for_a_known_member_is_dropped() {
        let all = [
            Surface::Chat,
            Surface::Completions,
            Surface::Responses,
            Surface::Messages,
            Surface::Gemini,
            Surface::Embeddings,
            Surface::Rerank,
        ];
        for surface in all {
            for name in [
                "Model",
                "MAX_TOKENS",
                "Messages",
                "mode\u{6c}\u{0}",
                "Input",
                "Store",
                "Tools",
                "Query",
                "Service_Tier",
                "me\u{17f}sages",
                "\u{212a}ey",
            ] {
                let body =
                    format!(r#"{{"model":"a",{}:1,"x":2}}"#, serde_json::to_string(name).unwrap());
                let odd = name.ends_with('\u{0}') || name.ends_with("ey");
                let expected = (!odd).then(|| r#"{"model":"a","x":2}"#.to_owned());
                assert_eq!(cleaned(surface, &body), expected, "{surface:?} {name}");
            }
        }
    }

    #[test]
    fn names_that_are_known_or_of_nobody_stay() {
        for (surface, body) in [
            (Surface::Chat, r#"{"model":"a","messages":[],"enableThinking":true,"X":1}"#),
            (Surface::Gemini, r#"{"contents":[],"generationConfig":{},"serviceTier":"flex"}"#),
            (Surface::Gemini, r#"{"contents":[],"generation_config":{},"system_instruction":{}}"#),
        ] {
            assert_eq!(cleaned(surface, body), None, "{body}");
        }
        assert_eq!(
            cleaned(Surface::Gemini, r#"{"contents":[],"generationconfig":{},"CONTENTS":1}"#),
            Some(r#"{"contents":[]}"#.to_owned())
        );
    }
}
