//! Step 4: what the request may cost is held under every limit, before anybody is asked.
//! Promise 3, CREDIT-4, KEYS-9, WS-7

use bytes::Bytes;
use ledger::{NanoUsd, Spend};
use protocol::exchange::Fault;
use protocol::json::Envelope;
use store::shared::{NotReserved, Unavailable};

use super::bound::{Bound, Cover, Demand};
use super::count;
use super::plan::{Candidate, Route};
use super::prepare::Call;
use super::refusal::{held, not_reserved, refused, too_dear, unavailable, unknown_price};
use crate::clock::minute_of_day;
use crate::control::limits::{Limited, Reservation, counts_byok};

/// What a call may do with its money.
pub struct Held {
    /// What is held, for the settlement.
    pub reservation: Reservation,
    /// How endpoints may be asked for it; `None`: as the caller asked.
    pub budget: Option<Budget>,
}

/// How endpoints may be asked for what was granted.
pub struct Budget {
    demand: Demand,
    granted: Spend,
    /// Whether limits count what owners of credentials pay.
    byok_counts: bool,
}

impl Budget {
    /// How a candidate may be asked after attempts that came to nothing have cost `spent`.
    pub fn cover(&self, call: &Call, candidate: &Candidate, spent: Spend) -> Cover {
        let byok = candidate.access.is_byok();
        if byok && !self.byok_counts {
            return Cover::Whole;
        }
        let granted = match byok {
            true => self.granted.byok - spent.byok,
            false => self.granted.credits - spent.credits,
        };
        bound(call, &self.demand, candidate).cover(granted)
    }
}

/// Why a call is not made.
pub enum Unaffordable {
    /// It would cost too much, or nobody knows what it would cost.
    Money(Fault),
    /// There were too many. RATE-1
    Rate(Limited),
}

impl From<Fault> for Unaffordable {
    fn from(fault: Fault) -> Self {
        Self::Money(fault)
    }
}

/// Reserves what a call may cost at the dearest endpoint of its route. Endpoints that cannot be
/// afforded are left out of it as long as another is left.
pub async fn reserve(
    call: &Call,
    route: &mut Route,
    envelope: &Envelope<'_>,
    body: &Bytes,
) -> Result<Held, Unaffordable> {
    admit_free(call, route, call.begun).await?;
    let terms = &call.caller.terms;
    let most = max_cost(envelope)?;
    let limits = &call.app.limits;
    if terms.limits.is_empty() && most.is_none() {
        // Nothing to hold, but what it costs is counted: a limit may be set any time.
        let ask = limits.ask(&call.caller, Spend::ZERO, Spend::ZERO);
        let reservation = match limits.reserve(&ask).await {
            Ok(reservation) => reservation,
            Err(told) => return Err(not_reserved(call, &told).await.into()),
        };
        return Ok(Held { reservation, budget: None });
    }
    let mut demand = measure(call, envelope, body);
    if let Some(most) = most {
        within_cost(call, &mut demand, route, most, body).await?;
    }
    let (reservation, budget) = hold(call, demand, route, body, true).await?;
    // Without a limit there is no grant to be kept within.
    let budget = (!terms.limits.is_empty()).then_some(budget);
    Ok(Held { reservation, budget })
}

/// What would be reserved for a call, without doing it: for whoever asks about a route.
pub async fn preview(
    call: &Call,
    route: &mut Route,
    envelope: &Envelope<'_>,
    body: &Bytes,
) -> Result<(Spend, Option<Budget>), Fault> {
    let terms = &call.caller.terms;
    let mut demand = measure(call, envelope, body);
    if let Some(most) = max_cost(envelope)? {
        within_cost(call, &mut demand, route, most, body).await?;
    }
    if terms.limits.is_empty() {
        return Ok((Spend::ZERO, None));
    }
    let (reservation, budget) = hold(call, demand, route, body, false).await?;
    Ok((reservation.granted(), Some(budget)))
}

fn measure(call: &Call, envelope: &Envelope<'_>, body: &Bytes) -> Demand {
    let minute = minute_of_day(call.begun);
    Demand::of((&call.facts, call.surface), envelope, body.len(), minute)
}

/// What is asked of the limits for some candidates.
#[derive(Clone, Copy)]
struct Wish {
    amount: Spend,
    least: Spend,
    /// A price that a limit counts is not known.
    unpriced: bool,
}

impl Wish {
    /// The dearest of each kind, and for the first candidate enough not to be cut short; `room`:
    /// no more than that.
    fn of(call: &Call, demand: &Demand, candidates: &[Candidate], room: Option<Spend>) -> Self {
        let (mut amount, mut least) = (Spend::ZERO, Spend::ZERO);
        let mut unpriced = false;
        for (at, candidate) in candidates.iter().enumerate() {
            let bound = bound(call, demand, candidate);
            let most = bound.most();
            unpriced |= most.is_none() && counts(call, candidate);
            // Where no limit counts it, a price may be unknown.
            let most = most.unwrap_or_default();
            let first = if at == 0 { bound.comfortable().unwrap_or_default() } else { NanoUsd(0) };
            let (amount, least) = match candidate.access.is_byok() {
                true => (&mut amount.byok, &mut least.byok),
                false => (&mut amount.credits, &mut least.credits),
            };
            *amount = (*amount).max(most);
            *least = (*least).max(first);
        }
        if let Some(room) = room {
            least.credits = least.credits.min(room.credits.max(NanoUsd::ZERO));
            least.byok = least.byok.min(room.byok.max(NanoUsd::ZERO));
        }
        Self { amount, least, unpriced }
    }
}

/// What is asked for at first: for all candidates whose price is known, as far as limits count it.
/// Nothing could be reserved for the others, so no limit would hold.
fn first_wish(call: &Call, demand: &Demand, route: &mut Route) -> Result<Wish, Fault> {
    let wish = Wish::of(call, demand, &route.candidates, None);
    if !wish.unpriced {
        return Ok(wish);
    }
    route.candidates.retain(|candidate| {
        !counts(call, candidate) || bound(call, demand, candidate).most().is_some()
    });
    if route.candidates.is_empty() {
        return Err(unknown_price(call));
    }
    Ok(Wish::of(call, demand, &route.candidates, None))
}

/// Whether a limit counts what this candidate costs.
fn counts(call: &Call, candidate: &Candidate) -> bool {
    let terms = &call.caller.terms;
    if candidate.access.is_byok() { terms.limits_byok() } else { terms.limits_credits() }
}

/// Holds what the candidates may cost, or what there is of it. The prompt is counted where its bytes
/// are too much or take too large a part of it; `waits`: for running requests to end.
async fn hold(
    call: &Call,
    mut demand: Demand,
    route: &mut Route,
    body: &Bytes,
    waits: bool,
) -> Result<(Reservation, Budget), Fault> {
    let limits = &call.app.limits;
    let patience = call.app.settings.limits.reservation_wait;
    let mut wish = first_wish(call, &demand, route)?;
    let mut told = None;
    // What is left may shrink while it is looked at; each round asks for less.
    for _ in 0..4 {
        let ask = limits.ask(&call.caller, wish.amount, wish.least);
        let mut outcome = match waits {
            true => limits.reserve(&ask).await,
            false => limits.reserve_now(&ask).await,
        };
        if let Err(NotReserved::Refused(refusal)) = &outcome {
            if demand.can_be_counted()
                && count::is_possible(call, &route.candidates)
                && may_fit(call, &demand, route).await?
            {
                demand.count(Box::pin(count::bounds(call, &route.candidates, body)).await);
                told = Some(*refusal);
                wish = Wish::of(call, &demand, &route.candidates, None);
                continue;
            }
            if waits && refusal.blocked_by_holds {
                outcome = limits.reserve_in_turn(&ask, refusal.limit.spender, patience).await;
            }
        }
        let refusal = match outcome {
            Ok(reservation) => {
                let granted = reservation.granted();
                if is_cut_for_its_bytes(call, &demand, route, granted) {
                    demand.count(Box::pin(count::bounds(call, &route.candidates, body)).await);
                }
                let byok_counts = call.caller.terms.limits_byok();
                return Ok((reservation, Budget { demand, granted, byok_counts }));
            }
            Err(NotReserved::Refused(refusal)) => refusal,
            Err(NotReserved::Unavailable(why)) => return Err(unavailable(&why)),
        };
        let now_or_never = waits && refusal.blocked_by_holds;
        told = Some(refusal);
        match narrower(call, &demand, route, now_or_never).await? {
            Some(narrow) => wish = narrow,
            None => break,
        }
    }
    let first = route.candidates.first();
    Err(match told {
        Some(told) => refused(call, &told, Some(&demand), first).await,
        // The loop runs at least once.
        None => crate::error::internal("a reservation was neither granted nor refused"),
    })
}

/// Whether a candidate could be paid if the prompt were as short as it can be.
async fn may_fit(call: &Call, demand: &Demand, route: &Route) -> Result<bool, Fault> {
    let room = room(call, false).await.map_err(|why| unavailable(&why))?;
    let shortest = demand.at_its_shortest();
    Ok(route.candidates.iter().any(|candidate| is_affordable(call, &shortest, candidate, room)))
}

/// Whether the answer is cut short, and what the bytes of the prompt may cost is a good part of why.
fn is_cut_for_its_bytes(call: &Call, demand: &Demand, route: &Route, granted: Spend) -> bool {
    if !demand.can_be_counted() {
        return false;
    }
    let Some(first) = route.candidates.first() else { return false };
    let granted = if first.access.is_byok() { granted.byok } else { granted.credits };
    let bound = bound(call, demand, first);
    matches!(bound.cover(granted), Cover::Cut(_))
        && bound.prompt().is_some_and(|prompt| prompt.0 > granted.0 / 8)
}

/// What to ask for when the first wish is too much: without the endpoints that are too dear, and
/// with no more than there is. `now`: than is free at this moment, since waiting did not help.
/// `None`: nothing can be afforded.
async fn narrower(
    call: &Call,
    demand: &Demand,
    route: &mut Route,
    now: bool,
) -> Result<Option<Wish>, Fault> {
    let room = room(call, now).await.map_err(|why| unavailable(&why))?;
    let affordable = |candidate: &Candidate| is_affordable(call, demand, candidate, room);
    if !route.candidates.iter().any(affordable) {
        return Ok(None);
    }
    let kept: Vec<Candidate> =
        route.candidates.iter().filter(|candidate| affordable(candidate)).cloned().collect();
    route.candidates = kept;
    Ok(Some(Wish::of(call, demand, &route.candidates, Some(room))))
}

/// Whether a candidate can be begun for what there is.
fn is_affordable(call: &Call, demand: &Demand, candidate: &Candidate, room: Spend) -> bool {
    let least = bound(call, demand, candidate).least();
    match candidate.access.is_byok() {
        true => !call.caller.terms.limits_byok() || least.is_some_and(|it| it <= room.byok),
        false => least.is_some_and(|it| it <= room.credits),
    }
}

/// What the tightest limits leave, by who pays, in nano-dollars.
async fn room(call: &Call, now: bool) -> Result<Spend, Unavailable> {
    let limits = &call.app.limits;
    let (mut credits, mut byok) = (NanoUsd(i64::MAX), NanoUsd(i64::MAX));
    for limit in &call.caller.terms.limits {
        let mut left = limits.unused(limit).await?;
        if now {
            left = left - held(limits, limit).await?;
        }
        credits = credits.min(left);
        if counts_byok(limit) {
            byok = byok.min(left);
        }
    }
    Ok(Spend { credits, byok })
}

/// What a call costs at most at a candidate.
pub fn bound<'c>(call: &'c Call, demand: &Demand, candidate: &Candidate) -> Bound<'c> {
    let catalog = &call.snapshot.catalog;
    // The mark-up is on credits; owners of credentials pay what providers charge.
    let markup = if candidate.access.is_byok() {
        ledger::Markup::default()
    } else {
        call.caller.terms.markup
    };
    let dialect = call.dialect(candidate.endpoint);
    let id = candidate.endpoint;
    demand.at_model((catalog.endpoint(id), catalog.model_of(id)), dialect, markup)
}

/// Leaves out what could cost more than the caller wants.
async fn within_cost(
    call: &Call,
    demand: &mut Demand,
    route: &mut Route,
    most: NanoUsd,
    body: &Bytes,
) -> Result<(), Fault> {
    let keeps_within = |demand: &Demand, candidate: &Candidate| {
        bound(call, demand, candidate).most().is_some_and(|cost| cost <= most)
    };
    if route.candidates.iter().all(|candidate| keeps_within(demand, candidate)) {
        return Ok(());
    }
    let shortest = demand.at_its_shortest();
    let may_keep_within = |candidate: &Candidate| keeps_within(&shortest, candidate);
    if demand.can_be_counted() && route.candidates.iter().any(may_keep_within) {
        demand.count(Box::pin(count::bounds(call, &route.candidates, body)).await);
    }
    let demand = &*demand;
    let cost = |candidate: &Candidate| bound(call, demand, candidate).most();
    let fits = |candidate: &Candidate| keeps_within(demand, candidate);
    if !route.candidates.iter().any(fits) {
        let cheapest = route
            .candidates
            .iter()
            .filter_map(|candidate| Some((cost(candidate)?, candidate)))
            .min_by_key(|(cost, _)| *cost);
        let told = cheapest
            .map(|(cost, candidate)| (cost, bound(call, demand, candidate).affordable(most)));
        return Err(too_dear(most, told));
    }
    route.candidates.retain(fits);
    Ok(())
}

/// `max_cost`: the most the call may cost, in USD, as a number or a text.
fn max_cost(envelope: &Envelope<'_>) -> Result<Option<NanoUsd>, Fault> {
    let Some(raw) = envelope.raw("max_cost").map(|raw| raw.get()).filter(|raw| *raw != "null")
    else {
        return Ok(None);
    };
    let invalid =
        || Fault::invalid("max_cost: is not an amount in USD; send a decimal number such as 0.05");
    let text = match raw.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or_else(invalid)?,
        None => raw,
    };
    let pico = catalog::PicoUsd::parse(text).map_err(|_| invalid())?;
    if pico.0 < 0 {
        return Err(invalid());
    }
    // Rounded down: more than was said is never spent.
    Ok(Some(NanoUsd(pico.0 / 1000)))
}

/// Counts a request to a free model. Once the account made too many, its free models are left
/// out; without another it is refused. RATE-1
async fn admit_free(
    call: &Call,
    route: &mut Route,
    now: store::Micros,
) -> Result<(), Unaffordable> {
    let terms = &call.caller.terms;
    if terms.total_credits.is_none() {
        return Ok(());
    }
    let catalog = &call.snapshot.catalog;
    let is_free =
        |candidate: &Candidate| catalog.endpoint(candidate.endpoint).model.ends_with(":free");
    if !route.candidates.first().is_some_and(is_free) {
        return Ok(());
    }
    let tier = &call.app.settings.limits.free;
    let Err(limited) = call.app.rates.admit_free(terms, tier, now).await else {
        return Ok(());
    };
    route.candidates.retain(|candidate| !is_free(candidate));
    if route.candidates.is_empty() { Err(Unaffordable::Rate(limited)) } else { Ok(()) }
}
