//! Step 3: is there money left? What a call may cost is held where that can be known. Promise 3
//!
//! The body passes as it is, so it cannot be asked for less than it says: what is held is the
//! most that the call may cost, or all that is left if that is less, but no less than its body and
//! stated length come to. While it is held nobody else spends it.

use std::sync::Arc;

use catalog::EndpointId;
use ledger::{Markup, NanoUsd, Spend};
use protocol::exchange::Fault;
use store::shared::NotReserved;

use super::peek::Named;
use crate::app::App;
use crate::clock::{minute_of_day, now_micros};
use crate::control::limits::Reservation;
use crate::control::{Access, Caller, Snapshot};
use crate::inference::bound::Demand;
use crate::inference::refusal::{refused_whole, unavailable};

/// The smallest amount: what has to be left where nobody knows what a call costs.
const SOMETHING: NanoUsd = NanoUsd(1);

/// Holds what a call may cost, as far as limits leave it: at the dearest of the endpoints that it
/// may mean.
pub async fn hold(
    app: &App,
    snapshot: &Snapshot,
    caller: &Arc<Caller>,
    access: &Access,
    named: &Named,
    endpoints: &[EndpointId],
) -> Result<Reservation, Fault> {
    let limits = &app.limits;
    let (most, least) = match caller.terms.limits.is_empty() {
        true => (NanoUsd::ZERO, NanoUsd::ZERO),
        false => bounds(snapshot, caller, access, named, endpoints),
    };
    let spend = |amount| match access.is_byok() {
        true => Spend { credits: NanoUsd::ZERO, byok: amount },
        false => Spend { credits: amount, byok: NanoUsd::ZERO },
    };
    let ask = limits.ask(caller, spend(most.max(least)), spend(least));
    let outcome = match limits.reserve(&ask).await {
        Err(NotReserved::Refused(told)) if told.blocked_by_holds => {
            let patience = app.settings.limits.reservation_wait;
            limits.reserve_in_turn(&ask, told.limit.spender, patience).await
        }
        outcome => outcome,
    };
    match outcome {
        Ok(reservation) => Ok(reservation),
        Err(NotReserved::Refused(told)) => Err(refused_whole(limits, &told).await),
        Err(NotReserved::Unavailable(why)) => Err(unavailable(&why)),
    }
}

/// The most a call may cost, and the least for which it is begun, whichever endpoint it means.
fn bounds(
    snapshot: &Snapshot,
    caller: &Caller,
    access: &Access,
    named: &Named,
    endpoints: &[EndpointId],
) -> (NanoUsd, NanoUsd) {
    let something = (SOMETHING, SOMETHING);
    if !named.is_work {
        return something;
    }
    let catalog = &snapshot.catalog;
    let markup = if access.is_byok() { Markup::default() } else { caller.terms.markup };
    let minute = minute_of_day(now_micros());
    // What the body refers to, the provider adds: files, former turns, what it has in its cache.
    let demand = |references| {
        Demand::of_bytes((named.size, named.answers), named.most_output, references, minute)
    };
    let (whole, alone) = (demand(true), demand(false));
    endpoints.iter().fold(something, |(most, least), id| {
        let (endpoint, dialect) = (catalog.endpoint(*id), catalog.dialect_of(*id));
        let dearest = whole.at(endpoint, dialect, markup).most().unwrap_or(SOMETHING);
        let begun_with = alone.at(endpoint, dialect, markup).least().unwrap_or(SOMETHING);
        (most.max(dearest), least.max(begun_with))
    })
}
