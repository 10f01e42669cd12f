//! The server loses its data, or comes back with old data, while nodes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ledger::{ReservationId, Settlement};

use super::books::TestBooks;
use super::server::Server;
use super::{NOON, Node, both_in_step, credits, row};
use crate::shared::{NotReserved, Unavailable};

/// Two nodes in step, and their books.
async fn two(server: &Server) -> (Node, Node, Arc<TestBooks>) {
    let books = Arc::new(TestBooks::default());
    let one = Node::new(server.connect().await, &books);
    let other = Node::new(server.connect().await, &books);
    both_in_step(&one, &other).await;
    (one, other, books)
}

impl Node {
    fn settle(
        &self,
        id: u128,
        nano: i64,
    ) -> impl Future<Output = Result<Settlement, Unavailable>> + Send + use<> {
        self.counters.settle(NOON, ReservationId(id), credits(nano), &row(id))
    }
}

#[tokio::test]
async fn an_emptied_server_is_rebuilt_once_and_only_then_grants() {
    let Some(mut server) = Server::start() else { return };
    let (one, other, books) = two(&server).await;
    assert_eq!(books.readings.load(Ordering::SeqCst), 1, "an empty server is rebuilt as well");
    one.reserve(1, 100, 1_000).await.unwrap();
    other.reserve(2, 100, 1_000).await.unwrap();
    // Counted, with its row in the books or not.
    for (id, nano) in [(3, 40), (4, 2)] {
        one.reserve(id, 50, 1_000).await.unwrap();
        one.settle(id, nano).await.unwrap();
    }
    books.write(row(3), 40);
    one.counters.confirm(ReservationId(3));
    server.kill();
    server.lose_data();
    server.start_again();
    // Settled before anything is rebuilt: one row is in the books, the other not.
    one.reserve(5, 50, 1_000).await.unwrap_err();
    assert!(one.settle(1, 60).await.is_err());
    books.write(row(1), 60);
    assert!(other.settle(2, 7).await.is_err());
    let refused = other.reserve(6, 1, 1_000).await.unwrap_err();
    assert!(matches!(refused, NotReserved::Unavailable(_)), "{refused:?}");
    both_in_step(&one, &other).await;
    assert_eq!(one.used().await, 40 + 2 + 60 + 7);
    assert_eq!(one.held().await, 0);
    assert_eq!(books.readings.load(Ordering::SeqCst), 2);
    for id in [3, 4] {
        one.settle(id, 1_000).await.ok();
    }
    assert_eq!(one.used().await, 40 + 2 + 60 + 7, "nothing counts twice");
    one.reserve(5, 50, 1_000).await.unwrap();
}

#[tokio::test]
async fn running_requests_are_held_again() {
    let Some(mut server) = Server::start() else { return };
    let (one, other, books) = two(&server).await;
    one.reserve(1, 300, 1_000).await.unwrap();
    other.reserve(2, 500, 1_000).await.unwrap();
    server.kill();
    server.lose_data();
    server.start_again();
    both_in_step(&one, &other).await;
    assert_eq!((one.used().await, one.held().await), (0, 800));
    one.reserve(3, 201, 1_000).await.unwrap_err();
    other.settle(2, 450).await.unwrap();
    assert_eq!((one.used().await, one.held().await), (450, 300));
    assert_eq!(books.readings.load(Ordering::SeqCst), 2);
}

/// A restart with data may have lost the last of it, so that the books are read again.
#[tokio::test]
async fn a_server_that_comes_back_with_data_is_rebuilt_too() {
    let Some(mut server) = Server::start() else { return };
    let (one, other, books) = two(&server).await;
    one.reserve(1, 300, 1_000).await.unwrap();
    one.reserve(2, 300, 1_000).await.unwrap();
    one.settle(2, 20).await.unwrap();
    books.write(row(2), 20);
    server.kill();
    server.start_again();
    both_in_step(&one, &other).await;
    assert_eq!((other.used().await, other.held().await), (20, 300));
    assert_eq!(books.readings.load(Ordering::SeqCst), 2);
    // By hand, while requests run.
    one.counters.rebuild(NOON).await.unwrap();
    both_in_step(&one, &other).await;
    assert_eq!((other.used().await, other.held().await), (20, 300));
}

/// A node that was cut off while another rebuilt, and settled meanwhile.
#[tokio::test]
async fn who_comes_late_has_the_books_read_again_if_that_is_needed() {
    let Some(mut server) = Server::start() else { return };
    let (one, late, books) = two(&server).await;
    for id in 1..=3 {
        late.reserve(id, 100, 1_000).await.unwrap();
    }
    server.kill();
    server.lose_data();
    server.start_again();
    // In the books that are read now; in those read later only; in none.
    late.settle(1, 10).await.unwrap_err();
    books.write(row(1), 10);
    one.in_step().await;
    assert_eq!((one.used().await, one.held().await), (10, 0));
    late.settle(2, 20).await.unwrap_err();
    books.write(row(2), 20);
    late.settle(3, 30).await.unwrap_err();
    let mut readings = books.readings.load(Ordering::SeqCst);
    both_in_step(&one, &late).await;
    assert_eq!((one.used().await, one.held().await), (60, 0));
    readings = books.readings.load(Ordering::SeqCst) - readings;
    assert_eq!(readings, 1);
}

/// A node that dies while it rebuilds is replaced by another.
#[tokio::test]
async fn another_takes_over_who_dies_at_rebuilding() {
    let Some(mut server) = Server::start() else { return };
    let (one, other, books) = two(&server).await;
    one.reserve(1, 100, 1_000).await.unwrap();
    books.write(row(99), 5);
    server.kill();
    server.lose_data();
    server.start_again();
    for pause in [5, 60, 120] {
        let rebuilding = one.counters.tend(NOON);
        let _ = tokio::time::timeout(Duration::from_millis(pause), rebuilding).await;
    }
    other.in_step().await;
    one.in_step().await;
    assert_eq!((other.used().await, other.held().await), (5, 100));
}

/// Four nodes spend while the server is killed, emptied, stopped and rebuilt by hand, with rows
/// that reach the books sooner or later; in the end every row counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whatever_happens() {
    let Some(mut server) = Server::start() else { return };
    let books = Arc::new(TestBooks::default());
    let over = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(0));
    let mut nodes = Vec::new();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let node = Node::new(server.connect().await, &books);
        nodes.push(node.clone());
        let tending = (node.clone(), Arc::clone(&over));
        tasks.push(tokio::spawn(async move {
            while !tending.1.load(Ordering::SeqCst) {
                let _ = tending.0.counters.tend(NOON).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }));
        for _ in 0..4 {
            let (node, books) = (node.clone(), Arc::clone(&books));
            let (over, next) = (Arc::clone(&over), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    spend(&node, &books, next.fetch_add(1, Ordering::SeqCst)).await;
                }
            }));
        }
    }
    for turn in 0..6 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        match turn % 3 {
            0 => {
                server.kill();
                server.lose_data();
                tokio::time::sleep(Duration::from_millis(100)).await;
                server.start_again();
            }
            1 => {
                server.kill();
                server.start_again();
            }
            _ => {
                let _ = nodes[0].counters.rebuild(NOON).await;
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    for _ in 0..2 {
        futures_util::future::join_all(nodes.iter().map(Node::in_step)).await;
    }
    let (used, sum) = (nodes[0].used().await, books.sum());
    assert_eq!(used, sum, "{} rows", next.load(Ordering::SeqCst));
    assert!(sum > 0);
    assert_eq!(nodes[0].held().await, 0);
}

/// One request, the way a gateway makes it; without a reservation if there is none to be had.
async fn spend(node: &Node, books: &Arc<TestBooks>, turn: u64) {
    let id = u128::from(turn);
    let pause = |times: u64| tokio::time::sleep(Duration::from_micros(turn * 7_919 % 97 * times));
    if node.reserve(id, 50, i64::MAX).await.is_err() {
        let spenders = [node.account, node.key];
        node.counters.note(NOON, ReservationId(id), &spenders, super::LEASE).unwrap();
    }
    pause(100).await;
    let nano = i64::try_from(turn % 41).unwrap();
    let settling = node.settle(id, nano);
    // The row is on its way while the server is told, and may be there first or much later.
    let (node, books) = (node.clone(), Arc::clone(books));
    let row_delay = pause([0, 50, 3_000][(turn % 3) as usize]);
    let written = tokio::spawn(async move {
        row_delay.await;
        books.write(row(id), nano);
        node.counters.confirm(ReservationId(id));
    });
    let _ = settling.await;
    written.await.unwrap();
}
