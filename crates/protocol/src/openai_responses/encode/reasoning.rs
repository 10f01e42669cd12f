//! Reasoning of earlier turns, sent back. Bug 20, wire-formats 9.2, 12.4

use crate::exchange::{Block, BlockKind, ReasoningBlock, ReasoningContent, ReasoningFormat};
use crate::openai_chat::write::{ObjectWriter, array, object};
use crate::openai_responses::wire;
use crate::target::{ReasoningReplay, ReasoningStyle, Target};

/// The blocks of one reasoning item.
pub(super) struct Thought<'b> {
    blocks: Vec<&'b ReasoningBlock>,
}

/// The reasoning at the beginning of some blocks as items, and how many blocks they are.
pub(super) fn leading<'b>(blocks: &[&'b Block]) -> (Vec<Thought<'b>>, usize) {
    let mut thoughts: Vec<Thought<'b>> = Vec::new();
    let mut count = 0;
    for block in blocks {
        let BlockKind::Reasoning(block) = &block.kind else { break };
        count += 1;
        match thoughts.last_mut().filter(|thought| thought.takes(block)) {
            Some(thought) => thought.blocks.push(block),
            None => thoughts.push(Thought { blocks: vec![block] }),
        }
    }
    (thoughts, count)
}

impl Thought<'_> {
    /// Whether a block belongs to the same item. The same rule as in streams.
    fn takes(&self, next: &ReasoningBlock) -> bool {
        let mut shape = Shape::default();
        self.blocks.iter().for_each(|block| shape.add(&block.content));
        self.blocks.first().is_some_and(|first| {
            is_one_item((first.id.as_deref(), &first.format), (next.id.as_deref(), &next.format))
                && shape.takes(&next.content)
        })
    }

    fn format(&self) -> Option<&ReasoningFormat> {
        self.blocks.first().map(|block| &block.format)
    }

    fn has_encrypted(&self) -> bool {
        self.blocks.iter().any(|block| {
            matches!(&block.content, ReasoningContent::Encrypted { data } if !data.is_empty())
        })
    }

    /// Why it cannot be sent; `None` if it can.
    pub(super) fn refusal(&self, target: &Target<'_>) -> Option<&'static str> {
        match target.quirks.reasoning_replay {
            ReasoningReplay::ReasoningDetails => return None,
            // Models whose thoughts are open.
            ReasoningReplay::Reasoning | ReasoningReplay::ReasoningContent => {
                let told = |block: &ReasoningBlock| {
                    !matches!(block.content, ReasoningContent::Encrypted { .. })
                };
                if self.blocks.iter().any(|block| told(block)) {
                    return None;
                }
            }
            ReasoningReplay::Drop | ReasoningReplay::ThinkTags => {}
        }
        if target.abilities.reasoning == ReasoningStyle::None {
            Some("the model does not reason, and takes no reasoning")
        } else if self.format() != Some(&ReasoningFormat::OpenaiResponses) {
            Some("another service wrote it, and this one would refuse it")
        } else if !self.has_encrypted() {
            Some("without its encrypted content the provider cannot find it again")
        } else {
            None
        }
    }

    /// Writes the item.
    pub(super) fn write(&self, out: &mut Vec<u8>, target: &Target<'_>) {
        let in_full = target.quirks.reasoning_replay == ReasoningReplay::ReasoningDetails;
        object(out, |item| {
            item.string("type", "reasoning");
            let first = self.blocks.first();
            if let Some(id) = first.and_then(|block| block.id.as_deref()) {
                item.string("id", id);
            }
            self.list(item, "summary", "summary_text", |content| match content {
                ReasoningContent::Summary { summary } => Some(summary),
                _ => None,
            });
            let open = self.blocks.iter().any(|block| text_of(&block.content).is_some());
            if open {
                self.list(item, "content", "reasoning_text", text_of);
            }
            for block in &self.blocks {
                match &block.content {
                    ReasoningContent::Encrypted { data } => item.string("encrypted_content", data),
                    ReasoningContent::Text { signature: Some(signature), .. } if in_full => {
                        item.string("signature", signature);
                    }
                    _ => {}
                }
            }
            if in_full
                && let Some(first) = first
                && wire::names_format(&first.format, first.id.as_deref(), self.has_encrypted())
            {
                item.string("format", first.format.name());
            }
        });
    }

    fn list(
        &self,
        item: &mut ObjectWriter<'_>,
        name: &str,
        kind: &str,
        text: impl Fn(&ReasoningContent) -> Option<&String>,
    ) {
        let texts = self.blocks.iter().filter_map(|block| text(&block.content));
        array(item.value_of(name), texts, |out, text| {
            object(out, |part| {
                part.string("type", kind);
                part.string("text", text);
            });
        });
    }
}

fn text_of(content: &ReasoningContent) -> Option<&String> {
    match content {
        ReasoningContent::Text { text, .. } if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Whether two pieces, by id and form, may stand in one item. Without ids only OpenAI's own form
/// keeps its pieces together.
pub(in crate::openai_responses) fn is_one_item(
    one: (Option<&str>, &ReasoningFormat),
    next: (Option<&str>, &ReasoningFormat),
) -> bool {
    one == next && (one.0.is_some() || *one.1 == ReasoningFormat::OpenaiResponses)
}

/// What an item holds so far. Pieces are read back in one order: summary, text, data.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::openai_responses) struct Shape {
    pub(in crate::openai_responses) text: bool,
    pub(in crate::openai_responses) signed: bool,
    pub(in crate::openai_responses) encrypted: bool,
}

impl Shape {
    fn add(&mut self, content: &ReasoningContent) {
        match content {
            ReasoningContent::Text { signature, .. } => {
                self.text = true;
                self.signed |= signature.is_some();
            }
            ReasoningContent::Encrypted { .. } => self.encrypted = true,
            ReasoningContent::Summary { .. } => {}
        }
    }

    fn takes(self, content: &ReasoningContent) -> bool {
        match content {
            ReasoningContent::Summary { .. } => self.takes_summary(),
            ReasoningContent::Text { .. } => self.takes_text(),
            ReasoningContent::Encrypted { .. } => !self.encrypted,
        }
    }

    pub(in crate::openai_responses) const fn takes_summary(self) -> bool {
        !self.text && !self.encrypted
    }

    pub(in crate::openai_responses) const fn takes_text(self) -> bool {
        !self.signed && !self.encrypted
    }
}
