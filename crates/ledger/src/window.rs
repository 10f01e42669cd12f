//! Budget windows: UTC days, weeks from Monday, calendar months, and for ever. KEYS-2, WS-5

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The span over which a limit sums what was spent, from the narrowest to the broadest. All begin
/// and end at 00:00 UTC. KEYS-2, KEYS-8, WS-5
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// A UTC day.
    Daily,
    /// Monday to Sunday.
    Weekly,
    /// A calendar month.
    Monthly,
    /// Since ever, without a reset.
    Lifetime,
}

/// Days since the Unix epoch of the first day of a period. [`Window::Lifetime`] has one period,
/// which begins before all others.
pub type Day = i64;

impl Window {
    /// All, from the narrowest to the broadest.
    pub const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Lifetime];

    /// The name, as in `limit_reset` and in paths. KEYS-4, WS-5
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Lifetime => "lifetime",
        }
    }

    /// The window of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// The first day of the period that holds `day`: the sum over a roll-up's days from this one
    /// on is what the period has spent. `i64::MIN` for a lifetime.
    pub const fn first_day(self, day: Day) -> Day {
        match self {
            Self::Daily => day,
            // Day 0 was a Thursday, three days after a Monday.
            Self::Weekly => day - (day + 3).rem_euclid(7),
            Self::Monthly => day - day_of_month(day),
            Self::Lifetime => i64::MIN,
        }
    }

    /// The first day of the period after the one that holds `day`; `None` for a lifetime.
    pub const fn next_day(self, day: Day) -> Option<Day> {
        match self {
            Self::Daily => Some(day + 1),
            Self::Weekly => Some(self.first_day(day) + 7),
            // No month has more than 31 days, and none begins twice within them.
            Self::Monthly => Some(self.first_day(self.first_day(day) + 31)),
            Self::Lifetime => None,
        }
    }

    /// When the period that holds `now` began, in microseconds; `None` for a lifetime.
    pub const fn start(self, now: Micros) -> Option<Micros> {
        match self {
            Self::Lifetime => None,
            _ => Some(midnight(self.first_day(day_of(now)))),
        }
    }

    /// When the period that holds `now` is over, in microseconds; `None` for a lifetime. KEYS-8
    pub const fn resets_at(self, now: Micros) -> Option<Micros> {
        match self.next_day(day_of(now)) {
            Some(day) => Some(midnight(day)),
            None => None,
        }
    }
}

/// The UTC day a moment falls on, in days since the epoch. Any moment of 64 bits has one, and all
/// arithmetic on it here stays far within 64 bits.
pub const fn day_of(moment: Micros) -> Day {
    moment.div_euclid(MICROS_PER_DAY)
}

/// 00:00 UTC of a day; at the ends of the range, the end.
pub(crate) const fn midnight(day: Day) -> Micros {
    day.saturating_mul(MICROS_PER_DAY)
}

/// How many days lie between the first of the month and a day.
const fn day_of_month(day: Day) -> i64 {
    // The calendar repeats every 400 years (146 097 days). Years are counted from 1 March, so
    // that the leap day is the last of its year; month lengths from March then follow
    // (153 m + 2) / 5. 719 468 days lie between 1 March of year 0 and the epoch.
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// KEYS-2: weeks are Monday to Sunday, months those of the calendar.
    #[test]
    fn windows_begin_and_reset_at_midnight_utc() {
        // Thursday 26 November 2026, 10:00 UTC: day 20 783.
        let now = midnight(20_783) + 10 * HOUR;
        let days = |window: Window| {
            let day =
                |moment: Option<Micros>| moment.map(|moment| moment / MICROS_PER_DAY - 20_783);
            (day(window.start(now)), day(window.resets_at(now)))
        };
        assert_eq!(days(Window::Daily), (Some(0), Some(1)));
        assert_eq!(days(Window::Weekly), (Some(-3), Some(4)));
        assert_eq!(days(Window::Monthly), (Some(-25), Some(5)));
        assert_eq!(days(Window::Lifetime), (None, None));
    }

    #[test]
    fn every_day_of_four_centuries_finds_its_month() {
        let mut day = 0;
        for year in 1970..2370 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if leap { 29 } else { 28 };
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                let first = day;
                for _ in 0..length {
                    assert_eq!(Window::Monthly.first_day(day), first, "{day} of {year}");
                    assert_eq!(Window::Monthly.next_day(day), Some(first + length));
                    day += 1;
                }
            }
        }
    }

    #[test]
    fn weeks_before_the_epoch_begin_on_monday_too() {
        assert_eq!(Window::Weekly.first_day(0), -3);
        assert_eq!(Window::Weekly.first_day(3), -3);
        assert_eq!(Window::Weekly.first_day(4), 4);
        assert_eq!(Window::Weekly.first_day(-4), -10);
    }

    #[test]
    fn the_ends_of_the_range_are_moments_too() {
        for now in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            for window in Window::ALL {
                let _ = (window.start(now), window.resets_at(now));
            }
        }
        assert_eq!(Window::Monthly.resets_at(i64::MAX), Some(i64::MAX));
    }

    #[test]
    fn names_are_read_back() {
        for window in Window::ALL {
            assert_eq!(Window::from_name(window.name()), Some(window));
        }
        assert_eq!(Window::from_name("hourly"), None);
    }

    proptest! {
        #[test]
        fn a_period_holds_its_moments_and_ends_where_the_next_begins(
            now in i64::MIN / 2..i64::MAX / 2,
        ) {
            for window in [Window::Daily, Window::Weekly, Window::Monthly] {
                let (start, end) = (window.start(now).unwrap(), window.resets_at(now).unwrap());
                prop_assert!(start <= now && now < end);
                prop_assert_eq!(window.start(end), Some(end));
                prop_assert_eq!(window.start(end - 1), Some(start));
                let first = window.first_day(day_of(now));
                prop_assert_eq!(first * MICROS_PER_DAY, start);
            }
        }
    }
}
