//! What cannot be done: what only a service that keeps conversations can do, and what no other
//! protocol can say.

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{BlockKind, Fault, Request};
use crate::json::Envelope;
use crate::openai_chat::read::lenient_object;

/// Refuses a request that wants its answer kept, or builds on one that was. Apart from reading a
/// request, so that a gateway that keeps answers can leave it out. RESP-1
pub fn refuse_stored(envelope: &Envelope<'_>) -> Result<(), Fault> {
    let is_true = |name| envelope.raw(name).map(RawValue::get) == Some("true");
    if is_true("store") {
        return Err(Fault::invalid(
            "store: answers are not stored here; leave it out or send `store: false`",
        ));
    }
    if is_true("background") {
        return Err(Fault::invalid(
            "background: answers are not stored here, so that none can be fetched later; leave it \
             out and wait for the answer, or stream it",
        ));
    }
    refuse_references(envelope)
}

/// Refuses what names a conversation that is kept elsewhere: no provider is asked to keep one.
pub(super) fn refuse_references(envelope: &Envelope<'_>) -> Result<(), Fault> {
    for name in ["previous_response_id", "conversation"] {
        if envelope.has(name) {
            return Err(Fault::invalid(format!(
                "{name}: conversations are not stored here; send the whole conversation in `input`"
            )));
        }
    }
    Ok(())
}

/// Items that tell what a provider's own tools did: what came of it is in the text that follows, and
/// another provider can do without.
const EXPENDABLE: [&str; 5] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
];

/// Refuses a conversation that another protocol cannot carry on, since items are in it that only
/// this one knows: calls that the caller ran itself and their results, compacted history. To be
/// asked before a request is written for a provider of another protocol.
pub fn refuse_untranslatable(request: &Request) -> Result<(), Fault> {
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        let BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw } = &block.kind else {
            continue;
        };
        let kind = lenient_object(raw.as_raw())
            .and_then(|item| item.peek_str("type").map(|kind| kind.into_owned()))
            .unwrap_or_default();
        if !EXPENDABLE.contains(&kind.as_str()) {
            let shown: String = kind.chars().take(64).collect();
            return Err(Fault::invalid(format!(
                "input: an item of the type `{shown}` can only be sent to a provider that speaks \
                 the Responses protocol; choose such a provider or leave the item out"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RESP-1
    #[test]
    fn each_refusal_names_the_member_and_false_or_null_is_none() {
        let check = |body: &str| refuse_stored(&Envelope::parse(body.as_bytes()).unwrap());
        for (body, name) in [
            (r#"{"store":true}"#, "store: "),
            (r#"{"background":true}"#, "background: "),
            (r#"{"previous_response_id":"resp_1"}"#, "previous_response_id: "),
            (r#"{"conversation":{"id":"conv_1"}}"#, "conversation: "),
        ] {
            let fault = check(body).unwrap_err();
            assert_eq!(fault.status, 400);
            assert!(fault.message.starts_with(name), "{}", fault.message);
        }
        for body in [r#"{"store":false,"previous_response_id":null}"#, r#"{"background":false}"#] {
            assert!(check(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn what_no_other_protocol_can_carry_on_is_named() {
        let check = |item: &str| {
            let body = format!(r#"{{"input":["x",{item}]}}"#)
                .replace("\"x\",", r#"{"role":"user","content":"x"},"#);
            refuse_untranslatable(
                &crate::openai_responses::decode_request(body.as_bytes()).unwrap(),
            )
        };
        let fault = check(r#"{"type":"local_shell_call","call_id":"c"}"#).unwrap_err();
        assert!(fault.message.contains("`local_shell_call`"), "{}", fault.message);
        assert!(check(r#"{"type":"compaction","encrypted_content":"x"}"#).is_err());
        assert!(check(r#"{"type":"web_search_call","id":"ws_1"}"#).is_ok());
        assert!(
            check(r#"{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}"#).is_ok()
        );
    }
}
