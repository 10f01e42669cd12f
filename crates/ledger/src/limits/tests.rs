use super::*;
use crate::{Micros, NanoUsd, Window};

const DAY: Micros = 86_400_000_000;
/// Thursday 26 November 2026, 12:00 UTC.
const NOON: Micros = 20_783 * DAY + DAY / 2;
const LEASE: Micros = 600_000_000;

struct Scene {
    counters: Counters,
    account: SpenderId,
    workspace: SpenderId,
    key: SpenderId,
    last: u128,
}

fn scene() -> Scene {
    let mut spenders = Spenders::default();
    Scene {
        counters: Counters::default(),
        account: spenders.intern(SpenderKind::Account, "main"),
        workspace: spenders.intern(SpenderKind::Workspace, "default"),
        key: spenders.intern(SpenderKind::Key, "k"),
        last: 0,
    }
}

fn credits(nano: i64) -> Spend {
    Spend::credits(NanoUsd(nano))
}

impl Scene {
    fn key_limit(&self, window: Window, amount: i64) -> Limit {
        Limit {
            spender: self.key,
            kind: LimitKind::KeyLimit,
            window,
            amount: NanoUsd(amount),
            includes_byok: false,
        }
    }

    fn budget(&self, window: Window, amount: i64) -> Limit {
        Limit {
            spender: self.workspace,
            kind: LimitKind::WorkspaceBudget,
            ..self.key_limit(window, amount)
        }
    }

    fn balance(&self, amount: i64) -> Limit {
        Limit::balance(self.account, NanoUsd(amount))
    }

    fn reserve(
        &mut self,
        now: Micros,
        limits: &[Limit],
        amount: Spend,
        least: Spend,
    ) -> Result<(ReservationId, Spend), Refused> {
        self.last += 1;
        let id = ReservationId(self.last);
        let spenders = [self.account, self.workspace, self.key];
        let request =
            ReservationRequest { id, spenders: &spenders, limits, amount, least, lease: LEASE };
        self.counters.reserve(now, &request).map(|granted| (id, granted.amount))
    }

    fn exactly(&mut self, limits: &[Limit], nano: i64) -> Result<ReservationId, Refused> {
        let (id, granted) = self.reserve(NOON, limits, credits(nano), credits(nano))?;
        assert_eq!(granted, credits(nano));
        Ok(id)
    }

    fn spend(&mut self, now: Micros, nano: i64) {
        let (id, _) = self.reserve(now, &[], Spend::ZERO, Spend::ZERO).unwrap();
        let settlement = self.counters.settle(now, id, credits(nano));
        assert_eq!(settlement, Settlement::Counted { held: Spend::ZERO });
    }

    fn key_used(&self, now: Micros) -> PerWindow {
        self.counters.used(now, self.key).credits
    }
}

#[test]
fn holds_are_counted_until_they_are_settled_or_released() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Daily, 100);
    let first = scene.exactly(&[limit], 60).unwrap();
    let refused = scene.exactly(&[limit], 41).unwrap_err();
    assert_eq!((refused.left, refused.needed), (NanoUsd(40), NanoUsd(41)));
    assert!(refused.blocked_by_holds, "it fits when the first ends");
    assert_eq!(refused.resets_at, Some(20_784 * DAY));
    let second = scene.exactly(&[limit], 40).unwrap();
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(0));
    assert_eq!(scene.counters.unused(NOON, &limit), NanoUsd(100), "KEYS-8");
    scene.counters.settle(NOON, first, credits(10));
    assert!(scene.counters.release(second));
    assert!(!scene.counters.release(second));
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(90));
    let refused = scene.exactly(&[limit], 91).unwrap_err();
    assert!(!refused.blocked_by_holds, "nothing is held");
}

#[test]
fn settling_works_once_and_may_exceed_the_hold() {
    let mut scene = scene();
    let balance = scene.balance(100);
    let id = scene.exactly(&[balance], 80).unwrap();
    let held = credits(80);
    assert_eq!(scene.counters.settle(NOON, id, credits(130)), Settlement::Counted { held });
    assert_eq!(scene.counters.settle(NOON, id, credits(130)), Settlement::NotHeld);
    assert_eq!(scene.counters.settle(NOON, ReservationId(99), held), Settlement::NotHeld);
    assert_eq!(scene.counters.left(NOON, &balance), NanoUsd(-30));
    assert_eq!(scene.counters.held(scene.account), Spend::ZERO);
}

/// CREDIT-4
#[test]
fn a_negative_balance_refuses_what_is_free_and_a_grant_ends_that() {
    let mut scene = scene();
    scene.spend(NOON, 101);
    let free = scene.exactly(&[scene.balance(100)], 0).unwrap_err();
    assert_eq!((free.limit.kind, free.left), (LimitKind::AccountBalance, NanoUsd(-1)));
    assert!(!free.blocked_by_holds);
    scene.exactly(&[scene.balance(101)], 0).unwrap();
    scene.exactly(&[scene.balance(111)], 10).unwrap();
    // Other limits only bound what counts toward them.
    scene.exactly(&[scene.key_limit(Window::Daily, 1)], 0).unwrap();
}

/// KEYS-10
#[test]
fn own_credentials_count_only_where_they_are_included() {
    let mut scene = scene();
    let without = scene.key_limit(Window::Monthly, 100);
    let with = Limit { includes_byok: true, ..without };
    let balance = Limit { includes_byok: true, ..scene.balance(10) };
    let byok = |nano| Spend::byok(NanoUsd(nano));
    let (id, _) = scene.reserve(NOON, &[without, balance], byok(500), byok(500)).unwrap();
    scene.counters.settle(NOON, id, byok(70));
    assert_eq!(scene.counters.left(NOON, &without), NanoUsd(100));
    assert_eq!(scene.counters.left(NOON, &balance), NanoUsd(10));
    assert_eq!(scene.counters.left(NOON, &with), NanoUsd(30), "a changed flag needs no reload");
    let (_, granted) = scene.reserve(NOON, &[with, balance], byok(50), byok(1)).unwrap();
    assert_eq!(granted, byok(30));
}

/// Requests without `max_tokens` get what the tightest limit affords.
#[test]
fn a_grant_is_reduced_to_what_the_tightest_limit_affords() {
    let mut scene = scene();
    let limits = [scene.balance(1_000), scene.budget(Window::Weekly, 300), scene.balance(900)];
    let (_, granted) = scene.reserve(NOON, &limits, credits(5_000), credits(10)).unwrap();
    assert_eq!(granted, credits(300));
    let refused = scene.reserve(NOON, &limits, credits(5_000), credits(10)).unwrap_err();
    assert_eq!(refused.limit, limits[1]);
    assert!(refused.blocked_by_holds);
    // A least above the amount is the amount.
    let (_, granted) = scene.reserve(NOON, &[], credits(5), credits(10)).unwrap();
    assert_eq!(granted, credits(5));
}

#[test]
fn credits_take_first_and_byok_gets_the_rest() {
    let mut scene = scene();
    let shared = Limit { includes_byok: true, ..scene.key_limit(Window::Daily, 100) };
    let both = |credits, byok| Spend { credits: NanoUsd(credits), byok: NanoUsd(byok) };
    let limits = [shared, scene.balance(70)];
    let (id, granted) = scene.reserve(NOON, &limits, both(500, 500), both(1, 20)).unwrap();
    assert_eq!(granted, both(70, 30));
    scene.counters.release(id);
    let (_, granted) = scene.reserve(NOON, &[shared], both(500, 500), both(1, 20)).unwrap();
    assert_eq!(granted, both(80, 20));
}

/// WS-7
#[test]
fn the_broadest_limit_is_named_and_what_is_used_up_before_what_is_held() {
    let mut scene = scene();
    scene.spend(NOON, 100);
    let mut limits = vec![
        scene.key_limit(Window::Lifetime, 50),
        scene.budget(Window::Monthly, 100),
        scene.budget(Window::Daily, 50),
    ];
    let refused = scene.exactly(&limits, 1).unwrap_err();
    assert_eq!(refused.limit, limits[1]);
    limits.push(scene.balance(150));
    scene.exactly(&limits[3..], 50).unwrap();
    let refused = scene.exactly(&limits, 1).unwrap_err();
    assert_eq!(refused.limit, limits[1], "the balance is only held");
    let refused = scene.exactly(&limits[3..], 1).unwrap_err();
    assert!(refused.blocked_by_holds);
    assert_eq!(
        refused.to_string(),
        "the account balance has 0 USD left, 0.000000001 USD are needed"
    );
}

#[test]
fn a_refusal_holds_nothing_anywhere() {
    let mut scene = scene();
    let limits = [scene.balance(1_000), scene.key_limit(Window::Daily, 5)];
    scene.exactly(&limits, 6).unwrap_err();
    for spender in [scene.account, scene.workspace, scene.key] {
        assert_eq!(scene.counters.held(spender), Spend::ZERO);
    }
    assert_eq!(scene.counters.running(), 0);
}

#[test]
fn a_limit_whose_spender_is_not_named_is_held_all_the_same() {
    let mut spenders = Spenders::default();
    let key = spenders.intern(SpenderKind::Key, "k");
    let mut counters = Counters::default();
    let limit = Limit::balance(key, NanoUsd(10));
    let mut request = ReservationRequest {
        id: ReservationId(1),
        spenders: &[],
        limits: &[limit, limit],
        amount: credits(10),
        least: credits(10),
        lease: LEASE,
    };
    counters.reserve(NOON, &request).unwrap();
    assert_eq!(counters.held(key), credits(10), "once");
    request.id = ReservationId(2);
    assert!(counters.reserve(NOON, &request).is_err());
}

#[test]
fn reserving_an_id_again_grants_the_same_and_holds_no_more() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Daily, 100);
    scene.exactly(&[limit], 60).unwrap();
    scene.last -= 1;
    let (_, again) = scene.reserve(NOON, &[limit], credits(90), credits(90)).unwrap();
    assert_eq!(again, credits(60));
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(40));
}

#[test]
fn a_lease_runs_out_and_its_settlement_counts_late() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Daily, 100);
    let id = scene.exactly(&[limit], 60).unwrap();
    let renewed = scene.exactly(&[limit], 10).unwrap();
    assert!(scene.counters.expire(NOON + LEASE - 1).is_empty());
    assert!(scene.counters.renew(NOON + 1, renewed, LEASE));
    let expired = scene.counters.expire(NOON + LEASE);
    assert_eq!(expired, [Expired { id, held: credits(60) }]);
    assert!(scene.counters.expire(NOON + LEASE).is_empty());
    assert!(!scene.counters.renew(NOON, id, LEASE));
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(90));
    assert_eq!(scene.counters.settle(NOON, id, credits(25)), Settlement::CountedLate);
    assert_eq!(scene.counters.settle(NOON, id, credits(25)), Settlement::NotHeld);
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(65));
    // After a day it is forgotten.
    assert_eq!(scene.counters.expire(NOON + 2 * LEASE).len(), 1);
    scene.counters.expire(NOON + 2 * DAY);
    assert_eq!(scene.counters.settle(NOON, renewed, credits(1)), Settlement::NotHeld);
}

/// KEYS-8
#[test]
fn usage_counts_into_the_window_in_which_it_is_settled() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Daily, 100);
    scene.spend(NOON, 70);
    let id = scene.exactly(&[limit], 30).unwrap();
    let tomorrow = NOON + DAY;
    assert_eq!(scene.counters.left(tomorrow, &limit), NanoUsd(70), "still held");
    scene.counters.settle(tomorrow, id, credits(30));
    let used = scene.key_used(tomorrow);
    assert_eq!((used.daily, used.weekly, used.lifetime), (NanoUsd(30), NanoUsd(100), NanoUsd(100)));
    // Monday, and then December.
    let used = scene.key_used(NOON + 4 * DAY);
    assert_eq!((used.daily, used.weekly, used.monthly), (NanoUsd(0), NanoUsd(0), NanoUsd(100)));
    let used = scene.key_used(NOON + 5 * DAY);
    assert_eq!((used.monthly, used.lifetime), (NanoUsd(0), NanoUsd(100)));
}

#[test]
fn a_clock_that_goes_back_begins_no_period_twice() {
    let mut scene = scene();
    let midnight = NOON + DAY / 2;
    scene.spend(midnight - 1, 10);
    scene.spend(midnight, 5);
    scene.spend(midnight - 1, 7);
    assert_eq!(scene.key_used(midnight).daily, NanoUsd(12));
    // Further back, the spender follows: it is not stuck in a day that is years ahead.
    let mut far = self::scene();
    far.spend(NOON + 1_000 * DAY, 10);
    far.spend(NOON, 5);
    assert_eq!(far.key_used(NOON).daily, NanoUsd(15));
    assert_eq!(far.key_used(NOON + DAY).daily, NanoUsd(0));
    for now in [i64::MIN, i64::MAX, 0] {
        far.spend(now, 1);
        let limit = far.key_limit(Window::Monthly, i64::MAX);
        let (id, _) = far.reserve(now, &[limit], credits(1), credits(1)).unwrap();
        far.counters.expire(now);
        far.counters.settle(now, id, credits(1));
    }
}

#[test]
fn a_clock_that_was_ahead_takes_nothing_from_the_day_it_comes_back_to() {
    for ahead in [2, 3, 40, 400] {
        let mut scene = scene();
        scene.spend(NOON, 70);
        scene.spend(NOON + ahead * DAY, 5);
        assert_eq!(scene.key_used(NOON + ahead * DAY).daily, NanoUsd(5));
        // The next day there, as long as nobody has noticed.
        scene.spend(NOON + (ahead + 1) * DAY, 4);
        let used = scene.key_used(NOON);
        assert_eq!((used.daily, used.lifetime), (NanoUsd(74), NanoUsd(79)), "{ahead}");
        assert!(used.weekly >= NanoUsd(74) && used.monthly >= NanoUsd(74), "{used:?}");
        assert!(used.weekly <= NanoUsd(79) && used.monthly <= NanoUsd(79), "{used:?}");
        scene.spend(NOON, 1);
        assert_eq!(scene.key_used(NOON).daily, NanoUsd(75), "once");
        // A clock that goes to and fro does not lose it either.
        for _ in 0..3 {
            scene.spend(NOON + ahead * DAY, 1);
            scene.spend(NOON, 1);
        }
        assert_eq!(scene.key_used(NOON).daily, NanoUsd(81));
        assert_eq!(scene.key_used(NOON + DAY).daily, NanoUsd(0));
    }
}

#[test]
fn usage_from_before_is_loaded_or_replaced() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Weekly, 100);
    let before = PerWindow {
        daily: NanoUsd(10),
        weekly: NanoUsd(20),
        monthly: NanoUsd(30),
        lifetime: NanoUsd(40),
    };
    let spent = Spent { credits: before, byok: PerWindow::default() };
    scene.spend(NOON, 1);
    scene.counters.load(NOON, scene.key, &spent);
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(79));
    let id = scene.exactly(&[limit], 50).unwrap();
    scene.counters.set_used(NOON, scene.key, &spent);
    assert_eq!(scene.counters.used(NOON, scene.key), spent);
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(30), "what is held stays");
    scene.counters.settle(NOON, id, credits(50));
    assert_eq!(scene.key_used(NOON).lifetime, NanoUsd(90));
}

#[test]
fn the_largest_amounts_neither_overflow_nor_wrap() {
    let mut scene = scene();
    let limit = scene.key_limit(Window::Lifetime, i64::MAX);
    for _ in 0..4 {
        scene.spend(NOON, i64::MAX);
    }
    assert_eq!(scene.key_used(NOON).lifetime, NanoUsd(i64::MAX));
    assert_eq!(scene.counters.left(NOON, &limit), NanoUsd(i64::MIN));
    let refused = scene.exactly(&[scene.balance(i64::MIN)], i64::MAX).unwrap_err();
    assert_eq!(refused.left, NanoUsd(i64::MIN));
    // What is negative is nothing.
    let (id, granted) = scene.reserve(NOON, &[], credits(-5), credits(-9)).unwrap();
    assert_eq!(granted, Spend::ZERO);
    scene.counters.settle(NOON, id, credits(-5));
    assert_eq!(scene.counters.held(scene.key), Spend::ZERO);
}
