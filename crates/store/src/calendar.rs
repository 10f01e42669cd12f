//! UTC days since the Unix epoch, and the windows limits and usage are counted in (KEYS-2).

use crate::Micros;

/// Microseconds of a UTC day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Microseconds of a minute.
pub(crate) const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Minutes of a day.
pub(crate) const MINUTES_PER_DAY: i64 = 1_440;

/// The minute a moment falls on, counted from the Unix epoch.
pub(crate) fn minute_of(moment: Micros) -> i64 {
    moment.div_euclid(MICROS_PER_MINUTE)
}

/// The UTC day a moment falls on.
pub(crate) fn day_of(moment: Micros) -> i64 {
    moment.div_euclid(MICROS_PER_DAY)
}

/// The Monday on or before a day.
pub(crate) fn week_start(day: i64) -> i64 {
    // Day 0 was a Thursday, three days after a Monday.
    day - (day + 3).rem_euclid(7)
}

/// The first of the month of a day.
pub(crate) fn month_start(day: i64) -> i64 {
    // The calendar repeats every 400 years (146 097 days). Years are counted from 1 March, so
    // that the leap day is the last of its year; month lengths from March then follow
    // (153 m + 2) / 5. 719 468 days lie between 1 March of year 0 and the epoch.
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5;
    day - day_of_month
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_change_at_midnight_utc_on_both_sides_of_the_epoch() {
        assert_eq!(day_of(0), 0);
        assert_eq!(day_of(MICROS_PER_DAY - 1), 0);
        assert_eq!(day_of(MICROS_PER_DAY), 1);
        assert_eq!(day_of(-1), -1);
    }

    #[test]
    fn weeks_start_on_monday() {
        // Thursday 1 January 1970 belongs to the week of Monday 29 December 1969.
        assert_eq!(week_start(0), -3);
        assert_eq!(week_start(3), -3);
        assert_eq!(week_start(4), 4);
        assert_eq!(week_start(10), 4);
    }

    #[test]
    fn every_day_of_four_centuries_finds_the_first_of_its_month() {
        let mut day = 0;
        for year in 1970..2370 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if leap { 29 } else { 28 };
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                let first = day;
                for _ in 0..length {
                    assert_eq!(month_start(day), first, "day {day} of year {year}");
                    day += 1;
                }
            }
        }
    }
}
