//! Times as signatures write them.

/// 9999-12-31T23:59:59Z. Years of five digits have no form here.
const LAST: u64 = 253_402_300_799;

/// A time in seconds since 1970 as `YYYYMMDDTHHMMSSZ`, of which the first eight characters are the
/// day.
pub(super) fn basic_time(at: u64) -> String {
    let at = at.min(LAST);
    let (day, second) = (at / 86_400, at % 86_400);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of the Gregorian calendar for days since 1970. Years are taken to begin in
/// March, so that the leap day is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    // Days since the first of March of the year 0, and those of a cycle of 400 years.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + carried, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (at, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_620_747_645, "20210511T154045Z"),
            (1_767_225_599, "20251231T235959Z"),
            (1_767_225_600, "20260101T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
            (LAST, "99991231T235959Z"),
            (u64::MAX, "99991231T235959Z"),
        ] {
            assert_eq!(basic_time(at), text);
        }
    }
}
