//! The counters of many nodes beside those of one: the same questions, the same answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ledger::limits::generators::{Cast, Plan, SPENDERS, Step};
use ledger::rate::{RateCounters, RateRule, Shape, Span};
use ledger::{
    Counters, Micros, NanoUsd, PerWindow, ReservationId, ReservationRequest, Spend, Spenders, Spent,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::super::rebuild::Pace;
use super::books::TestBooks;
use super::server::Server;
use super::{DAY, NOON, row};
use crate::shared::{NotReserved, SharedCounters, SharedRates, Tended, Valkey};

/// What is done to both.
#[derive(Clone, Debug)]
enum Action {
    Step(Step),
    Load { spender: u8, spent: [i64; 8], set: bool },
}

fn action(plan: Plan) -> impl Strategy<Value = Action> {
    let load = (0..SPENDERS, prop::array::uniform8(plan.amount()), any::<bool>());
    prop_oneof![
        22 => plan.step().prop_map(Action::Step),
        1 => load.prop_map(|(spender, spent, set)| Action::Load { spender, spent, set }),
    ]
}

struct Run {
    one: Counters,
    many: SharedCounters,
    cast: Cast,
    now: Micros,
}

impl Run {
    async fn new(valkey: Valkey, namespace: String) -> Self {
        let mut names = Spenders::default();
        let cast = Cast::new(&mut names);
        let pace = Pace { gather: Duration::ZERO, ..Pace::default() };
        let (names, books) = (Arc::new(RwLock::new(names)), Arc::new(TestBooks::default()));
        let many = SharedCounters::with_pace(valkey, &namespace, names, books, pace);
        assert_eq!(many.tend(NOON).await.unwrap(), Tended::Rebuilt);
        let empty = Spent::default();
        // The books of the tests know an account and a key of other names.
        many.set_used(i64::MIN, cast.spenders[0], &empty).await.unwrap();
        Self { one: Counters::default(), many, cast, now: NOON }
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let (now, name) = (self.now, |id: u8| ReservationId(u128::from(id)));
        match step {
            Step::Wait(time) => self.now += time,
            Step::Change(change) => self.cast.change(&change),
            Step::Reserve { id, spenders, limits, amount, least, lease } => {
                let (id, spenders) = (name(id), &self.cast.named(spenders));
                let limits = &self.cast.chosen(&limits);
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
        }
        Ok(())
    }

    async fn load(&mut self, spender: u8, spent: [i64; 8], set: bool) {
        let [daily, weekly, monthly, lifetime, rest @ ..] = spent.map(NanoUsd);
        let credits = PerWindow { daily, weekly, monthly, lifetime };
        let [daily, weekly, monthly, lifetime] = rest;
        let byok = PerWindow { daily, weekly, monthly, lifetime };
        let (spender, spent) = (self.cast.spenders[usize::from(spender)], Spent { credits, byok });
        if set {
            self.one.set_used(self.now, spender, &spent);
            self.many.set_used(self.now, spender, &spent).await.unwrap();
        } else {
            self.one.load(self.now, spender, &spent);
            self.many.load(self.now, spender, &spent).await.unwrap();
        }
    }

    async fn agree(&self) -> Result<(), TestCaseError> {
        for spender in &self.cast.spenders {
            prop_assert_eq!(self.many.held(*spender).await.unwrap(), self.one.held(*spender));
            let (many, one) =
                (self.many.used(self.now, *spender).await, self.one.used(self.now, *spender));
            prop_assert_eq!(many, Ok(one));
        }
        for limit in &self.cast.limits {
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
    let steps = prop::collection::vec(action(Plan { huge, back: true }), 1..80);
    let outcome = runner.run(&steps, |steps| {
        let namespace = format!("case-{}", next.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let mut run = Run::new(valkey.clone(), namespace).await;
            for action in steps {
                match action {
                    Action::Step(step) => run.step(step).await?,
                    Action::Load { spender, spent, set } => run.load(spender, spent, set).await,
                }
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
        let key = run.cast.spenders[3];
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
