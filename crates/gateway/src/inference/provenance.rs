//! Where reasoning was made, and where it may return.
//!
//! Signatures and encrypted reasoning are read by their maker alone. They leave with a stamp that
//! names it ([`protocol::provenance`]): the provider and the credential, hashed, and a code over both
//! with a key that is derived from the master key. So every node that has the same master key knows
//! the stamps of all, without a database, whatever became of the catalogue since; a stamp that was
//! made up, or that another installation made, is taken for a part of somebody else's text, and the
//! form of the reasoning alone decides, as it does for reasoning without a stamp. REASON-11

use std::collections::HashMap;

use bytes::Bytes;
use protocol::exchange::Request;
use protocol::provenance::{Stamp, StampBytes, take, without};
use ring::hmac;
use subtle::ConstantTimeEq;

use super::plan::Candidate;
use super::prepare::Call;

/// What the key is derived for.
pub const PURPOSE: &str = "trunkline: stamps on reasoning, version 1";

/// How many makers of one conversation are told apart.
const MOST_MAKERS: usize = 8;

/// How many different stamps of one body are looked into, those that are not genuine too; a
/// conversation has a few. Further ones stay, as if they were a stranger's.
const MOST_OPENED: usize = 4_096;

const PROVIDER_LENGTH: usize = 6;
const CREDENTIAL_LENGTH: usize = 4;
const CODE_LENGTH: usize = StampBytes::LENGTH - PROVIDER_LENGTH - CREDENTIAL_LENGTH;

/// A provider, as a stamp names it.
type ProviderName = [u8; PROVIDER_LENGTH];

/// Who made reasoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker {
    provider: ProviderName,
    credential: [u8; CREDENTIAL_LENGTH],
}

/// Makes stamps and knows its own.
pub struct Provenance {
    key: hmac::Key,
}

impl Provenance {
    /// With a key that all nodes share.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The first bytes of the code over some parts; each is preceded by its length.
    fn code<const N: usize>(&self, purpose: &str, parts: &[&[u8]]) -> [u8; N] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [purpose.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut bytes = [0; N];
        for (byte, told) in bytes.iter_mut().zip(context.sign().as_ref()) {
            *byte = *told;
        }
        bytes
    }

    fn provider(&self, slug: &str) -> ProviderName {
        self.code("provider", &[slug.as_bytes()])
    }

    /// Who makes reasoning at a provider with a credential.
    pub fn maker(&self, provider: &str, credential: &str) -> Maker {
        Maker {
            provider: self.provider(provider),
            credential: self.code("credential", &[provider.as_bytes(), credential.as_bytes()]),
        }
    }

    /// The stamp of a maker.
    pub fn stamp(&self, maker: &Maker) -> Stamp {
        let mut bytes = [0; StampBytes::LENGTH];
        let parts = [&maker.provider[..], &maker.credential, &self.authenticator(maker)].concat();
        bytes.copy_from_slice(&parts);
        StampBytes(bytes).stamp()
    }

    fn authenticator(&self, maker: &Maker) -> [u8; CODE_LENGTH] {
        self.code("stamp", &[&maker.provider, &maker.credential])
    }

    /// Who made what has this stamp; `None` if it is not one of ours.
    fn open(&self, stamp: &StampBytes) -> Option<Maker> {
        let (provider, rest) = stamp.0.split_first_chunk()?;
        let (credential, code) = rest.split_first_chunk()?;
        let maker = Maker { provider: *provider, credential: *credential };
        bool::from(self.authenticator(&maker)[..].ct_eq(code)).then_some(maker)
    }

    /// Takes the stamps off the body of a request.
    pub fn read(&self, body: Bytes) -> (Bytes, Reasoning) {
        let mut known: HashMap<StampBytes, Option<Maker>> = HashMap::new();
        let open = |stamp: &StampBytes| match known.get(stamp) {
            Some(maker) => *maker,
            // Nothing is paid for yet.
            None if known.len() >= MOST_OPENED => None,
            None => *known.entry(*stamp).or_insert_with(|| self.open(stamp)),
        };
        let Some(taken) = take(&body, open) else {
            return (body, Reasoning::default());
        };
        let mut latest: Vec<Maker> = Vec::new();
        for (_, maker) in taken.made.iter().rev() {
            if latest.len() < MOST_MAKERS && !latest.contains(maker) {
                latest.push(*maker);
            }
        }
        (taken.body.into(), Reasoning { made: taken.made.into_iter().collect(), latest })
    }
}

/// The reasoning of a conversation whose makers are known.
#[derive(Clone, Debug, Default)]
pub struct Reasoning {
    /// Opaque texts, with who made them.
    made: HashMap<String, Maker>,
    /// The makers, the latest first.
    latest: Vec<Maker>,
}

impl Reasoning {
    /// Whether there is any.
    pub fn is_some(&self) -> bool {
        !self.latest.is_empty()
    }

    /// How recent the reasoning is that a provider made: 0 for the latest; `None`: it made none.
    pub fn rank(&self, provenance: &Provenance, provider: &str) -> Option<u8> {
        if !self.is_some() {
            return None;
        }
        let provider = provenance.provider(provider);
        let at = self.latest.iter().position(|maker| maker.provider == provider)?;
        u8::try_from(at).ok()
    }
}

/// How the reasoning of earlier turns is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// All that the provider can verify: what it made itself, and what nobody knows the maker of.
    Verifiable,
    /// Without any proof, since the provider refused one.
    Unproven,
}

impl Call {
    /// The request without the proofs of reasoning that the provider of a candidate could not
    /// verify; `None` if there are none.
    pub fn downgraded(
        &self,
        request: &Request,
        candidate: &Candidate,
        replay: Replay,
    ) -> Option<Request> {
        if replay == Replay::Unproven {
            return without(request, &|_| true);
        }
        if !self.has_foreign_reasoning(candidate) {
            return None;
        }
        let here = self.here(candidate);
        let made = &self.reasoning.made;
        without(request, &|proof| made.get(proof).is_some_and(|maker| maker.provider != here))
    }

    /// Whether another provider than that of a candidate made some of the reasoning whose maker is
    /// known.
    pub fn has_foreign_reasoning(&self, candidate: &Candidate) -> bool {
        if !self.reasoning.is_some() {
            return false;
        }
        let here = self.here(candidate);
        let latest = &self.reasoning.latest;
        latest.len() >= MOST_MAKERS || latest.iter().any(|maker| maker.provider != here)
    }

    /// Whether the provider of a candidate made some of it.
    pub fn made_reasoning(&self, candidate: &Candidate) -> bool {
        if !self.reasoning.is_some() {
            return false;
        }
        let here = self.here(candidate);
        self.reasoning.latest.iter().any(|maker| maker.provider == here)
    }

    fn here(&self, candidate: &Candidate) -> ProviderName {
        let slug = &self.snapshot.endpoint(candidate.endpoint).provider_slug;
        self.app.provenance.provider(slug)
    }

    /// Brings the credential the reasoning was made with before the others of the same endpoint and
    /// class: some services keep what they encrypt to an organisation.
    pub fn prefer_makers(&self, candidates: &mut [Candidate]) {
        if !self.reasoning.is_some() {
            return;
        }
        let alike = |one: &Candidate, next: &Candidate| {
            one.endpoint == next.endpoint
                && one.access.is_byok() == next.access.is_byok()
                && one.access.is_fallback == next.access.is_fallback
        };
        for same in candidates.chunk_by_mut(alike).filter(|same| same.len() > 1) {
            same.sort_by_cached_key(|candidate| {
                let maker = self.maker(candidate);
                self.reasoning.latest.iter().position(|it| *it == maker).unwrap_or(usize::MAX)
            });
        }
    }

    fn maker(&self, candidate: &Candidate) -> Maker {
        let slug = &self.snapshot.endpoint(candidate.endpoint).provider_slug;
        self.app.provenance.maker(slug, &candidate.access.credential_id)
    }

    /// What goes before the reasoning that a candidate makes.
    pub fn stamp(&self, candidate: &Candidate) -> Stamp {
        let make = || self.app.provenance.stamp(&self.maker(candidate));
        candidate.access.stamp.get_or_init(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(key: u8) -> Provenance {
        Provenance::new(&[key; 32])
    }

    fn body(stamp: &Stamp, rest: &str) -> Bytes {
        format!(r#"{{"messages":[{{"signature":"{}{rest}"}}]}}"#, stamp.as_str()).into()
    }

    #[test]
    fn all_who_have_the_key_know_a_stamp_and_nobody_else() {
        let stamp = provenance(1).stamp(&provenance(1).maker("p", "c"));
        let (plain, known) = provenance(1).read(body(&stamp, "EqQB"));
        assert_eq!(&plain[..], br#"{"messages":[{"signature":"EqQB"}]}"#);
        assert_eq!(known.rank(&provenance(1), "p"), Some(0));
        assert_eq!(known.rank(&provenance(1), "q"), None);
        assert_eq!(known.made["EqQB"], provenance(1).maker("p", "c"));
        let foreign = body(&stamp, "EqQB");
        let (untouched, unknown) = provenance(2).read(foreign.clone());
        assert_eq!(untouched, foreign);
        assert!(!unknown.is_some());
    }

    #[test]
    fn a_stamp_in_which_a_single_digit_differs_is_none() {
        let provenance = provenance(1);
        let stamp = provenance.stamp(&provenance.maker("p", "c"));
        let text = stamp.as_str();
        for at in 0..text.len() {
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            let forged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let body = Bytes::from(format!(r#"{{"signature":"{forged}EqQB"}}"#));
            let (same, known) = provenance.read(body.clone());
            assert_eq!(same, body, "{at}");
            assert!(!known.is_some(), "{at}");
        }
    }

    #[test]
    fn the_latest_maker_goes_first_and_names_do_not_run_into_each_other() {
        let provenance = provenance(1);
        let stamps = ["a", "b", "a"].map(|slug| provenance.stamp(&provenance.maker(slug, "c")));
        let texts: Vec<_> = stamps
            .iter()
            .enumerate()
            .map(|(at, stamp)| format!(r#"{{"data":"{}x{at}"}}"#, stamp.as_str()))
            .collect();
        let (_, known) = provenance.read(format!("[{}]", texts.join(",")).into());
        assert_eq!(known.rank(&provenance, "a"), Some(0));
        assert_eq!(known.rank(&provenance, "b"), Some(1));
        assert_ne!(provenance.maker("ab", "c"), provenance.maker("a", "bc"));
    }
}
