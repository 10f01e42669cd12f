//! Whether an amount fits all limits, and how much of it does.

use super::limit::Limit;
use super::reservation::Refused;
use super::spender::Spend;
use super::tally::Tally;
use crate::NanoUsd;

/// Looks at one limit after the other.
pub(super) struct Fit {
    amount: Spend,
    least: Spend,
    /// The tightest room for credits.
    room: i128,
    /// The tightest room for credits and BYOK together.
    shared_room: i128,
    refused: Option<Refused>,
}

impl Fit {
    pub fn new(amount: Spend, least: Spend) -> Self {
        let amount = amount.sane();
        let least = least.sane().at_most(amount);
        Self { amount, least, room: i128::MAX, shared_room: i128::MAX, refused: None }
    }

    /// Takes a limit in, with the figures of its spender.
    pub fn within(&mut self, limit: &Limit, tally: &Tally) {
        let unused = tally.unused(limit);
        let left = unused - tally.held_of(limit);
        let needed = self.least.counted(limit.counts_byok());
        let fits = |room: i128| match needed {
            // Nothing fits always, but for an account in debt. CREDIT-4
            0 => !limit.is_balance() || unused >= 0,
            _ => needed <= room,
        };
        if !fits(left) {
            self.refuse(Refused {
                limit: *limit,
                left: NanoUsd::saturated(left),
                needed: NanoUsd::saturated(needed),
                resets_at: tally.resets_at(limit),
                blocked_by_holds: fits(unused),
            });
        }
        let room = if limit.counts_byok() { &mut self.shared_room } else { &mut self.room };
        *room = (*room).min(left);
    }

    /// Keeps the refusal that says most: for good before for now, then the broadest. WS-7
    fn refuse(&mut self, refused: Refused) {
        let weight = |refused: &Refused| (!refused.blocked_by_holds, refused.limit.breadth());
        if self.refused.as_ref().is_none_or(|known| weight(known) < weight(&refused)) {
            self.refused = Some(refused);
        }
    }

    /// What is granted.
    pub fn grant(&self) -> Result<Spend, Refused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let part = |least: NanoUsd, amount: NanoUsd, room: i128| {
            NanoUsd::saturated(room.clamp(i128::from(least.0), i128::from(amount.0)))
        };
        // Credits leave room for the least of the other part, which gets what remains.
        let room = self.room.min(self.shared_room.saturating_sub(i128::from(self.least.byok.0)));
        let credits = part(self.least.credits, self.amount.credits, room);
        let room = self.shared_room.saturating_sub(i128::from(credits.0));
        Ok(Spend { credits, byok: part(self.least.byok, self.amount.byok, room) })
    }
}
