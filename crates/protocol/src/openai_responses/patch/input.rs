//! The items of a conversation, where the target would refuse them. Bugs 6, 20, PCACHE-5

use memchr::memmem;
use serde_json::value::RawValue;

use crate::exchange::{Fault, Losses, ReasoningFormat};
use crate::json::Object;
use crate::openai_chat::patch::changes::Changes;
use crate::openai_chat::read::{Place, is_null, lenient_array, lenient_object};
use crate::openai_chat::write::{array, into_text, quoted};
use crate::openai_responses::wire;
use crate::target::{ReasoningReplay, ReasoningStyle, Target};

/// What may have to be changed. The texts stand in quotes, but for an escape that could hide one.
const SEARCHED: [&str; 5] = [
    "\"reasoning\"",
    "\"item_reference\"",
    "\"prompt_cache_breakpoint\"",
    "\"cache_control\"",
    "\\u",
];

/// Whether any call or result has an id that is too long.
fn has_long_id(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"\"call_id\"";
    memmem::find_iter(bytes, NAME).any(|at| {
        let value = bytes.get(at + NAME.len()..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        let Some(value) = value.and_then(|value| value.strip_prefix(b"\"")) else { return false };
        value.iter().take(wire::LONGEST_CALL_ID + 1).all(|byte| *byte != b'"')
    })
}

/// The items as they can be sent; `None` where they can stay as they are.
pub(super) fn rewrite(
    input: &RawValue,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Option<String>, Fault> {
    let bytes = input.get().as_bytes();
    if bytes.first() != Some(&b'[')
        || !(SEARCHED.iter().any(|text| memmem::find(bytes, text.as_bytes()).is_some())
            || target.quirks.short_tool_ids && has_long_id(bytes))
    {
        return Ok(None);
    }
    let items = lenient_array(input);
    let mut written: Vec<String> = Vec::with_capacity(items.len());
    let mut changed = false;
    for (at, raw) in items.iter().enumerate() {
        let Some(item) = lenient_object(raw) else {
            written.push(raw.get().to_owned());
            continue;
        };
        let new = match kind(&item).as_str() {
            "item_reference" => {
                return Err(Place::Top("input").element(at).refuse(
                    "references to stored items are not supported, nothing is stored here; send \
                     the item itself",
                ));
            }
            "reasoning" => {
                let followed = items.get(at + 1..).is_some_and(is_followed);
                match refusal(&item, followed, target) {
                    Some(why) => {
                        losses.record(format!("input[{at}]"), why);
                        changed = true;
                        continue;
                    }
                    None => reasoning(&item, target),
                }
            }
            _ => other(&item, target),
        };
        changed |= new.is_some();
        written.push(new.unwrap_or_else(|| raw.get().to_owned()));
    }
    Ok(changed.then(|| wire::joined(&written)))
}

fn kind(item: &Object<'_>) -> String {
    match item.peek_str("type") {
        Some(kind) => kind.into_owned(),
        None => "message".to_owned(),
    }
}

/// Whether what reasoning produced comes after it, with nothing but more reasoning between.
fn is_followed(rest: &[&RawValue]) -> bool {
    let items = rest.iter().filter_map(|raw| lenient_object(raw));
    for item in items {
        match kind(&item).as_str() {
            "reasoning" => {}
            "message" => return item.peek_str("role").as_deref() == Some("assistant"),
            other => return !wire::is_result(other),
        }
    }
    false
}

/// Why a reasoning item cannot be sent; `None` if it can.
fn refusal(item: &Object<'_>, followed: bool, target: &Target<'_>) -> Option<&'static str> {
    if target.quirks.reasoning_replay == ReasoningReplay::ReasoningDetails {
        return None;
    }
    let open = matches!(
        target.quirks.reasoning_replay,
        ReasoningReplay::Reasoning | ReasoningReplay::ReasoningContent
    );
    let shown = item.peek("content").map(lenient_array).is_some_and(|parts| !parts.is_empty());
    if open && shown {
        return None;
    }
    let format = item.peek_str("format").map(|name| ReasoningFormat::from(name.into_owned()));
    if target.abilities.reasoning == ReasoningStyle::None {
        Some("the model does not reason, and takes no reasoning")
    } else if format.is_some_and(|format| format != ReasoningFormat::OpenaiResponses) {
        Some("another service wrote it, and this one would refuse it")
    } else if item.peek_str("encrypted_content").is_none_or(|data| data.is_empty()) {
        Some("without its encrypted content the provider cannot find it again")
    } else if !followed {
        Some("nothing follows that it could belong to")
    } else {
        None
    }
}

/// A reasoning item without what the router added to it.
fn reasoning(item: &Object<'_>, target: &Target<'_>) -> Option<String> {
    let mut changes = Changes::default();
    if target.quirks.reasoning_replay != ReasoningReplay::ReasoningDetails {
        changes.remove_from(item, "format");
        changes.remove_from(item, "signature");
    }
    if item.peek_str("id").is_some_and(|id| wire::told_id(id).is_none()) {
        changes.remove("id");
    }
    written(&changes, item)
}

fn written(changes: &Changes, object: &Object<'_>) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    changes.write(object, &mut out);
    Some(into_text(out))
}

/// An item without cache marks that the provider does not know, and with an id it takes.
fn other(item: &Object<'_>, target: &Target<'_>) -> Option<String> {
    let mut changes = Changes::default();
    if let Some(id) = item.peek_str("call_id") {
        let sent = wire::sent_call_id(&id, target.quirks);
        if sent != id {
            changes.set("call_id", quoted(&sent));
        }
    }
    for name in ["content", "output"] {
        let Some(parts) = item.peek(name).filter(|raw| raw.get().starts_with('[')) else {
            continue;
        };
        let mut any = false;
        let mut out = Vec::with_capacity(parts.get().len());
        array(&mut out, lenient_array(parts), |out, raw| {
            let changed = lenient_object(raw).and_then(|part| unmarked(&part, target));
            any |= changed.is_some();
            out.extend_from_slice(changed.as_deref().unwrap_or(raw.get()).as_bytes());
        });
        if any {
            changes.set(name, into_text(out));
        }
    }
    written(&changes, item)
}

fn unmarked(part: &Object<'_>, target: &Target<'_>) -> Option<String> {
    let mut changes = Changes::default();
    let own = "prompt_cache_breakpoint";
    if !target.quirks.cache_breakpoints {
        changes.remove_from(part, own);
    } else if part.peek("cache_control").is_some_and(|raw| !is_null(raw))
        && part.peek(own).is_none_or(is_null)
    {
        changes.set(own, r#"{"mode":"explicit"}"#);
    }
    if !target.quirks.cache_control {
        changes.remove_from(part, "cache_control");
    }
    written(&changes, part)
}
