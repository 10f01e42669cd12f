//! What a model's chat template writes around the texts of a prompt. What it writes itself has been
//! measured with the vendors' own programs (`data/README.md` tells which): long instructions as
//! their number of tokens, short words as they are, since those run together with what is beside.

mod deepseek;
mod mistral;
mod openai;
mod qwen;
mod said;
mod writer;

#[cfg(test)]
mod tests;

use protocol::exchange::Request;

pub use self::deepseek::DeepSeek;
pub use self::mistral::Mistral;
pub use self::qwen::Qwen;
use self::said::Conversation;
pub use self::writer::Writer;
use super::Counter;

/// The form of a family's prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// OpenAI's.
    OpenAi,
    /// Alibaba's.
    Qwen(Qwen),
    /// Mistral's.
    Mistral(Mistral),
    /// DeepSeek's.
    DeepSeek(DeepSeek),
}

impl Template {
    /// The tokens of a whole prompt, with what begins the answer.
    pub fn count(self, mut counter: Counter, request: &Request) -> u64 {
        if self == Self::OpenAi {
            return openai::count(&mut counter, request);
        }
        let conversation = Conversation::of(request);
        let mut writer = Writer::new(counter);
        match self {
            Self::OpenAi => {}
            Self::Qwen(form) => form.write(&conversation, &mut writer),
            Self::Mistral(form) => form.write(&conversation, &mut writer),
            Self::DeepSeek(form) => form.write(&conversation, &mut writer),
        }
        writer.finish()
    }
}
