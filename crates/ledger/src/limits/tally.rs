//! The figures of one spender.

use super::limit::Limit;
use super::spender::{PerWindow, Spend, Spent};
use crate::window::midnight;
use crate::{Day, Micros, NanoUsd, Window, day_of};

/// What was used in each window and what is held, in nano-dollars. Sums are 128 bits wide: no
/// number of 64-bit amounts overflows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    /// The latest day that was seen.
    day: Day,
    used: [Pair; Window::ALL.len()],
    held: Pair,
    /// The day and what was used when the clock last went ahead by more than a day: it may go back.
    before: Option<(Day, [Pair; Window::ALL.len()])>,
}

/// Amounts by who pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair {
    credits: i128,
    byok: i128,
}

impl Pair {
    fn add(&mut self, spend: Spend) {
        self.credits += i128::from(spend.credits.0);
        self.byok += i128::from(spend.byok.0);
    }

    fn subtract(&mut self, spend: Spend) {
        self.credits -= i128::from(spend.credits.0);
        self.byok -= i128::from(spend.byok.0);
    }

    const fn counted(&self, with_byok: bool) -> i128 {
        self.credits + if with_byok { self.byok } else { 0 }
    }
}

impl Tally {
    pub const fn new() -> Self {
        let none = Pair { credits: 0, byok: 0 };
        let (day, used) = (day_of(Micros::MIN), [none; Window::ALL.len()]);
        Self { day, used, held: none, before: None }
    }

    /// Begins new periods, if `today` is in one.
    pub fn roll(&mut self, today: Day) {
        if today == self.day {
            return;
        }
        if today < self.day {
            // A clock that flaps around midnight must not begin the same period twice.
            if self.day - today > 1 {
                self.go_back(today);
            }
            return;
        }
        if today - self.day > 1 {
            let is_any = self.used != [Pair::default(); Window::ALL.len()];
            self.before = is_any.then_some((self.day, self.used));
        }
        for (used, window) in self.used.iter_mut().zip(Window::ALL) {
            if window.first_day(today) != window.first_day(self.day) {
                *used = Pair::default();
            }
        }
        self.day = today;
    }

    /// Follows a clock that was ahead. A period that was left when it went ahead goes on with what
    /// was used in it, and with what was used meanwhile, which errs on the side of the limit.
    fn go_back(&mut self, today: Day) {
        if let Some((before, left)) = self.before.take() {
            for ((used, left), window) in self.used.iter_mut().zip(left).zip(Window::ALL) {
                let begun = window.first_day(before);
                if window.first_day(today) == begun && window.first_day(self.day) != begun {
                    used.credits += left.credits;
                    used.byok += left.byok;
                }
            }
        }
        self.day = today;
    }

    pub fn hold(&mut self, spend: Spend) {
        self.held.add(spend);
    }

    pub fn release(&mut self, spend: Spend) {
        self.held.subtract(spend);
    }

    pub fn count(&mut self, spend: Spend) {
        self.used.iter_mut().for_each(|used| used.add(spend));
    }

    pub fn load(&mut self, spent: &Spent) {
        for (used, window) in self.used.iter_mut().zip(Window::ALL) {
            used.add(Spend { credits: spent.credits.get(window), byok: spent.byok.get(window) });
        }
    }

    /// Replaces what was used, and the day.
    pub fn set_used(&mut self, today: Day, spent: &Spent) {
        self.used = Default::default();
        self.day = today;
        self.before = None;
        self.load(spent);
    }

    /// What of a limit is not used.
    pub fn unused(&self, limit: &Limit) -> i128 {
        let used = &self.used[index(limit.span())];
        i128::from(limit.amount.0) - used.counted(limit.counts_byok())
    }

    /// What is held and counts toward a limit.
    pub fn held_of(&self, limit: &Limit) -> i128 {
        self.held.counted(limit.counts_byok())
    }

    /// When a limit's current period is over.
    pub fn resets_at(&self, limit: &Limit) -> Option<Micros> {
        limit.span().next_day(self.day).map(midnight)
    }

    pub fn held(&self) -> Spend {
        Spend {
            credits: NanoUsd::saturated(self.held.credits),
            byok: NanoUsd::saturated(self.held.byok),
        }
    }

    pub fn spent(&self) -> Spent {
        let used = |window| &self.used[index(window)];
        Spent {
            credits: PerWindow::from_fn(|window| NanoUsd::saturated(used(window).credits)),
            byok: PerWindow::from_fn(|window| NanoUsd::saturated(used(window).byok)),
        }
    }
}

/// The place of a window in [`Window::ALL`].
const fn index(window: Window) -> usize {
    match window {
        Window::Daily => 0,
        Window::Weekly => 1,
        Window::Monthly => 2,
        Window::Lifetime => 3,
    }
}
