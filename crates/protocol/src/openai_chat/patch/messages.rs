//! Messages on their way to a host of the same protocol: only what the host would refuse is
//! changed, and only in the messages concerned. Bugs 6, 21, 25, 28

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::value::RawValue;

use super::changes::Changes;
use crate::exchange::{Fault, Role};
use crate::facts::PlainRoles;
use crate::json::{Object, scan};
use crate::openai_chat::decode::thoughts;
use crate::openai_chat::encode::{reasoning_details, reasoning_text as text_of};
use crate::openai_chat::read::{
    Place, array, is_array, is_null, is_string, lenient_array, lenient_object, lenient_string,
    object,
};
use crate::openai_chat::wire::{self, MAX_FUNCTION_NAME, PlainNames};
use crate::openai_chat::write::{into_text, object as write_object, quoted};
use crate::target::{ReasoningReplay, Target};
use crate::tool_words;

/// What OpenAI defines for a message a caller sends, as far as strict hosts accept it.
const STRICT: [&str; 6] = ["role", "content", "name", "tool_calls", "tool_call_id", "prefix"];

/// The turn that stands between a tool's result and a user's message where a host needs one.
pub(in crate::openai_chat) const BETWEEN: &str = r#"{"role":"assistant","content":"OK"}"#;

/// What messages are rewritten for.
pub(super) struct Policy<'p> {
    pub(super) target: &'p Target<'p>,
    pub(super) names: &'p PlainNames,
    /// An instruction to put first.
    pub(super) instruction: Option<String>,
    /// Cache marks become breakpoints. PCACHE-5
    pub(super) marks_breakpoints: bool,
}

/// The messages as the host wants them; `None` if they may stay as they are.
pub(super) fn rewrite(
    raw: &RawValue,
    plain: Option<&PlainRoles>,
    policy: &Policy<'_>,
) -> Result<Option<String>, Fault> {
    let concerned = match plain {
        Some(roles) => roles.are_concerned(policy),
        None => is_concerned(raw.get(), policy),
    };
    if !concerned {
        return Ok(None);
    }
    let all = Place::Top("messages");
    let entries = array(raw, &all)?;
    let last = entries.len().saturating_sub(1);
    let mut out = Vec::with_capacity(raw.get().len() + 64);
    out.push(b'[');
    if let Some(instruction) = &policy.instruction {
        write_object(&mut out, |message| {
            let system = policy.target.abilities.system_prompt;
            message.string("role", if system { "system" } else { "user" });
            message.string("content", instruction);
        });
    }
    let in_words = !policy.target.takes_tools();
    let mut called: HashMap<String, String> = HashMap::new();
    let mut after_tool = false;
    let mut changed = policy.instruction.is_some();
    for (at, raw) in entries.into_iter().enumerate() {
        let place = all.element(at);
        let message = object(raw, &place)?;
        let role = message.peek_str("role").and_then(|name| wire::role(&name));
        if after_tool && role == Some(Role::User) && policy.target.quirks.no_user_after_tool {
            comma(&mut out);
            out.extend_from_slice(BETWEEN.as_bytes());
            changed = true;
        }
        after_tool = role == Some(Role::Tool) && !in_words;
        comma(&mut out);
        let mut changes = message_changes(&message, role, at == last, policy, &place)?;
        if in_words {
            calls_in_words(&message, role, &mut called, &mut changes);
        }
        if changes.is_empty() {
            out.extend_from_slice(raw.get().as_bytes());
        } else {
            changed = true;
            changes.write(&message, &mut out);
        }
    }
    out.push(b']');
    // Where the search was wrong, the messages keep even their blanks.
    Ok(changed.then(|| into_text(out)))
}

fn comma(out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
}

/// The roles of messages that are each a role and a text and nothing more: nothing else of them can
/// need a change. `None` if any message has more.
pub(super) fn plain_roles(messages: &RawValue) -> Option<PlainRoles> {
    let mut roles = PlainRoles::default();
    for message in scan::elements(messages)? {
        let (mut role, mut text) = (None, false);
        let members = scan::members(message)?;
        for (name, value) in &members {
            match name.as_ref() {
                "role" => role = scan::string(value),
                "content" => text = is_string(value),
                _ => return None,
            }
        }
        if !text || members.len() != 2 {
            return None;
        }
        roles = roles.with(wire::role(&role?)?)?;
    }
    Some(roles)
}

impl PlainRoles {
    fn are_concerned(&self, policy: &Policy<'_>) -> bool {
        let quirks = policy.target.quirks;
        quirks.prefix_flag
            || policy.instruction.is_some()
            || (quirks.no_developer_role && self.developer)
            || (!policy.target.abilities.system_prompt && (self.system || self.developer))
    }
}

// Making a searcher costs more than searching a short prompt with it.
static SEARCHERS: LazyLock<Searchers> = LazyLock::new(|| Searchers {
    tool: Finder::new("\"tool\""),
    tool_call: Finder::new("\"tool_call"),
    tool_call_id: Finder::new(TOOL_CALL_ID),
    text: Finder::new("\"text\""),
    tool_calls: Finder::new("\"tool_calls\""),
    name: Finder::new(NAME),
    developer: Finder::new("developer"),
    system: Finder::new("\"system\""),
    cache_control: Finder::new("\"cache_control\""),
    cache_breakpoint: Finder::new("\"prompt_cache_breakpoint\""),
    url: Finder::new("_url\""),
    reasoning: Finder::new("\"reasoning"),
    thinking_blocks: Finder::new("\"thinking_blocks\""),
    escape: Finder::new("\\u00"),
});

const NAME: &str = "\"name\"";
const TOOL_CALL_ID: &str = "\"tool_call_id\"";

/// What is searched for in messages.
struct Searchers {
    tool: Finder<'static>,
    tool_call: Finder<'static>,
    tool_call_id: Finder<'static>,
    text: Finder<'static>,
    tool_calls: Finder<'static>,
    name: Finder<'static>,
    developer: Finder<'static>,
    system: Finder<'static>,
    cache_control: Finder<'static>,
    cache_breakpoint: Finder<'static>,
    url: Finder<'static>,
    reasoning: Finder<'static>,
    thinking_blocks: Finder<'static>,
    escape: Finder<'static>,
}

/// Whether any message could need a change: searches that can only be wrong by saying yes. A
/// backslash before `u` may hide any name.
fn is_concerned(text: &str, policy: &Policy<'_>) -> bool {
    let has = |needle: &Finder<'_>| needle.find(text.as_bytes()).is_some();
    let search = &*SEARCHERS;
    let quirks = policy.target.quirks;
    quirks.strict_messages
        || quirks.prefix_flag
        || policy.instruction.is_some()
        || !policy.names.is_empty()
        || (!policy.target.takes_tools() && (has(&search.tool_call) || has(&search.tool)))
        || (quirks.no_developer_role && has(&search.developer))
        || (!policy.target.abilities.system_prompt
            && (has(&search.system) || has(&search.developer)))
        || (!policy.target.abilities.speaker_names && has(&search.name))
        || (!quirks.cache_control && has(&search.cache_control))
        || (!quirks.cache_breakpoints && has(&search.cache_breakpoint))
        || (quirks.nine_character_tool_ids && has(&search.tool_call))
        || (quirks.short_tool_ids && has_long_id(text))
        || (quirks.text_as_string && has(&search.text))
        || (quirks.no_user_after_tool && has(&search.tool))
        || ((quirks.plain_image_url || quirks.no_media_urls) && has(&search.url))
        || match quirks.reasoning_replay {
            ReasoningReplay::ReasoningDetails => has(&search.thinking_blocks),
            ReasoningReplay::ReasoningContent => has(&search.reasoning) || has(&search.tool_calls),
            _ => has(&search.reasoning),
        }
        || has(&search.thinking_blocks)
        || has(&search.escape)
}

fn message_changes(
    message: &Object<'_>,
    role: Option<Role>,
    last: bool,
    policy: &Policy<'_>,
    place: &Place<'_>,
) -> Result<Changes, Fault> {
    let quirks = policy.target.quirks;
    let mut changes = Changes::default();
    if quirks.strict_messages {
        for (name, raw) in message.iter() {
            if !STRICT.contains(&name) || (is_null(raw) && name != "content") {
                changes.remove(name.to_owned());
            }
        }
        if role == Some(Role::Assistant) {
            let silent = message.peek("content").is_none_or(is_null);
            match message.peek("refusal").filter(|raw| silent && is_string(raw)) {
                // The words have no other place here.
                Some(refusal) => changes.set("content", refusal.get()),
                None if message.peek("content").is_some_and(is_null) => {
                    changes.set("content", "\"\"");
                }
                None => {}
            }
        }
    }
    match role {
        Some(Role::System | Role::Developer) if !policy.target.abilities.system_prompt => {
            changes.set("role", "\"user\"");
        }
        Some(Role::Developer) if quirks.no_developer_role => changes.set("role", "\"system\""),
        _ => {}
    }
    if !quirks.cache_control {
        changes.remove_from(message, "cache_control");
    }
    if let Some(content) = message.peek("content").filter(|raw| is_array(raw))
        && let Some(parts) = rewrite_parts(content, policy, &place.member("content"))?
    {
        changes.set("content", parts);
    }
    if quirks.text_as_string {
        let content =
            changes.value("content").or_else(|| message.peek("content").map(RawValue::get));
        if let Some(text) = content.and_then(texts_alone) {
            changes.set("content", quoted(&text));
        }
    }
    if !policy.target.abilities.speaker_names
        && role.is_some_and(|role| role != Role::Tool)
        && let Some(name) = message.peek_str("name")
    {
        // Nobody is told who speaks where there is nothing to say, or where the model goes on.
        let silent = role == Some(Role::Assistant) && (last || is_empty(message));
        name_in_words(message, if silent { "" } else { &name }, &mut changes);
    }
    if let Some(id) = message.peek_str("tool_call_id") {
        replace(&mut changes, "tool_call_id", &id, &wire::sent_id(&id, quirks));
    }
    if role == Some(Role::Tool)
        && let Some(name) = message.peek_str("name")
    {
        replace(&mut changes, "name", &name, policy.names.sent(&name));
    }
    if role == Some(Role::Assistant) {
        let calls = message.peek("tool_calls").filter(|raw| !is_null(raw));
        if let Some(calls) = calls
            && let Some(calls) = rewrite_calls(calls, policy)
        {
            changes.set("tool_calls", calls);
        }
        replay_reasoning(message, policy, &mut changes);
        if last && quirks.prefix_flag {
            changes.set("prefix", "true");
        }
    }
    Ok(changes)
}

/// The texts of an array of parts, one under the other; `None` if any of them is more than a text.
fn texts_alone(content: &str) -> Option<String> {
    let parts: Vec<&RawValue> =
        if content.starts_with('[') { serde_json::from_str(content).ok()? } else { return None };
    let text = |raw| {
        let part = lenient_object(raw)?;
        let kind = part.peek_str("type")?;
        matches!(kind.as_ref(), "text" | "refusal").then(|| part.peek_str(&kind)).flatten()
    };
    let texts: Option<Vec<Cow<'_, str>>> = parts.into_iter().map(text).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Whether a message has no text of its own.
fn is_empty(message: &Object<'_>) -> bool {
    message.peek("content").is_none_or(|raw| matches!(raw.get(), "null" | "\"\"" | "[]"))
}

/// Who speaks, before what is said. CHAT-7
fn name_in_words(message: &Object<'_>, name: &str, changes: &mut Changes) {
    let content = changes.value("content").or_else(|| message.peek("content").map(RawValue::get));
    let told = content
        .filter(|content| !name.is_empty() && content.starts_with(['"', '[']))
        .map(|content| prefixed(&format!("{name}: "), content));
    changes.remove("name");
    if let Some(told) = told {
        changes.set("content", told);
    }
}

/// Calls and results as text, for models that take no tools. CHAT-9
fn calls_in_words(
    message: &Object<'_>,
    role: Option<Role>,
    called: &mut HashMap<String, String>,
    changes: &mut Changes,
) {
    let content = changes
        .value("content")
        .or_else(|| message.peek("content").map(RawValue::get))
        .unwrap_or("null")
        .to_owned();
    if role == Some(Role::Assistant)
        && let Some(calls) = message.peek("tool_calls").filter(|raw| !is_null(raw))
    {
        let mut words = String::new();
        for call in lenient_array(calls).into_iter().filter_map(lenient_object) {
            let function = call.peek("function").and_then(lenient_object).unwrap_or_default();
            let name = function.peek_str("name").unwrap_or_default();
            let arguments = function
                .peek("arguments")
                .map(|raw| lenient_string(raw).unwrap_or(Cow::Borrowed(raw.get())));
            words.push('\n');
            words.push_str(&tool_words::call(&name, &arguments.unwrap_or_default()));
            if let Some(id) = call.peek_str("id") {
                called.insert(id.into_owned(), name.into_owned());
            }
        }
        changes.remove("tool_calls");
        changes.set("content", suffixed(&content, &words));
    }
    if role == Some(Role::Tool) {
        let id = message.peek_str("tool_call_id");
        let name = id.as_deref().and_then(|id| called.get(id)).map(|name| name.as_str().into());
        let name = name.or_else(|| message.peek_str("name")).or(id).unwrap_or_default();
        changes.set("role", "\"user\"");
        changes.set("content", prefixed(&tool_words::result(&name), &content));
        for member in ["tool_call_id", "name"] {
            changes.remove_from(message, member);
        }
    }
}

/// A content with a text behind it.
fn suffixed(content: &str, text: &str) -> String {
    let part = || format!(r#"{{"type":"text","text":{}}}"#, quoted(text.trim_start()));
    if let Some(parts) = content.trim_end().strip_suffix(']') {
        let comma = if parts.trim_end().ends_with('[') { "" } else { "," };
        return format!("{parts}{comma}{}]", part());
    }
    let before = serde_json::from_str::<String>(content).unwrap_or_default();
    quoted(format!("{before}{text}").trim_start_matches('\n'))
}

fn replace(changes: &mut Changes, name: &'static str, old: &str, new: &str) {
    if old != new {
        changes.set(name, quoted(new));
    }
}

/// The text of the reasoning a message carries, in whichever spelling it came.
fn reasoning_text<'a>(message: &Object<'a>) -> Option<Cow<'a, str>> {
    let plain = |name| message.peek(name).and_then(lenient_string).filter(|text| !text.is_empty());
    if let Some(text) = plain("reasoning_content").or_else(|| plain("reasoning")) {
        return Some(text);
    }
    let details = message.peek("reasoning_details").map(lenient_array).unwrap_or_default();
    let mut text: String = details
        .into_iter()
        .filter_map(lenient_object)
        .filter_map(|entry| entry.peek_str("text").or_else(|| entry.peek_str("summary")))
        .collect();
    if text.is_empty() {
        text = text_of(&message.peek("thinking_blocks").map(thoughts).unwrap_or_default());
    }
    (!text.is_empty()).then_some(Cow::Owned(text))
}

/// wire-formats 12.4, bug 21
fn replay_reasoning(message: &Object<'_>, policy: &Policy<'_>, changes: &mut Changes) {
    let replay = policy.target.quirks.reasoning_replay;
    if replay == ReasoningReplay::ReasoningDetails {
        let Some(blocks) = message.peek("thinking_blocks") else { return };
        changes.remove("thinking_blocks");
        let listed = message.peek("reasoning_details").map(lenient_array).unwrap_or_default();
        let blocks = thoughts(blocks);
        if listed.is_empty() && !blocks.is_empty() {
            changes.set("reasoning_details", reasoning_details(&blocks));
        }
        return;
    }
    let text = reasoning_text(message);
    for name in ["reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"] {
        changes.remove_from(message, name);
    }
    match replay {
        ReasoningReplay::Drop | ReasoningReplay::ReasoningDetails => {}
        ReasoningReplay::Reasoning => {
            if let Some(text) = text {
                changes.set("reasoning", quoted(&text));
            }
        }
        ReasoningReplay::ReasoningContent => {
            let calls =
                message.peek("tool_calls").is_some_and(|raw| !lenient_array(raw).is_empty());
            match text {
                Some(text) => changes.set("reasoning_content", quoted(&text)),
                None if calls => changes.set("reasoning_content", "\"\""),
                None => {}
            }
        }
        ReasoningReplay::ThinkTags => {
            if let Some(text) = text {
                let tagged = format!("<think>{text}</think>");
                let content = changes
                    .value("content")
                    .or_else(|| message.peek("content").map(RawValue::get))
                    .unwrap_or("null");
                changes.set("content", prefixed(&tagged, content));
            }
        }
    }
}

/// A content with a text in front.
fn prefixed(text: &str, content: &str) -> String {
    if let Some(parts) = content.trim_start().strip_prefix('[') {
        let parts = parts.trim_start();
        let comma = if parts.starts_with(']') { "" } else { "," };
        return format!(r#"[{{"type":"text","text":{}}}{comma}{parts}"#, quoted(text));
    }
    let rest = serde_json::from_str::<String>(content).unwrap_or_default();
    quoted(&format!("{text}{rest}"))
}

fn rewrite_parts(
    content: &RawValue,
    policy: &Policy<'_>,
    place: &Place<'_>,
) -> Result<Option<String>, Fault> {
    let quirks = policy.target.quirks;
    let mut out = Vec::with_capacity(content.get().len());
    let mut changed = false;
    out.push(b'[');
    for (at, raw) in array(content, place)?.into_iter().enumerate() {
        comma(&mut out);
        let place = place.element(at);
        let part = object(raw, &place)?;
        let mut changes = Changes::default();
        let given = |name| part.peek(name).is_some_and(|raw| !is_null(raw));
        if policy.marks_breakpoints && given("cache_control") && !given("prompt_cache_breakpoint") {
            changes.set("prompt_cache_breakpoint", r#"{"mode":"explicit"}"#);
        }
        if !quirks.cache_control {
            changes.remove_from(&part, "cache_control");
        }
        if !quirks.cache_breakpoints && part.peek("prompt_cache_breakpoint").is_some() {
            changes.remove("prompt_cache_breakpoint");
            if quirks.cache_control && part.peek("cache_control").is_none() {
                changes.set("cache_control", r#"{"type":"ephemeral"}"#);
            }
        }
        for name in ["image_url", "video_url"] {
            let Some(url) = part.peek(name).and_then(media_url) else { continue };
            if quirks.no_media_urls && !url.starts_with("data:") {
                return Err(place
                    .member(name)
                    .refuse("this provider does not fetch media; send the bytes as a data URL"));
            }
            if quirks.plain_image_url
                && name == "image_url"
                && !part.peek(name).is_some_and(is_string)
            {
                changes.set(name, quoted(&url));
            }
        }
        if changes.is_empty() {
            out.extend_from_slice(raw.get().as_bytes());
        } else {
            changed = true;
            changes.write(&part, &mut out);
        }
    }
    out.push(b']');
    Ok(changed.then(|| into_text(out)))
}

fn media_url(raw: &RawValue) -> Option<Cow<'_, str>> {
    match lenient_string(raw) {
        Some(url) => Some(url),
        None => lenient_object(raw)?.peek_str("url"),
    }
}

fn rewrite_calls(calls: &RawValue, policy: &Policy<'_>) -> Option<String> {
    let quirks = policy.target.quirks;
    let mut out = Vec::with_capacity(calls.get().len());
    let mut changed = false;
    out.push(b'[');
    for raw in lenient_array(calls) {
        comma(&mut out);
        let Some(call) = lenient_object(raw) else {
            out.extend_from_slice(raw.get().as_bytes());
            continue;
        };
        let mut changes = Changes::default();
        if quirks.strict_messages {
            for (name, raw) in call.iter() {
                if !matches!(name, "id" | "type" | "function") || is_null(raw) {
                    changes.remove(name.to_owned());
                }
            }
        }
        if let Some(id) = call.peek_str("id") {
            replace(&mut changes, "id", &id, &wire::sent_id(&id, quirks));
        }
        if let Some(function) = call.peek("function").and_then(lenient_object)
            && let Some(name) = function.peek_str("name")
            && policy.names.sent(&name) != name
        {
            let mut inner = Changes::default();
            inner.set("name", quoted(policy.names.sent(&name)));
            let mut written = Vec::new();
            inner.write(&function, &mut written);
            changes.set("function", into_text(written));
        }
        if changes.is_empty() {
            out.extend_from_slice(raw.get().as_bytes());
        } else {
            changed = true;
            changes.write(&call, &mut out);
        }
    }
    out.push(b']');
    changed.then(|| into_text(out))
}

/// The names of the tools that were called before, if any of them could be one that hosts refuse:
/// a search that can only be wrong by saying yes spares the others the reading. Bug 28
pub(super) fn called_names(messages: &RawValue) -> Vec<Cow<'_, str>> {
    let text = messages.get();
    if SEARCHERS.tool_calls.find(text.as_bytes()).is_none() || !has_irregular_name(text) {
        return Vec::new();
    }
    let mut names = Vec::new();
    for message in lenient_array(messages).into_iter().filter_map(lenient_object) {
        if message.peek_str("role").as_deref() == Some("tool") {
            names.extend(message.peek_str("name"));
        }
        for call in message.peek("tool_calls").map(lenient_array).unwrap_or_default() {
            let function = lenient_object(call).and_then(|call| call.peek("function"));
            names.extend(function.and_then(lenient_object).and_then(|it| it.peek_str("name")));
        }
    }
    names
}

/// Whether any result names a call by an id that is too long; every call has its result.
fn has_long_id(text: &str) -> bool {
    SEARCHERS.tool_call_id.find_iter(text.as_bytes()).any(|at| {
        let value = text.get(at + TOOL_CALL_ID.len()..).unwrap_or_default();
        let value = value.trim_start().strip_prefix(':').map(str::trim_start);
        let Some(value) = value.and_then(|value| value.strip_prefix('"')) else { return false };
        value.bytes().take(wire::LONGEST_CALL_ID + 1).all(|byte| byte != b'"')
    })
}

/// Whether any member called `name` is a string that is no plain name.
fn has_irregular_name(text: &str) -> bool {
    SEARCHERS.name.find_iter(text.as_bytes()).any(|at| {
        let value = text.get(at + NAME.len()..).unwrap_or_default();
        let value = value.trim_start().strip_prefix(':').map(str::trim_start);
        let Some(value) = value.and_then(|value| value.strip_prefix('"')) else { return false };
        // No plain name is longer, and none holds a backslash.
        let end = value.bytes().take(MAX_FUNCTION_NAME + 1).position(|byte| byte == b'"');
        end.is_none_or(|end| !value.get(..end).is_some_and(wire::is_plain_name))
    })
}
