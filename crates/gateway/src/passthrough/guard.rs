//! Step 7, beside it: which models a caller names in the messages of a WebSocket. It is for one
//! model, whose price was looked at; a message that names another is not sent to its end.

use super::frames::{Frames, Piece};
use super::peek::shows_json;
use super::skim::Skim;

/// The first opcode of those that may stand within a message.
const CONTROL: u8 = 8;

/// What a caller said so far.
#[derive(Debug, Default)]
pub struct Guard {
    frames: Frames,
    said: Said,
}

#[derive(Debug, Default)]
struct Said {
    /// The model that the WebSocket is for; the first one that is named if its address names none.
    model: Option<String>,
    /// The message under way.
    message: Message,
    plain: Vec<u8>,
    has_refused: bool,
}

/// A message as far as it came.
#[derive(Debug, Default)]
struct Message {
    beginning: Vec<u8>,
    /// Whether it is a JSON, if that is known.
    is_json: Option<bool>,
    /// Reads it if it is one.
    skim: Option<Box<Skim>>,
}

impl Guard {
    /// For a WebSocket whose address names this model.
    pub fn new(model: Option<String>) -> Self {
        Self { said: Said { model, ..Said::default() }, ..Self::default() }
    }

    /// Whether these bytes may be sent.
    pub fn allows(&mut self, bytes: &[u8]) -> bool {
        let Self { frames, said } = self;
        frames.pass(bytes, |piece| said.hear(piece));
        !said.has_refused
    }

    /// Whether a message named another model.
    pub fn has_refused(&self) -> bool {
        self.said.has_refused
    }

    /// The model that the WebSocket is for.
    pub fn model(self) -> Option<String> {
        self.said.model
    }
}

impl Said {
    fn hear(&mut self, piece: Piece<'_>) {
        if piece.opcode >= CONTROL {
            return;
        }
        let mask = piece.mask.unwrap_or_default();
        self.plain.clear();
        self.plain.extend(piece.bytes.iter().zip(mask.iter().cycle()).map(|(byte, it)| byte ^ it));
        self.message.see(&self.plain);
        if piece.ends && piece.is_last {
            let message = std::mem::take(&mut self.message);
            self.has_refused |= !self.may_end(&message);
        }
    }

    fn may_end(&mut self, message: &Message) -> bool {
        let Some(skim) = &message.skim else { return true };
        if skim.is_doubtful() {
            return false;
        }
        let named = skim.value("model").and_then(|it| serde_json::from_slice::<String>(it).ok());
        let Some(named) = named else { return true };
        *self.model.get_or_insert_with(|| named.clone()) == named
    }
}

impl Message {
    fn see(&mut self, bytes: &[u8]) {
        if self.is_json.is_none() {
            self.is_json = shows_json(&mut self.beginning, bytes);
        }
        if self.is_json == Some(true) {
            self.skim.get_or_insert_with(|| Box::new(Skim::of_request())).see(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let length = (payload.len() as u16).to_be_bytes();
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, it)| byte ^ it);
        [&[first, 0xfe], &length[..], &mask].concat().into_iter().chain(masked).collect()
    }

    fn allowed(model: Option<&str>, frames: &[Vec<u8>], size: usize) -> bool {
        let mut guard = Guard::new(model.map(str::to_owned));
        frames.concat().chunks(size).all(|piece| guard.allows(piece))
    }

    #[test]
    fn a_socket_is_for_one_model() {
        let create = |model: &str| {
            frame(0x81, format!(r#"{{"type":"response.create","model":"{model}"}}"#).as_bytes())
        };
        let other = frame(0x81, br#"{"session":{"model":"x"},"model":null}"#);
        let (head, tail) = (frame(0x01, br#" {"model":"#), frame(0x80, br#""x"}"#));
        let ping = frame(0x89, br#"{"model":"x"}"#);
        let sound = frame(0x82, br#"RIFF{"model":"x"}"#);
        let escaped = frame(0x81, br#"{"mod\u0065l":"m"}"#);
        for size in [1, 5, 16_384] {
            let fine = [create("m"), other.clone(), ping.clone(), sound.clone(), create("m")];
            assert!(allowed(Some("m"), &fine, size));
            assert!(allowed(None, &fine, size));
            assert!(!allowed(Some("m"), &[create("x")], size));
            assert!(!allowed(None, &[create("m"), create("x")], size));
            assert!(!allowed(Some("m"), &[head.clone(), ping.clone(), tail.clone()], size));
            assert!(!allowed(Some("m"), std::slice::from_ref(&escaped), size));
        }
    }
}
