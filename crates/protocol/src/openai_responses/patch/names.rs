//! Names of tools that had to be changed on the way there, on the way back. Bug 28

use serde_json::value::RawValue;

use crate::json::Object;
use crate::openai_chat::patch::changes::Changes;
use crate::openai_chat::read::{lenient_array, lenient_object};
use crate::openai_chat::write::{array, into_text, quoted};
use crate::target::ResponseContext;

/// A call with the name its caller declared, as JSON text; `None` where nothing changes.
pub(super) fn declared(call: &Object<'_>, context: &ResponseContext) -> Option<String> {
    let name = call.peek_str("name")?;
    let declared = context.declared_name(&name);
    if declared == name {
        return None;
    }
    let mut changes = Changes::default();
    changes.set("name", quoted(declared));
    let mut out = Vec::new();
    changes.write(call, &mut out);
    Some(into_text(out))
}

/// The items of an output with the names their caller declared; `None` where nothing changes.
pub(super) fn declared_in_output(output: &RawValue, context: &ResponseContext) -> Option<String> {
    if context.tool_names.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(output.get().len());
    array(&mut out, lenient_array(output), |out, raw| {
        let changed = lenient_object(raw).and_then(|item| declared(&item, context));
        out.extend_from_slice(changed.as_deref().unwrap_or(raw.get()).as_bytes());
    });
    Some(into_text(out))
}
