//! How long to wait before another attempt.

use std::time::Duration;

use super::options::{Jitter, RetryOptions};

/// The wait after `retries` retries, the last of which was preceded by the wait `previous`; `random` is from 0 to
/// below 1.
pub(super) fn backoff(options: &RetryOptions, retries: u32, previous: Duration, random: f64) -> Duration {
    let longest = longest(options, retries);
    match options.jitter {
        Jitter::Full => longest.mul_f64(random),
        Jitter::Equal => longest.mul_f64(0.5 + random / 2.0),
        Jitter::Decorrelated => {
            let from = options.base;
            let range = previous.max(from).saturating_mul(3).saturating_sub(from);
            capped(options, from.saturating_add(range.mul_f64(random)))
        }
        Jitter::None => longest,
        Jitter::Fixed => options.base,
    }
}

/// The wait that a server asked for, and on top of it what spreads those whom it told the same.
pub(super) fn asked(options: &RetryOptions, hint: Duration, retries: u32, random: f64) -> Duration {
    let spread = match options.jitter {
        Jitter::Full | Jitter::Equal | Jitter::Decorrelated => longest(options, retries).mul_f64(random),
        Jitter::None | Jitter::Fixed => Duration::ZERO,
    };
    hint.saturating_add(spread)
}

fn longest(options: &RetryOptions, retries: u32) -> Duration {
    let growth = options.factor.max(1.0).powi(i32::try_from(retries).unwrap_or(i32::MAX));
    let seconds = options.base.as_secs_f64() * growth;
    // Beyond what a duration holds, or 0 times infinity.
    let grown = Duration::try_from_secs_f64(seconds).unwrap_or(if options.base.is_zero() {
        Duration::ZERO
    } else {
        FOREVER
    });
    capped(options, grown)
}

/// Multiplied by three it is still a duration.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

fn capped(options: &RetryOptions, wait: Duration) -> Duration {
    wait.min(options.cap.unwrap_or(FOREVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn options(jitter: Jitter) -> RetryOptions {
        RetryOptions { base: 100 * MS, factor: 2.0, cap: Some(1000 * MS), jitter, ..RetryOptions::default() }
    }

    fn waits(jitter: Jitter, random: f64) -> Vec<u128> {
        (0..5).map(|retries| backoff(&options(jitter), retries, Duration::ZERO, random).as_millis()).collect()
    }

    #[test]
    fn the_longest_wait_grows_by_the_factor_up_to_the_cap() {
        assert_eq!(waits(Jitter::None, 0.5), [100, 200, 400, 800, 1000]);
    }

    #[test]
    fn full_jitter_draws_from_nothing_up_to_the_longest_wait() {
        assert_eq!(waits(Jitter::Full, 0.0), [0; 5]);
        assert_eq!(waits(Jitter::Full, 0.5), [50, 100, 200, 400, 500]);
    }

    #[test]
    fn equal_jitter_waits_at_least_half_of_the_longest_wait() {
        assert_eq!(waits(Jitter::Equal, 0.0), [50, 100, 200, 400, 500]);
        assert_eq!(waits(Jitter::Equal, 0.5), [75, 150, 300, 600, 750]);
    }

    #[test]
    fn a_fixed_wait_neither_grows_nor_varies() {
        assert_eq!(waits(Jitter::Fixed, 0.9), [100; 5]);
    }

    #[test]
    fn decorrelated_jitter_draws_between_base_and_three_times_the_wait_before() {
        let options = options(Jitter::Decorrelated);
        let wait = |previous: u32, random| backoff(&options, 1, previous * MS, random).as_millis();
        assert_eq!((wait(0, 0.0), wait(0, 0.5)), (100, 200));
        assert_eq!((wait(200, 0.0), wait(200, 0.5)), (100, 350));
        assert_eq!(wait(900, 0.9), 1000, "and the cap holds");
    }

    #[test]
    fn no_number_of_retries_is_too_large() {
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::None, Jitter::Fixed] {
            for (base, factor) in [(100 * MS, 2.0), (Duration::ZERO, 1e300), (Duration::MAX, f64::INFINITY)] {
                for cap in [None, Some(1000 * MS)] {
                    let options = RetryOptions { base, factor, cap, ..options(jitter) };
                    let wait = backoff(&options, u32::MAX, Duration::from_secs(1), 0.999);
                    assert!(base.is_zero() || wait > Duration::ZERO, "{jitter:?} {base:?} {factor}");
                }
            }
        }
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_to_and_spread() {
        let wait = |jitter| asked(&options(jitter), 300 * MS, 1, 0.5).as_millis();
        assert_eq!(wait(Jitter::Full), 400);
        assert_eq!(wait(Jitter::None), 300);
        assert_eq!(asked(&options(Jitter::Full), Duration::MAX, 1, 0.5), Duration::MAX);
    }
}
