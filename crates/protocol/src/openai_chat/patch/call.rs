//! The tool calls of a choice, made whole: an index, an id and a type for each, a name that is told
//! once, arguments that are text. Bugs 2, 3, 29

use serde_json::value::RawValue;

use super::changes::Changes;
use super::choice::{ChoiceState, Seen, Shape, Surroundings};
use crate::exchange::Fault;
use crate::json::Object;
use crate::openai_chat::calls::Slot;
use crate::openai_chat::read::{is_array, is_object, is_string, lenient_array, lenient_object};
use crate::openai_chat::wire;
use crate::openai_chat::write::{into_text, quoted};

/// The tool calls; `None` if they may stay as they are. Bugs 2, 3, 29
pub(super) fn tool_calls<'a>(
    raw: &'a RawValue,
    state: &mut ChoiceState,
    around: &Surroundings<'_>,
    seen: &mut Seen<'a>,
) -> Result<Option<String>, Fault> {
    let entries = lenient_array(raw);
    seen.content |= !entries.is_empty();
    seen.special |= entries.len() > 1;
    let mut out = Vec::with_capacity(raw.get().len());
    let mut changed = false;
    out.push(b'[');
    for entry in entries {
        let Some(call) = lenient_object(entry) else {
            changed = true;
            continue;
        };
        if out.len() > 1 {
            out.push(b',');
        }
        let changes = tool_call(&call, state, around, seen)?;
        if changes.is_empty() {
            out.extend_from_slice(entry.get().as_bytes());
        } else {
            changed = true;
            changes.write(&call, &mut out);
        }
    }
    out.push(b']');
    Ok(changed.then(|| into_text(out)))
}

/// The one call of hosts that only know the member from before `tool_calls`, as the tool call it
/// is.
pub(super) fn legacy_call(
    function: &RawValue,
    state: &mut ChoiceState,
    around: &Surroundings<'_>,
    seen: &mut Seen<'_>,
) -> Result<String, Fault> {
    let mut entry = Object::default();
    let call = format!(r#"{{"index":0,"function":{}}}"#, function.get());
    if let Ok(parsed) = Object::parse(&call) {
        entry = parsed;
    }
    let mut own = Seen::default();
    let changes = tool_call(&entry, state, around, &mut own)?;
    let mut out = vec![b'['];
    changes.write(&entry, &mut out);
    out.push(b']');
    seen.content = true;
    seen.special = true;
    seen.text_bytes += own.text_bytes;
    seen.began_call |= own.began_call;
    Ok(into_text(out))
}

fn tool_call<'a>(
    call: &Object<'a>,
    state: &mut ChoiceState,
    around: &Surroundings<'_>,
    seen: &mut Seen<'a>,
) -> Result<Changes, Fault> {
    let function = call.peek("function").and_then(lenient_object).unwrap_or_default();
    let name = function.peek_str("name").filter(|name| !name.is_empty());
    let id = call.peek_str("id").filter(|id| !id.is_empty());
    let index: Option<u64> =
        call.peek("index").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let whole = around.shape == Shape::Whole;
    let at = if whole {
        // Every entry of a whole answer is a call of its own.
        state.calls.resolve(Some(state.calls.slots.len() as u64), id.as_deref(), true)?
    } else {
        state.calls.resolve(index, id.as_deref(), name.is_some())?
    };
    seen.began_call |= std::mem::take(&mut state.calls.moved);
    let ordinal = u32::try_from(at).unwrap_or(u32::MAX);
    let slot = &mut state.calls.slots[at];
    let mut changes = Changes::default();
    let mut inner = Changes::default();
    tool_name(&function, slot, around, seen, &mut inner);
    if !whole && index != Some(u64::from(ordinal)) {
        changes.set("index", ordinal.to_string());
    }
    if slot.started {
        // Clients that add up strings would double what is repeated.
        for repeated in ["id", "type"] {
            changes.remove_from(call, repeated);
        }
    } else {
        seen.special = true;
        seen.began_call = true;
        slot.started = true;
        if id.is_none() {
            changes.set("id", quoted(&wire::tool_call_id(around.answer, state.index, ordinal)));
        }
        if call.peek_str("type").as_deref() != Some("function") {
            changes.set("type", "\"function\"");
        }
    }
    match function.peek("arguments") {
        Some(raw) if is_string(raw) => {
            if raw.get().len() > 2 {
                slot.arguments = true;
                seen.text(raw);
            } else if whole {
                inner.set("arguments", "\"{}\"");
            }
        }
        Some(raw) if is_object(raw) || is_array(raw) => {
            slot.arguments = true;
            seen.special = true;
            seen.text_bytes += raw.get().len() as u64;
            inner.set("arguments", quoted(raw.get()));
        }
        Some(_) | None if whole => inner.set("arguments", "\"{}\""),
        Some(_) => inner.set("arguments", "\"\""),
        None => {}
    }
    if !inner.is_empty() || !call.peek("function").is_some_and(is_object) {
        let mut written = Vec::new();
        inner.write(&function, &mut written);
        changes.set("function", into_text(written));
    }
    Ok(changes)
}

/// The name of a call: in the first piece, in a later one, in parts, or repeated with every piece.
/// Clients add up what they get.
fn tool_name(
    function: &Object<'_>,
    slot: &mut Slot,
    around: &Surroundings<'_>,
    seen: &mut Seen<'_>,
    changes: &mut Changes,
) {
    let name = function.peek_str("name").filter(|name| !name.is_empty());
    let Some(name) = name else {
        if around.shape == Shape::Whole {
            changes.set("name", "\"\"");
        } else {
            changes.remove_from(function, "name");
        }
        return;
    };
    let more = name.strip_prefix(slot.name.as_str()).unwrap_or(&name);
    // After the arguments began, a name can only be a repetition.
    if more.is_empty() || (slot.arguments && !slot.name.is_empty()) {
        changes.remove("name");
        return;
    }
    seen.special = true;
    let declared = if slot.name.is_empty() { around.context.declared_name(more) } else { more };
    if declared != name {
        changes.set("name", quoted(declared));
    }
    slot.name.push_str(more);
}
