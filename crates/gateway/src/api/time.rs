//! Moments as texts, and when windows of time begin.

use protocol::exchange::Fault;

/// A moment in microseconds since 1970 as `2026-01-31T12:00:00.000Z`.
pub fn iso(micros: i64) -> String {
    let millis = micros.div_euclid(1000);
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// A moment in seconds since 1970 as `Sat, 31 Jan 2026 12:00:00 GMT`.
pub fn rfc2822(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let (weekday, month) = (name(&DAYS, days.rem_euclid(7)), name(&MONTHS, month - 1));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The first microsecond of a UTC date, `YYYY-MM-DD`.
pub fn date_micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits(text.get(range)?);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let days = day_number(year, month, day);
    // What the calendar does not have comes back as another day.
    (date(days) == (year, month, day)).then_some(days * 86_400_000_000)
}

/// A UTC date, `YYYY-MM-DD`, of a moment in microseconds since 1970.
pub fn date_text(micros: i64) -> String {
    let (year, month, day) = date(micros.div_euclid(86_400_000_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads a moment as RFC 3339 writes it, in UTC: `2026-12-31T12:00:00Z`, with or without
/// fractions of a second. Refusals name `field`. KEYS-4
pub fn utc_micros(field: &str, text: &str) -> Result<i64, Fault> {
    let shown: String = text.chars().take(60).collect();
    let unreadable = || {
        let example = "2026-12-31T12:00:00Z";
        Fault::invalid(format!("{field}: `{shown}` is not a moment; write it as {example}"))
    };
    let date = text.get(..10).and_then(date_micros).ok_or_else(unreadable)?;
    let rest = text.get(10..).and_then(|rest| rest.strip_prefix(['T', 't', ' ']));
    let rest = rest.ok_or_else(unreadable)?;
    let offset = rest
        .find(['Z', 'z', '+', '-'])
        .ok_or_else(|| Fault::invalid(format!("{field}: must be in UTC: end it with `Z`")))?;
    let (time, offset) = rest.split_at(offset);
    let of_day = micros_of_day(time).ok_or_else(unreadable)?;
    match offset {
        "Z" | "z" | "+00:00" | "-00:00" => Ok(date + of_day),
        _ => Err(Fault::invalid(format!("{field}: must be in UTC: end it with `Z`"))),
    }
}

/// `HH:MM:SS` and fractions, in microseconds.
fn micros_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let [hour, minute, second] = clock.split(':').collect::<Vec<_>>()[..] else { return None };
    let two =
        |part: &str, below: i64| digits(part).filter(|number| part.len() == 2 && *number < below);
    let (hour, minute, second) = (two(hour, 24)?, two(minute, 60)?, two(second, 60)?);
    digits(fraction)?;
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some((hour * 3600 + minute * 60 + second) * 1_000_000 + digits(&micros)?)
}

/// A number of digits and nothing else.
fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The inverse of [`date`]: days since 1970 of a date by the civil calendar.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day counted from 1970, by the civil calendar: eras of 400 years, years that
/// begin in March so that the leap day is the last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KEYS-4
    #[test]
    fn moments_are_read_in_utc_and_in_nothing_else() {
        for moment in ["2026-11-24T00:00:00Z", "2026-11-24T00:00:00.000+00:00"] {
            assert_eq!(utc_micros("at", moment).unwrap(), 1_795_478_400_000_000, "{moment}");
        }
        assert_eq!(utc_micros("at", "2000-02-29T23:59:59.5Z").unwrap(), 951_868_799_500_000);
        for moment in ["2026-11-24T00:00:00+02:00", "2026-11-24T00:00:00"] {
            let refused = utc_micros("at", moment).unwrap_err().message;
            assert!(refused.starts_with("at: must be in UTC"), "{refused}");
        }
        for moment in [
            "",
            "2026",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-24",
            "2026-11-24T24:00:00Z",
            "2026-11-24T0:00:00Z",
            "2026-11-24T00:00:00.Z",
            "é026-11-24T",
            "2026-11-24T00:00:00.99999999999999999999Z",
        ] {
            let refused = utc_micros("at", moment).unwrap_err().message;
            assert!(refused.starts_with("at: "), "{moment}: {refused}");
        }
        assert_eq!(date_text(951_782_400_000_000), "2000-02-29");
        assert_eq!(date_micros("2001-02-29"), None);
    }

    #[test]
    fn moments_have_their_date() {
        assert_eq!(rfc2822(1_795_478_400), "Tue, 24 Nov 2026 00:00:00 GMT");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_400_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_795_478_400_123_456), "2026-11-24T00:00:00.123Z");
    }
}
