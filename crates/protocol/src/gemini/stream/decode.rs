//! A provider's stream → events. wire-formats 3.5

use super::super::decode::candidate::CandidateState;
use super::super::decode::response::{MAX_CANDIDATES, block_reason, malformed, read_chunk};
use super::super::decode::{grounding, logprobs};
use super::super::finish;
use super::super::usage::Counts;
use crate::exchange::{ErrorType, Event, Fault, FinishReason, Usage};
use crate::json::half::Quoted;
use crate::sse::Frame;
use crate::target::ResponseContext;

/// Reads the stream of one answer. There is no terminal frame: the stream is whole if every
/// candidate said why it ended. So finish reasons are told at the end, when it is also known
/// whether any chunk called a function. Bugs 12, 15, 16
#[derive(Debug)]
pub struct StreamDecoder {
    context: ResponseContext,
    candidates: Vec<CandidateState>,
    response_id: String,
    model_told: bool,
    tier: Option<&'static str>,
    counts: Option<Counts>,
    told: Option<Usage>,
    searches: u64,
    blocked: Option<String>,
    started: bool,
    failed: bool,
}

impl StreamDecoder {
    /// A decoder for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self {
            context,
            candidates: Vec::new(),
            response_id: String::new(),
            model_told: false,
            tier: None,
            counts: None,
            told: None,
            searches: 0,
            blocked: None,
            started: false,
            failed: false,
        }
    }

    /// Takes one frame. After a fault nothing more is told.
    pub fn push(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if self.failed || frame.data.trim_ascii().is_empty() || frame.is_done() {
            return;
        }
        if let Err(fault) = self.take(frame.data, events) {
            self.fail(fault, events);
        }
    }

    /// How many candidates have begun, and how many said why they ended. A prompt that is blocked
    /// has one answer, which says so.
    pub(crate) fn progress(&self) -> (usize, usize) {
        if self.candidates.is_empty() && self.blocked.is_some() {
            return (1, 1);
        }
        let ended = |candidate: &&CandidateState| candidate.finish.as_deref().is_some_and(says_why);
        (self.candidates.len(), self.candidates.iter().filter(ended).count())
    }

    /// Why the first answer ends, once the provider said it; more may still come.
    pub(crate) fn ending(&self) -> Option<(FinishReason, &str)> {
        match self.candidates.iter().find(|candidate| candidate.index == 0) {
            Some(first) => {
                let native = first.finish.as_deref().filter(|word| says_why(word))?;
                Some((finish::normalised(native, first.called()), native))
            }
            None if self.candidates.is_empty() => {
                Some((FinishReason::ContentFilter, self.blocked.as_deref()?))
            }
            None => None,
        }
    }

    /// The stream ended.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if self.failed {
            return;
        }
        for candidate in &mut self.candidates {
            candidate.end(&self.response_id, &self.context, events);
        }
        if self.candidates.is_empty()
            && let Some(native) = self.blocked.take()
        {
            events.push(Event::Finish {
                choice: 0,
                reason: FinishReason::ContentFilter,
                native: Some(native),
            });
            self.failed = true;
            return;
        }
        let told = |candidate: &CandidateState| candidate.finish.as_deref().is_some_and(says_why);
        let cut = !self.candidates.iter().all(told);
        if self.candidates.is_empty() || (cut && !self.context.no_finish_reason) {
            let fault = Fault::new(
                ErrorType::ProviderUnavailable,
                "The provider's stream ended before the answer did.",
            );
            return self.fail(fault, events);
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by_key(|candidate| candidate.index);
        for candidate in &mut candidates {
            let choice = candidate.index;
            if let Some(metadata) = candidate.grounding.take() {
                let found = grounding::annotations(&metadata, &candidate.text);
                events.extend(found.into_iter().map(|raw| Event::Annotation { choice, raw }));
            }
            let native = candidate.finish.take();
            let word = native.as_deref().unwrap_or("STOP");
            let reason = finish::normalised(word, candidate.called());
            events.push(Event::Finish { choice, reason, native });
        }
        // Whatever the stream repeats after its end is not heard.
        self.failed = true;
    }

    fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        self.failed = true;
        events.push(Event::Fault(fault));
    }

    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
        let chunk = read_chunk(data)?;
        let counts = chunk
            .usage_metadata
            .map(|raw| serde_json::from_str::<Counts>(raw.get()).unwrap_or_default());
        let tier = counts.as_ref().and_then(Counts::tier);
        let id = chunk.response_id.map(Quoted::text).filter(|id| !id.is_empty());
        let model = chunk.model_version.map(Quoted::text);
        let news = (self.response_id.is_empty() && id.is_some())
            || (!self.model_told && model.is_some())
            || (self.tier.is_none() && tier.is_some());
        if !self.started || news {
            self.started = true;
            self.model_told |= model.is_some();
            self.tier = self.tier.or(tier);
            if let (true, Some(id)) = (self.response_id.is_empty(), &id) {
                id.chars().take(256).for_each(|letter| self.response_id.push(letter));
            }
            events.push(Event::Start {
                id: (!self.response_id.is_empty()).then(|| self.response_id.clone()),
                model: model.map(|model| model.into_owned()),
                created: None,
                service_tier: self.tier.map(str::to_owned),
                system_fingerprint: None,
            });
        }
        for candidate in chunk.candidates.unwrap_or_default() {
            let state = state(&mut self.candidates, candidate.index.0)?;
            for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
                state
                    .part(part, &self.response_id, &self.context, events)
                    .map_err(|_| malformed("A part of the provider's answer is not readable."))?;
            }
            if let Some(raw) =
                candidate.logprobs_result.and_then(|raw| logprobs::openai_form(raw.get()))
            {
                events.push(Event::Logprobs { choice: state.index, raw });
            }
            if let Some(metadata) = candidate.grounding_metadata {
                self.searches = self.searches.max(grounding::searches(metadata.get()));
                state.grounding = Some(metadata.get().to_owned());
            }
            if let Some(reason) = candidate.finish_reason.map(Quoted::text)
                && (says_why(&reason) || state.finish.is_none())
            {
                state.finish = Some(reason.into_owned());
            }
        }
        let blocked = chunk.prompt_feedback.and_then(|raw| block_reason(raw.get()));
        if let Some(native) = blocked.filter(|word| says_why(word)) {
            self.blocked = Some(native);
        }
        if counts.is_some() {
            self.counts = counts;
        }
        // Counts are cumulative: each replaces the one before.
        if let Some(usage) = self.counts.as_ref().map(|counts| counts.normalised(self.searches))
            && self.told != Some(usage)
        {
            self.told = Some(usage);
            events.push(Event::Usage(usage));
        }
        Ok(())
    }
}

/// Whether a reason is one: some send what stands for none with every chunk.
fn says_why(word: &str) -> bool {
    !word.is_empty() && !word.ends_with("_UNSPECIFIED")
}

fn state(candidates: &mut Vec<CandidateState>, index: u64) -> Result<&mut CandidateState, Fault> {
    let index = u32::try_from(index)
        .ok()
        .filter(|index| *index < MAX_CANDIDATES)
        .ok_or_else(|| malformed("The provider numbers its candidates beyond all bounds."))?;
    let at = match candidates.iter().position(|candidate| candidate.index == index) {
        Some(at) => at,
        None => {
            candidates.push(CandidateState::new(index));
            candidates.len() - 1
        }
    };
    Ok(&mut candidates[at])
}
