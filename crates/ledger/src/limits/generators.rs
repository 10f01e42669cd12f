//! Sequences of operations on limits, drawn at random: for the tests of the counters here, and of
//! those elsewhere that have to answer as these do.

use proptest::prelude::*;

use super::{Limit, LimitKind, Spend, SpenderId, SpenderKind, Spenders};
use crate::{Micros, NanoUsd, Window};

const DAY: Micros = 86_400_000_000;

/// How many reservations there may be at once: their names are below it.
pub const RESERVATIONS: u8 = 24;

/// How many spenders a [`Cast`] has.
pub const SPENDERS: u8 = 4;

/// How many limits a [`Cast`] has: two for each spender.
pub const LIMITS: u8 = 2 * SPENDERS;

/// One operation. Amounts are in nano-dollars, times in microseconds.
#[derive(Clone, Debug)]
pub enum Step {
    /// See [`super::Counters::reserve`].
    Reserve {
        /// The reservation.
        id: u8,
        /// A bit for each spender named.
        spenders: u8,
        /// Which limits apply.
        limits: Vec<u8>,
        /// What is asked for.
        amount: Spend,
        /// What must be granted.
        least: Spend,
        /// How long it is held.
        lease: Micros,
    },
    /// See [`super::Counters::settle`].
    Settle {
        /// The reservation.
        id: u8,
        /// What was spent.
        actual: Spend,
    },
    /// See [`super::Counters::release`].
    Release {
        /// The reservation.
        id: u8,
    },
    /// See [`super::Counters::renew`].
    Renew {
        /// The reservation.
        id: u8,
        /// How long it is held from now.
        lease: Micros,
    },
    /// See [`super::Counters::expire`].
    Expire,
    /// A grant, or another amount, window or inclusion of BYOK.
    Change(Change),
    /// Time passes.
    Wait(Micros),
}

/// What a limit is changed to.
#[derive(Clone, Debug)]
pub struct Change {
    limit: u8,
    amount: i64,
    window: u8,
    includes_byok: bool,
}

/// What sequences are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// The largest amounts there are, those that meet, in place of small ones.
    pub huge: bool,
    /// Clocks of nodes differ, and may be wrong by a lot: time also goes back.
    pub back: bool,
}

impl Plan {
    /// An amount.
    pub fn amount(self) -> BoxedStrategy<i64> {
        if self.huge {
            return prop_oneof![
                2 => i64::MAX - 3..=i64::MAX,
                2 => i64::MAX / 2 - 3..i64::MAX / 2 + 3,
                2 => (1_i64 << 53) - 3..(1_i64 << 53) + 3,
                2 => 99_999_999_999_997..100_000_000_000_003_i64,
                2 => any::<i64>(),
                1 => i64::MIN..i64::MIN + 3,
                2 => 0..3_i64,
            ]
            .boxed();
        }
        prop_oneof![2 => Just(0_i64), 5 => 0..200_i64, 1 => -5..0_i64].boxed()
    }

    /// One step.
    pub fn step(self) -> impl Strategy<Value = Step> {
        let spend = move || {
            (self.amount(), self.amount()).prop_map(|(credits, byok)| Spend {
                credits: NanoUsd(credits),
                byok: NanoUsd(byok),
            })
        };
        let bound = if self.huge { self.amount() } else { (-50..800_i64).boxed() };
        let id = || 0..RESERVATIONS;
        let lease = || 0..DAY;
        let wait = if self.back {
            prop_oneof![0..DAY / 4, 0..40 * DAY, -2 * DAY..0, -40 * DAY..0].boxed()
        } else {
            prop_oneof![0..DAY / 4, 0..40 * DAY].boxed()
        };
        prop_oneof![
            8 => (
                (id(), 0..1_u8 << SPENDERS, prop::collection::vec(0..LIMITS, 0..5)),
                (spend(), spend(), lease()),
            )
                .prop_map(|((id, spenders, limits), (amount, least, lease))| Step::Reserve {
                    id, spenders, limits, amount, least, lease,
                }),
            6 => (id(), spend()).prop_map(|(id, actual)| Step::Settle { id, actual }),
            2 => id().prop_map(|id| Step::Release { id }),
            1 => (id(), lease()).prop_map(|(id, lease)| Step::Renew { id, lease }),
            2 => Just(Step::Expire),
            2 => (0..LIMITS, bound, 0..4_u8, any::<bool>()).prop_map(
                |(limit, amount, window, includes_byok)| Step::Change(Change {
                    limit, amount, window, includes_byok,
                })
            ),
            1 => wait.prop_map(Step::Wait),
        ]
    }
}

/// Whom steps are about: a spender of each kind with two limits, one of them for a month with what
/// owners of credentials pay.
#[derive(Debug)]
pub struct Cast {
    /// The spenders: account, workspace, member, key.
    pub spenders: Vec<SpenderId>,
    /// Their limits as they are now.
    pub limits: Vec<Limit>,
}

impl Cast {
    /// Names the spenders.
    pub fn new(names: &mut Spenders) -> Cast {
        let kinds = [
            (SpenderKind::Account, LimitKind::AccountBalance),
            (SpenderKind::Workspace, LimitKind::WorkspaceBudget),
            (SpenderKind::Member, LimitKind::MemberLimit),
            (SpenderKind::Key, LimitKind::KeyLimit),
        ];
        let spenders: Vec<_> = kinds.iter().map(|(kind, _)| names.intern(*kind, "it")).collect();
        let limit = |spender: &SpenderId, kind, window, includes_byok| Limit {
            spender: *spender,
            kind,
            window,
            amount: NanoUsd(500),
            includes_byok,
        };
        let limits = spenders.iter().zip(kinds).flat_map(|(spender, (_, kind))| {
            let second = match kind {
                LimitKind::AccountBalance => kind,
                _ => LimitKind::GuardrailBudget,
            };
            [
                limit(spender, kind, Window::Daily, false),
                limit(spender, second, Window::Monthly, true),
            ]
        });
        let limits = limits.collect();
        Cast { spenders, limits }
    }

    /// The spenders that the bits of a reservation name.
    pub fn named(&self, bits: u8) -> Vec<SpenderId> {
        let places = self.spenders.iter().enumerate();
        places.filter(|(at, _)| bits & (1 << at) != 0).map(|(_, spender)| *spender).collect()
    }

    /// The limits that a reservation names.
    pub fn chosen(&self, limits: &[u8]) -> Vec<Limit> {
        limits.iter().map(|at| self.limits[usize::from(*at)]).collect()
    }

    /// Changes a limit.
    pub fn change(&mut self, change: &Change) {
        let limit = &mut self.limits[usize::from(change.limit)];
        limit.amount = NanoUsd(change.amount);
        limit.window = Window::ALL[usize::from(change.window)];
        limit.includes_byok = change.includes_byok;
    }
}
