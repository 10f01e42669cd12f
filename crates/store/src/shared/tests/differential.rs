//! The counters of many nodes beside those of one: the same questions, the same answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ledger::rate::{RateCounters, RateRule, Shape, Span};
use ledger::{
    Counters, Limit, LimitKind, Micros, NanoUsd, PerWindow, ReservationId, ReservationRequest,
    Spend, SpenderId, SpenderKind, Spenders, Spent, Window,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::super::rebuild::Pace;
use super::books::TestBooks;
use super::server::Server;
use super::{DAY, NOON, row};
use crate::shared::{NotReserved, SharedCounters, SharedRates, Tended, Valkey};

#[derive(Clone, Debug)]
enum Step {
    Reserve { id: u8, spenders: u8, limits: Vec<u8>, amount: Spend, least: Spend, lease: i64 },
    Settle { id: u8, actual: Spend },
    Release { id: u8 },
    Renew { id: u8, lease: i64 },
    Expire,
    Load { spender: u8, spent: [i64; 8], set: bool },
    Change { limit: u8, amount: i64, window: u8, includes_byok: bool },
    Wait(i64),
}

/// Two limits for each of four spenders.
const LIMITS: u8 = 8;

/// Small amounts in one run, the largest there are in another: those that meet.
fn amount(huge: bool) -> BoxedStrategy<i64> {
    if huge {
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

fn step(huge: bool) -> impl Strategy<Value = Step> {
    let spend = move || {
        (amount(huge), amount(huge))
            .prop_map(|(credits, byok)| Spend { credits: NanoUsd(credits), byok: NanoUsd(byok) })
    };
    let bound = move || if huge { amount(true) } else { (-50..800_i64).boxed() };
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
        1 => (0..4_u8, prop::array::uniform8(amount(huge)), any::<bool>())
            .prop_map(|(spender, spent, set)| Step::Load { spender, spent, set }),
        2 => (0..LIMITS, bound(), 0..4_u8, any::<bool>()).prop_map(
            |(limit, amount, window, includes_byok)| Step::Change {
                limit, amount, window, includes_byok,
            }
        ),
        // Clocks of nodes differ, and may be wrong by a lot.
        1 => prop_oneof![0..DAY / 4, 0..40 * DAY, -2 * DAY..0, -40 * DAY..0].prop_map(Step::Wait),
    ]
}

struct Run {
    one: Counters,
    many: SharedCounters,
    spenders: Vec<SpenderId>,
    limits: Vec<Limit>,
    now: Micros,
}

impl Run {
    async fn new(valkey: Valkey, namespace: String) -> Self {
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
        let pace = Pace { gather: Duration::ZERO, ..Pace::default() };
        let (names, books) = (Arc::new(RwLock::new(names)), Arc::new(TestBooks::default()));
        let many = SharedCounters::with_pace(valkey, &namespace, names, books, pace);
        assert_eq!(many.tend(NOON).await.unwrap(), Tended::Rebuilt);
        let empty = Spent::default();
        // The books of the tests know an account and a key of other names.
        many.set_used(i64::MIN, spenders[0], &empty).await.unwrap();
        Self { one: Counters::default(), many, spenders, limits, now: NOON }
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
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
                let spenders: Vec<_> = (0..4).filter(named).map(|at| self.spenders[at]).collect();
                let limits: Vec<_> =
                    limits.into_iter().map(|at| self.limits[usize::from(at)]).collect();
                let (id, spenders, limits) = (name(id), &spenders, &limits);
                let request = ReservationRequest { id, spenders, limits, amount, least, lease };
                let one = self.one.reserve(now, &request);
                let many = self.many.reserve(now, &request).await;
                prop_assert_eq!(many, one.map_err(NotReserved::Refused));
            }
            Step::Settle { id, actual } => {
                let many = self.many.settle(now, name(id), actual, &row(id.into())).await;
                prop_assert_eq!(many, Ok(self.one.settle(now, name(id), actual)));
            }
            Step::Release { id } => {
                let many = self.many.release(name(id)).await;
                prop_assert_eq!(many, Ok(self.one.release(name(id))));
            }
            Step::Renew { id, lease } => {
                let many = self.many.renew(now, name(id), lease).await;
                prop_assert_eq!(many, Ok(self.one.renew(now, name(id), lease)));
            }
            Step::Expire => {
                let (mut one, mut many) =
                    (self.one.expire(now), self.many.expire(now).await.unwrap());
                one.sort_by_key(|expired| expired.id);
                many.sort_by_key(|expired| expired.id);
                prop_assert_eq!(many, one);
            }
            Step::Load { spender, spent, set } => {
                let [daily, weekly, monthly, lifetime, rest @ ..] = spent.map(NanoUsd);
                let credits = PerWindow { daily, weekly, monthly, lifetime };
                let [daily, weekly, monthly, lifetime] = rest;
                let byok = PerWindow { daily, weekly, monthly, lifetime };
                let (spender, spent) =
                    (self.spenders[usize::from(spender)], Spent { credits, byok });
                if set {
                    self.one.set_used(now, spender, &spent);
                    self.many.set_used(now, spender, &spent).await.unwrap();
                } else {
                    self.one.load(now, spender, &spent);
                    self.many.load(now, spender, &spent).await.unwrap();
                }
            }
        }
        Ok(())
    }

    async fn agree(&self) -> Result<(), TestCaseError> {
        for spender in &self.spenders {
            prop_assert_eq!(self.many.held(*spender).await.unwrap(), self.one.held(*spender));
            let (many, one) =
                (self.many.used(self.now, *spender).await, self.one.used(self.now, *spender));
            prop_assert_eq!(many, Ok(one));
        }
        for limit in &self.limits {
            let many = self.many.left(self.now, limit).await;
            prop_assert_eq!(many, Ok(self.one.left(self.now, limit)));
            let many = self.many.unused(self.now, limit).await;
            prop_assert_eq!(many, Ok(self.one.unused(self.now, limit)));
        }
        prop_assert_eq!(self.many.running().await, Ok(self.one.running() as u64));
        Ok(())
    }
}

/// Tries many sequences of steps against one server.
fn compare(cases: u32, huge: bool) {
    let Some(server) = Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let valkey = runtime.block_on(server.connect());
    let next = AtomicU64::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let steps = prop::collection::vec(step(huge), 1..80);
    let outcome = runner.run(&steps, |steps| {
        let namespace = format!("case-{}", next.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let mut run = Run::new(valkey.clone(), namespace).await;
            for step in steps {
                run.step(step).await?;
            }
            run.agree().await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn many_nodes_answer_as_one_does() {
    compare(150, false);
}

#[test]
fn the_largest_amounts_are_exact() {
    compare(150, true);
}

/// The arithmetic of calendars is written twice.
#[test]
fn periods_begin_on_the_same_days() {
    let Some(server) = Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(server.connect().await, "days".to_owned()).await;
        let key = run.spenders[3];
        for day in (-1_000..60_000).step_by(17).chain(19_000..19_800) {
            run.now = day * DAY;
            let step = |id| Step::Reserve {
                id,
                spenders: 8,
                limits: Vec::new(),
                amount: Spend::ZERO,
                least: Spend::ZERO,
                lease: 1,
            };
            run.step(step(1)).await.unwrap();
            let actual = Spend::credits(NanoUsd(day.abs() + 1));
            run.step(Step::Settle { id: 1, actual }).await.unwrap();
            let many = run.many.used(run.now, key).await;
            assert_eq!(many, Ok(run.one.used(run.now, key)), "{day}");
        }
    });
}

#[test]
fn rates_are_those_of_one_node() {
    let Some(server) = Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let valkey = runtime.block_on(server.connect());
    let next = AtomicU64::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 150, ..ProptestConfig::default() });
    let rule = || {
        let requests = prop_oneof![0..30_u64, Just(u64::MAX)];
        let span = prop_oneof![Just(Span::Minute), Just(Span::Day)];
        let shape = prop_oneof![Just(Shape::Fixed), Just(Shape::Sliding)];
        (requests, span, shape).prop_map(|(requests, span, shape)| RateRule {
            requests,
            span,
            shape,
        })
    };
    let gap = prop_oneof![
        8 => 0..3_000_000_i64,
        2 => 0..70_000_000_i64,
        1 => -70_000_000..0_i64,
        1 => -3 * DAY..3 * DAY,
    ];
    let inputs = (prop::collection::vec(rule(), 0..4), prop::collection::vec(gap, 1..80));
    let outcome = runner.run(&inputs, |(rules, gaps)| {
        let namespace = format!("rate-{}", next.fetch_add(1, Ordering::Relaxed));
        let many = SharedRates::new(valkey.clone(), &namespace);
        let mut one = RateCounters::default();
        let mut now = NOON;
        for gap in gaps {
            now += gap;
            let many = runtime.block_on(many.admit(now, "it", &rules));
            prop_assert_eq!(many, Ok(one.admit(now, "it", &rules)));
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
