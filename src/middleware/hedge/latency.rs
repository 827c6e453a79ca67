//! How long answers have taken lately, as counts of ranges that grow by a twelfth. Pure: no clock.
//!
//! Invariants: it holds the last [`KEPT`] times and no others; a percentile is at least the true one of them, and at
//! most a tenth more.

use std::time::Duration;

/// So many of the latest are kept.
pub(super) const KEPT: usize = 256;

/// Ranges per doubling, and how many in all: from 1 ms up to 18 minutes.
const STEPS: f64 = 8.0;
const RANGES: u8 = 161;

/// The latest times.
#[derive(Debug)]
pub(super) struct Latencies {
    /// The range of each, the oldest at `next` once all places are taken.
    latest: Vec<u8>,
    next: usize,
    counts: [u16; RANGES as usize],
}

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        Self { latest: Vec::new(), next: 0, counts: [0; RANGES as usize] }
    }

    /// How many are kept.
    pub fn count(&self) -> usize {
        self.latest.len()
    }

    /// One more, in place of the oldest.
    pub fn note(&mut self, took: Duration) {
        let range = range(took);
        self.add(range, 1);
        if self.latest.len() < KEPT {
            self.latest.push(range);
            return;
        }
        if let Some(oldest) = self.latest.get_mut(self.next) {
            let gone = std::mem::replace(oldest, range);
            self.add(gone, -1);
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// What so large a share of them did not exceed; `share` is from 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most as many as are kept"
    )]
    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    pub fn percentile(&self, share: f64) -> Duration {
        let wanted = ((self.latest.len() as f64 * share).ceil() as usize).max(1);
        let mut seen = 0;
        for (range, count) in (0..RANGES).zip(self.counts) {
            seen += usize::from(count);
            if seen >= wanted {
                return end(range);
            }
        }
        Duration::ZERO
    }

    fn add(&mut self, range: u8, change: i16) {
        if let Some(count) = self.counts.get_mut(usize::from(range)) {
            *count = count.saturating_add_signed(change);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn range(took: Duration) -> u8 {
    let ms = took.as_secs_f64() * 1000.0;
    (ms.log2() * STEPS).ceil().clamp(0.0, f64::from(RANGES - 1)) as u8
}

fn end(range: u8) -> Duration {
    Duration::from_secs_f64((f64::from(range) / STEPS).exp2() / 1000.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_any_there_is_no_percentile_and_the_largest_time_has_a_place() {
        let mut latencies = Latencies::new();
        assert_eq!((latencies.count(), latencies.percentile(0.95)), (0, Duration::ZERO));
        latencies.note(Duration::MAX);
        latencies.note(Duration::ZERO);
        assert_eq!(latencies.percentile(0.5), Duration::from_millis(1));
        assert!(latencies.percentile(1.0) > Duration::from_secs(1000));
    }

    proptest! {
        #[test]
        fn a_percentile_is_that_of_the_latest_or_a_tenth_more(
            times in prop::collection::vec(1..600_000_u64, 1..600),
            share in 0.01..=1.0_f64,
        ) {
            let mut latencies = Latencies::new();
            for ms in &times {
                latencies.note(Duration::from_millis(*ms));
            }
            let mut latest: Vec<u64> = times.iter().rev().take(KEPT).copied().collect();
            latest.sort_unstable();
            prop_assert_eq!(latencies.count(), latest.len());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "they are few")]
            let place = ((latest.len() as f64 * share).ceil() as usize).max(1) - 1;
            let exact = Duration::from_millis(latest[place]).as_secs_f64();
            let told = latencies.percentile(share).as_secs_f64();
            prop_assert!(told >= exact * 0.999_999 && told <= exact * 1.1, "{told} for {exact}");
        }
    }
}
