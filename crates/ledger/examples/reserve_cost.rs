//! What reserving and settling costs, under four limits with a thousand requests under way:
//! `cargo run --release -p trunkline-ledger --example reserve_cost`.

use std::collections::VecDeque;
use std::time::Instant;

use ledger::{
    Counters, Limit, LimitKind, NanoUsd, ReservationId, ReservationRequest, Spend, SpenderKind,
    Spenders, Window,
};

const ROUNDS: u64 = 2_000_000;

fn main() {
    let mut names = Spenders::default();
    let kinds = [
        (SpenderKind::Account, LimitKind::AccountBalance),
        (SpenderKind::Workspace, LimitKind::WorkspaceBudget),
        (SpenderKind::Member, LimitKind::MemberLimit),
        (SpenderKind::Key, LimitKind::KeyLimit),
    ];
    let limits = kinds.map(|(spender, kind)| Limit {
        spender: names.intern(spender, "it"),
        kind,
        window: Window::Monthly,
        amount: NanoUsd(i64::MAX),
        includes_byok: true,
    });
    let spenders = limits.map(|limit| limit.spender);
    let amount = Spend::credits(NanoUsd(1_000_000));
    let mut counters = Counters::default();
    let mut running = VecDeque::with_capacity(1_001);
    let start = Instant::now();
    for round in 0..ROUNDS {
        let now = 1_795_000_000_000_000 + i64::try_from(round).unwrap_or(0);
        // Any odd constant: ids are drawn by chance.
        let id = ReservationId(u128::from(round).wrapping_mul(0x2545_F491_4F6C_DD1D_9E37_79B9));
        let request = ReservationRequest {
            id,
            spenders: &spenders,
            limits: &limits,
            amount,
            least: amount,
            lease: 600_000_000,
        };
        if counters.reserve(now, &request).is_ok() {
            running.push_back(id);
        }
        if running.len() > 1_000
            && let Some(id) = running.pop_front()
        {
            counters.settle(now, id, amount);
        }
    }
    let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{nanos} ns for a reservation and its settlement, {} held", counters.running());
}
