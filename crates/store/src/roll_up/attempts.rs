//! Attempts at providers by what became of them, every five minutes: requests that went well in the
//! end tell nothing of the providers that failed before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Generation, Micros};

/// How long a stretch is, in microseconds.
pub(crate) const STRETCH: Micros = 300_000_000;

/// Adds to a line; the values are the columns in this order.
pub(crate) const COLUMNS: &str = "stretch, account_id, provider_name, error_type, attempts";

/// How a batch's counts join those already in the table.
pub(crate) const ON_CONFLICT: &str = "ON CONFLICT (stretch, account_id, provider_name, error_type) \
     DO UPDATE SET attempts = attempt_stretch.attempts + excluded.attempts";

/// Stretch, account, name of the provider, kind of error; none for an attempt that went well.
type Line = (i64, Arc<str>, Arc<str>, Option<Arc<str>>);

/// The counts of one batch, in the order of their key: other nodes add to the same lines.
#[derive(Debug, Default)]
pub(crate) struct Attempts(BTreeMap<Line, i64>);

impl Attempts {
    /// Adds the attempts of a row. Those that had no outcome, since the caller left, do not count.
    pub(crate) fn add(&mut self, row: &Generation) {
        let stretch = row.created_at.div_euclid(STRETCH);
        for attempt in &row.attempts {
            if attempt.error_type.is_none() && attempt.status.is_none() {
                continue;
            }
            let (account, provider) = (&row.account_id, &attempt.provider_name);
            let error = attempt.error_type.clone().filter(|error| !error.is_empty());
            let line = (stretch, Arc::clone(account), Arc::clone(provider), error);
            *self.0.entry(line).or_default() += 1;
        }
    }

    /// The lines as [`COLUMNS`] has them.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (i64, &str, &str, &str, i64)> {
        self.0.iter().map(|((stretch, account, provider, error), count)| {
            (*stretch, &**account, &**provider, error.as_deref().unwrap_or_default(), *count)
        })
    }
}
