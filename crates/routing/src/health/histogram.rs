//! Distributions over the last half hour, in logarithmic buckets.

use serde::Serialize;

use super::cell::{Cell, SmallCell, period};

/// Buckets per distribution: four to a doubling, twenty doublings.
const BUCKETS: usize = 80;
/// Minutes kept, of which thirty are looked at.
const MINUTES: usize = 32;
const MINUTE_MS: u64 = 60_000;
/// Fewer samples than this say nothing.
const MINIMUM_SAMPLES: u32 = 5;

/// What shares of requests achieve. `p90` is what 90 % of requests do at least as well as: for
/// latency the 90th numeric percentile, for throughput the 10th. PERF-3
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half do at least this well.
    pub p50: f64,
    /// Three quarters do.
    pub p75: f64,
    /// Nine tenths do.
    pub p90: f64,
    /// Ninety-nine hundredths do.
    pub p99: f64,
}

impl Percentiles {
    /// The same in another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            p50: self.p50 * factor,
            p75: self.p75 * factor,
            p90: self.p90 * factor,
            p99: self.p99 * factor,
        }
    }
}

/// Which end is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    /// Small values.
    Lower,
    /// Large values.
    Higher,
}

/// A distribution per minute.
#[derive(Debug)]
pub(super) struct Histogram {
    /// The value at the lower edge of the first bucket.
    smallest: f64,
    minutes: Box<[Minute]>,
}

#[derive(Debug)]
struct Minute {
    /// Tells whether the minute is the right one at all.
    total: Cell,
    buckets: [SmallCell; BUCKETS],
}

impl Histogram {
    pub(super) fn starting_at(smallest: f64) -> Self {
        let minute = || Minute {
            total: Cell::default(),
            buckets: std::array::from_fn(|_| SmallCell::default()),
        };
        Self { smallest, minutes: (0..MINUTES).map(|_| minute()).collect() }
    }

    /// Counts a value. What is no number, or negative, is dropped.
    pub(super) fn add(&self, value: f64, now_ms: u64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        let period = period(now_ms, MINUTE_MS);
        let minute = &self.minutes[period as usize % MINUTES];
        minute.buckets[self.bucket(value)].add(period);
        minute.total.add(period);
    }

    fn bucket(&self, value: f64) -> usize {
        // A cast from float to integer saturates: below the first edge is the first bucket.
        (((value / self.smallest).log2() * 4.0) as usize).min(BUCKETS - 1)
    }

    /// What shares of the requests of the last `minutes` achieve; `None` with too few of them.
    pub(super) fn percentiles(
        &self,
        now_ms: u64,
        minutes: usize,
        better: Better,
    ) -> Option<Percentiles> {
        let current = period(now_ms, MINUTE_MS);
        let mut counts = [0_u32; BUCKETS];
        let mut total = 0_u32;
        for period in (0..minutes.min(MINUTES) as u32).filter_map(|back| current.checked_sub(back))
        {
            let minute = &self.minutes[period as usize % MINUTES];
            if minute.total.read(period) == 0 {
                continue;
            }
            for (count, bucket) in counts.iter_mut().zip(&minute.buckets) {
                // 80 buckets of 32 minutes of 16 bits fit into 32 bits.
                let read = bucket.read(period);
                *count += read;
                total += read;
            }
        }
        if total < MINIMUM_SAMPLES {
            return None;
        }
        let [first, second, third, fourth] = match better {
            Better::Lower => self.quantiles(&counts, total, [0.50, 0.75, 0.90, 0.99]),
            Better::Higher => {
                let [fourth, third, second, first] =
                    self.quantiles(&counts, total, [0.01, 0.10, 0.25, 0.50]);
                [first, second, third, fourth]
            }
        };
        Some(Percentiles { p50: first, p75: second, p90: third, p99: fourth })
    }

    /// The values below which these shares of the counts are, in rising order, in one pass. Inside
    /// a bucket the counts are taken to be spread in geometric proportion.
    fn quantiles(&self, counts: &[u32; BUCKETS], total: u32, shares: [f64; 4]) -> [f64; 4] {
        let mut buckets = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let (mut below, mut at, mut count) = (0.0, 0, 0.0);
        shares.map(|share| {
            let wanted = share * f64::from(total);
            while below + count < wanted {
                let Some((next, inside)) = buckets.next() else { break };
                below += count;
                (at, count) = (next, f64::from(*inside));
            }
            let part = if count > 0.0 { ((wanted - below) / count).clamp(0.0, 1.0) } else { 0.0 };
            self.smallest * ((at as f64 + part) / 4.0).exp2()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) -> bool {
        (value / expected - 1.0).abs() < 0.2
    }

    /// PERF-3
    #[test]
    fn the_ninetieth_percentile_is_the_slow_tail_of_either_kind() {
        let histogram = Histogram::starting_at(0.01);
        for value in 1..=100 {
            histogram.add(f64::from(value), 1_000);
        }
        let higher = histogram.percentiles(1_000, 5, Better::Higher).unwrap();
        assert!(close(higher.p50, 50.0) && close(higher.p90, 10.0), "{higher:?}");
        let lower = histogram.percentiles(1_000, 5, Better::Lower).unwrap();
        assert!(close(lower.p50, 50.0) && close(lower.p90, 90.0), "{lower:?}");
        assert!(higher.p75 < higher.p50 && lower.p75 > lower.p50);
    }

    /// PERF-2
    #[test]
    fn windows_roll_and_too_few_samples_say_nothing() {
        let histogram = Histogram::starting_at(1.0);
        for minute in 0..10_u64 {
            histogram.add(if minute < 5 { 1000.0 } else { 10.0 }, minute * MINUTE_MS);
        }
        let now = 9 * MINUTE_MS;
        assert!(close(histogram.percentiles(now, 5, Better::Lower).unwrap().p99, 10.0));
        assert!(close(histogram.percentiles(now, 30, Better::Lower).unwrap().p99, 1000.0));
        assert_eq!(histogram.percentiles(now + MINUTE_MS, 5, Better::Lower), None, "four are left");
    }

    #[test]
    fn odd_values_neither_panic_nor_count() {
        let histogram = Histogram::starting_at(1.0);
        for value in [f64::NAN, f64::INFINITY, -1.0] {
            for _ in 0..10 {
                histogram.add(value, 0);
            }
        }
        assert_eq!(histogram.percentiles(0, 5, Better::Lower), None);
        for _ in 0..10 {
            histogram.add(0.0, 0);
            histogram.add(f64::MAX, 0);
        }
        let percentiles = histogram.percentiles(0, 5, Better::Lower).unwrap();
        assert!(percentiles.p99.is_finite() && percentiles.p50 >= 1.0);
    }
}
