//! What cannot be done: what only a service that keeps conversations can do.

use serde_json::value::RawValue;

use crate::exchange::Fault;
use crate::json::Envelope;

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

/// Refuses what names a conversation or a prompt that is kept elsewhere: no provider is asked to
/// keep one.
pub(super) fn refuse_references(envelope: &Envelope<'_>) -> Result<(), Fault> {
    for name in ["previous_response_id", "conversation"] {
        if envelope.has(name) {
            return Err(Fault::invalid(format!(
                "{name}: conversations are not stored here; send the whole conversation in `input`"
            )));
        }
    }
    if envelope.has("prompt") {
        return Err(Fault::invalid(
            "prompt: prompts that are stored at a provider cannot be read here; send their text in \
             `instructions` and `input`",
        ));
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
            (r#"{"prompt":{"id":"pmpt_1"}}"#, "prompt: "),
        ] {
            let fault = check(body).unwrap_err();
            assert_eq!(fault.status, 400);
            assert!(fault.message.starts_with(name), "{}", fault.message);
        }
        for body in [r#"{"store":false,"previous_response_id":null}"#, r#"{"background":false}"#] {
            assert!(check(body).is_ok(), "{body}");
        }
    }
}
