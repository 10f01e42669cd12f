//! The clock, and moments as people write them: UTC, always.

use std::time::{SystemTime, UNIX_EPOCH};

use store::Micros;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Now.
pub fn now() -> Micros {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A text that is no moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a moment: expected 2026-12-31 or 2026-12-31T18:00:00Z (UTC)")]
pub struct MomentError(String);

/// Reads `YYYY-MM-DD` (its first instant) or `YYYY-MM-DDTHH:MM[:SS]Z`.
pub fn parse(text: &str) -> Result<Micros, MomentError> {
    read(text.trim()).ok_or_else(|| MomentError(text.chars().take(80).collect()))
}

fn read(text: &str) -> Option<Micros> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00"),
    };
    let [year, month, day] = numbers(date, '-')?[..] else { return None };
    let (hour, minute, second) = match numbers(time, ':')?[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let known = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !known {
        return None;
    }
    let seconds =
        day_number(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * MICROS_PER_SECOND)
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    let number = |part: &str| {
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    text.split(separator).map(number).collect()
}

/// Writes a moment as `YYYY-MM-DDTHH:MM:SSZ`.
pub fn text(moment: Micros) -> String {
    let seconds = moment.div_euclid(MICROS_PER_SECOND);
    let (day, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(day))
}

/// `YYYY-MM-DD` of a moment.
pub fn day_text(moment: Micros) -> String {
    date(moment.div_euclid(MICROS_PER_SECOND * SECONDS_PER_DAY))
}

fn date(day: i64) -> String {
    // Day numbers from the calendar's 400 years, counted from 1 March so that the leap day is the
    // last of its year; 719 468 days lie between 1 March of year 0 and 1970.
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read_or_refused() {
        assert_eq!(parse("1970-01-01"), Ok(0));
        assert_eq!(parse("2026-12-31T18:30:05Z").map(text), Ok("2026-12-31T18:30:05Z".to_owned()));
        assert_eq!(parse("2024-02-29").map(day_text), Ok("2024-02-29".to_owned()));
        for bad in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-04-31",
            "2026-12-31T18:30:05",
            "2026-12-31T24:00Z",
            "31.12.2026",
            "2026-12-31T1:2:3:4Z",
            "1969-12-31",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_second_reads_back_as_it_was_written(second in 0_i64..253_402_300_800) {
            let moment = second * MICROS_PER_SECOND;
            prop_assert_eq!(parse(&text(moment)), Ok(moment));
        }

        #[test]
        fn no_text_panics(words in ".{0,40}") {
            let _ = parse(&words);
        }
    }
}
