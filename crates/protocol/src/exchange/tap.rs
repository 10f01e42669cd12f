//! What the books need of the events that pass.

use super::{Event, FinishReason, ReasoningDelta, Usage};

/// What the books need of the events that pass.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) native: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) upstream_id: Option<String>,
    pub(crate) text_bytes: u64,
    pub(crate) images: u64,
    /// The highest choice seen, counted from one.
    pub(crate) begun: usize,
    /// How many choices have ended.
    pub(crate) ended: usize,
}

impl Tap {
    pub(crate) fn take(&mut self, event: &Event) {
        if let Event::Text { choice, .. }
        | Event::Refusal { choice, .. }
        | Event::Reasoning { choice, .. }
        | Event::ToolCallStart { choice, .. }
        | Event::Image { choice, .. }
        | Event::Audio { choice, .. }
        | Event::Finish { choice, .. } = event
        {
            self.begun = self.begun.max(*choice as usize + 1);
        }
        self.ended += usize::from(matches!(event, Event::Finish { .. }));
        let mut count = |text: &str| self.text_bytes += text.len() as u64;
        match event {
            Event::Start { id, service_tier, .. } => {
                if id.is_some() {
                    self.upstream_id.clone_from(id);
                }
                if service_tier.is_some() {
                    self.service_tier.clone_from(service_tier);
                }
            }
            Event::Text { text, .. } | Event::Refusal { text, .. } => count(text),
            Event::ToolCallArguments { arguments, .. } => count(arguments),
            Event::Reasoning {
                delta: ReasoningDelta::Text(text) | ReasoningDelta::Summary(text),
                ..
            } => count(text),
            Event::Finish { choice, reason, native } => {
                // That of the first choice, but one that is whole rather than one that failed: it
                // decides for all. ZCI-1
                let failed = *reason == FinishReason::Error;
                let better = match self.finish {
                    None => true,
                    Some(FinishReason::Error) => !failed,
                    Some(_) => *choice == 0 && !failed,
                };
                if better {
                    self.finish = Some(*reason);
                    self.native.clone_from(native);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Image { .. } => self.images += 1,
            _ => {}
        }
    }
}
