//! After which time an answer is late. Pure.

use std::time::Duration;

use super::{latency::Latencies, options::HedgeOptions};

/// When the second attempt begins; `None` where there is to be none.
pub(super) fn delay(options: &HedgeOptions, seen: &Latencies) -> Option<Duration> {
    if options.delay.is_some() {
        return options.delay;
    }
    if seen.count() < usize::try_from(options.min_calls).unwrap_or(usize::MAX).max(1) {
        return options.max_delay;
    }
    let late = seen.percentile(options.percentile).max(options.min_delay);
    Some(options.max_delay.map_or(late, |longest| late.min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn seen(times: impl IntoIterator<Item = u32>) -> Latencies {
        let mut latencies = Latencies::new();
        for ms in times {
            latencies.note(ms * MS);
        }
        latencies
    }

    #[test]
    fn a_fixed_delay_needs_no_experience() {
        let options = HedgeOptions { delay: Some(3 * MS), ..HedgeOptions::default() };
        assert_eq!(delay(&options, &seen([])), Some(3 * MS));
    }

    #[test]
    fn late_is_what_takes_longer_than_the_percentile_of_the_latest() {
        let options = HedgeOptions::default();
        let late = delay(&options, &seen((1..=100).map(|step| step * 10))).unwrap();
        assert!(late >= 950 * MS && late <= 1045 * MS, "{late:?}");
        assert_eq!(delay(&options, &seen([10; 100])), Some(50 * MS), "but no sooner than `minDelay`");
        let options = HedgeOptions { max_delay: Some(400 * MS), ..options };
        assert_eq!(delay(&options, &seen([900; 100])), Some(400 * MS), "and no later than `maxDelay`");
    }

    #[test]
    fn without_experience_there_is_the_longest_delay_or_no_second_attempt() {
        let options = HedgeOptions::default();
        assert_eq!(delay(&options, &seen([10; 19])), None);
        let options = HedgeOptions { max_delay: Some(400 * MS), ..options };
        assert_eq!(delay(&options, &seen([10; 19])), Some(400 * MS));
    }
}
