//! Many connections at once, and answers that get lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ledger::rate::{RateRule, Shape, Span};
use ledger::{
    Limit, LimitKind, NanoUsd, ReservationId, ReservationRequest, Settlement, Spend, Window,
};

use super::books::TestBooks;
use super::server::{Lossy, Server};
use super::{DAY, LEASE, NOON, Node, both_in_step, credits, row};
use crate::shared::{NotReserved, SharedRates, Unavailable, Valkey};

/// Eight nodes spend what suffices for a part of their requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reservations_from_eight_connections_never_overspend() {
    let Some(server) = Server::start() else { return };
    let books = Arc::new(TestBooks::default());
    let bound = 1_000;
    let mut nodes = Vec::new();
    for _ in 0..8 {
        let node = Node::new(server.connect().await, &books);
        node.in_step().await;
        nodes.push(node);
    }
    let mut tasks = Vec::new();
    for (number, node) in nodes.iter().cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut spent = 0;
            for turn in 0..200_u128 {
                let id = turn * 8 + number as u128;
                let Ok(granted) = node.reserve(id, 30, bound).await else { continue };
                assert!(node.used().await + node.held().await <= bound);
                // A part of the hold, all of it, or nothing.
                let actual = [7, 30, 0][turn as usize % 3];
                if actual == 0 {
                    assert!(node.counters.release(ReservationId(id)).await.unwrap());
                    continue;
                }
                let settling =
                    node.counters.settle(NOON, ReservationId(id), credits(actual), &row(id));
                assert_eq!(settling.await, Ok(Settlement::Counted { held: granted }));
                spent += actual;
            }
            spent
        }));
    }
    let mut spent = 0;
    for task in tasks {
        spent += task.await.unwrap();
    }
    assert_eq!((nodes[0].used().await, nodes[1].held().await), (spent, 0));
    assert!(spent <= bound && spent > bound - 30, "{spent}");
    assert_eq!(books.readings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_was_done_before_its_answer_was_lost_is_done_once() {
    let Some(server) = Server::start() else { return };
    let books = Arc::new(TestBooks::default());
    let lossy = Lossy::to(&server);
    let node = Node::new(lossy.connect().await, &books);
    node.in_step().await;
    let lose = || lossy.losses.store(1, Ordering::SeqCst);
    for turn in 0..20 {
        lose();
        assert_eq!(node.reserve(turn, 30, 1_000).await, Ok(credits(30)));
        assert_eq!(node.held().await, 30);
        lose();
        let settling = node.counters.settle(NOON, ReservationId(turn), credits(10), &row(turn));
        settling.await.unwrap();
        assert_eq!((node.used().await, node.held().await), (10 * (turn as i64 + 1), 0));
        let again = node.counters.settle(NOON, ReservationId(turn), credits(10), &row(turn));
        assert_eq!(again.await, Ok(Settlement::NotHeld));
    }
    assert_eq!(node.used().await, 200);
    // Rows are in the books, the server is still of this epoch: nothing is kept.
    (0..20).for_each(|turn| node.counters.confirm(ReservationId(turn)));
    node.in_step().await;
    assert_eq!(node.counters.kept(), 0);
}

/// A reservation that is given up while it is asked for holds nothing for long.
#[tokio::test]
async fn a_reservation_nobody_waits_for_is_given_back() {
    let Some(server) = Server::start() else { return };
    let node = Node::new(server.connect().await, &Arc::default());
    node.in_step().await;
    for id in 0..50_u128 {
        // Polled once or twice: it is under way, or done without anyone knowing.
        let patience = Duration::from_micros(20 * id as u64);
        let _ = tokio::time::timeout(patience, node.reserve(id, 1, 1_000)).await;
    }
    let done = async {
        loop {
            node.in_step().await;
            let kept = node.counters.kept() as i64;
            if node.held().await == kept {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.unwrap();
}

#[tokio::test]
async fn leases_of_a_dead_node_end_and_its_settlement_counts_late() {
    let Some(server) = Server::start() else { return };
    let books = Arc::new(TestBooks::default());
    let (dead, alive) =
        (Node::new(server.connect().await, &books), Node::new(server.connect().await, &books));
    dead.in_step().await;
    alive.in_step().await;
    dead.reserve(1, 100, 100).await.unwrap();
    let refused = alive.reserve(2, 1, 100).await.unwrap_err();
    assert!(matches!(refused, NotReserved::Refused(refused) if refused.blocked_by_holds));
    assert_eq!(alive.counters.expire(NOON + LEASE - 1).await.unwrap(), []);
    assert_eq!(alive.counters.expire(NOON + LEASE).await.unwrap().len(), 1);
    alive.reserve(2, 60, 100).await.unwrap();
    let settling = dead.counters.settle(NOON, ReservationId(1), credits(25), &row(1));
    assert_eq!(settling.await, Ok(Settlement::CountedLate));
    assert_eq!((alive.used().await, alive.held().await), (25, 60));
}

/// More than one run of the script.
#[tokio::test]
async fn many_leases_end_at_once() {
    let Some(server) = Server::start() else { return };
    let node = Node::new(server.connect().await, &Arc::default());
    node.in_step().await;
    let all = futures_util::future::join_all((0..1_200).map(|id| node.reserve(id, 1, 5_000)));
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!(node.counters.expire(NOON + LEASE).await.unwrap().len(), 1_200);
    assert_eq!(node.held().await, 0);
    let limit = Limit::balance(node.account, NanoUsd(7));
    assert_eq!(node.counters.left(NOON, &limit).await, Ok(NanoUsd(7)));
}

/// A server that is away, hangs or is not there at all: requests are told within 100 ms, and all
/// but the first at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_is_known_at_once() {
    let Some(mut server) = Server::start() else { return };
    let valkey = Valkey::open(&server.address()).unwrap();
    assert!(valkey.connected(Duration::from_secs(20)).await);
    let node = Node::new(valkey, &Arc::default());
    node.in_step().await;
    node.reserve(1, 5, 100).await.unwrap();
    server.signal("-STOP");
    let (first, rest) = away(&node, 10).await;
    assert!(first < Duration::from_millis(150), "{first:?}");
    assert!(rest < Duration::from_millis(50), "{rest:?}");
    server.signal("-CONT");
    node.in_step().await;
    // What the first held while it hung, if it did, was given back.
    assert_eq!(node.held().await, 5);
    server.kill();
    let (first, rest) = away(&node, 40).await;
    assert!(first + rest < Duration::from_millis(150), "{first:?} {rest:?}");
    let settling = node.counters.settle(NOON, ReservationId(1), credits(3), &row(1));
    assert!(settling.await.is_err());
    server.start_again();
    node.in_step().await;
    assert_eq!((node.used().await, node.held().await), (3, 0), "delivered when it came back");
}

/// How long the first refusal took, and nine more together.
async fn away(node: &Node, from: u128) -> (Duration, Duration) {
    let begun = Instant::now();
    let first = node.reserve(from, 7, 100).await;
    assert!(matches!(first, Err(NotReserved::Unavailable(_))), "{first:?}");
    let (first, begun) = (begun.elapsed(), Instant::now());
    for id in from + 1..from + 10 {
        let refused = node.reserve(id, 7, 100).await;
        assert!(matches!(refused, Err(NotReserved::Unavailable(Unavailable::Away))), "{refused:?}");
    }
    (first, begun.elapsed())
}

/// A request without limits is made while nothing can be reserved, and counts.
#[tokio::test]
async fn what_was_only_noted_counts() {
    let Some(mut server) = Server::start() else { return };
    let node = Node::new(server.connect().await, &Arc::default());
    node.in_step().await;
    server.kill();
    let (id, spenders) = (ReservationId(9), [node.account, node.key]);
    node.counters.note(NOON, id, &spenders, LEASE).unwrap();
    assert!(node.counters.settle(NOON, id, credits(4), &row(9)).await.is_err());
    server.start_again();
    node.in_step().await;
    assert_eq!((node.used().await, node.counters.held(node.key).await), (4, Ok(Spend::ZERO)));
}

/// A node whose clock is days off asks under the same day as the others, and neither ends their leases
/// nor their minutes.
#[tokio::test]
async fn a_node_with_a_wrong_clock_goes_by_that_of_the_server() {
    let Some(server) = Server::start() else { return };
    let books = Arc::new(TestBooks::default());
    let connect = async || {
        let valkey = Valkey::open(&server.address()).unwrap();
        assert!(valkey.connected(Duration::from_secs(20)).await);
        valkey
    };
    let (right, wrong) = (connect().await, connect().await);
    let (one, other) = (Node::new(right.clone(), &books), Node::new(wrong.clone(), &books));
    both_in_step(&one, &other).await;
    let now = right.now(0);
    assert!(now > NOON - 400 * DAY, "the server has said");
    for off in [2 * DAY, -40 * DAY] {
        assert!((wrong.ahead(now + off).unwrap() - off).abs() < 10_000_000);
    }
    let limits = [Limit {
        spender: one.key,
        kind: LimitKind::KeyLimit,
        window: Window::Daily,
        amount: NanoUsd(100),
        includes_byok: false,
    }];
    let mut granted = 0;
    for turn in 0..40_u128 {
        let (node, own) = match turn % 4 {
            0 | 2 => (&one, now),
            1 => (&other, now + 2 * DAY),
            _ => (&other, now - 40 * DAY),
        };
        let id = ReservationId(turn);
        let spenders = &[node.key];
        let (amount, least) = (credits(10), credits(10));
        let request =
            ReservationRequest { id, spenders, limits: &limits, amount, least, lease: LEASE };
        if node.counters.reserve(own, &request).await.is_ok() {
            granted += 1;
            node.counters.settle(own, id, credits(10), &row(turn)).await.unwrap();
        }
    }
    assert_eq!(granted, 10);
    one.reserve(100, 1, 1_000).await.unwrap();
    assert_eq!(other.counters.expire(now + 2 * DAY).await.unwrap(), []);
    let (one, other) = (SharedRates::new(right, "test"), SharedRates::new(wrong, "test"));
    let rules = [RateRule { requests: 3, span: Span::Day, shape: Shape::Fixed }];
    let mut allowed = 0;
    for turn in 0..10 {
        let (rates, own) = if turn % 2 == 0 { (&one, now) } else { (&other, now + 2 * DAY) };
        let verdict = rates.admit(own, "it", &rules).await.unwrap().unwrap();
        allowed += i32::from(verdict.is_allowed());
        assert!(rates.enter(own, "it", 1, 1, LEASE).await.unwrap());
        assert!(!rates.enter(own, "it", 2, 1, LEASE).await.unwrap());
    }
    assert_eq!(allowed, 3);
}
