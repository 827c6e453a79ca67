//! How many attempts besides the first all calls together may make: a bucket of tokens, one for each.
//!
//! Middlewares that make calls again may use this room; it uses nothing.

use tokio::time::Instant;

/// A share of the calls may be made again: when everything fails, that would only be more of the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetOptions {
    /// Attempts besides the first per call, from 0 to 1. Default, of retries: 0.2.
    pub share: f64,
    /// Those per second that are allowed besides, so that a client with few calls makes any at all. What is not
    /// used is kept for ten seconds. Default, of retries: 10.
    pub min_per_second: f64,
}

impl Default for BudgetOptions {
    fn default() -> Self {
        Self { share: 0.2, min_per_second: 10.0 }
    }
}

/// How long what is granted per second is kept when it is not used.
const KEPT_SECONDS: f64 = 10.0;

/// The bucket holds at least this many: without a minimum per second the share of many calls must fit in. Where
/// nothing is ever put in, it holds none.
const LEAST: f64 = 10.0;

/// What may still be spent.
#[derive(Debug)]
pub struct Budget {
    options: BudgetOptions,
    tokens: f64,
    filled: Instant,
}

impl Budget {
    /// A full bucket.
    pub fn new(options: BudgetOptions, now: Instant) -> Self {
        Self { options, tokens: Self::capacity(options), filled: now }
    }

    /// A call has begun: its share is put in.
    pub fn deposit(&mut self, now: Instant) {
        self.put(self.options.share, now);
    }

    /// Takes what one costs, if it is there.
    pub fn withdraw(&mut self, now: Instant) -> bool {
        self.put(0.0, now);
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }

    fn put(&mut self, share: f64, now: Instant) {
        let granted = now.saturating_duration_since(self.filled).as_secs_f64() * self.options.min_per_second;
        self.tokens = (self.tokens + granted + share).min(Self::capacity(self.options));
        self.filled = self.filled.max(now);
    }

    fn capacity(options: BudgetOptions) -> f64 {
        let BudgetOptions { share, min_per_second } = options;
        if share <= 0.0 && min_per_second <= 0.0 {
            return 0.0;
        }
        (min_per_second * KEPT_SECONDS).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn between_any_two_moments_no_more_is_spent_than_was_kept_granted_and_shared(
            share in 0.0..1.0_f64,
            min_per_second in 0.0..20.0_f64,
            history in prop::collection::vec((0..2000_u64, any::<bool>()), 1..300),
            from in 0..300_usize,
        ) {
            let options = BudgetOptions { share, min_per_second };
            let mut now = Instant::now();
            let mut budget = Budget::new(options, now);
            let (mut seconds, mut calls, mut spent) = (0.0, 0.0, 0.0);
            for (index, (ms, is_call)) in history.into_iter().enumerate() {
                now += Duration::from_millis(ms);
                if is_call {
                    budget.deposit(now);
                }
                let granted = !is_call && budget.withdraw(now);
                if index > from {
                    seconds += Duration::from_millis(ms).as_secs_f64();
                    calls += f64::from(u8::from(is_call));
                    spent += f64::from(u8::from(granted));
                }
            }
            let bound = Budget::capacity(options) + seconds * min_per_second + calls * share;
            prop_assert!(spent <= bound + 1e-6, "{spent} of {bound}");
        }

        #[test]
        fn whoever_waits_long_enough_is_granted_a_retry(
            min_per_second in 0.1..20.0_f64,
            withdrawals in 0..500_u32,
        ) {
            let now = Instant::now();
            let mut budget = Budget::new(BudgetOptions { share: 0.0, min_per_second }, now);
            for _ in 0..withdrawals {
                budget.withdraw(now);
            }
            prop_assert!(budget.withdraw(now + Duration::from_secs_f64(1.001 / min_per_second)));
        }
    }

    #[test]
    fn a_budget_of_nothing_grants_nothing() {
        let now = Instant::now();
        let mut budget = Budget::new(BudgetOptions { share: 0.0, min_per_second: 0.0 }, now);
        budget.deposit(now);
        assert!(!budget.withdraw(now) && !budget.withdraw(now + Duration::from_secs(1000)));
    }

    #[test]
    fn a_clock_that_seems_to_go_back_grants_nothing() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut budget = Budget::new(BudgetOptions { share: 0.0, min_per_second: 1.0 }, later);
        for _ in 0..10 {
            assert!(budget.withdraw(later));
        }
        assert!(!budget.withdraw(now) && !budget.withdraw(later));
    }
}
