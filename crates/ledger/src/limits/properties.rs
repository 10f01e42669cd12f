//! The counters beside a model that keeps every event and sums anew each time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Micros, NanoUsd, Window, day_of};

const DAY: Micros = 86_400_000_000;

#[derive(Clone, Debug)]
enum Step {
    Reserve {
        id: u8,
        spenders: u8,
        limits: Vec<u8>,
        amount: Spend,
        least: Spend,
        lease: i64,
    },
    Settle {
        id: u8,
        actual: Spend,
    },
    Release {
        id: u8,
    },
    Renew {
        id: u8,
        lease: i64,
    },
    Expire,
    /// A grant, or another amount, window or inclusion of BYOK.
    Change {
        limit: u8,
        amount: i64,
        window: u8,
        includes_byok: bool,
    },
    Wait(i64),
}

fn spend() -> impl Strategy<Value = Spend> {
    let part = || prop_oneof![2 => Just(0_i64), 5 => 0..200_i64, 1 => -5..0_i64];
    (part(), part())
        .prop_map(|(credits, byok)| Spend { credits: NanoUsd(credits), byok: NanoUsd(byok) })
}

fn step() -> impl Strategy<Value = Step> {
    let lease = || 0..DAY;
    prop_oneof![
        8 => (
            (0..24_u8, 0..16_u8, prop::collection::vec(0..LIMITS, 0..5)),
            (spend(), spend(), lease()),
        )
            .prop_map(|((id, spenders, limits), (amount, least, lease))| Step::Reserve {
                id, spenders, limits, amount, least, lease,
            }),
        6 => (0..24_u8, spend()).prop_map(|(id, actual)| Step::Settle { id, actual }),
        2 => (0..24_u8).prop_map(|id| Step::Release { id }),
        1 => (0..24_u8, lease()).prop_map(|(id, lease)| Step::Renew { id, lease }),
        2 => Just(Step::Expire),
        2 => (0..LIMITS, -50..800_i64, 0..4_u8, any::<bool>()).prop_map(
            |(limit, amount, window, includes_byok)| Step::Change {
                limit, amount, window, includes_byok,
            }
        ),
        1 => prop_oneof![0..DAY / 4, 0..40 * DAY].prop_map(Step::Wait),
    ]
}

/// Two limits for each of four spenders.
const LIMITS: u8 = 8;

struct Hold {
    held: bool,
    granted: Spend,
    deadline: Micros,
    spenders: Vec<SpenderId>,
}

#[derive(Default)]
struct Model {
    /// When, who, what.
    events: Vec<(Micros, SpenderId, Spend)>,
    holds: BTreeMap<u8, Hold>,
}

impl Model {
    fn used(&self, now: Micros, limit: &Limit) -> i128 {
        let window = limit.span();
        let current = window.first_day(day_of(now));
        let counts = |at: &Micros| window.first_day(day_of(*at)) == current;
        self.events
            .iter()
            .filter(|(at, who, _)| *who == limit.spender && counts(at))
            .map(|(.., spend)| spend.counted(limit.counts_byok()))
            .sum()
    }

    fn held(&self, limit: &Limit) -> i128 {
        self.holds
            .values()
            .filter(|hold| hold.held && hold.spenders.contains(&limit.spender))
            .map(|hold| hold.granted.counted(limit.counts_byok()))
            .sum()
    }

    fn fits(&self, now: Micros, limit: &Limit, amount: Spend, with_holds: bool) -> bool {
        let left = i128::from(limit.amount.0) - self.used(now, limit);
        match amount.counted(limit.counts_byok()) {
            0 => !limit.is_balance() || left >= 0,
            needed => needed <= left - if with_holds { self.held(limit) } else { 0 },
        }
    }
}

struct Run {
    counters: Counters,
    model: Model,
    spenders: Vec<SpenderId>,
    limits: Vec<Limit>,
    now: Micros,
}

impl Run {
    fn new() -> Self {
        let mut names = Spenders::default();
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
        let limits = spenders
            .iter()
            .zip(kinds)
            .flat_map(|(spender, (_, kind))| {
                let second = match kind {
                    LimitKind::AccountBalance => kind,
                    _ => LimitKind::GuardrailBudget,
                };
                [
                    limit(spender, kind, Window::Daily, false),
                    limit(spender, second, Window::Monthly, true),
                ]
            })
            .collect();
        let model = Model::default();
        Self { counters: Counters::default(), model, spenders, limits, now: 20_783 * DAY }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let (now, name) = (self.now, |id: u8| ReservationId(u128::from(id)));
        match step {
            Step::Wait(time) => self.now += time,
            Step::Change { limit, amount, window, includes_byok } => {
                let limit = &mut self.limits[usize::from(limit)];
                limit.amount = NanoUsd(amount);
                limit.window = Window::ALL[usize::from(window)];
                limit.includes_byok = includes_byok;
            }
            Step::Reserve { id, spenders, limits, amount, least, lease } => {
                let named = |at: &usize| spenders & (1 << at) != 0;
                let mut spenders: Vec<_> =
                    (0..4).filter(named).map(|at| self.spenders[at]).collect();
                let limits: Vec<_> =
                    limits.into_iter().map(|at| self.limits[usize::from(at)]).collect();
                let request = ReservationRequest {
                    id: name(id),
                    spenders: &spenders,
                    limits: &limits,
                    amount,
                    least,
                    lease,
                };
                let answer = self.counters.reserve(now, &request);
                if let Some(hold) = self.model.holds.get(&id).filter(|hold| hold.held) {
                    prop_assert_eq!(answer, Ok(Granted { amount: hold.granted }));
                    return Ok(());
                }
                self.model.holds.remove(&id);
                let (amount, least) = (amount.sane(), least.sane().at_most(amount.sane()));
                let fits =
                    |amount| limits.iter().all(|limit| self.model.fits(now, limit, amount, true));
                match answer {
                    Ok(Granted { amount: granted }) => {
                        prop_assert!(fits(least));
                        prop_assert_eq!(granted.at_most(amount), granted);
                        prop_assert_eq!(granted.at_most(least), least);
                        // What was granted fits, and one more of either part does not.
                        prop_assert!(fits(granted), "{:?}", granted);
                        for more in [Spend::credits(NanoUsd(1)), Spend::byok(NanoUsd(1))] {
                            let more = Spend {
                                credits: granted.credits + more.credits,
                                byok: granted.byok + more.byok,
                            };
                            prop_assert!(more.at_most(amount) != more || !fits(more));
                        }
                        spenders.extend(limits.iter().map(|limit| limit.spender));
                        let deadline = now + lease;
                        let hold = Hold { held: true, granted, deadline, spenders };
                        self.model.holds.insert(id, hold);
                    }
                    Err(refused) => {
                        prop_assert!(!fits(least));
                        let model = &self.model;
                        let named = refused.limit;
                        prop_assert!(!model.fits(now, &named, least, true));
                        let left = model.used(now, &named) + model.held(&named);
                        let left = i128::from(named.amount.0) - left;
                        prop_assert_eq!(i128::from(refused.left.0), left);
                        let for_good = |limit: &&Limit| !model.fits(now, limit, least, false);
                        let blocked = !limits.iter().any(|limit| for_good(&limit));
                        prop_assert_eq!(refused.blocked_by_holds, blocked);
                        let broadest = limits
                            .iter()
                            .filter(|limit| !model.fits(now, limit, least, blocked))
                            .map(Limit::breadth)
                            .max();
                        prop_assert_eq!(Some(named.breadth()), broadest);
                    }
                }
            }
            Step::Settle { id, actual } => {
                let answer = self.counters.settle(now, name(id), actual);
                let Some(hold) = self.model.holds.remove(&id) else {
                    prop_assert_eq!(answer, Settlement::NotHeld);
                    return Ok(());
                };
                let expected = match hold.held {
                    true => Settlement::Counted { held: hold.granted },
                    false => Settlement::CountedLate,
                };
                prop_assert_eq!(answer, expected);
                let mut seen = Vec::new();
                for spender in hold.spenders {
                    if !seen.contains(&spender) {
                        seen.push(spender);
                        self.model.events.push((now, spender, actual.sane()));
                    }
                }
            }
            Step::Release { id } => {
                let held = self.model.holds.remove(&id).is_some_and(|hold| hold.held);
                prop_assert_eq!(self.counters.release(name(id)), held);
            }
            Step::Renew { id, lease } => {
                let hold = self.model.holds.get_mut(&id).filter(|hold| hold.held);
                let renewed = self.counters.renew(now, name(id), lease);
                prop_assert_eq!(renewed, hold.is_some());
                if let Some(hold) = hold {
                    hold.deadline = now + lease;
                }
            }
            Step::Expire => {
                let mut expired = self.counters.expire(now);
                expired.sort_by_key(|expired| expired.id);
                let mut expected = Vec::new();
                self.model.holds.retain(|id, hold| {
                    let known = hold.held || hold.deadline + DAY > now;
                    if hold.held && hold.deadline <= now {
                        hold.held = false;
                        expected.push(Expired { id: name(*id), held: hold.granted });
                    }
                    known
                });
                prop_assert_eq!(expired, expected);
            }
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        for limit in &self.limits {
            let used = self.model.used(self.now, limit);
            let unused = i128::from(limit.amount.0) - used;
            prop_assert_eq!(i128::from(self.counters.unused(self.now, limit).0), unused);
            let left = unused - self.model.held(limit);
            prop_assert_eq!(i128::from(self.counters.left(self.now, limit).0), left);
        }
        let running = self.model.holds.values().filter(|hold| hold.held).count();
        prop_assert_eq!(self.counters.running(), running);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn counters_do_what_the_books_say(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step)?;
            run.agree()?;
        }
        // When all have ended, nothing is held, and what was used is what was settled.
        for id in 0..24 {
            run.step(Step::Settle { id, actual: Spend::credits(NanoUsd(7)) })?;
        }
        run.agree()?;
        for spender in &run.spenders {
            prop_assert_eq!(run.counters.held(*spender), Spend::ZERO);
            let of = |event: &&(Micros, SpenderId, Spend)| event.1 == *spender;
            let settled: NanoUsd =
                run.model.events.iter().filter(of).map(|(.., spend)| spend.credits).sum();
            prop_assert_eq!(run.counters.used(run.now, *spender).credits.lifetime, settled);
        }
    }

    /// The promise of hard limits: as long as no settlement exceeds its hold, no limit is
    /// exceeded, whatever the order of reservations and settlements.
    #[test]
    fn nothing_is_overspent_while_settlements_stay_within_their_holds(
        amount in 0..1_000_i64,
        requests in prop::collection::vec((1..300_i64, 0..300_i64, 0..=100_i64), 1..60),
    ) {
        let mut names = Spenders::default();
        let account = names.intern(SpenderKind::Account, "it");
        let limits = [Limit::balance(account, NanoUsd(amount))];
        let mut counters = Counters::default();
        let mut running: Vec<(ReservationId, Spend)> = Vec::new();
        for (at, (wanted, least, share)) in requests.into_iter().enumerate() {
            let id = ReservationId(at as u128);
            let request = ReservationRequest {
                id,
                spenders: &[account],
                limits: &limits,
                amount: Spend::credits(NanoUsd(wanted)),
                least: Spend::credits(NanoUsd(least)),
                lease: DAY,
            };
            if let Ok(granted) = counters.reserve(0, &request) {
                running.push((id, granted.amount));
            }
            prop_assert!(counters.left(0, &limits[0]).0 >= 0);
            if share > 50 && !running.is_empty() {
                let (id, granted) = running.swap_remove(at % running.len());
                let actual = Spend::credits(NanoUsd(granted.credits.0 * share / 100));
                counters.settle(0, id, actual);
                prop_assert!(counters.left(0, &limits[0]).0 >= 0);
            }
        }
        let used = counters.used(0, account).credits.lifetime;
        prop_assert!(used <= NanoUsd(amount));
    }
}
