//! Who spends, and what.

use std::collections::HashMap;

use crate::{NanoUsd, Window};

/// What kind of spender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpenderKind {
    /// Who pays.
    Account,
    /// A scope inside an account.
    Workspace,
    /// A member, over all keys they created. GUARD-3, GUARD-6
    Member,
    /// An API key.
    Key,
}

/// A spender, as a small number that [`Spenders`] gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpenderId(pub(super) u32);

impl SpenderId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names of spenders and the small numbers that stand for them, so that requests compare and
/// index instead of hashing texts. A number is never given to another.
#[derive(Debug, Default)]
pub struct Spenders {
    ids: HashMap<SpenderKind, HashMap<String, SpenderId>>,
    names: Vec<(SpenderKind, String)>,
}

impl Spenders {
    /// The spender of that kind and name, known or new.
    pub fn intern(&mut self, kind: SpenderKind, name: &str) -> SpenderId {
        if let Some(id) = self.get(kind, name) {
            return id;
        }
        // Names are counted in memory: four thousand million do not fit.
        let id = SpenderId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.ids.entry(kind).or_default().insert(name.to_owned(), id);
        self.names.push((kind, name.to_owned()));
        id
    }

    /// The spender of that kind and name, if known.
    pub fn get(&self, kind: SpenderKind, name: &str) -> Option<SpenderId> {
        self.ids.get(&kind)?.get(name).copied()
    }

    /// The kind and name of a spender.
    pub fn name(&self, id: SpenderId) -> Option<(SpenderKind, &str)> {
        let (kind, name) = self.names.get(id.index())?;
        Some((*kind, name))
    }

    /// All spenders.
    pub fn iter(&self) -> impl Iterator<Item = (SpenderId, SpenderKind, &str)> {
        (0..).map(SpenderId).zip(&self.names).map(|(id, (kind, name))| (id, *kind, name.as_str()))
    }
}

/// An amount by who pays it, in nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spend {
    /// Paid with credits.
    pub credits: NanoUsd,
    /// Paid by the owner of the credential: what would have been charged. KEYS-10
    pub byok: NanoUsd,
}

impl Spend {
    /// Nothing.
    pub const ZERO: Self = Self { credits: NanoUsd::ZERO, byok: NanoUsd::ZERO };

    /// An amount paid with credits.
    pub const fn credits(amount: NanoUsd) -> Self {
        Self { credits: amount, byok: NanoUsd::ZERO }
    }

    /// An amount paid by the owner of the credential.
    pub const fn byok(amount: NanoUsd) -> Self {
        Self { credits: NanoUsd::ZERO, byok: amount }
    }

    /// With what is negative as zero.
    #[must_use]
    pub fn sane(self) -> Self {
        Self { credits: self.credits.max(NanoUsd::ZERO), byok: self.byok.max(NanoUsd::ZERO) }
    }

    /// Part by part the smaller one.
    #[must_use]
    pub fn at_most(self, most: Self) -> Self {
        Self { credits: self.credits.min(most.credits), byok: self.byok.min(most.byok) }
    }

    /// What of it counts, with or without the part that is not paid with credits.
    pub(super) fn counted(self, with_byok: bool) -> i128 {
        let byok = if with_byok { i128::from(self.byok.0) } else { 0 };
        i128::from(self.credits.0) + byok
    }
}

/// Amounts over the current windows, in nano-dollars. KEYS-1, KEYS-2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerWindow {
    /// Since 00:00 UTC.
    pub daily: NanoUsd,
    /// Since Monday, 00:00 UTC.
    pub weekly: NanoUsd,
    /// Since the first of the month, 00:00 UTC.
    pub monthly: NanoUsd,
    /// Since ever.
    pub lifetime: NanoUsd,
}

impl PerWindow {
    /// The amount over one window.
    pub const fn get(&self, window: Window) -> NanoUsd {
        match window {
            Window::Daily => self.daily,
            Window::Weekly => self.weekly,
            Window::Monthly => self.monthly,
            Window::Lifetime => self.lifetime,
        }
    }

    pub(super) fn from_fn(amount: impl Fn(Window) -> NanoUsd) -> Self {
        Self {
            daily: amount(Window::Daily),
            weekly: amount(Window::Weekly),
            monthly: amount(Window::Monthly),
            lifetime: amount(Window::Lifetime),
        }
    }
}

/// What a spender has used. KEYS-1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spent {
    /// Paid with credits.
    pub credits: PerWindow,
    /// Paid by owners of credentials.
    pub byok: PerWindow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_different_kinds_do_not_meet() {
        let mut spenders = Spenders::default();
        let key = spenders.intern(SpenderKind::Key, "a");
        let member = spenders.intern(SpenderKind::Member, "a");
        assert_ne!(key, member);
        assert_eq!(spenders.intern(SpenderKind::Key, "a"), key);
        assert_eq!(spenders.name(member), Some((SpenderKind::Member, "a")));
        assert_eq!(spenders.get(SpenderKind::Account, "a"), None);
        assert_eq!(spenders.iter().map(|(id, ..)| id).collect::<Vec<_>>(), [key, member]);
    }
}
