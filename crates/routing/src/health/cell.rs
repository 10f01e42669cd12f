//! Counters that forget: one atomic word holds a period and what was counted in it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A count that belongs to one period: the upper half is the period's number, the lower half the
/// count. Both change together, so nothing counted for one period is ever read as another's, and
/// no reader or writer waits.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    /// Counts one in a period. A late report about a period that was already replaced is dropped.
    pub(super) fn add(&self, period: u32) {
        // Only this word is shared: no other memory is published through it.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (held, count) = ((word >> 32) as u32, word as u32);
            match held.cmp(&period) {
                std::cmp::Ordering::Greater => None,
                std::cmp::Ordering::Equal => Some(pack(period, count.saturating_add(1))),
                std::cmp::Ordering::Less => Some(pack(period, 1)),
            }
        });
    }

    /// What was counted in a period.
    pub(super) fn read(&self, period: u32) -> u32 {
        let word = self.0.load(Ordering::Relaxed);
        if (word >> 32) as u32 == period { word as u32 } else { 0 }
    }
}

fn pack(period: u32, count: u32) -> u64 {
    u64::from(period) << 32 | u64::from(count)
}

/// A small [`Cell`], of which there are many: 16 bits of the period's number and 16 of the count,
/// which stays at its largest. The caller makes sure that the period is the right one to some
/// thousands.
#[derive(Debug, Default)]
pub(super) struct SmallCell(AtomicU32);

impl SmallCell {
    /// Counts one in a period.
    pub(super) fn add(&self, period: u32) {
        let tag = period & 0xffff;
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let count = if word >> 16 == tag { (word & 0xffff).saturating_add(1) } else { 1 };
            Some(tag << 16 | count.min(0xffff))
        });
    }

    /// What was counted in a period.
    pub(super) fn read(&self, period: u32) -> u32 {
        let word = self.0.load(Ordering::Relaxed);
        if word >> 16 == period & 0xffff { word & 0xffff } else { 0 }
    }
}

/// The number of the period of `length_ms` that `now_ms` is in. Numbers are 32 bits wide, which
/// for seconds lasts until the year 2106.
pub(super) fn period(now_ms: u64, length_ms: u64) -> u32 {
    (now_ms / length_ms) as u32
}

/// A ring of `N` periods of `LENGTH_MS` each.
#[derive(Debug)]
pub(super) struct Ring<const N: usize, const LENGTH_MS: u64>([Cell; N]);

impl<const N: usize, const LENGTH_MS: u64> Default for Ring<N, LENGTH_MS> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Cell::default()))
    }
}

impl<const N: usize, const LENGTH_MS: u64> Ring<N, LENGTH_MS> {
    /// Counts one now.
    pub(super) fn add(&self, now_ms: u64) {
        let period = period(now_ms, LENGTH_MS);
        self.0[period as usize % N].add(period);
    }

    /// What was counted in the current period and those before it, `periods` in all.
    pub(super) fn sum(&self, now_ms: u64, periods: usize) -> u64 {
        let current = period(now_ms, LENGTH_MS);
        (0..periods.min(N) as u32)
            .filter_map(|back| current.checked_sub(back))
            .map(|period| u64::from(self.0[period as usize % N].read(period)))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_forgets_what_is_older_than_its_window() {
        let ring = Ring::<8, 1000>::default();
        for second in 0..5 {
            ring.add(second * 1000);
        }
        assert_eq!(ring.sum(4_000, 5), 5);
        assert_eq!(ring.sum(4_999, 2), 2);
        assert_eq!(ring.sum(7_000, 5), 2, "seconds 3 and 4 are left");
        assert_eq!(ring.sum(100_000, 8), 0);
        ring.add(100_000);
        ring.add(4_000);
        assert_eq!(ring.sum(100_000, 8), 1, "a late report does not replace a newer period");
    }

    #[test]
    fn a_small_cell_counts_up_to_its_largest_and_forgets_with_its_period() {
        let cell = SmallCell::default();
        for _ in 0..70_000 {
            cell.add(7);
        }
        assert_eq!((cell.read(7), cell.read(8)), (65_535, 0));
        cell.add(8);
        assert_eq!((cell.read(7), cell.read(8)), (0, 1));
    }

    #[test]
    fn nothing_is_lost_when_many_threads_count() {
        let ring = Ring::<4, 1000>::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..4_000 {
                        ring.add(at);
                    }
                });
            }
        });
        // A thread may be a whole ring behind another only by reports that are dropped, and here
        // all periods fit into the ring at once.
        assert_eq!(ring.sum(3_999, 4), 16_000);
    }
}
