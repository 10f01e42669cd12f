//! Waiting in turn, and what is lost.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ledger::{Limit, LimitKind, NanoUsd, Refused, Spend, SpenderKind, Window};
use store::shared::NotReserved;

use super::{Ask, Limits, Reservation, Terms};
use crate::clock::now_micros;
use crate::control::Caller;

const LONG: Duration = Duration::from_secs(600);

fn caller(limits: &Limits, amount: i64) -> Arc<Caller> {
    let mut names = limits.names();
    let spenders = [SpenderKind::Account, SpenderKind::Workspace, SpenderKind::Key]
        .map(|kind| names.intern(kind, "it"));
    let limit = Limit {
        spender: spenders[2],
        kind: LimitKind::KeyLimit,
        window: Window::Lifetime,
        amount: NanoUsd(amount),
        includes_byok: false,
    };
    Arc::new(Caller {
        key_hash: "it".into(),
        secret: [0; 32],
        label: String::new(),
        name: String::new(),
        account_id: "it".into(),
        workspace_id: "it".into(),
        stores_responses: false,
        disabled: false,
        expires_at: None,
        is_management: false,
        limit_nano_usd: Some(amount),
        limit_reset: None,
        include_byok_in_limit: false,
        creator: None,
        member_id: None,
        policy: Arc::default(),
        default_text_model: None,
        terms: Terms {
            spenders: spenders.into(),
            limits: [limit].into(),
            markup: Default::default(),
            total_credits: None,
            rates: Default::default(),
        },
    })
}

fn ask(limits: &Limits, caller: &Arc<Caller>, amount: i64) -> Ask {
    let spend = Spend::credits(NanoUsd(amount));
    limits.ask(caller, spend, spend)
}

fn refusal(outcome: Result<Reservation, NotReserved>) -> Refused {
    match outcome.err() {
        Some(NotReserved::Refused(refused)) => refused,
        _ => panic!("it was not refused"),
    }
}

/// Who came first is first, whoever needs less; who leaves lets the next one through.
#[tokio::test]
async fn turns_are_taken_in_order() {
    let limits = Arc::new(Limits::new(LONG));
    let caller = caller(&limits, 10);
    let running = limits.reserve(&ask(&limits, &caller, 8)).await.ok().unwrap();
    let (large, small) = (ask(&limits, &caller, 5), ask(&limits, &caller, 2));
    let key = caller.terms.key();
    let refused = refusal(limits.reserve(&large).await);
    assert!(refused.blocked_by_holds);
    let mut first = Box::pin(limits.reserve_in_turn(&large, key, LONG));
    assert!(first.as_mut().now_or_never().is_none());
    // There would be room for two, but another was here before.
    assert!(refusal(limits.reserve(&small).await).blocked_by_holds);
    let mut second = Box::pin(limits.reserve_in_turn(&small, key, LONG));
    assert!(second.as_mut().now_or_never().is_none());
    // What can never be paid does not wait.
    let refused = refusal(limits.reserve(&ask(&limits, &caller, 11)).await);
    assert!(!refused.blocked_by_holds);
    drop(first);
    let second = second.await.ok().unwrap();
    assert_eq!(second.granted(), Spend::credits(NanoUsd(2)));
    running.settle(Spend::credits(NanoUsd(8)), &"gen".into());
    drop(second);
    assert_eq!((limits.running(), limits.held(key).await), (0, Ok(Spend::ZERO)));
    assert_eq!(limits.used(key).await.unwrap().credits.lifetime, NanoUsd(8));
}

/// Those whose turn comes to nothing are told at once, not at the end of their patience.
#[tokio::test]
async fn whoever_cannot_be_paid_any_more_is_told_so() {
    let limits = Arc::new(Limits::new(LONG));
    let caller = caller(&limits, 10);
    let running = limits.reserve(&ask(&limits, &caller, 10)).await.ok().unwrap();
    let asked = ask(&limits, &caller, 4);
    let mut waiting = Box::pin(limits.reserve_in_turn(&asked, caller.terms.key(), LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    running.settle(Spend::credits(NanoUsd(7)), &"gen".into());
    let refused = refusal(waiting.await);
    assert_eq!((refused.blocked_by_holds, refused.left), (false, NanoUsd(3)));
}

/// A grant that its asker did not live to take is free again.
#[tokio::test]
async fn a_grant_nobody_takes_is_freed() {
    let limits = Arc::new(Limits::new(LONG));
    let caller = caller(&limits, 10);
    let running = limits.reserve(&ask(&limits, &caller, 10)).await.ok().unwrap();
    let asked = ask(&limits, &caller, 4);
    let mut waiting = Box::pin(limits.reserve_in_turn(&asked, caller.terms.key(), LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(running);
    assert_eq!(limits.running(), 1, "it has its turn");
    drop(waiting);
    assert_eq!(limits.running(), 0);
}

/// What was lost is freed when its lease is over, and lets others through.
#[tokio::test]
async fn leases_end_unless_they_are_renewed() {
    let limits = Arc::new(Limits::new(Duration::from_secs(60)));
    let caller = caller(&limits, 10);
    let lost = limits.reserve(&ask(&limits, &caller, 10)).await.ok().unwrap();
    let asked = ask(&limits, &caller, 4);
    let mut waiting = Box::pin(limits.reserve_in_turn(&asked, caller.terms.key(), LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(limits.expire(now_micros()).await, 0);
    assert_eq!(limits.expire(now_micros() + 61_000_000).await, 1);
    let granted = waiting.await.ok().unwrap();
    // It was not lost after all: what it did cost counts, and once.
    lost.settle(Spend::credits(NanoUsd(3)), &"gen".into());
    assert_eq!(limits.used(caller.terms.key()).await.unwrap().credits.daily, NanoUsd(3));
    drop(granted);
    assert_eq!(limits.running(), 0);
}
