//! Fixed buckets, from which percentiles over any stretch of time can be told nearly.

/// How many buckets there are; the last has no upper end.
pub(crate) const BUCKETS: usize = 12;

/// Upper ends of the buckets of latency, milliseconds.
pub(crate) const LATENCY_BOUNDS: [i64; BUCKETS - 1] =
    [100, 200, 350, 500, 750, 1_000, 1_500, 2_500, 5_000, 10_000, 30_000];

/// Upper ends of the buckets of throughput, tokens per second.
pub(crate) const THROUGHPUT_BOUNDS: [i64; BUCKETS - 1] =
    [5, 10, 20, 30, 45, 60, 80, 110, 150, 250, 500];

/// The columns of the buckets of latency.
pub(crate) const LATENCY_COLUMNS: [&str; BUCKETS] = [
    "latency_0",
    "latency_1",
    "latency_2",
    "latency_3",
    "latency_4",
    "latency_5",
    "latency_6",
    "latency_7",
    "latency_8",
    "latency_9",
    "latency_10",
    "latency_11",
];

/// The columns of the buckets of throughput.
pub(crate) const THROUGHPUT_COLUMNS: [&str; BUCKETS] = [
    "throughput_0",
    "throughput_1",
    "throughput_2",
    "throughput_3",
    "throughput_4",
    "throughput_5",
    "throughput_6",
    "throughput_7",
    "throughput_8",
    "throughput_9",
    "throughput_10",
    "throughput_11",
];

/// The bucket of a value.
pub(crate) fn bucket(bounds: &[i64; BUCKETS - 1], value: i64) -> usize {
    bounds.partition_point(|bound| *bound <= value)
}

/// The value below which a share (0 to 1) of what is in the buckets lies, taken as evenly spread
/// in each; `None` for empty buckets. In the last bucket it is its lower end.
pub(crate) fn percentile(bounds: &[i64; BUCKETS - 1], counts: &[i64], share: f64) -> Option<f64> {
    let total: i64 = counts.iter().sum();
    if total <= 0 {
        return None;
    }
    let wanted = total as f64 * share;
    let mut below = 0.0;
    let mut lower = 0.0;
    for (bucket, count) in counts.iter().enumerate() {
        let Some(upper) = bounds.get(bucket) else { break };
        let (count, upper) = (*count as f64, *upper as f64);
        if count > 0.0 && below + count >= wanted {
            return Some(lower + (upper - lower) * ((wanted - below) / count).clamp(0.0, 1.0));
        }
        below += count;
        lower = upper;
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_belongs_above_it() {
        assert_eq!(bucket(&LATENCY_BOUNDS, 0), 0);
        assert_eq!(bucket(&LATENCY_BOUNDS, 99), 0);
        assert_eq!(bucket(&LATENCY_BOUNDS, 100), 1);
        assert_eq!(bucket(&LATENCY_BOUNDS, i64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_percentile_is_within_the_bucket_of_its_rank() {
        let mut counts = [0; BUCKETS];
        assert_eq!(percentile(&LATENCY_BOUNDS, &counts, 0.5), None);
        for value in 0..1_000 {
            counts[bucket(&LATENCY_BOUNDS, value)] += 1;
        }
        for share in [0.5, 0.9, 0.95, 0.99] {
            let told = percentile(&LATENCY_BOUNDS, &counts, share).unwrap();
            assert!((told - share * 1_000.0).abs() < 2.0, "{share}: {told}");
        }
        counts = [0; BUCKETS];
        counts[BUCKETS - 1] = 3;
        assert_eq!(percentile(&LATENCY_BOUNDS, &counts, 0.5), Some(30_000.0));
    }
}
