//! The counters beside a model that keeps every event and sums anew each time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::generators::{Cast, Plan, RESERVATIONS, Step};
use super::*;
use crate::{Micros, NanoUsd, day_of};

const DAY: Micros = 86_400_000_000;

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
    cast: Cast,
    now: Micros,
}

impl Run {
    fn new() -> Self {
        let cast = Cast::new(&mut Spenders::default());
        let model = Model::default();
        Self { counters: Counters::default(), model, cast, now: 20_783 * DAY }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let (now, name) = (self.now, |id: u8| ReservationId(u128::from(id)));
        match step {
            Step::Wait(time) => self.now += time,
            Step::Change(change) => self.cast.change(&change),
            Step::Reserve { id, spenders, limits, amount, least, lease } => {
                let mut spenders = self.cast.named(spenders);
                let limits = self.cast.chosen(&limits);
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
        for limit in &self.cast.limits {
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
    fn counters_do_what_the_books_say(steps in prop::collection::vec(Plan::default().step(), 1..120)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step)?;
            run.agree()?;
        }
        // When all have ended, nothing is held, and what was used is what was settled.
        for id in 0..RESERVATIONS {
            run.step(Step::Settle { id, actual: Spend::credits(NanoUsd(7)) })?;
        }
        run.agree()?;
        for spender in &run.cast.spenders {
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
