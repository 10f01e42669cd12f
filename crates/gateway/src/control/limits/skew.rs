//! Whether this machine's clock is right, as far as servers that have one can tell. Days of limits and
//! of the books begin by it.

use std::sync::{Mutex, PoisonError};

use ledger::Micros;

/// By how much clocks may differ before it is told, in microseconds: a minute. What is booked within
/// it into the wrong day is little, and a question may take some seconds.
const TOLERANCE: Micros = 60_000_000;

/// What is known of this machine's clock.
#[derive(Debug, Default)]
pub(super) struct Skew(Mutex<Option<String>>);

impl Skew {
    /// Notes by how much the clock is ahead of others, each with its name, and tells of a change. Those
    /// that did not answer leave out nothing that is known.
    pub fn note(&self, others: &[(&str, Option<Micros>)]) {
        let known = others.iter().filter_map(|(whose, ahead)| Some((*whose, (*ahead)?)));
        let Some((whose, ahead)) = known.max_by_key(|(_, ahead)| ahead.saturating_abs()) else {
            return;
        };
        let found = (ahead.saturating_abs() > TOLERANCE).then(|| words(whose, ahead));
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&found, noted.is_some()) {
            (Some(words), false) => tracing::error!("{words}"),
            (None, true) => tracing::info!("the clock of this machine is right again"),
            _ => {}
        }
        *noted = found;
    }

    /// What is wrong with it.
    pub fn trouble(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn words(whose: &str, ahead: Micros) -> String {
    let seconds = ahead.saturating_abs() / 1_000_000;
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    format!(
        "the clock of this machine is {seconds} seconds {direction} {whose}'s: what it records is \
         booked at a wrong time"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_trouble_until_it_is_right_again() {
        let skew = Skew::default();
        skew.note(&[("Valkey", None), ("the database", None)]);
        assert_eq!(skew.trouble(), None);
        skew.note(&[("Valkey", Some(TOLERANCE)), ("the database", Some(-TOLERANCE))]);
        assert_eq!(skew.trouble(), None);
        skew.note(&[("Valkey", Some(2_000_000)), ("the database", Some(-172_800_000_000))]);
        let told = skew.trouble().unwrap();
        assert!(told.contains("172800 seconds behind the database's"), "{told}");
        skew.note(&[("Valkey", None)]);
        assert!(skew.trouble().is_some(), "nobody says that it is right");
        skew.note(&[("Valkey", Some(0)), ("the database", None)]);
        assert_eq!(skew.trouble(), None);
        skew.note(&[("Valkey", Some(Micros::MIN))]);
        assert!(skew.trouble().is_some());
    }
}
