//! The names of this protocol: members, roles, finish reasons, ids.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Dialect;
use crate::exchange::{Extras, FinishReason, Role};
use crate::target::Quirks;

/// Top-level members that speak to the router and never reach a provider.
///
/// | member | area |
/// |---|---|
/// | `provider`, `models`, `route`, `fallbacks`, `preset`, `max_cost` | which endpoint serves |
/// | `plugins`, `transforms`, `stop_server_tools_when`, `max_tool_calls` | what the router itself does |
/// | `session_id`, `trace` | grouping |
/// | `usage`, `debug` | what the router adds to answers |
/// | `speed` | becomes `service_tier`. TIER-1 |
/// | `include_reasoning`, `structured_outputs` | said in another member |
pub(crate) const ROUTER_ONLY: [&str; 17] = [
    "provider",
    "models",
    "plugins",
    "route",
    "preset",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "max_cost",
    "speed",
    "fallbacks",
    "stop_server_tools_when",
    "max_tool_calls",
    "include_reasoning",
    "structured_outputs",
];

/// Members that ask a router for something, and are unknown to OpenAI and those who follow it.
pub(crate) const FOR_ROUTERS: [&str; 1] = ["image_config"];

/// Members beyond OpenAI's own that say nothing where they are `null`.
pub(crate) const SILENT_NULLS: [&str; 7] =
    ["reasoning", "top_k", "min_p", "top_a", "repetition_penalty", "image_config", "cache_control"];

/// Members that would let a provider keep what was said.
pub(crate) const RETAINING: [&str; 2] = ["store", "prompt_cache_retention"];

/// Why a member for routers is not sent.
pub(crate) const NO_ROUTER: &str = "the provider does not take it";

/// Whether an unknown member speaks to the router, or says what has been read as something else, so
/// that no provider misses it. `speed` is not
/// among them: where a tier was asked for in that word, its loss is one.
pub(crate) fn is_for_the_router(extras: &Extras, name: &str) -> bool {
    matches!(extras.origin, Some(Dialect::OpenaiChat | Dialect::Gemini))
        && name != "speed"
        && (ROUTER_ONLY.contains(&name)
            || (name == "thinking" && extras.origin == Some(Dialect::OpenaiChat)))
}

/// Parameters that steer sampling: refused as a group by models that reason. Bug 24
pub(crate) const SAMPLING: [&str; 9] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
];

/// Penalties.
pub(crate) const PENALTIES: [&str; 3] =
    ["frequency_penalty", "presence_penalty", "repetition_penalty"];

/// A role's name on the wire. CHAT-7
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// A role by its name. CHAT-7
pub(crate) fn role(name: &str) -> Option<Role> {
    Some(match name {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return None,
    })
}

/// The normalised finish reason of a provider's word; `None` for an empty word, which says
/// nothing. A word nobody knows is a normal end. CHAT-12, bug 30
pub(crate) fn finish_reason(native: &str) -> Option<FinishReason> {
    Some(match native {
        "" => return None,
        "length"
        | "max_tokens"
        | "model_context_window_exceeded"
        | "MAX_TOKENS"
        | "CONTINUATION"
        | "model_length"
        | "max_output_tokens" => FinishReason::Length,
        "tool_calls" | "tool_use" | "function_call" | "TOOL_CALL" | "tool_call" => {
            FinishReason::ToolCalls
        }
        "content_filter"
        | "refusal"
        | "SAFETY"
        | "content_filtered"
        | "guardrail_intervened"
        | "ERROR_TOXIC"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "sensitive" => FinishReason::ContentFilter,
        "error"
        | "ERROR"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "insufficient_system_resource"
        | "network_error"
        | "abort" => FinishReason::Error,
        other if other.starts_with("malformed_") => FinishReason::Error,
        _ => FinishReason::Stop,
    })
}

/// A finish reason in the light of the calls that were made: a `stop` with calls is a call.
/// Bugs 15, 29
pub(crate) const fn with_calls(reason: FinishReason, calls: bool) -> FinishReason {
    match reason {
        FinishReason::Stop if calls => FinishReason::ToolCalls,
        other => other,
    }
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A stable 64-bit mark of some texts (FNV-1a with a final mix).
fn mark(texts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        for byte in text.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

fn letters(mut number: u64, count: usize) -> String {
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        text.push(char::from(ALPHABET[(number % 62) as usize]));
        number /= 62;
    }
    text
}

/// A short mark of some texts.
pub(crate) fn short_mark(texts: &[&[u8]]) -> String {
    letters(mark(texts), 10)
}

/// An id for a tool call whose provider gave none: stable for the same answer, and different in
/// another answer. Bug 29
pub(crate) fn tool_call_id(answer: &str, choice: u32, index: u32) -> String {
    let position = (u64::from(choice) << 32 | u64::from(index)).to_le_bytes();
    format!("call_{}", short_mark(&[answer.as_bytes(), &position]))
}

/// The nine letters and digits that stand for a tool call's id: itself if it has that form
/// already, so that a provider's own ids stay. Bug 6
pub(crate) fn nine_characters(id: &str) -> String {
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    letters(mark(&[id.as_bytes()]), 9)
}

/// The longest id of a tool call in OpenAI's chat completions, in characters.
pub(crate) const LONGEST_CALL_ID: usize = 40;

/// Whether an id has more characters than a vendor takes.
pub(crate) fn is_too_long(id: &str, most: usize) -> bool {
    id.len() > most && id.chars().count() > most
}

/// The id of a tool call within a bound: itself if it fits, else a short one, always the same.
pub(crate) fn bounded_id(id: &str, most: usize) -> Cow<'_, str> {
    if is_too_long(id, most) {
        Cow::Owned(format!("call_{}", short_mark(&[id.as_bytes()])))
    } else {
        Cow::Borrowed(id)
    }
}

/// The id of a tool call as a host of this dialect takes it. Bug 6
pub(crate) fn sent_id<'i>(id: &'i str, quirks: &Quirks) -> Cow<'i, str> {
    if quirks.nine_character_tool_ids {
        Cow::Owned(nine_characters(id))
    } else if quirks.short_tool_ids {
        bounded_id(id, LONGEST_CALL_ID)
    } else {
        Cow::Borrowed(id)
    }
}

/// The longest function name accepted by OpenAI's models. CHAT-15
pub(crate) const MAX_FUNCTION_NAME: usize = 64;

/// Whether a function name is one that every host accepts. Bug 28
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_FUNCTION_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The names that are sent for tools whose own name some hosts refuse. Bug 28
#[derive(Debug, Default)]
pub(crate) struct PlainNames {
    sent: HashMap<String, String>,
}

impl PlainNames {
    /// Gives every name that needs one a plain name. Two names never become one.
    pub(crate) fn of<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Self {
        let mut plain = Self::default();
        if names.clone().all(is_plain_name) {
            return plain;
        }
        let mut taken: HashSet<String> =
            names.clone().filter(|name| is_plain_name(name)).map(str::to_owned).collect();
        for name in names.filter(|name| !is_plain_name(name)) {
            if plain.sent.contains_key(name) {
                continue;
            }
            let mut sent: String = name
                .chars()
                .map(
                    |letter| {
                        if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }
                    },
                )
                .take(MAX_FUNCTION_NAME)
                .collect();
            if sent.is_empty() || taken.contains(&sent) {
                sent.truncate(MAX_FUNCTION_NAME - 11);
                sent.push('_');
                sent.push_str(&short_mark(&[name.as_bytes()]));
            }
            taken.insert(sent.clone());
            plain.sent.insert(name.to_owned(), sent);
        }
        plain
    }

    /// Whether every name may stay as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The name to send for a declared one.
    pub(crate) fn sent<'n>(&'n self, declared: &'n str) -> &'n str {
        self.sent.get(declared).map_or(declared, String::as_str)
    }

    /// The way back: the declared names, by the names as sent.
    pub(crate) fn into_declared(self) -> BTreeMap<String, String> {
        self.sent.into_iter().map(|(declared, sent)| (sent, declared)).collect()
    }
}

/// The tier as OpenAI spells it. TIER-1
pub(crate) fn service_tier(asked: &str) -> &str {
    match asked {
        "fast" => "priority",
        "standard" => "default",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_follow_the_table() {
        use FinishReason::{ContentFilter, Error, Length, Stop, ToolCalls};
        for (native, reason) in [
            ("stop", Some(Stop)),
            ("eos", Some(Stop)),
            ("length", Some(Length)),
            ("model_length", Some(Length)),
            ("tool_calls", Some(ToolCalls)),
            ("function_call", Some(ToolCalls)),
            ("content_filter", Some(ContentFilter)),
            ("insufficient_system_resource", Some(Error)),
            ("malformed_function_call", Some(Error)),
            ("never seen before", Some(Stop)),
            ("", None),
        ] {
            assert_eq!(finish_reason(native), reason, "{native}");
        }
    }

    /// Bug 6
    #[test]
    fn tool_ids_become_nine_characters_and_stay_the_same() {
        let short = nine_characters("call_abcdefghijklmnop");
        assert_eq!(short.len(), 9);
        assert!(short.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(short, nine_characters("call_abcdefghijklmnop"));
        assert_ne!(short, nine_characters("call_abcdefghijklmnoq"));
        assert_eq!(nine_characters("Ab3Ab3Ab3"), "Ab3Ab3Ab3");
    }

    /// Bug 6
    #[test]
    fn ids_that_are_too_long_become_short_and_stay_the_same() {
        let quirks = Quirks { short_tool_ids: true, ..Quirks::default() };
        let long = "toolu_".repeat(12);
        let short = sent_id(&long, &quirks);
        assert!(short.len() <= LONGEST_CALL_ID, "{short}");
        assert_eq!(short, sent_id(&long, &quirks));
        assert_ne!(short, sent_id(&format!("{long}x"), &quirks));
        let fits = "x".repeat(LONGEST_CALL_ID);
        assert_eq!(sent_id(&fits, &quirks), fits);
        assert_eq!(sent_id(&long, &Quirks::default()), long);
    }

    /// Bug 28
    #[test]
    fn names_that_hosts_refuse_are_changed_without_collisions() {
        let declared = ["a.b", "a_b", "a:b", "plain"];
        let names = PlainNames::of(declared.into_iter());
        let mut sent: Vec<&str> = declared.iter().map(|name| names.sent(name)).collect();
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent.len(), 4);
        assert!(sent.iter().all(|name| is_plain_name(name)));
        assert!(PlainNames::of(["x", "y-z"].into_iter()).is_empty());
        let long = "n".repeat(80);
        assert_eq!(PlainNames::of([long.as_str()].into_iter()).sent(&long).len(), 64);
        assert_eq!(names.into_declared().len(), 2);
    }
}
