//! The one place that reads the clock and draws randomness.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, UTC.
pub fn now_micros() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970, UTC.
pub fn now_millis() -> u64 {
    (now_micros() / 1000).unsigned_abs()
}

/// Seconds since 1970, UTC.
pub fn now_seconds() -> u64 {
    (now_micros() / 1_000_000).unsigned_abs()
}

/// The minute of the UTC day, 0–1439, for prices that depend on it. MODELS-7
pub fn minute_of_day(micros: i64) -> u16 {
    let minute = micros.div_euclid(60_000_000).rem_euclid(24 * 60);
    u16::try_from(minute).unwrap_or(0)
}

/// Sixty-four random bits. Falls back to the clock if the system has none to give: routing draws
/// and ids need to differ, not to be secret.
pub fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| now_micros().unsigned_abs().rotate_left(17))
}

/// A new generation id: `gen-<unix seconds>-<20 letters and digits>`, growing with time. GEN-3
pub fn generation_id() -> String {
    store::generation_id(now_micros(), random_bytes())
}

/// A new request id: `req-<unix seconds>-…`. GEN-3
pub fn request_id() -> String {
    let id = generation_id();
    format!("req{}", id.trim_start_matches("gen"))
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&random().to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_documented_form_and_differ() {
        let (one, two) = (generation_id(), generation_id());
        assert_ne!(one, two);
        let mut parts = one.split('-');
        assert_eq!(parts.next(), Some("gen"));
        assert!(parts.next().unwrap().parse::<u64>().is_ok());
        assert_eq!(parts.next().unwrap().len(), 20);
    }

    #[test]
    fn the_minute_of_the_day_wraps_at_midnight() {
        assert_eq!(minute_of_day(0), 0);
        assert_eq!(minute_of_day(86_399_000_000), 1439);
        assert_eq!(minute_of_day(86_400_000_000), 0);
    }
}
