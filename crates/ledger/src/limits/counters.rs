//! The counters of a single node.

use std::collections::HashMap;

use super::fit::Fit;
use super::id::{BuildIdHasher, ReservationId};
use super::limit::Limit;
use super::reservation::{Expired, Granted, Refused, ReservationRequest, Settlement};
use super::spender::{Spend, SpenderId, Spent};
use super::tally::Tally;
use crate::{Day, Micros, NanoUsd, day_of};

/// How long a reservation whose lease ran out can still be settled, in microseconds: a day.
const REMEMBERED: Micros = 86_400_000_000;

/// What spenders have used, and what is held for requests under way. The module's page says
/// exactly what its operations mean.
#[derive(Debug, Default)]
pub struct Counters {
    /// By number of the spender.
    tallies: Vec<Tally>,
    /// Reservations, and places of ended ones that keep their memory for the next.
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: HashMap<ReservationId, u32, BuildIdHasher>,
    /// No lease ends before this.
    earliest: Option<Micros>,
}

#[derive(Debug)]
struct Slot {
    id: ReservationId,
    state: State,
    granted: Spend,
    /// When the lease ends, or ended.
    deadline: Micros,
    /// Who holds it.
    spenders: Vec<SpenderId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No reservation.
    Free,
    /// Under way.
    Held,
    /// The lease ran out; nothing is held.
    Lapsed,
}

impl Counters {
    /// Reserves an amount under all limits, or none.
    pub fn reserve(
        &mut self,
        now: Micros,
        request: &ReservationRequest<'_>,
    ) -> Result<Granted, Refused> {
        if let Some(at) = self.by_id.get(&request.id).copied() {
            let slot = self.slot(at);
            if slot.state == State::Held {
                return Ok(Granted { amount: slot.granted });
            }
            self.vacate(at);
        }
        let today = day_of(now);
        let mut fit = Fit::new(request.amount, request.least);
        for limit in request.limits {
            fit.within(limit, self.tally(limit.spender, today));
        }
        let granted = fit.grant()?;
        let at = self.occupy(request.id, granted, now.saturating_add(request.lease.max(0)));
        let limited = request.limits.iter().map(|limit| limit.spender);
        for spender in request.spenders.iter().copied().chain(limited) {
            let spenders = &mut self.slot(at).spenders;
            if !spenders.contains(&spender) {
                spenders.push(spender);
                self.tally(spender, today).hold(granted);
            }
        }
        Ok(Granted { amount: granted })
    }

    /// Frees what a reservation holds and counts what its request did cost.
    pub fn settle(&mut self, now: Micros, id: ReservationId, actual: Spend) -> Settlement {
        let Some(at) = self.by_id.get(&id).copied() else { return Settlement::NotHeld };
        let (today, actual) = (day_of(now), actual.sane());
        let settlement = match self.free_hold(at) {
            Some(held) => Settlement::Counted { held },
            None => Settlement::CountedLate,
        };
        for turn in 0..self.slot(at).spenders.len() {
            let spender = self.slot(at).spenders[turn];
            self.tally(spender, today).count(actual);
        }
        self.vacate(at);
        settlement
    }

    /// Frees what a reservation holds; says whether it held anything. It cannot be settled after.
    pub fn release(&mut self, id: ReservationId) -> bool {
        let Some(at) = self.by_id.get(&id).copied() else { return false };
        let held = self.free_hold(at).is_some();
        self.vacate(at);
        held
    }

    /// Begins the lease of a held reservation anew; says whether it was held.
    pub fn renew(&mut self, now: Micros, id: ReservationId, lease: Micros) -> bool {
        let Some(at) = self.by_id.get(&id).copied() else { return false };
        let slot = self.slot(at);
        if slot.state != State::Held {
            return false;
        }
        slot.deadline = now.saturating_add(lease.max(0));
        let deadline = slot.deadline;
        self.expect(deadline);
        true
    }

    /// Frees what reservations hold whose lease has run out, and names them. Cheap as long as
    /// there are none.
    pub fn expire(&mut self, now: Micros) -> Vec<Expired> {
        let mut expired = Vec::new();
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return expired;
        }
        self.earliest = None;
        for at in (0..).take(self.slots.len()) {
            let Slot { id, state, deadline, .. } = *self.slot(at);
            let forgotten = deadline.saturating_add(REMEMBERED);
            match state {
                State::Free => {}
                State::Held if deadline > now => self.expect(deadline),
                State::Held => {
                    expired.extend(self.free_hold(at).map(|held| Expired { id, held }));
                    self.expect(forgotten);
                }
                State::Lapsed if forgotten > now => self.expect(forgotten),
                State::Lapsed => self.vacate(at),
            }
        }
        expired
    }

    /// Adds what a spender used before it was counted here: the sums of the roll-ups over the
    /// windows of `now`.
    pub fn load(&mut self, now: Micros, spender: SpenderId, spent: &Spent) {
        self.tally(spender, day_of(now)).load(spent);
    }

    /// Replaces what a spender has used by the sums of the roll-ups over the windows of `now`,
    /// and leaves what is held.
    pub fn set_used(&mut self, now: Micros, spender: SpenderId, spent: &Spent) {
        let today = day_of(now);
        self.tally(spender, today).set_used(today, spent);
    }

    /// What a spender has used in the current windows. KEYS-1
    pub fn used(&self, now: Micros, spender: SpenderId) -> Spent {
        self.rolled(spender, now).spent()
    }

    /// What is held for a spender's requests under way.
    pub fn held(&self, spender: SpenderId) -> Spend {
        self.tallies.get(spender.index()).map_or(Spend::ZERO, Tally::held)
    }

    /// What is neither used nor held of a limit, in nano-dollars; may be negative.
    pub fn left(&self, now: Micros, limit: &Limit) -> NanoUsd {
        let tally = self.rolled(limit.spender, now);
        NanoUsd::saturated(tally.unused(limit) - tally.held_of(limit))
    }

    /// What is not used of a limit, in nano-dollars, whatever is held: `limit_remaining`. KEYS-8
    pub fn unused(&self, now: Micros, limit: &Limit) -> NanoUsd {
        NanoUsd::saturated(self.rolled(limit.spender, now).unused(limit))
    }

    /// How many reservations are held.
    pub fn running(&self) -> usize {
        self.slots.iter().filter(|slot| slot.state == State::Held).count()
    }

    /// The figures of a spender, in the periods of `today`.
    fn tally(&mut self, spender: SpenderId, today: Day) -> &mut Tally {
        let at = spender.index();
        if at >= self.tallies.len() {
            self.tallies.resize(at + 1, Tally::new());
        }
        let tally = &mut self.tallies[at];
        tally.roll(today);
        tally
    }

    /// A copy of the figures of a spender as they are at `now`.
    fn rolled(&self, spender: SpenderId, now: Micros) -> Tally {
        let mut tally = self.tallies.get(spender.index()).copied().unwrap_or_else(Tally::new);
        tally.roll(day_of(now));
        tally
    }

    /// A slot by its place, which only comes from `by_id`, `free` and the length of `slots`.
    fn slot(&mut self, at: u32) -> &mut Slot {
        &mut self.slots[at as usize]
    }

    fn occupy(&mut self, id: ReservationId, granted: Spend, deadline: Micros) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| {
            let (state, spenders) = (State::Free, Vec::with_capacity(8));
            self.slots.push(Slot { id, state, granted, deadline, spenders });
            // Slots are requests under way: they do not reach 32 bits.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let slot = self.slot(at);
        slot.spenders.clear();
        (slot.id, slot.state, slot.granted, slot.deadline) = (id, State::Held, granted, deadline);
        self.by_id.insert(id, at);
        self.expect(deadline);
        at
    }

    /// Takes the grant of a held reservation out of what its spenders hold.
    fn free_hold(&mut self, at: u32) -> Option<Spend> {
        let Self { slots, tallies, .. } = self;
        let slot = &mut slots[at as usize];
        if slot.state != State::Held {
            return None;
        }
        slot.state = State::Lapsed;
        for spender in &slot.spenders {
            tallies[spender.index()].release(slot.granted);
        }
        Some(slot.granted)
    }

    /// Forgets a reservation that holds nothing.
    fn vacate(&mut self, at: u32) {
        let slot = self.slot(at);
        slot.state = State::Free;
        let id = slot.id;
        self.by_id.remove(&id);
        self.free.push(at);
    }

    /// Remembers that something is to be done by [`Self::expire`] at that time.
    fn expect(&mut self, deadline: Micros) {
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
    }
}
