//! Step 7, beside it: a WebSocket goes on while limits leave something for its next answer. Promise 3

use std::sync::Arc;
use std::time::Instant;

use catalog::EndpointId;
use ledger::{NanoUsd, Spend};
use protocol::exchange::Fault;

use super::hold::{held, of_answer};
use crate::app::App;
use crate::control::limits::Reservation;
use crate::control::{Caller, Snapshot};

/// What is held for a call beyond what was held at its start.
pub struct Further {
    app: Arc<App>,
    caller: Arc<Caller>,
    is_byok: bool,
    /// The most that one answer may cost.
    most: NanoUsd,
    /// What has to be there for another answer to be begun.
    least: NanoUsd,
    /// All that is held for the call, with its first reservation.
    held: NanoUsd,
    more: Vec<Reservation>,
}

impl Further {
    /// For a call that some limit counts; `first` is what was granted at its start.
    pub fn new(
        (app, caller): (&Arc<App>, &Arc<Caller>),
        is_byok: bool,
        first: &Reservation,
        (most, least): (NanoUsd, NanoUsd),
    ) -> Option<Self> {
        let terms = &caller.terms;
        let is_limited = if is_byok { terms.limits_byok() } else { terms.limits_credits() };
        let granted = first.granted();
        is_limited.then(|| Self {
            app: Arc::clone(app),
            caller: Arc::clone(caller),
            is_byok,
            most,
            least,
            held: if is_byok { granted.byok } else { granted.credits },
            more: Vec::new(),
        })
    }

    /// It has shown what answers are asked for, those of this endpoint: holds what the first of them
    /// may cost.
    pub async fn begin(&mut self, snapshot: &Snapshot, endpoint: EndpointId) -> Result<(), Fault> {
        (self.most, self.least) = of_answer(snapshot, &self.caller, self.is_byok, endpoint);
        let ask = self.app.limits.ask(&self.caller, self.spend(self.most), self.spend(self.least));
        let reservation = held(&self.app, &ask).await?;
        self.add(reservation);
        Ok(())
    }

    fn spend(&self, amount: NanoUsd) -> Spend {
        match self.is_byok {
            true => Spend { credits: NanoUsd::ZERO, byok: amount },
            false => Spend { credits: amount, byok: NanoUsd::ZERO },
        }
    }

    fn add(&mut self, reservation: Reservation) {
        let granted = reservation.granted();
        let granted = if self.is_byok { granted.byok } else { granted.credits };
        self.held = self.held + granted;
        if granted > NanoUsd::ZERO {
            self.more.push(reservation);
        }
    }

    /// The call goes on: what is held for it stays so.
    pub fn keep(&mut self, now: Instant) {
        self.more.iter_mut().for_each(|reservation| reservation.keep(now));
    }

    /// Whether another answer may be begun after the others have cost `spent`. More is held for it
    /// in time, as long as there is more; where nobody can tell, what is held has to do.
    pub async fn allows(&mut self, spent: NanoUsd) -> bool {
        let left = self.held - spent;
        if left.0 >= self.most.0 / 2 {
            return true;
        }
        // What was spent beyond what is held is to be held first.
        let (wanted, missing) = (self.most - left, (self.least - left).max(NanoUsd::ZERO));
        let limits = &self.app.limits;
        let ask = limits.ask(&self.caller, self.spend(wanted), self.spend(missing));
        // Others wait for money and not for time: whoever is in the middle of a call goes first.
        if let Ok(reservation) = limits.reserve_now(&ask).await {
            self.add(reservation);
        }
        self.held - spent >= self.least
    }
}
