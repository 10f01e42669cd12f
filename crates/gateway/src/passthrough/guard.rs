//! Step 7, beside it: which models a caller names in the messages of a WebSocket. It is for one
//! model, whose price is looked at; a message that names another is not sent to its end.

use std::sync::Arc;

use protocol::exchange::{ErrorType, Fault};

use super::body::Passage;
use super::frames::{Frames, Piece};
use super::hold::PriceCheck;
use super::peek::shows_json;
use super::skim::Skim;

/// The first opcode of those that may stand within a message.
const CONTROL: u8 = 8;

/// The longest name of a model, in bytes.
const LONGEST_NAME: usize = 256;

/// What a caller said so far.
#[derive(Default)]
pub struct Guard {
    frames: Frames,
    said: Said,
}

#[derive(Default)]
struct Said {
    /// The model that the WebSocket is for; the first one that is named if its address names none.
    model: Option<String>,
    /// What judges the model that the first message has to name, of Google's.
    check: Option<PriceCheck>,
    /// Where the books learn of it.
    passage: Arc<Passage>,
    /// The message under way.
    message: Message,
    plain: Vec<u8>,
    refusal: Option<Fault>,
    /// It was named, and nobody was told.
    is_new: bool,
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
    pub fn new(model: Option<String>, passage: &Arc<Passage>) -> Self {
        let passage = Arc::clone(passage);
        Self { said: Said { model, passage, ..Said::default() }, ..Self::default() }
    }

    /// For one whose first message has to name a model that `check` lets pass.
    pub fn of_setup(check: PriceCheck, passage: &Arc<Passage>) -> Self {
        let mut guard = Self::new(None, passage);
        guard.said.check = Some(check);
        guard
    }

    /// Whether the first message names the model.
    pub fn is_of_setup(&self) -> bool {
        self.said.check.is_some()
    }

    /// Whether these bytes may be sent.
    pub fn allows(&mut self, bytes: &[u8]) -> bool {
        let Self { frames, said } = self;
        frames.pass(bytes, |piece| said.hear(piece));
        said.refusal.is_none()
    }

    /// Whether a message has named the model since this was asked last.
    pub fn has_just_named(&mut self) -> bool {
        std::mem::take(&mut self.said.is_new)
    }

    /// Nothing more may be sent.
    pub fn refuse(&mut self, fault: Fault) {
        self.said.refusal.get_or_insert(fault);
    }

    /// Why a message was not sent, if one was not.
    pub fn refusal(&self) -> Option<&Fault> {
        self.said.refusal.as_ref()
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
            if let Err(fault) = self.judge(&message) {
                self.refusal.get_or_insert(fault);
            }
        }
    }

    /// Whether a message may be sent to its end.
    fn judge(&mut self, message: &Message) -> Result<(), Fault> {
        let refused = |why: &str| {
            let message = format!("a message of the WebSocket {why}");
            Err(Fault::new(ErrorType::Unprocessable, message))
        };
        let name = if self.check.is_some() { "setup.model" } else { "model" };
        let named = match &message.skim {
            Some(skim) if skim.is_doubtful() || !skim.is_whole() => {
                return refused(
                    "is ambiguous; send plain JSON whose names have double quotes, no escapes, and \
                     small letters where others have them",
                );
            }
            Some(skim) => skim.value(name).and_then(|it| serde_json::from_slice::<String>(it).ok()),
            None => None,
        };
        match (named, &self.model) {
            (Some(named), Some(model)) if named != *model => {
                refused("names another model than the one before; open another WebSocket for it")
            }
            (Some(named), None) if named.len() > LONGEST_NAME => {
                refused("names a model with more than 256 bytes")
            }
            (Some(named), None) => {
                if let Some(check) = &self.check {
                    check.judge(Some(&named), true)?;
                }
                self.passage.set_model(&named);
                (self.model, self.is_new) = (Some(named), true);
                Ok(())
            }
            // Nothing is asked before a model is, whose price is looked at.
            (None, None) => match &self.check {
                Some(check) if check.judge(None, true).is_err() => {
                    refused("names no model, whose price has to be known; name it as setup.model")
                }
                _ => Ok(()),
            },
            (_, Some(_)) => Ok(()),
        }
    }
}

impl Message {
    fn see(&mut self, bytes: &[u8]) {
        if self.is_json.is_none() {
            self.is_json = shows_json(&mut self.beginning, bytes);
        }
        if self.is_json == Some(true) {
            self.skim.get_or_insert_with(|| Box::new(Skim::of_message())).see(bytes);
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
        let mut guard = Guard::new(model.map(str::to_owned), &Arc::default());
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
        let capital = frame(0x81, br#"{"model":"m","Model":"x"}"#);
        for size in [1, 5, 16_384] {
            let fine = [create("m"), other.clone(), ping.clone(), sound.clone(), create("m")];
            assert!(allowed(Some("m"), &fine, size));
            assert!(allowed(None, &fine, size));
            assert!(!allowed(Some("m"), &[create("x")], size));
            assert!(!allowed(None, &[create("m"), create("x")], size));
            assert!(!allowed(Some("m"), &[head.clone(), ping.clone(), tail.clone()], size));
            assert!(!allowed(Some("m"), std::slice::from_ref(&escaped), size));
            assert!(!allowed(Some("m"), std::slice::from_ref(&capital), size));
        }
    }
}
