//! Books in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::{Micros, NanoUsd, PerWindow, SpenderKind, Spent};

use crate::shared::{Answer, Books, Reading, Usage};

type Rows = HashMap<Arc<str>, i64>;

/// What the account and the key of all tests spent, row by row.
#[derive(Default)]
pub(super) struct TestBooks {
    rows: Mutex<Rows>,
    /// How often they were read.
    pub(super) readings: AtomicUsize,
}

impl TestBooks {
    pub(super) fn write(&self, generation: Arc<str>, nano: i64) {
        assert!(self.rows.lock().unwrap().insert(generation, nano).is_none());
    }

    pub(super) fn sum(&self) -> i64 {
        self.rows.lock().unwrap().values().sum()
    }
}

impl Books for TestBooks {
    fn read(&self, _: Micros) -> Answer<'_, (Vec<Usage>, Box<dyn Reading>)> {
        self.readings.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows.lock().unwrap().clone();
        let sum = NanoUsd(rows.values().sum());
        let credits = PerWindow { daily: sum, weekly: sum, monthly: sum, lifetime: sum };
        let spent = Spent { credits, byok: PerWindow::default() };
        let usage = |kind, name: &str| Usage { kind, name: name.to_owned(), spent };
        let usage = vec![usage(SpenderKind::Account, "main"), usage(SpenderKind::Key, "k")];
        let reading: Box<dyn Reading> = Box::new(Moment(rows));
        Box::pin(async move {
            // Rows come in while the books are being read.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            Ok((usage, reading))
        })
    }

    fn recorded<'a>(&'a self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        let known = among(&self.rows.lock().unwrap(), generations);
        Box::pin(async move { Ok(known) })
    }
}

struct Moment(Rows);

impl Reading for Moment {
    fn includes<'a>(&'a mut self, generations: &'a [Arc<str>]) -> Answer<'a, Vec<Arc<str>>> {
        let known = among(&self.0, generations);
        Box::pin(async move { Ok(known) })
    }
}

fn among(rows: &Rows, generations: &[Arc<str>]) -> Vec<Arc<str>> {
    generations.iter().filter(|row| rows.contains_key(*row)).cloned().collect()
}
