//! Step 7, beside it: a WebSocket goes on while limits leave something for its next answer. Promise 3

use std::sync::Arc;
use std::time::Instant;

use catalog::EndpointId;
use ledger::{NanoUsd, Spend};

use super::hold::of_answer;
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

    /// It has shown what answers are asked for: those of this endpoint.
    pub fn is_for(&mut self, snapshot: &Snapshot, endpoint: EndpointId) {
        (self.most, self.least) = of_answer(snapshot, &self.caller, self.is_byok, endpoint);
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
        let spend = |amount| match self.is_byok {
            true => Spend { credits: NanoUsd::ZERO, byok: amount },
            false => Spend { credits: amount, byok: NanoUsd::ZERO },
        };
        // What was spent beyond what is held is to be held first.
        let (wanted, missing) = (self.most - left, (self.least - left).max(NanoUsd::ZERO));
        let limits = &self.app.limits;
        let ask = limits.ask(&self.caller, spend(wanted), spend(missing));
        // Others wait for money and not for time: whoever is in the middle of a call goes first.
        if let Ok(reservation) = limits.reserve_now(&ask).await {
            let granted = reservation.granted();
            let granted = if self.is_byok { granted.byok } else { granted.credits };
            self.held = self.held + granted;
            if granted > NanoUsd::ZERO {
                self.more.push(reservation);
            }
        }
        self.held - spent >= self.least
    }
}
