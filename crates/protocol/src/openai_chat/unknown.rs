//! Parts of messages that this version does not know.

use super::read::lenient_object;
use crate::Dialect;
use crate::exchange::{BlockKind, Fault, Request};

/// Refuses a conversation with parts of a kind nobody here knows: a provider of another protocol
/// would be asked without them, and the caller would never learn. To be asked before a request is
/// written for such a provider.
pub fn refuse_unknown_parts(request: &Request) -> Result<(), Fault> {
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        let BlockKind::Opaque { origin: Dialect::OpenaiChat, raw } = &block.kind else { continue };
        let kind = lenient_object(raw.as_raw())
            .and_then(|part| part.peek_str("type").map(|kind| kind.into_owned()))
            .unwrap_or_default();
        let shown: String = kind.chars().take(64).collect();
        return Err(Fault::invalid(format!(
            "messages: a part of the type `{shown}` can only be sent to a provider that speaks the \
             chat protocol; choose such a provider or leave the part out"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_request;
    use crate::openai_chat::decode_request;
    use crate::target::{Abilities, Quirks, Target};

    #[test]
    fn what_nobody_knows_does_not_vanish() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"hologram","raw":{}}]}]}"#;
        let request = decode_request(body).unwrap();
        let (quirks, abilities) = (Quirks::default(), Abilities::default());
        let target = Target::new("m", &quirks, &abilities);
        for dialect in Dialect::ALL {
            let encoded = encode_request(dialect, &request, &target, &[]);
            match dialect {
                Dialect::OpenaiChat => assert!(encoded.is_ok()),
                _ => assert!(encoded.unwrap_err().message.contains("`hologram`"), "{dialect:?}"),
            }
        }
    }
}
