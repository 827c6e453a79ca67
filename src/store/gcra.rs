//! How much may pass when: the generic cell rate algorithm, a token bucket that is one number. Pure, and in whole
//! nanoseconds since a beginning that is the caller's.
//!
//! Invariant: what is taken when it is [ready](Gcra::ready) is in any time no more than the burst and what the rate
//! brings in that time. One amount larger than the burst goes when the bucket is full, and leaves a debt.

use std::time::Duration;

/// So much in such a time, and so much of it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How much per interval; at least one.
    pub limit: u64,
    /// The interval; more than zero.
    pub interval: Duration,
    /// How much of it at once.
    pub burst: u64,
}

impl Rate {
    /// The time in which so much comes, rounded up: a rate is never exceeded by rounding.
    pub fn time_of(&self, amount: u64) -> u64 {
        let time = (u128::from(amount) * self.interval.as_nanos()).div_ceil(u128::from(self.limit.max(1)));
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// How much comes in this time, in nanoseconds.
    pub fn amount_in(&self, time: u64) -> u64 {
        let amount = u128::from(time) * u128::from(self.limit) / self.interval.as_nanos().max(1);
        u64::try_from(amount).unwrap_or(u64::MAX)
    }

    /// How far ahead of the rate an amount may be.
    fn tolerance(&self, amount: u64) -> u64 {
        self.time_of(self.burst.max(amount))
    }
}

/// What somebody says is left, who counts the same and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How much.
    pub amount: u64,
    /// The time in which all is there again, in nanoseconds, where that is known.
    pub back_in: Option<u64>,
}

/// The moment at which all that was taken has come in at the rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gcra(u64);

impl Gcra {
    /// From when on an amount may be taken: as part of a whole that is no larger than `least`, or the burst.
    pub fn ready(&self, rate: &Rate, amount: u64, least: u64) -> u64 {
        self.0.saturating_add(rate.time_of(amount)).saturating_sub(rate.tolerance(least))
    }

    /// Takes it, ready or not; what was taken too early is a debt.
    pub fn take(&mut self, rate: &Rate, amount: u64, now: u64) {
        self.0 = self.0.max(now).saturating_add(rate.time_of(amount));
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&mut self, rate: &Rate, amount: u64) {
        // Rounded down, where taking rounds up.
        let time = u128::from(amount) * rate.interval.as_nanos() / u128::from(rate.limit.max(1));
        self.0 = self.0.saturating_sub(u64::try_from(time).unwrap_or(u64::MAX));
    }

    /// Lets no more be there now than what is left elsewhere.
    pub fn leave(&mut self, rate: &Rate, left: Left, now: u64) {
        if left.amount < rate.burst {
            let time = rate.time_of(rate.burst - left.amount).min(left.back_in.unwrap_or(u64::MAX));
            self.0 = self.0.max(now.saturating_add(time));
        }
    }

    /// Whether nothing is missing from it.
    pub fn is_full(&self, now: u64) -> bool {
        self.0 <= now
    }

    /// How much is there now.
    pub fn left(&self, rate: &Rate, now: u64) -> u64 {
        rate.amount_in(rate.time_of(rate.burst).saturating_sub(self.0.saturating_sub(now)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(limit: u64, ms: u64, burst: u64) -> Rate {
        Rate { limit, interval: Duration::from_millis(ms), burst }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (rate, mut bucket) = (rate(10, 1000, 3), Gcra::default());
        let mut now = 5_000_000_000;
        for _ in 0..3 {
            assert!(bucket.ready(&rate, 1, 1) <= now);
            bucket.take(&rate, 1, now);
        }
        for _ in 0..3 {
            let ready = bucket.ready(&rate, 1, 1);
            assert_eq!(ready - now, 100_000_000);
            now = ready;
            bucket.take(&rate, 1, now);
        }
    }

    #[test]
    fn what_is_larger_than_the_burst_goes_when_the_bucket_is_full_and_is_paid_for_after() {
        let (rate, mut bucket) = (rate(1000, 1000, 100), Gcra::default());
        bucket.take(&rate, 10, 0);
        assert_eq!(bucket.ready(&rate, 500, 500), 10_000_000);
        bucket.take(&rate, 500, 10_000_000);
        assert_eq!(bucket.ready(&rate, 1, 1), 411_000_000);
        assert_eq!(bucket.left(&rate, 10_000_000), 0);
    }

    #[test]
    fn what_was_not_used_is_there_again_and_never_more_than_the_burst() {
        let (rate, mut bucket) = (rate(10, 1000, 5), Gcra::default());
        let now = 1_000_000_000;
        bucket.take(&rate, 5, now);
        bucket.give_back(&rate, 2);
        assert_eq!(bucket.left(&rate, now), 2);
        bucket.give_back(&rate, 100);
        assert_eq!(bucket.left(&rate, now), 5);
    }

    #[test]
    fn what_another_has_taken_can_be_told() {
        let (rate, mut bucket) = (rate(10, 1000, 5), Gcra::default());
        let left = |amount, back_in| Left { amount, back_in };
        bucket.leave(&rate, left(2, None), 7_000);
        assert_eq!(bucket.left(&rate, 7_000), 2);
        bucket.leave(&rate, left(4, None), 7_000);
        assert_eq!(bucket.left(&rate, 7_000), 2, "it never makes more of it");
        let mut other = Gcra::default();
        other.leave(&rate, left(0, Some(100_000_000)), 7_000);
        assert_eq!(other.left(&rate, 7_000), 4, "all of it is back in a tenth of a second");
    }

    /// A bucket of tokens as one would write it at once: its level in `limit`ths of a nanosecond.
    struct Naive {
        rate: Rate,
        level: i128,
        at: u64,
    }

    impl Naive {
        fn takes(&mut self, amount: u64, now: u64, slack: i128) -> bool {
            let interval = i128::try_from(self.rate.interval.as_nanos()).unwrap();
            let full = i128::from(self.rate.burst) * interval;
            self.level = full.min(self.level + i128::from(now - self.at) * i128::from(self.rate.limit));
            self.at = now;
            let enough = self.level + slack >= (i128::from(amount) * interval).min(full);
            if enough {
                self.level -= i128::from(amount) * interval;
            }
            enough
        }
    }

    proptest! {
        #[test]
        fn it_lets_pass_what_a_naive_bucket_does(
            limit in 1..5000_u64, ms in 1..100_000_u64, burst in 1..300_u64,
            steps in proptest::collection::vec((0..50_000_000_u64, 1..400_u64), 1..200),
        ) {
            let rate = rate(limit, ms, burst);
            let (mut bucket, mut now) = (Gcra::default(), 1_u64 << 40);
            let mut naive = Naive { rate, level: i128::from(burst) * 1_000_000 * i128::from(ms), at: now };
            // Each amount is rounded up to a nanosecond of the rate.
            let slack = i128::from(limit) * (i128::try_from(steps.len()).unwrap() + 2);
            for (pause, amount) in steps {
                now += pause;
                let mut lenient = Naive { rate, ..naive };
                if bucket.ready(&rate, amount, amount) <= now {
                    prop_assert!(naive.takes(amount, now, slack), "more than the naive one");
                    bucket.take(&rate, amount, now);
                } else {
                    prop_assert!(!lenient.takes(amount, now, -slack), "much less than the naive one");
                }
            }
        }

        #[test]
        fn in_no_time_more_passes_than_the_burst_and_what_the_rate_brings(
            limit in 1..1000_u64, ms in 1..10_000_u64, burst in 1..50_u64,
            steps in proptest::collection::vec((0..20_000_000_u64, 1..60_u64), 1..120),
        ) {
            let rate = rate(limit, ms, burst);
            let (mut bucket, mut now, mut taken) = (Gcra::default(), 0, Vec::new());
            for (pause, amount) in steps {
                now += pause;
                if bucket.ready(&rate, amount, amount) <= now {
                    bucket.take(&rate, amount, now);
                    taken.push((now, amount));
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let (mut sum, mut most) = (0_u64, burst);
                for (at, amount) in &taken[first..] {
                    sum += amount;
                    most = most.max(*amount);
                    let allowed = u128::from(most) * rate.interval.as_nanos()
                        + u128::from(at - from) * u128::from(limit);
                    prop_assert!(u128::from(sum) * rate.interval.as_nanos() <= allowed);
                }
            }
        }
    }
}
