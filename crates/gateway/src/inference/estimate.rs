//! How many tokens a prompt has, before anybody counted: from the bytes of its text, by what
//! providers counted for earlier prompts of the same kind of model.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use catalog::Model;
use foldhash::fast::RandomState;
use protocol::facts::RequestFacts;

/// Tokens in a million bytes of text until something is learnt: a token for every four bytes.
const UNLEARNT: u64 = 250_000;
/// No text has fewer tokens than this in a million bytes.
const FEWEST: u64 = 20_000;
/// No tokenizer makes more tokens of a text than it has bytes.
const MOST: u64 = 1_000_000;
/// Of shorter prompts, in bytes, too much is what templates put around them.
const SHORTEST: u64 = 512;
/// A new count moves what is known by one part in so many.
const INERTIA: u64 = 16;
/// So many kinds are told apart; beyond it the rest share one.
const KINDS: usize = 256;

/// What is known of each kind of tokenizer. Each process learns for itself.
#[derive(Default)]
pub struct TokenEstimates {
    kinds: RwLock<HashMap<Box<str>, Arc<AtomicU64>, RandomState>>,
}

impl TokenEstimates {
    /// The tokens of a prompt for a model.
    pub fn tokens(&self, model: &Model, facts: &RequestFacts) -> u64 {
        let ratio = self.known(kind_of(model)).map_or(UNLEARNT, |it| it.load(Ordering::Relaxed));
        scaled(bytes(facts), ratio)
    }

    /// Learns from a provider's count. Tells by how much the estimate was wrong, as a part of the
    /// count; `None` of what cannot be compared: a short prompt, or one with media.
    pub fn learn(&self, model: &Model, facts: &RequestFacts, counted: u64) -> Option<f64> {
        let bytes = bytes(facts);
        let media = facts.image_input || facts.audio_input || facts.video_input || facts.file_input;
        if media || bytes < SHORTEST || counted == 0 {
            return None;
        }
        let kind = kind_of(model);
        let known = self.known(kind).or_else(|| self.begin(kind))?;
        let ratio = known.load(Ordering::Relaxed);
        let estimated = scaled(bytes, ratio);
        let seen = (u128::from(counted) * 1_000_000 / u128::from(bytes)) as u64;
        let seen = seen.clamp(FEWEST, MOST);
        // Two that learn at once lose one of the lessons, which matters to nobody.
        let next = (ratio * (INERTIA - 1) + seen) / INERTIA;
        known.store(next, Ordering::Relaxed);
        Some((estimated as f64 - counted as f64) / counted as f64)
    }

    fn known(&self, kind: &str) -> Option<Arc<AtomicU64>> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
    }

    fn begin(&self, kind: &str) -> Option<Arc<AtomicU64>> {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if kinds.len() >= KINDS {
            return None;
        }
        let known = kinds.entry(kind.into());
        Some(Arc::clone(known.or_insert_with(|| Arc::new(AtomicU64::new(UNLEARNT)))))
    }
}

/// The tokenizer's family; of models without one the author's, whose models have much in common.
pub fn kind_of(model: &Model) -> &str {
    match model.architecture.tokenizer.as_deref() {
        None | Some("Other" | "Media") => model.author(),
        Some(tokenizer) => tokenizer,
    }
}

/// The facts count a token for every four bytes.
fn bytes(facts: &RequestFacts) -> u64 {
    facts.estimated_prompt_tokens.saturating_mul(4)
}

fn scaled(bytes: u64, ratio: u64) -> u64 {
    (u128::from(bytes) * u128::from(ratio)).div_ceil(1_000_000) as u64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use catalog::{Architecture, Parameters};

    pub(crate) fn model(tokenizer: Option<&str>) -> Model {
        Model {
            id: "author/name".into(),
            canonical_slug: "author/name".into(),
            name: "Name".into(),
            kind: Default::default(),
            created: 0,
            description: String::new(),
            context_length: None,
            architecture: Architecture {
                tokenizer: tokenizer.map(str::to_owned),
                ..Architecture::default()
            },
            supported_parameters: Parameters::NONE,
            reasoning: None,
            knowledge_cutoff: None,
            expiration_date: None,
            hugging_face_id: None,
            aliases: Vec::new(),
            family: None,
            distillable: false,
            hidden: false,
            retired: false,
        }
    }

    fn prompt(tokens: u64) -> RequestFacts {
        RequestFacts { estimated_prompt_tokens: tokens, ..RequestFacts::default() }
    }

    #[test]
    fn what_is_counted_is_learnt_for_models_of_the_kind() {
        let estimates = TokenEstimates::default();
        let (claude, other) = (model(Some("Claude")), model(None));
        assert_eq!(estimates.tokens(&claude, &prompt(1000)), 1000);
        let first = estimates.learn(&claude, &prompt(1000), 1250).unwrap();
        assert!((first + 0.2).abs() < 1e-9, "{first}");
        for _ in 0..200 {
            estimates.learn(&claude, &prompt(1000), 1250);
        }
        let learnt = estimates.tokens(&claude, &prompt(1000));
        assert!((1240..=1250).contains(&learnt), "{learnt}");
        assert!(estimates.learn(&claude, &prompt(1000), 1250).unwrap().abs() < 0.01);
        assert_eq!(estimates.tokens(&other, &prompt(1000)), 1000, "another kind");
    }

    #[test]
    fn what_cannot_be_compared_teaches_nothing() {
        let estimates = TokenEstimates::default();
        let model = model(Some("GPT"));
        assert_eq!(estimates.learn(&model, &prompt(100), 100), None, "short");
        assert_eq!(estimates.learn(&model, &prompt(1000), 0), None, "no count");
        let media = RequestFacts { image_input: true, ..prompt(1000) };
        assert_eq!(estimates.learn(&model, &media, 5000), None);
        assert_eq!(estimates.tokens(&model, &prompt(1000)), 1000);
    }

    /// A provider's count is hostile input too.
    #[test]
    fn no_count_leads_beyond_what_a_tokenizer_can_do() {
        let estimates = TokenEstimates::default();
        let model = model(Some("GPT"));
        for counted in [1, u64::MAX] {
            for _ in 0..1000 {
                estimates.learn(&model, &prompt(1000), counted);
            }
            let tokens = estimates.tokens(&model, &prompt(1000));
            assert!((80..=4000).contains(&tokens), "{tokens}");
        }
        assert!(estimates.tokens(&model, &prompt(u64::MAX)) > 0);
    }
}
