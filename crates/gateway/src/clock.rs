//! The one place that reads the clock and draws randomness.

use std::cell::Cell;
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

thread_local! {
    /// The state of this thread's generator (splitmix64): ids and draws need to differ, not to be
    /// secret, and asking the system for each costs more than the rest of planning.
    static STATE: Cell<u64> = Cell::new(getrandom::u64().unwrap_or_else(|_| {
        now_micros().unsigned_abs().rotate_left(17) ^ u64::from(std::process::id())
    }));
}

/// Sixty-four random bits, not for secrets.
pub fn random() -> u64 {
    STATE.with(|state| {
        let seed = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(seed);
        let mut bits = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    })
}

/// A new generation id: `gen-<unix seconds>-<20 letters and digits>`, growing with time. GEN-3
pub fn generation_id() -> String {
    store::generation_id(now_micros(), random_bytes())
}

/// A new request id: `req-<unix seconds>-…`. GEN-3
pub fn request_id() -> String {
    request_id_of(&generation_id())
}

/// The id of the request whose answer has a generation's id: either leads to the other.
pub fn request_id_of(generation_id: &str) -> String {
    ["req", generation_id.strip_prefix("gen").unwrap_or(generation_id)].concat()
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&random().to_le_bytes());
    bytes[8..].copy_from_slice(&random().to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_generation_know_each_other() {
        assert_eq!(request_id_of("gen-1-abc"), "req-1-abc");
        assert!(request_id().starts_with("req-"));
    }

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
