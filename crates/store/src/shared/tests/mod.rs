//! Tests beside a real server.

mod books;
mod differential;
mod limits;
mod loss;
mod rates;
mod server;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use ledger::{
    Limit, Micros, NanoUsd, ReservationId, ReservationRequest, Spend, SpenderId, SpenderKind,
    Spenders,
};

use books::TestBooks;

use super::rebuild::Pace;
use super::{NotReserved, SharedCounters, Tended, Valkey};

/// Thursday 26 November 2026, 12:00 UTC.
const NOON: Micros = 20_783 * DAY + DAY / 2;
const DAY: Micros = 86_400_000_000;
const LEASE: Micros = 600_000_000;

/// Quick enough for tests.
const PACE: Pace = Pace { gather: Duration::from_millis(150), lock: Duration::from_secs(1) };

fn credits(nano: i64) -> Spend {
    Spend::credits(NanoUsd(nano))
}

/// A node that knows an account and a key.
#[derive(Clone)]
struct Node {
    counters: SharedCounters,
    account: SpenderId,
    key: SpenderId,
}

impl Node {
    fn new(valkey: Valkey, books: &Arc<TestBooks>) -> Self {
        let mut spenders = Spenders::default();
        let account = spenders.intern(SpenderKind::Account, "main");
        let key = spenders.intern(SpenderKind::Key, "k");
        let spenders = Arc::new(RwLock::new(spenders));
        let books: Arc<TestBooks> = Arc::clone(books);
        let counters = SharedCounters::with_pace(valkey, "test", spenders, books, PACE);
        Self { counters, account, key }
    }

    /// Tends until requests are served.
    async fn in_step(&self) {
        let tending = async {
            while !matches!(self.counters.tend(NOON).await, Ok(Tended::InStep)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), tending).await.unwrap();
    }

    async fn reserve(&self, id: u128, nano: i64, bound: i64) -> Result<Spend, NotReserved> {
        let request = ReservationRequest {
            id: ReservationId(id),
            spenders: &[self.account, self.key],
            limits: &[Limit::balance(self.account, NanoUsd(bound))],
            amount: credits(nano),
            least: credits(nano),
            lease: LEASE,
        };
        self.counters.reserve(NOON, &request).await.map(|granted| granted.amount)
    }

    async fn used(&self) -> i64 {
        self.counters.used(NOON, self.account).await.unwrap().credits.lifetime.0
    }

    async fn held(&self) -> i64 {
        self.counters.held(self.account).await.unwrap().credits.0
    }
}

/// Tends two nodes until both are served by the same figures.
async fn both_in_step(one: &Node, other: &Node) {
    tokio::join!(one.in_step(), other.in_step());
    // The one that was first may have lost step by what the other did.
    tokio::join!(one.in_step(), other.in_step());
}

fn row(id: u128) -> Arc<str> {
    format!("gen-{id}").into()
}
